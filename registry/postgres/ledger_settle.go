package postgres

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: settle_chunks
const settleChunks = `
UPDATE validation_chunks c
SET state = 'DONE', done_at = $1, deadline_at = NULL, worker = r.worker, succeeded = r.succeeded, failed = r.failed
FROM unnest($2::uuid[], $3::text[], $4::integer[], $5::text[], $6::integer[], $7::integer[])
	AS r (job_id, platform, chunk_no, worker, succeeded, failed)
WHERE c.job_id = r.job_id AND c.platform = r.platform::platform AND c.chunk_no = r.chunk_no`

func (a *application) queueChunks(batch *pgx.Batch) {
	var (
		k                 keys
		workers           []string
		succeeded, failed []int32
	)
	for _, c := range a.settled {
		k.jobs, k.platforms, k.numbers = append(k.jobs, c.Job), append(k.platforms, string(c.Platform)), append(k.numbers, int32(c.No))
		workers = append(workers, c.Worker)
		succeeded, failed = append(succeeded, int32(c.succeeded)), append(failed, int32(c.failed))
	}
	batch.Queue(settleChunks, a.now, k.jobs, k.platforms, k.numbers, workers, succeeded, failed)
}

// -- name: insert_failures
const insertFailures = `
INSERT INTO validation_failures (job_id, platform, number, chunk_no, status, reason, attempts, failed_at)
SELECT job_id, platform::platform, number, chunk_no, status::validation_status, reason, attempts, failed_at
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::smallint[], $8::timestamptz[])
	AS f (job_id, platform, number, chunk_no, status, reason, attempts, failed_at)
ORDER BY job_id, platform, number`

// queueFailures writes the checks that got no answer. Numbers that were erased meanwhile have none.
func (a *application) queueFailures(batch *pgx.Batch, subjects []subject) {
	var (
		k        keys
		numbers  []int64
		statuses []string
		reasons  []string
		attempts []int16
		times    []time.Time
	)
	for _, c := range a.settled {
		if c.failed == 0 {
			continue
		}
		at := 0
		for _, check := range c.Checks {
			if check.Status.Answered() {
				continue
			}
			for subjects[at].number < int64(check.Number) {
				at++
			}
			if !subjects[at].known {
				continue
			}
			k.jobs, k.platforms, k.numbers = append(k.jobs, c.Job), append(k.platforms, string(c.Platform)), append(k.numbers, int32(c.No))
			numbers = append(numbers, int64(check.Number))
			statuses, reasons = append(statuses, string(check.Status)), append(reasons, check.Reason)
			attempts, times = append(attempts, int16(min(max(check.Attempts, 0), math.MaxInt16))), append(times, check.CheckedAt)
		}
	}
	if len(numbers) > 0 {
		batch.Queue(insertFailures, k.jobs, k.platforms, numbers, k.numbers, statuses, reasons, attempts, times)
	}
}

// -- name: settle_job
const settleJob = `
UPDATE validation_jobs
SET processed = processed + $2 + $3, succeeded = succeeded + $2, failed = failed + $3,
	status = CASE status WHEN 'QUEUED' THEN 'RUNNING' ELSE status END,
	started_at = coalesce(started_at, $4), sequence = sequence + 1, updated_at = greatest(updated_at, $4)
WHERE id = $1`

// -- name: settle_platforms
const settlePlatforms = `
UPDATE validation_job_platforms p
SET processed = p.processed + c.succeeded + c.failed, succeeded = p.succeeded + c.succeeded, failed = p.failed + c.failed
FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS c (platform, succeeded, failed)
WHERE p.job_id = $1 AND p.platform = c.platform::platform`

// settleJobs adds the settled chunks to the counters of their jobs and ends those that are done.
func (a *application) settleJobs(ctx context.Context) error {
	jobs := a.jobsOf()
	if len(jobs) == 0 {
		return nil
	}
	type counter struct{ succeeded, failed int64 }
	totals := map[uuid.UUID]counter{}
	platforms := map[uuid.UUID]map[registry.Platform]counter{}
	for _, c := range a.settled {
		t := totals[c.Job]
		totals[c.Job] = counter{t.succeeded + int64(c.succeeded), t.failed + int64(c.failed)}
		if platforms[c.Job] == nil {
			platforms[c.Job] = map[registry.Platform]counter{}
		}
		p := platforms[c.Job][c.Platform]
		platforms[c.Job][c.Platform] = counter{p.succeeded + int64(c.succeeded), p.failed + int64(c.failed)}
	}
	var batch pgx.Batch
	for _, id := range jobs {
		batch.Queue(settleJob, id, totals[id].succeeded, totals[id].failed, a.now)
		var (
			names             []string
			succeeded, failed []int64
		)
		for platform, c := range platforms[id] {
			names, succeeded, failed = append(names, string(platform)), append(succeeded, c.succeeded), append(failed, c.failed)
		}
		batch.Queue(settlePlatforms, id, names, succeeded, failed)
	}
	if err := a.tx.SendBatch(ctx, &batch).Close(); err != nil {
		return wrapped(err, "count results")
	}
	ended, err := endJobs(ctx, a.tx, a.now, jobs)
	a.applied.Jobs, a.applied.Ended = jobs, ended
	return err
}

// -- name: end_jobs
// The caller holds the locks of the jobs.
const endJobsSQL = `
UPDATE validation_jobs
SET status = CASE WHEN succeeded > 0 OR total = 0 THEN 'COMPLETED' ELSE 'FAILED' END::job_status,
	error_message = CASE WHEN succeeded > 0 OR total = 0 THEN ''
		ELSE format('none of the %s checks got an answer', total) END,
	sequence = sequence + 1, updated_at = greatest(updated_at, $2), completed_at = greatest(updated_at, $2)
WHERE id = ANY ($1::uuid[]) AND planned AND processed = total AND status IN ('QUEUED', 'RUNNING', 'PAUSED')
RETURNING id, status::text, total, succeeded, failed`

// endJobs ends those of the jobs that are planned to their end and have nothing left to do.
func endJobs(ctx context.Context, tx pgx.Tx, now time.Time, jobs []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, endJobsSQL, jobs, now)
	if err != nil {
		return nil, wrapped(err, "end jobs")
	}
	var (
		ended                    []uuid.UUID
		entries                  []auditEntry
		id                       uuid.UUID
		status                   registry.JobStatus
		total, succeeded, failed int64
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &status, &total, &succeeded, &failed}, func() error {
		action := "job.completed"
		if status == registry.JobFailed {
			action = "job.failed"
		}
		ended = append(ended, id)
		entries = append(entries, auditEntry{Action: action, ObjectID: id, Details: map[string]any{
			"total": total, "succeeded": succeeded, "failed": failed,
		}})
		return nil
	})
	if err != nil {
		return nil, wrapped(err, "end jobs")
	}
	if err := emit(ctx, tx, now, finished(registry.EventJobFinished, ended...)...); err != nil {
		return nil, err
	}
	return ended, audit(ctx, tx, now, entries...)
}
