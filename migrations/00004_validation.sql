-- +goose Up
CREATE TABLE validation_jobs (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status          job_status NOT NULL,
    platforms       platform[] NOT NULL CHECK (cardinality(platforms) BETWEEN 1 AND 16),
    target          jsonb NOT NULL,
    plan_cursor     bigint NOT NULL DEFAULT 0,
    next_chunk      integer NOT NULL DEFAULT 0,
    planned         boolean NOT NULL DEFAULT false,
    batch_size      integer NOT NULL CHECK (batch_size BETWEEN 1 AND 1000),
    max_concurrent  integer NOT NULL CHECK (max_concurrent BETWEEN 1 AND 1000),
    retry_attempts  integer NOT NULL CHECK (retry_attempts BETWEEN 0 AND 10),
    recheck_seconds bigint CHECK (recheck_seconds >= 0),
    total           bigint NOT NULL DEFAULT 0,
    processed       bigint NOT NULL DEFAULT 0,
    succeeded       bigint NOT NULL DEFAULT 0,
    failed          bigint NOT NULL DEFAULT 0,
    sequence        bigint NOT NULL DEFAULT 1,
    created_by      text NOT NULL,
    request_id      text NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    started_at      timestamptz,
    updated_at      timestamptz NOT NULL,
    completed_at    timestamptz,
    error_message   text NOT NULL DEFAULT '',
    CONSTRAINT validation_jobs_counted CHECK (processed = succeeded + failed AND processed BETWEEN 0 AND total),
    CONSTRAINT validation_jobs_ended CHECK ((completed_at IS NOT NULL) = (status IN ('COMPLETED', 'FAILED', 'CANCELLED')))
);
CREATE INDEX validation_jobs_created_at_idx ON validation_jobs (created_at DESC, id);
CREATE INDEX validation_jobs_open_idx ON validation_jobs (created_at, id) WHERE status IN ('QUEUED', 'RUNNING', 'PAUSED');
COMMENT ON TABLE validation_jobs IS 'Jobs that check numbers on platforms.';
COMMENT ON COLUMN validation_jobs.id IS 'Id in the API.';
COMMENT ON COLUMN validation_jobs.name IS 'Name for people.';
COMMENT ON COLUMN validation_jobs.status IS 'State of the job.';
COMMENT ON COLUMN validation_jobs.platforms IS 'The platforms it checks.';
COMMENT ON COLUMN validation_jobs.target IS 'Which numbers: a list, customers, a filter or an import.';
COMMENT ON COLUMN validation_jobs.plan_cursor IS 'The last number that was cut into a chunk.';
COMMENT ON COLUMN validation_jobs.next_chunk IS 'The number of the next chunk.';
COMMENT ON COLUMN validation_jobs.planned IS 'Whether the whole target has been cut into chunks.';
COMMENT ON COLUMN validation_jobs.batch_size IS 'Numbers in one chunk.';
COMMENT ON COLUMN validation_jobs.max_concurrent IS 'Chunks that may be out with workers at the same time.';
COMMENT ON COLUMN validation_jobs.retry_attempts IS 'How often a worker tries again a check that failed or was refused for now.';
COMMENT ON COLUMN validation_jobs.recheck_seconds IS 'Skip evidence younger than this; null checks everything.';
COMMENT ON COLUMN validation_jobs.total IS 'Checks: numbers times platforms, as far as planned.';
COMMENT ON COLUMN validation_jobs.processed IS 'Checks done.';
COMMENT ON COLUMN validation_jobs.succeeded IS 'Checks to which a platform gave an answer.';
COMMENT ON COLUMN validation_jobs.failed IS 'Checks that ended as ERROR or RATE_LIMITED.';
COMMENT ON COLUMN validation_jobs.sequence IS 'Grows with every change of this row; the sequence of its progress events.';
COMMENT ON COLUMN validation_jobs.created_by IS 'Who started it.';
COMMENT ON COLUMN validation_jobs.request_id IS 'The request that started it, carried to the workers for their logs.';
COMMENT ON COLUMN validation_jobs.created_at IS 'When it was accepted.';
COMMENT ON COLUMN validation_jobs.started_at IS 'When its first chunk was published.';
COMMENT ON COLUMN validation_jobs.updated_at IS 'When this row last changed.';
COMMENT ON COLUMN validation_jobs.completed_at IS 'When it reached its final state.';
COMMENT ON COLUMN validation_jobs.error_message IS 'Why it failed; empty otherwise.';
COMMENT ON INDEX validation_jobs_pkey IS 'Key of a job.';
COMMENT ON INDEX validation_jobs_created_at_idx IS 'Jobs, newest first.';
COMMENT ON INDEX validation_jobs_open_idx IS 'Jobs with work to do, oldest first.';

