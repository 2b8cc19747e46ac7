package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

var _ registry.JobStore = (*Store)(nil)

// jobColumns are the columns of validation_jobs j that make a registry.Job.
const jobColumns = `j.id, j.name, j.status::text, j.platforms::text[], j.batch_size, j.max_concurrent, j.retry_attempts,
	coalesce(j.recheck_seconds, 0), j.planned, j.total, j.processed, j.succeeded, j.failed, j.sequence, j.created_by,
	j.created_at, j.started_at, j.updated_at, j.completed_at, j.error_message, j.priority::text,
	coalesce(j.client_key, ''), j.schedule_id, j.skipped`

var jobShown = columnsOf(jobColumns, //nolint:gochecknoglobals // a constant
	always(), forFields("''", "name"), forFields("''", "status", "percent"), forFields("NULL::text[]", "platforms"), forFields("0", "batchSize"),
	forFields("0", "maxConcurrent"), forFields("0", "retryAttempts"), forFields("0", "recheckAfter"), forFields("false", "isPlanned"),
	forFields("0", "total", "percent"), forFields("0", "processed", "percent"), forFields("0", "succeeded"), forFields("0", "failed"), forFields("0", "sequence"),
	forFields("''", "createdBy"), always(), forFields("NULL::timestamptz", "startedAt"), forFields("'epoch'::timestamptz", "updatedAt"),
	forFields("NULL::timestamptz", "completedAt"), forFields("''", "errorMessage"), forFields("''", "priority"), forFields("''", "clientKey"),
	forFields("NULL::uuid", "schedule"), forFields("0", "skipped"))

func scanJob(row pgx.CollectableRow) (registry.Job, error) {
	var (
		j              registry.Job
		recheck        int64
		started, ended *time.Time
		schedule       *uuid.UUID
	)
	err := row.Scan(&j.ID, &j.Name, &j.Status, &j.Platforms, &j.BatchSize, &j.MaxConcurrent, &j.RetryAttempts,
		&recheck, &j.Planned, &j.Total, &j.Processed, &j.Succeeded, &j.Failed, &j.Sequence, &j.CreatedBy,
		&j.CreatedAt, &started, &j.UpdatedAt, &ended, &j.ErrorMessage, &j.Priority, &j.ClientKey, &schedule, &j.Skipped)
	j.Schedule = orZero(schedule)
	j.RecheckAfter = time.Duration(recheck) * time.Second
	j.StartedAt, j.CompletedAt = orZero(started), orZero(ended)
	return j, err
}

// -- name: job
const selectJob = `
SELECT ` + jobColumns + `
FROM validation_jobs j
WHERE j.id = $1`

// Job returns a job; registry.ErrNotFound when there is none with this id.
func (s *Store) Job(ctx context.Context, id uuid.UUID) (registry.Job, error) {
	return findJob(ctx, s.pool, id)
}

func findJob(ctx context.Context, q querier, id uuid.UUID) (registry.Job, error) {
	rows, err := q.Query(ctx, selectJob, id)
	if err != nil {
		return registry.Job{}, wrapped(err, "read job")
	}
	job, err := pgx.CollectExactlyOneRow(rows, scanJob)
	return job, found(err, "read job")
}

// Jobs returns one page of jobs, newest first.
func (s *Store) Jobs(ctx context.Context, f registry.JobFilter, p registry.PageRequest) (registry.Page[registry.Job], error) {
	w := jobConditions(f)
	if p.After != nil {
		// One bound for the index, and the rest of what "behind" means.
		w.and("j.created_at <= %s AND (j.created_at < %[1]s OR j.id > %[2]s::text::uuid)", time.UnixMicro(p.After.Sort), uuidText(p.After.Text))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+jobShown.of(p.Fields)+"\nFROM validation_jobs j"+w.String()+
		"\nORDER BY j.created_at DESC, j.id\nLIMIT "+limit, listArguments(w)...)
	if err != nil {
		return registry.Page[registry.Job]{}, wrapped(err, "list jobs")
	}
	jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.Job], error) {
		j, err := scanJob(row)
		return listed[registry.Job]{j, registry.Position{Sort: j.CreatedAt.UnixMicro(), Text: j.ID.String()}}, err
	})
	if err != nil {
		return registry.Page[registry.Job]{}, wrapped(err, "list jobs")
	}
	return pageOf(jobs, p.First), nil
}

func jobConditions(f registry.JobFilter) *where {
	w := &where{}
	anyOf(w, "j.status", "::job_status", f.Statuses)
	return w
}

