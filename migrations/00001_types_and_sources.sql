-- +goose Up
CREATE TYPE platform AS ENUM ('WHATSAPP', 'INSTAGRAM', 'FACEBOOK', 'GOOGLE', 'APPLE');
COMMENT ON TYPE platform IS 'A platform on which a number may answer.';

CREATE TYPE line_type AS ENUM ('MOBILE', 'FIXED_LINE', 'FIXED_LINE_OR_MOBILE', 'TOLL_FREE', 'PREMIUM_RATE',
    'SHARED_COST', 'VOIP', 'PERSONAL_NUMBER', 'PAGER', 'UAN', 'VOICEMAIL', 'UNKNOWN');
COMMENT ON TYPE line_type IS 'The kind of line, as the numbering plan tells it.';

CREATE TYPE quality_tier AS ENUM ('PREMIUM', 'HIGH', 'MEDIUM', 'LOW', 'POOR', 'UNKNOWN');
COMMENT ON TYPE quality_tier IS 'Tier of a lead score: 80, 60, 40, 20 points and below; UNKNOWN without usable evidence.';

CREATE TYPE validation_status AS ENUM ('ACTIVE', 'INACTIVE', 'NOT_FOUND', 'RATE_LIMITED', 'ERROR', 'UNKNOWN', 'NOT_CHECKABLE');
COMMENT ON TYPE validation_status IS 'What a platform said of a number.';

CREATE TYPE job_status AS ENUM ('QUEUED', 'RUNNING', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED');
COMMENT ON TYPE job_status IS 'State of a validation job.';

CREATE TYPE chunk_state AS ENUM ('PENDING', 'CLAIMED', 'PUBLISHED', 'DONE', 'CANCELLED');
COMMENT ON TYPE chunk_state IS 'State of a chunk in the ledger: PENDING waits for a relay, CLAIMED is being published by one, PUBLISHED is with the broker or a worker.';

CREATE TYPE import_status AS ENUM ('QUEUED', 'RUNNING', 'COMPLETED', 'FAILED');
COMMENT ON TYPE import_status IS 'State of an import.';

CREATE TABLE instance_keys (
    name       text PRIMARY KEY,
    key        bytea NOT NULL CHECK (length(key) = 32),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE instance_keys IS 'Secret keys of this registry, made at first start: for opaque ids and for keyed hashes.';
COMMENT ON COLUMN instance_keys.name IS 'What the key is for.';
COMMENT ON COLUMN instance_keys.key IS '32 random bytes.';
COMMENT ON COLUMN instance_keys.created_at IS 'When it was made.';
COMMENT ON INDEX instance_keys_pkey IS 'One key for each use.';

CREATE TABLE sources (
    id         smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL CHECK (name ~ '^[a-z0-9_]{1,64}$'),
    priority   smallint NOT NULL CHECK (priority BETWEEN 1 AND 100),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sources_name_key UNIQUE (name)
);
COMMENT ON TABLE sources IS 'Where contacts come from, and how much each source''s word counts.';
COMMENT ON COLUMN sources.id IS 'Short key used in other tables.';
COMMENT ON COLUMN sources.name IS 'Name as used in the API and on the command line.';
COMMENT ON COLUMN sources.priority IS '1 to 100; the higher wins when sources disagree.';
COMMENT ON COLUMN sources.created_at IS 'When it was created.';
COMMENT ON INDEX sources_pkey IS 'Key of a source.';
COMMENT ON INDEX sources_name_key IS 'A name is used once.';

INSERT INTO sources (name, priority) VALUES
    ('crm_salesforce', 5), ('call_center', 4), ('web_forms', 3), ('mobile_app', 2), ('manual_upload', 1);

-- +goose Down
DROP TABLE sources;
DROP TABLE instance_keys;
DROP TYPE import_status;
DROP TYPE chunk_state;
DROP TYPE job_status;
DROP TYPE validation_status;
DROP TYPE quality_tier;
DROP TYPE line_type;
DROP TYPE platform;
