-- +goose Up
ALTER TABLE access_log DROP COLUMN id;
ALTER TABLE access_log ADD COLUMN id uuid;
UPDATE access_log SET id = (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0')
    || '7' || substr(md5(random()::text || ctid::text), 1, 3) || '8' || substr(md5(random()::text || ctid::text), 4, 15))::uuid;
ALTER TABLE access_log ADD CONSTRAINT access_log_pkey PRIMARY KEY (id);
CREATE INDEX access_log_actor_idx ON access_log (actor, id);
CREATE INDEX access_log_request_id_idx ON access_log USING brin (request_id text_bloom_ops (n_distinct_per_range = 4000, false_positive_rate = 0.01))
    WITH (pages_per_range = 64, autosummarize = on);
COMMENT ON TABLE access_log IS 'Operations and downloads that showed whole numbers. Written from the spools of the servers.';
COMMENT ON COLUMN access_log.id IS 'Made by the server that showed them (UUID version 7): grows with the time, so that it gives the order, and an entry that is loaded twice is there once.';
COMMENT ON COLUMN access_log.at IS 'When.';
COMMENT ON COLUMN access_log.actor IS 'Who: the name of the token, or command line.';
COMMENT ON COLUMN access_log.role IS 'In which role.';
COMMENT ON COLUMN access_log.operation IS 'Name of the operation, or the address of a download without its ids; empty for an operation without a name.';
COMMENT ON COLUMN access_log.fields IS 'Which fields were shown whole, as Type.field.';
COMMENT ON COLUMN access_log.subjects IS 'How many values were shown whole.';
COMMENT ON COLUMN access_log.purpose IS 'For what, as the caller said; empty when an administrator said nothing. Holds no phone number.';
COMMENT ON COLUMN access_log.request_id IS 'The request, as in the header X-Request-Id and in the log.';
COMMENT ON INDEX access_log_pkey IS 'In order of time; finds the oldest for the purge.';
COMMENT ON INDEX access_log_actor_idx IS 'What one actor saw, in order of time.';
COMMENT ON INDEX access_log_request_id_idx IS 'Where the entries of a request may lie.';

-- +goose Down
DROP INDEX access_log_request_id_idx;
DROP INDEX access_log_actor_idx;
ALTER TABLE access_log DROP COLUMN id;
ALTER TABLE access_log ADD COLUMN id bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE access_log ADD CONSTRAINT access_log_pkey PRIMARY KEY (id);
COMMENT ON COLUMN access_log.id IS 'Grows.';
COMMENT ON INDEX access_log_pkey IS 'In order.';