// uuidText is the text when it is a UUID, else the first of all UUIDs: cursors of other lists must not be errors here.
func uuidText(text string) string { return uuidOrNil(text).String() }

func uuidOrNil(text string) uuid.UUID {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil
	}
	return id
}

// CountJobs counts the jobs that match.
func (s *Store) CountJobs(ctx context.Context, f registry.JobFilter) (int64, error) {
	w := jobConditions(f)
	var n int64
	err := s.pool.QueryRow(ctx, "SELECT count(*)\nFROM validation_jobs j"+w.String(), listArguments(w)...).Scan(&n)
	return n, wrapped(err, "count jobs")
}

// -- name: job_platforms
const selectJobPlatforms = `
SELECT p.job_id, p.platform::text, p.total, p.processed, p.succeeded, p.failed
FROM validation_job_platforms p
WHERE p.job_id = ANY ($1)
ORDER BY p.job_id, p.platform`

// JobPlatforms returns what each platform has done for each of the jobs, in the order of platforms.
func (s *Store) JobPlatforms(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]registry.PlatformCount, error) {
	rows, err := s.pool.Query(ctx, selectJobPlatforms, ids)
	if err != nil {
		return nil, wrapped(err, "read job platforms")
	}
	counts := make(map[uuid.UUID][]registry.PlatformCount, len(ids))
	var (
		id uuid.UUID
		c  registry.PlatformCount
	)
	_, err = pgx.ForEachRow(rows, []any{&id, &c.Platform, &c.Total, &c.Processed, &c.Succeeded, &c.Failed}, func() error {
		counts[id] = append(counts[id], c)
		return nil
	})
	return counts, wrapped(err, "read job platforms")
}

var failureShown = columnsOf("f.job_id, f.number, f.platform::text, f.status::text, f.reason, f.attempts, f.failed_at", //nolint:gochecknoglobals // a constant
	always(), always(), always(), forFields("''", "status"), forFields("''", "reason"), forFields("0", "attempts"), forFields("'epoch'::timestamptz", "failedAt"))

// fromFailures is behind the columns of validation_failures f. The number 0 is before all others.
const fromFailures = `
FROM unnest($1::uuid[]) AS j (id)
CROSS JOIN LATERAL (
	SELECT f.*
	FROM validation_failures f
	WHERE f.job_id = j.id AND (f.platform, phone_tie(f.number), f.number) > ($2::text::platform,
		CASE WHEN $3::bigint = 0 THEN -9223372036854775808 ELSE phone_tie($3::bigint) END, $3::bigint)
	ORDER BY f.platform, phone_tie(f.number), f.number
	LIMIT $4) f
ORDER BY f.job_id, f.platform, phone_tie(f.number), f.number`

// JobFailures returns one page of the checks of each job that got no answer, by platform.
func (s *Store) JobFailures(ctx context.Context, ids []uuid.UUID, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.JobFailure], error) {
	platform, number := scoring.Checkable()[0], int64(0) // before all of them
	if p.After != nil && registry.Platform(p.After.Text).Valid() {
		platform, number = registry.Platform(p.After.Text), int64(p.After.Number)
	}
	rows, err := s.pool.Query(ctx, "SELECT "+failureShown.of(p.Fields)+fromFailures, ids, string(platform), number, p.First+1)
	if err != nil {
		return nil, wrapped(err, "list failures")
	}
	pages, err := pagesOf(rows, p.First, func(row pgx.CollectableRow) (uuid.UUID, listed[registry.JobFailure], error) {
		var (
			id uuid.UUID
			f  registry.JobFailure
		)
		err := row.Scan(&id, &f.Number, &f.Platform, &f.Status, &f.Reason, &f.Attempts, &f.FailedAt)
		return id, listed[registry.JobFailure]{f, registry.Position{Text: string(f.Platform), Number: f.Number}}, err
	})
	return pages, wrapped(err, "list failures")
}

// -- name: count_job_failures
const countJobFailures = `
SELECT j.id, (SELECT count(*) FROM validation_failures f WHERE f.job_id = j.id)
FROM unnest($1::uuid[]) AS j (id)`

// CountJobFailures counts the checks of each job that got no answer.
func (s *Store) CountJobFailures(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := s.pool.Query(ctx, countJobFailures, ids)
	if err != nil {
		return nil, wrapped(err, "count failures")
	}
	counts, err := countsOf[uuid.UUID](rows)
	return counts, wrapped(err, "count failures")
}
