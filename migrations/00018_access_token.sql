-- +goose Up
-- Two keys may have the same name, and a name may be changed: the token tells which one it was.
ALTER TABLE access_log ADD COLUMN token text NOT NULL DEFAULT '';
COMMENT ON COLUMN access_log.token IS 'Which token it was: key: and the id of an API key, oidc: and issuer and subject, bootstrap; empty where there was none, and in entries from before this was kept.';

-- +goose Down
ALTER TABLE access_log DROP COLUMN token;