CREATE TABLE validation_job_platforms (
    job_id    uuid NOT NULL REFERENCES validation_jobs (id) ON DELETE CASCADE,
    platform  platform NOT NULL,
    total     bigint NOT NULL DEFAULT 0,
    processed bigint NOT NULL DEFAULT 0,
    succeeded bigint NOT NULL DEFAULT 0,
    failed    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, platform),
    CONSTRAINT validation_job_platforms_counted CHECK (processed = succeeded + failed AND processed BETWEEN 0 AND total)
);
COMMENT ON TABLE validation_job_platforms IS 'The counters of a job for each of its platforms.';
COMMENT ON COLUMN validation_job_platforms.job_id IS 'The job.';
COMMENT ON COLUMN validation_job_platforms.platform IS 'The platform.';
COMMENT ON COLUMN validation_job_platforms.total IS 'Checks, as far as planned.';
COMMENT ON COLUMN validation_job_platforms.processed IS 'Checks done.';
COMMENT ON COLUMN validation_job_platforms.succeeded IS 'Checks to which the platform gave an answer.';
COMMENT ON COLUMN validation_job_platforms.failed IS 'Checks that ended as ERROR or RATE_LIMITED.';
COMMENT ON INDEX validation_job_platforms_pkey IS 'One row for each platform of a job.';

CREATE TABLE validation_chunks (
    job_id       uuid NOT NULL REFERENCES validation_jobs (id) ON DELETE CASCADE,
    platform     platform NOT NULL,
    chunk_no     integer NOT NULL,
    state        chunk_state NOT NULL DEFAULT 'PENDING',
    numbers      bigint[] NOT NULL CHECK (cardinality(numbers) > 0),
    epoch        integer NOT NULL DEFAULT 0,
    published_at timestamptz,
    stream_seq   bigint,
    deadline_at  timestamptz,
    refused      smallint NOT NULL DEFAULT 0,
    done_at      timestamptz,
    worker       text,
    succeeded    integer,
    failed       integer,
    retried      integer NOT NULL DEFAULT 0,
    PRIMARY KEY (job_id, platform, chunk_no),
    CONSTRAINT validation_chunks_done CHECK ((state = 'DONE') = (done_at IS NOT NULL) AND (state <> 'DONE' OR coalesce(succeeded + failed, -1) = cardinality(numbers))),
    CONSTRAINT validation_chunks_out CHECK (state NOT IN ('CLAIMED', 'PUBLISHED') OR deadline_at IS NOT NULL),
    CONSTRAINT validation_chunks_published CHECK (state <> 'PUBLISHED' OR (published_at IS NOT NULL AND stream_seq IS NOT NULL)),
    CONSTRAINT validation_chunks_retried CHECK (retried BETWEEN 0 AND coalesce(failed, 0))
) WITH (fillfactor = 70);
ALTER TABLE validation_chunks ALTER COLUMN numbers SET STORAGE EXTERNAL;
CREATE INDEX validation_chunks_pending_idx ON validation_chunks (job_id, platform, chunk_no) WHERE state = 'PENDING';
CREATE INDEX validation_chunks_out_idx ON validation_chunks (job_id, platform, deadline_at) WHERE state IN ('CLAIMED', 'PUBLISHED');
COMMENT ON TABLE validation_chunks IS 'The ledger and the outbox in one: each chunk of a job and platform, and what became of it.';
COMMENT ON COLUMN validation_chunks.job_id IS 'The job.';
COMMENT ON COLUMN validation_chunks.platform IS 'The platform to ask.';
COMMENT ON COLUMN validation_chunks.chunk_no IS 'Number of the chunk in its job. The same range of numbers has the same one on every platform.';
COMMENT ON COLUMN validation_chunks.state IS 'What became of it.';
COMMENT ON COLUMN validation_chunks.numbers IS 'The numbers to check, ascending. Stored outside of the row, which changes several times.';
COMMENT ON COLUMN validation_chunks.epoch IS 'How often a relay took it to publish it. A result of any epoch settles the chunk; the first one counts.';
COMMENT ON COLUMN validation_chunks.published_at IS 'When the broker last acknowledged it.';
COMMENT ON COLUMN validation_chunks.stream_seq IS 'Its sequence in the stream of its platform, by which the reconciler sees whether it still waits there.';
COMMENT ON COLUMN validation_chunks.deadline_at IS 'When the reconciler looks after it: what is CLAIMED then was not published, what is PUBLISHED may be lost.';
COMMENT ON COLUMN validation_chunks.refused IS 'Results of it that were refused because they did not fit it.';
COMMENT ON COLUMN validation_chunks.done_at IS 'When its result was applied.';
COMMENT ON COLUMN validation_chunks.worker IS 'The worker whose result was applied.';
COMMENT ON COLUMN validation_chunks.succeeded IS 'Checks of it to which a platform gave an answer.';
COMMENT ON COLUMN validation_chunks.failed IS 'Checks of it that ended as ERROR or RATE_LIMITED.';
COMMENT ON COLUMN validation_chunks.retried IS 'Failed checks of it that a later chunk does again; they count there and not here.';
COMMENT ON INDEX validation_chunks_pkey IS 'A chunk is settled once.';
COMMENT ON INDEX validation_chunks_pending_idx IS 'What a relay takes next.';
COMMENT ON INDEX validation_chunks_out_idx IS 'What is out, how much of it a job has on a platform, and what the reconciler looks after.';

