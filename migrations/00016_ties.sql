-- +goose Up
-- Lists that are shown with masked numbers must not be in the order of these numbers, not even among entries that
-- compare alike. Such entries come in an order by this key.
INSERT INTO instance_keys (name, key)
VALUES ('ties', uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()))
ON CONFLICT (name) DO NOTHING;

-- +goose Down
DELETE FROM instance_keys WHERE name = 'ties';
