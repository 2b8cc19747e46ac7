-- +goose Up
ALTER TABLE phones
    ADD COLUMN lookup_line_type  line_type,
    ADD COLUMN lookup_in_service boolean,
    ADD COLUMN lookup_at         timestamptz,
    ADD COLUMN lookup_until      timestamptz,
    ADD CONSTRAINT phones_lookup_dated CHECK (lookup_at IS NOT NULL
        OR (lookup_line_type IS NULL AND lookup_in_service IS NULL AND lookup_until IS NULL)),
    ADD CONSTRAINT phones_lookup_tells CHECK (lookup_line_type <> 'UNKNOWN');
COMMENT ON COLUMN phones.lookup_line_type IS 'The kind of line, as a lookup of the line told it; goes before line_type while it holds. Null when no lookup told.';
COMMENT ON COLUMN phones.lookup_in_service IS 'Whether a lookup found the line in service; null when none told. Shown confidence follows from it while it holds.';
COMMENT ON COLUMN phones.lookup_at IS 'When the lookup answered; null when there is nothing of one here. All of it is copied from the evidence of the platform LINE, never from simulated evidence.';
COMMENT ON COLUMN phones.lookup_until IS 'Until when the word of the lookup holds; null when it does not run out.';

-- +goose Down
ALTER TABLE phones
    DROP COLUMN lookup_line_type,
    DROP COLUMN lookup_in_service,
    DROP COLUMN lookup_at,
    DROP COLUMN lookup_until;
