-- +goose Up
CREATE TYPE job_priority AS ENUM ('LOW', 'NORMAL', 'HIGH');
COMMENT ON TYPE job_priority IS 'Which of two jobs goes first.';
CREATE TYPE schedule_status AS ENUM ('ACTIVE', 'PAUSED');
COMMENT ON TYPE schedule_status IS 'Whether a standing schedule starts jobs.';

CREATE TABLE validation_schedules (
    id               uuid PRIMARY KEY,
    name             text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status           schedule_status NOT NULL DEFAULT 'ACTIVE',
    platforms        platform[] NOT NULL CHECK (cardinality(platforms) BETWEEN 1 AND 16),
    filter           jsonb NOT NULL,
    every_seconds    bigint NOT NULL CHECK (every_seconds BETWEEN 60 AND 31536000),
    budget_per_day   bigint CHECK (budget_per_day > 0),
    recheck_seconds  bigint CHECK (recheck_seconds > 0),
    priority         job_priority NOT NULL,
    batch_size       integer NOT NULL CHECK (batch_size BETWEEN 1 AND 1000),
    max_concurrent   integer NOT NULL CHECK (max_concurrent BETWEEN 1 AND 1000),
    retry_attempts   integer NOT NULL CHECK (retry_attempts BETWEEN 0 AND 10),
    plan_cursor      bigint NOT NULL DEFAULT 0,
    spent_on         date NOT NULL,
    spent            bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
    next_run_at      timestamptz,
    last_run_at      timestamptz,
    last_skip_reason text NOT NULL DEFAULT '',
    created_by       text NOT NULL,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT validation_schedules_name_key UNIQUE (name),
    CONSTRAINT validation_schedules_due CHECK ((next_run_at IS NOT NULL) = (status = 'ACTIVE'))
);
CREATE INDEX validation_schedules_next_run_at_idx ON validation_schedules (next_run_at) WHERE next_run_at IS NOT NULL;
COMMENT ON TABLE validation_schedules IS 'Standing orders to keep evidence fresh: each starts jobs from time to time.';
COMMENT ON COLUMN validation_schedules.id IS 'Id in the API.';
COMMENT ON COLUMN validation_schedules.name IS 'Name for people; no other schedule has it.';
COMMENT ON COLUMN validation_schedules.status IS 'Whether it starts jobs.';
COMMENT ON COLUMN validation_schedules.platforms IS 'The platforms it keeps fresh.';
COMMENT ON COLUMN validation_schedules.filter IS 'Which numbers it keeps fresh; an empty object means all valid ones.';
COMMENT ON COLUMN validation_schedules.every_seconds IS 'Seconds from one job to the next.';
COMMENT ON COLUMN validation_schedules.budget_per_day IS 'Checks it may start in a day (UTC); null when there is no limit.';
COMMENT ON COLUMN validation_schedules.recheck_seconds IS 'Evidence older than this is checked again even if it has not run out; null: only what has run out or is missing.';
COMMENT ON COLUMN validation_schedules.priority IS 'Priority of its jobs.';
COMMENT ON COLUMN validation_schedules.batch_size IS 'Numbers in one chunk of its jobs.';
COMMENT ON COLUMN validation_schedules.max_concurrent IS 'Chunks of a job that may be out with workers at the same time.';
COMMENT ON COLUMN validation_schedules.retry_attempts IS 'How often a worker tries again a check that failed or was refused for now.';
COMMENT ON COLUMN validation_schedules.plan_cursor IS 'The last number its jobs have looked at; the next job goes on behind it and wraps around.';
COMMENT ON COLUMN validation_schedules.spent_on IS 'The day (UTC) that spent counts.';
COMMENT ON COLUMN validation_schedules.spent IS 'Checks its jobs have planned on that day.';
COMMENT ON COLUMN validation_schedules.next_run_at IS 'When it starts the next job; null while it is paused.';
COMMENT ON COLUMN validation_schedules.last_run_at IS 'When it started its last job.';
COMMENT ON COLUMN validation_schedules.last_skip_reason IS 'Why it started no job when it was last due; empty when it did.';
COMMENT ON COLUMN validation_schedules.created_by IS 'Who made it.';
COMMENT ON COLUMN validation_schedules.created_at IS 'When it was made.';
COMMENT ON COLUMN validation_schedules.updated_at IS 'When somebody last changed it.';
COMMENT ON INDEX validation_schedules_pkey IS 'Key of a schedule.';
COMMENT ON INDEX validation_schedules_name_key IS 'Schedules by name, which is unique.';
COMMENT ON INDEX validation_schedules_next_run_at_idx IS 'The schedules that are due next.';

