-- +goose Up
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;
COMMENT ON COLUMN api_keys.last_used_at IS 'When its bearer was last seen, to about a minute; null: never.';

-- +goose Down
ALTER TABLE api_keys DROP COLUMN last_used_at;
