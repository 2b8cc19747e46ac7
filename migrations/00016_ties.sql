-- +goose Up
-- Lists that are shown with masked numbers must not be in the order of these numbers, not even among entries that compare
-- alike: whoever knows some of them could tell where the others lie. Such entries come in the order of a hash whose seed
-- is a secret of this registry. It stands in a function, so that indexes can hold it.
-- +goose StatementBegin
DO $$
BEGIN
    EXECUTE format('CREATE FUNCTION phone_tie(number bigint) RETURNS bigint LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE '
        'RETURN hashint8extended(number, %L::bigint)',
        ('x' || left(md5(gen_random_uuid()::text || gen_random_uuid()::text), 16))::bit(64)::bigint);
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION phone_tie IS 'The order of numbers that compare alike otherwise: a hash with a seed of this registry.';

DROP INDEX lead_scores_best_idx;
CREATE INDEX lead_scores_best_idx ON lead_scores (total DESC, phone_tie(number), number);
COMMENT ON INDEX lead_scores_best_idx IS 'Best leads first; those with the same total in an order that tells nothing of their numbers.';
CREATE INDEX validation_failures_list_idx ON validation_failures (job_id, platform, phone_tie(number), number);
COMMENT ON INDEX validation_failures_list_idx IS 'Failures of a job as they are listed: by platform, then in an order that tells nothing of their numbers.';
DROP INDEX phones_created_at_idx;
CREATE INDEX phones_created_at_idx ON phones (created_at, phone_tie(number), number);
COMMENT ON INDEX phones_created_at_idx IS 'Pages ordered by registration; those of the same moment in an order that tells nothing of their numbers.';
DROP INDEX phones_updated_at_idx;
CREATE INDEX phones_updated_at_idx ON phones (updated_at, phone_tie(number), number);
COMMENT ON INDEX phones_updated_at_idx IS 'Pages ordered by last change; those of the same moment in an order that tells nothing of their numbers.';

-- +goose Down
DROP INDEX phones_updated_at_idx;
CREATE INDEX phones_updated_at_idx ON phones (updated_at, number);
COMMENT ON INDEX phones_updated_at_idx IS 'Pages ordered by last change.';
DROP INDEX phones_created_at_idx;
CREATE INDEX phones_created_at_idx ON phones (created_at, number);
COMMENT ON INDEX phones_created_at_idx IS 'Pages ordered by registration.';
DROP INDEX validation_failures_list_idx;
DROP INDEX lead_scores_best_idx;
CREATE INDEX lead_scores_best_idx ON lead_scores (total DESC, number);
COMMENT ON INDEX lead_scores_best_idx IS 'Best leads first.';
DROP FUNCTION phone_tie;