ALTER TABLE validation_jobs
    ADD COLUMN priority     job_priority NOT NULL DEFAULT 'NORMAL',
    ADD COLUMN client_key   text CHECK (length(client_key) BETWEEN 1 AND 128),
    ADD COLUMN input_hash   bytea,
    ADD COLUMN skipped      bigint NOT NULL DEFAULT 0 CHECK (skipped >= 0),
    ADD COLUMN schedule_id  uuid REFERENCES validation_schedules (id) ON DELETE SET NULL,
    ADD COLUMN only_stale   boolean NOT NULL DEFAULT false,
    ADD COLUMN max_checks   bigint CHECK (max_checks > 0),
    ADD COLUMN plan_from    bigint NOT NULL DEFAULT 0,
    ADD COLUMN plan_wrapped boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT validation_jobs_keyed CHECK ((client_key IS NULL) = (input_hash IS NULL));
CREATE UNIQUE INDEX validation_jobs_client_key_idx ON validation_jobs (created_by, client_key) WHERE client_key IS NOT NULL;
CREATE INDEX validation_jobs_schedule_idx ON validation_jobs (schedule_id, created_at DESC, id) WHERE schedule_id IS NOT NULL;
COMMENT ON COLUMN validation_jobs.priority IS 'Which of two jobs goes first.';
COMMENT ON COLUMN validation_jobs.client_key IS 'The key under which a client started it; null when there was none.';
COMMENT ON COLUMN validation_jobs.input_hash IS 'SHA-256 of what was started under the client key, so that the same key for something else is noticed.';
COMMENT ON COLUMN validation_jobs.skipped IS 'Checks left out because their evidence is still fresh; not part of total.';
COMMENT ON COLUMN validation_jobs.schedule_id IS 'The schedule that started it; null when a caller did, or when the schedule is no more.';
COMMENT ON COLUMN validation_jobs.only_stale IS 'Leave out evidence that has not run out, whatever its age.';
COMMENT ON COLUMN validation_jobs.max_checks IS 'Checks it may hold: the planner stops there. Null when there is no limit.';
COMMENT ON COLUMN validation_jobs.plan_from IS 'The number behind which planning began; behind the end of the target it goes on from the start up to here.';
COMMENT ON COLUMN validation_jobs.plan_wrapped IS 'Whether planning has passed the end of the target.';
COMMENT ON INDEX validation_jobs_client_key_idx IS 'One job for each key of a client.';
COMMENT ON INDEX validation_jobs_schedule_idx IS 'The jobs of a schedule, newest first.';

ALTER TABLE validation_job_platforms ADD COLUMN turn double precision NOT NULL DEFAULT 0;
COMMENT ON COLUMN validation_job_platforms.turn IS 'When the job is served next, on the platform''s virtual clock: it moves on by numbers over priority with every chunk that goes out.';

CREATE TABLE relay_clocks (
    platform platform PRIMARY KEY,
    turn     double precision NOT NULL DEFAULT 0
);
INSERT INTO relay_clocks (platform) SELECT unnest(enum_range(NULL::platform));
COMMENT ON TABLE relay_clocks IS 'The virtual clock of each platform. Whoever holds the locks of its rows decides alone what goes out next.';
COMMENT ON COLUMN relay_clocks.platform IS 'The platform.';
COMMENT ON COLUMN relay_clocks.turn IS 'The turn of the job that was served last. A job that comes, or comes back, begins here: waiting earns nothing.';
COMMENT ON INDEX relay_clocks_pkey IS 'One clock for each platform.';

CREATE INDEX validation_chunks_recall_idx ON validation_chunks (platform, stream_seq) WHERE state = 'CANCELLED' AND deadline_at IS NOT NULL;
COMMENT ON INDEX validation_chunks_recall_idx IS 'Cancelled chunks whose message may still wait in its stream: the deadline is kept until somebody has looked.';

-- +goose Down
DROP INDEX validation_chunks_recall_idx;
DROP TABLE relay_clocks;
ALTER TABLE validation_job_platforms DROP COLUMN turn;
DROP INDEX validation_jobs_schedule_idx;
DROP INDEX validation_jobs_client_key_idx;
ALTER TABLE validation_jobs
    DROP CONSTRAINT validation_jobs_keyed,
    DROP COLUMN priority,
    DROP COLUMN client_key,
    DROP COLUMN input_hash,
    DROP COLUMN skipped,
    DROP COLUMN schedule_id,
    DROP COLUMN only_stale,
    DROP COLUMN max_checks,
    DROP COLUMN plan_from,
    DROP COLUMN plan_wrapped;
DROP TABLE validation_schedules;
DROP TYPE schedule_status;
DROP TYPE job_priority;