CREATE TABLE validation_failures (
    job_id    uuid NOT NULL REFERENCES validation_jobs (id) ON DELETE CASCADE,
    platform  platform NOT NULL,
    number    bigint NOT NULL REFERENCES phones (number) ON DELETE CASCADE,
    chunk_no  integer NOT NULL,
    status    validation_status NOT NULL CHECK (status IN ('ERROR', 'RATE_LIMITED')),
    reason    text NOT NULL DEFAULT '',
    attempts  smallint NOT NULL,
    failed_at timestamptz NOT NULL,
    PRIMARY KEY (job_id, platform, number)
);
COMMENT ON TABLE validation_failures IS 'Checks of a job that did not get an answer.';
COMMENT ON COLUMN validation_failures.job_id IS 'The job.';
COMMENT ON COLUMN validation_failures.platform IS 'The platform.';
COMMENT ON COLUMN validation_failures.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN validation_failures.chunk_no IS 'The chunk it belonged to.';
COMMENT ON COLUMN validation_failures.status IS 'ERROR or RATE_LIMITED.';
COMMENT ON COLUMN validation_failures.reason IS 'The adapter''s reason; holds no phone number.';
COMMENT ON COLUMN validation_failures.attempts IS 'Attempts made.';
COMMENT ON COLUMN validation_failures.failed_at IS 'When the last one ended.';
COMMENT ON INDEX validation_failures_pkey IS 'A check fails once in a job.';

CREATE TABLE platform_validations (
    number     bigint NOT NULL REFERENCES phones (number) ON DELETE CASCADE,
    platform   platform NOT NULL,
    status     validation_status NOT NULL,
    method     text NOT NULL CHECK (length(method) BETWEEN 1 AND 64),
    strength   double precision NOT NULL CHECK (strength BETWEEN 0 AND 1),
    simulated  boolean NOT NULL,
    attempts   smallint NOT NULL,
    latency_ms integer NOT NULL CHECK (latency_ms >= 0),
    checked_at timestamptz NOT NULL,
    expires_at timestamptz,
    details    jsonb,
    PRIMARY KEY (number, platform)
) WITH (fillfactor = 80);
CREATE INDEX platform_validations_active_idx ON platform_validations (platform, number) WHERE status = 'ACTIVE';
COMMENT ON TABLE platform_validations IS 'The evidence of each platform on each number. Newest wins, but a failed check does not unmake an answer that still holds, nor the simulator a real one.';
COMMENT ON COLUMN platform_validations.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN platform_validations.platform IS 'The platform.';
COMMENT ON COLUMN platform_validations.status IS 'What it said.';
COMMENT ON COLUMN platform_validations.method IS 'The method that produced the evidence.';
COMMENT ON COLUMN platform_validations.strength IS 'How much an ACTIVE is worth, 0 to 1.';
COMMENT ON COLUMN platform_validations.simulated IS 'True when the simulator made it up.';
COMMENT ON COLUMN platform_validations.attempts IS 'Attempts made.';
COMMENT ON COLUMN platform_validations.latency_ms IS 'How long the platform took, in milliseconds.';
COMMENT ON COLUMN platform_validations.checked_at IS 'When the platform answered.';
COMMENT ON COLUMN platform_validations.expires_at IS 'Until when it counts; null when it does not run out.';
COMMENT ON COLUMN platform_validations.details IS 'What else the adapter told.';
COMMENT ON INDEX platform_validations_pkey IS 'One row for each platform of a number.';
COMMENT ON INDEX platform_validations_active_idx IS 'Numbers that answer on a platform, in order.';

