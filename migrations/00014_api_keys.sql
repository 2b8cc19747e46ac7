-- +goose Up
ALTER TABLE api_keys ADD COLUMN scopes text[] CONSTRAINT api_keys_scopes CHECK (cardinality(scopes) > 0
    AND scopes <@ ARRAY['READ', 'AGGREGATE', 'EXPORT', 'REVEAL', 'EDIT', 'JOBS', 'IMPORTS', 'ADMINISTER']);
CREATE INDEX api_keys_created_at_idx ON api_keys (created_at DESC, id);
COMMENT ON COLUMN api_keys.scopes IS 'Of what its role may do, that to which the token is restricted; null: all of it.';
COMMENT ON INDEX api_keys_created_at_idx IS 'The list, newest first.';

CREATE TABLE used_tickets (
    id         uuid PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX used_tickets_expires_at_idx ON used_tickets (expires_at);
COMMENT ON TABLE used_tickets IS 'Tickets for event streams that were used, until they would have ended by themselves: none is taken twice.';
COMMENT ON COLUMN used_tickets.id IS 'Random id that the ticket holds.';
COMMENT ON COLUMN used_tickets.expires_at IS 'When the ticket ends by itself.';
COMMENT ON INDEX used_tickets_pkey IS 'Finds a ticket that was used.';
COMMENT ON INDEX used_tickets_expires_at_idx IS 'What may be forgotten.';

-- +goose Down
DROP TABLE used_tickets;
DROP INDEX api_keys_created_at_idx;
ALTER TABLE api_keys DROP COLUMN scopes;
