package postgres

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// The states of a job and what leads from one to another:
//
//	QUEUED ──first chunk published──▶ RUNNING ──all checks done──▶ COMPLETED or FAILED ──retry──▶ RUNNING
//	QUEUED, RUNNING ──pause──▶ PAUSED ──resume──▶ QUEUED or RUNNING
//	QUEUED, RUNNING, PAUSED ──cancel──▶ CANCELLED
//
// Every change is made with the job's row locked, adds 1 to its sequence and has an audit entry. Transactions that
// lock chunks lock them before the job.

// jobChange changes a job that is locked. It returns the job as it is then, and what the audit trail is told.
type jobChange func(tx pgx.Tx, now time.Time, job registry.Job) (registry.Job, map[string]any, error)

// changeJob locks a job, makes sure that it is in one of the states, lets change do its work and returns the job as it
// is then.
func (s *Store) changeJob(ctx context.Context, id uuid.UUID, verb string, from []registry.JobStatus, change jobChange,
) (registry.Job, error) {
	var job registry.Job
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		var err error
		job, err = changeLocked(ctx, tx, now, id, verb, from, change)
		return err
	})
	return job, err
}

func changeLocked(ctx context.Context, tx pgx.Tx, now time.Time, id uuid.UUID, verb string, from []registry.JobStatus, change jobChange,
) (registry.Job, error) {
	job, err := lockJob(ctx, tx, id)
	if err != nil {
		return registry.Job{}, err
	}
	if !slices.Contains(from, job.Status) {
		return registry.Job{}, registry.Errorf(registry.CodeInvalidState, []string{"input", "id"},
			"the job is %s: only a job that is %s can be %s", job.Status, strings.Join(texts(from), " or "), verb)
	}
	job, details, err := change(tx, now, job)
	if err != nil {
		return registry.Job{}, err
	}
	return job, audit(ctx, tx, now, auditEntry{Action: "job." + verb, ObjectID: id, Details: details})
}

// -- name: lock_job
// Not FOR UPDATE: chunks that refer to the job may be written meanwhile.
const lockJobSQL = selectJob + `
FOR NO KEY UPDATE`

func lockJob(ctx context.Context, tx pgx.Tx, id uuid.UUID) (registry.Job, error) {
	rows, err := tx.Query(ctx, lockJobSQL, id)
	if err != nil {
		return registry.Job{}, wrapped(err, "lock job")
	}
	job, err := pgx.CollectExactlyOneRow(rows, scanJob)
	return job, found(err, "lock job")
}

// -- name: set_job_status
const setJobStatus = `
UPDATE validation_jobs j
SET status = $2::text::job_status, sequence = sequence + 1, updated_at = $3::timestamptz,
	completed_at = CASE WHEN $2::text = 'CANCELLED' THEN $3::timestamptz END
WHERE id = $1
RETURNING ` + jobColumns

// changed runs a statement that changes a job, and returns the job as it is then.
func changed(ctx context.Context, tx pgx.Tx, doing, statement string, arguments ...any) (registry.Job, error) {
	rows, err := tx.Query(ctx, statement, arguments...)
	if err != nil {
		return registry.Job{}, wrapped(err, doing)
	}
	job, err := pgx.CollectExactlyOneRow(rows, scanJob)
	return job, wrapped(err, doing)
}

// PauseJob holds a job: what is with the workers goes on, nothing new is handed out. What still waits in a stream is
// recalled; see RecallableChunks.
func (s *Store) PauseJob(ctx context.Context, id uuid.UUID) (registry.Job, error) {
	from := []registry.JobStatus{registry.JobQueued, registry.JobRunning}
	return s.changeJob(ctx, id, "paused", from, func(tx pgx.Tx, now time.Time, _ registry.Job) (registry.Job, map[string]any, error) {
		job, err := changed(ctx, tx, "pause job", setJobStatus, id, string(registry.JobPaused), now)
		return job, nil, err
	})
}

// ResumeJob lets a held job go on.
func (s *Store) ResumeJob(ctx context.Context, id uuid.UUID) (registry.Job, error) {
	from := []registry.JobStatus{registry.JobPaused}
	return s.changeJob(ctx, id, "resumed", from, func(tx pgx.Tx, now time.Time, job registry.Job) (registry.Job, map[string]any, error) {
		to := registry.JobRunning
		if job.StartedAt.IsZero() {
			to = registry.JobQueued
		}
		job, err := changed(ctx, tx, "resume job", setJobStatus, id, string(to), now)
		return job, nil, err
	})
}

// -- name: lock_open_chunks
const lockOpenChunks = `
SELECT 1
FROM validation_chunks
WHERE job_id = $1 AND state IN ('PENDING', 'CLAIMED', 'PUBLISHED')
ORDER BY platform, chunk_no
FOR UPDATE`

// -- name: cancel_chunks
// A deadline that stays says that the message of the chunk may still wait in its stream; see RecallableChunks.
const cancelChunks = `
UPDATE validation_chunks
SET state = 'CANCELLED', deadline_at = CASE state WHEN 'PUBLISHED' THEN deadline_at END
WHERE job_id = $1 AND state IN ('PENDING', 'CLAIMED', 'PUBLISHED')`

