-- +goose Up
ALTER TYPE platform ADD VALUE IF NOT EXISTS 'LINE';
COMMENT ON TYPE platform IS 'A platform on which a number may answer; LINE is the line itself, which counts in no score.';

-- +goose Down
-- PostgreSQL cannot take a value out of a type. It does no harm where nothing uses it.
COMMENT ON TYPE platform IS 'A platform on which a number may answer.';
