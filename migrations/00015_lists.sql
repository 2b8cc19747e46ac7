-- +goose Up
CREATE INDEX phones_line_in_service_idx ON phones (number) INCLUDE (lookup_in_service, lookup_until) WHERE lookup_in_service IS NOT NULL;
COMMENT ON INDEX phones_line_in_service_idx IS 'Lines of which a lookup told whether they are in service: for the confidence of contacts, most of whose lines were never looked up.';
CREATE INDEX phones_lookup_until_idx ON phones (lookup_until) WHERE lookup_until IS NOT NULL;
COMMENT ON INDEX phones_lookup_until_idx IS 'Lookups by when they run out.';

-- +goose Down
DROP INDEX phones_lookup_until_idx;
DROP INDEX phones_line_in_service_idx;