CREATE TABLE lead_scores (
    number         bigint PRIMARY KEY REFERENCES phones (number) ON DELETE CASCADE,
    total          smallint NOT NULL CHECK (total BETWEEN 0 AND 100),
    coverage       double precision NOT NULL CHECK (coverage BETWEEN 0 AND 1),
    tier           quality_tier NOT NULL,
    whatsapp       double precision,
    instagram      double precision,
    facebook       double precision,
    google         double precision,
    apple          double precision,
    simulated      boolean NOT NULL,
    model_version  text NOT NULL,
    evidence_until timestamptz,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT lead_scores_tier CHECK (CASE tier
        WHEN 'PREMIUM' THEN total >= 80
        WHEN 'HIGH' THEN total BETWEEN 60 AND 79
        WHEN 'MEDIUM' THEN total BETWEEN 40 AND 59
        WHEN 'LOW' THEN total BETWEEN 20 AND 39
        WHEN 'POOR' THEN total < 20
        ELSE total = 0 AND coverage = 0 END)
) WITH (fillfactor = 80);
CREATE INDEX lead_scores_best_idx ON lead_scores (total DESC, number);
CREATE INDEX lead_scores_updated_at_idx ON lead_scores (updated_at, number);
CREATE INDEX lead_scores_expiry_idx ON lead_scores (evidence_until) WHERE evidence_until IS NOT NULL;
COMMENT ON TABLE lead_scores IS 'How good a lead each number is.';
COMMENT ON COLUMN lead_scores.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN lead_scores.total IS '0 to 100: points earned over the weight determined.';
COMMENT ON COLUMN lead_scores.coverage IS 'Weight determined over the weight of all platforms, 0 to 1.';
COMMENT ON COLUMN lead_scores.tier IS 'The tier that follows from total and coverage.';
COMMENT ON COLUMN lead_scores.whatsapp IS 'Points earned on WhatsApp; null when it does not count.';
COMMENT ON COLUMN lead_scores.instagram IS 'Points earned on Instagram; null when it does not count.';
COMMENT ON COLUMN lead_scores.facebook IS 'Points earned on Facebook; null when it does not count.';
COMMENT ON COLUMN lead_scores.google IS 'Points earned on Google; null when it does not count.';
COMMENT ON COLUMN lead_scores.apple IS 'Points earned on Apple; null when it does not count.';
COMMENT ON COLUMN lead_scores.simulated IS 'True when any of the evidence that counts came from the simulator.';
COMMENT ON COLUMN lead_scores.model_version IS 'Version of weights and rules.';
COMMENT ON COLUMN lead_scores.evidence_until IS 'When the first piece of evidence that counts runs out and the score must be made anew.';
COMMENT ON COLUMN lead_scores.updated_at IS 'When the score was last made.';
COMMENT ON INDEX lead_scores_pkey IS 'One score for each number.';
COMMENT ON INDEX lead_scores_best_idx IS 'Best leads first.';
COMMENT ON INDEX lead_scores_updated_at_idx IS 'The scores that changed last.';
COMMENT ON INDEX lead_scores_expiry_idx IS 'Scores whose evidence runs out next.';

CREATE TABLE lead_score_history (
    number        bigint NOT NULL REFERENCES phones (number) ON DELETE CASCADE,
    recorded_at   timestamptz NOT NULL,
    total         smallint NOT NULL,
    coverage      double precision NOT NULL,
    tier          quality_tier NOT NULL,
    model_version text NOT NULL,
    PRIMARY KEY (number, recorded_at)
);
COMMENT ON TABLE lead_score_history IS 'Every score a number has had; a row is added when total, coverage, tier or model change.';
COMMENT ON COLUMN lead_score_history.number IS 'The number, E.164 as an integer.';
COMMENT ON COLUMN lead_score_history.recorded_at IS 'When the score was made.';
COMMENT ON COLUMN lead_score_history.total IS '0 to 100.';
COMMENT ON COLUMN lead_score_history.coverage IS '0 to 1.';
COMMENT ON COLUMN lead_score_history.tier IS 'The tier.';
COMMENT ON COLUMN lead_score_history.model_version IS 'Version of weights and rules.';
COMMENT ON INDEX lead_score_history_pkey IS 'The history of a number in order.';

-- +goose Down
DROP TABLE lead_score_history;
DROP TABLE lead_scores;
DROP TABLE platform_validations;
DROP TABLE validation_failures;
DROP TABLE validation_chunks;
DROP TABLE validation_job_platforms;
DROP TABLE validation_jobs;