// CancelJob ends a job for good. Its chunks that are not settled never will be: what comes of them is dropped. What
// was done stays. Results that are being applied at this moment still count.
func (s *Store) CancelJob(ctx context.Context, id uuid.UUID) (registry.Job, error) {
	from := []registry.JobStatus{registry.JobQueued, registry.JobRunning, registry.JobPaused}
	var job registry.Job
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, lockOpenChunks, id); err != nil {
			return wrapped(err, "lock chunks")
		}
		var err error
		job, err = changeLocked(ctx, tx, now, id, "cancelled", from, func(tx pgx.Tx, now time.Time, _ registry.Job) (registry.Job, map[string]any, error) {
			if _, err := tx.Exec(ctx, cancelChunks, id); err != nil {
				return registry.Job{}, nil, wrapped(err, "cancel chunks")
			}
			job, err := changed(ctx, tx, "cancel job", setJobStatus, id, string(registry.JobCancelled), now)
			return job, map[string]any{"processed": job.Processed, "total": job.Total}, err
		})
		if err != nil {
			return err
		}
		return emit(ctx, tx, now, finished(registry.EventJobFinished, id)...)
	})
	return job, err
}

// -- name: fail_job
const failJob = `
UPDATE validation_jobs j
SET status = 'FAILED', sequence = sequence + 1, updated_at = $2, completed_at = $2, error_message = $3
WHERE id = $1
RETURNING ` + jobColumns

// FailJob ends a job that cannot go on, as one whose target cannot be read. Its open chunks are cancelled.
func (s *Store) FailJob(ctx context.Context, id uuid.UUID, message string) (registry.Job, error) {
	from := []registry.JobStatus{registry.JobQueued, registry.JobRunning, registry.JobPaused}
	var job registry.Job
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, lockOpenChunks, id); err != nil {
			return wrapped(err, "lock chunks")
		}
		var err error
		job, err = changeLocked(ctx, tx, now, id, "failed", from, func(tx pgx.Tx, now time.Time, _ registry.Job) (registry.Job, map[string]any, error) {
			if _, err := tx.Exec(ctx, cancelChunks, id); err != nil {
				return registry.Job{}, nil, wrapped(err, "cancel chunks")
			}
			job, err := changed(ctx, tx, "fail job", failJob, id, now, message)
			return job, map[string]any{"processed": job.Processed, "total": job.Total, "reason": message}, err
		})
		if err != nil {
			return err
		}
		return emit(ctx, tx, now, finished(registry.EventJobFinished, id)...)
	})
	return job, err
}

// -- name: retry_failures
// A failure leaves the chunk it belonged to for a new one. The same range of numbers gets the same chunk number on
// every platform.
const retryFailures = `
WITH failures AS (
	DELETE FROM validation_failures WHERE job_id = $1 RETURNING platform, number, chunk_no
), taken AS (
	UPDATE validation_chunks c
	SET retried = c.retried + f.checks
	FROM (SELECT platform, chunk_no, count(*) AS checks FROM failures GROUP BY platform, chunk_no) f
	WHERE c.job_id = $1 AND c.platform = f.platform AND c.chunk_no = f.chunk_no
), placed AS (
	SELECT platform, number, (dense_rank() OVER (ORDER BY phone_tie(number), number) - 1) / $2 AS no FROM failures
), cut AS (
	INSERT INTO validation_chunks (job_id, platform, chunk_no, numbers)
	SELECT $1, platform, (SELECT next_chunk FROM validation_jobs WHERE id = $1) + no, array_agg(number ORDER BY number)
	FROM placed
	GROUP BY no, platform
	RETURNING platform, chunk_no, cardinality(numbers) AS checks
)
SELECT platform::text, sum(checks)::bigint, max(chunk_no) + 1
FROM cut
GROUP BY platform`

// -- name: take_back_job
const takeBackJob = `
UPDATE validation_jobs j
SET status = 'RUNNING', processed = processed - $2, failed = failed - $2, next_chunk = $3, sequence = sequence + 1,
	updated_at = $4, completed_at = NULL, error_message = ''
WHERE id = $1
RETURNING ` + jobColumns

// -- name: take_back_platforms
const takeBackPlatforms = `
UPDATE validation_job_platforms p
SET processed = p.processed - c.checks, failed = p.failed - c.checks
FROM unnest($2::text[], $3::bigint[]) AS c (platform, checks)
WHERE p.job_id = $1 AND p.platform = c.platform::platform`

// RetryJob does the failed checks of a finished job again: they become new chunks, and its counters take them back.
func (s *Store) RetryJob(ctx context.Context, id uuid.UUID) (registry.Job, error) {
	from := []registry.JobStatus{registry.JobCompleted, registry.JobFailed}
	return s.changeJob(ctx, id, "retried", from, func(tx pgx.Tx, now time.Time, job registry.Job) (registry.Job, map[string]any, error) {
		if job.Processed < job.Total {
			return job, nil, registry.Errorf(registry.CodeInvalidState, []string{"input", "id"},
				"the job ended before its checks were done: start a new job instead")
		}
		c, err := cutFailures(ctx, tx, job)
		if err != nil {
			return job, nil, err
		}
		if len(c.platforms) == 0 {
			return job, nil, registry.Errorf(registry.CodeInvalidState, []string{"input", "id"},
				"the job is %s and has no failed checks: only a job with failed checks can be retried", job.Status)
		}
		var checks int64
		for _, n := range c.checks {
			checks += n
		}
		var batch pgx.Batch
		batch.Queue(takeBackJob, id, checks, c.nextChunk, now).Query(func(rows pgx.Rows) (err error) {
			job, err = pgx.CollectExactlyOneRow(rows, scanJob)
			return err
		})
		batch.Queue(takeBackPlatforms, id, c.platforms, c.checks)
		err = tx.SendBatch(ctx, &batch).Close()
		return job, map[string]any{"checks": checks}, wrapped(err, "retry job")
	})
}

func cutFailures(ctx context.Context, tx pgx.Tx, job registry.Job) (cutting, error) {
	var c cutting
	rows, err := tx.Query(ctx, retryFailures, job.ID, job.BatchSize)
	if err != nil {
		return c, wrapped(err, "cut failures")
	}
	return c, wrapped(c.collect(rows), "cut failures")
}
