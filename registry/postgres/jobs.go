package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

var _ registry.JobStore = (*Store)(nil)

// jobColumns are the columns of validation_jobs j that make a registry.Job.
const jobColumns = `j.id, j.name, j.status::text, j.platforms::text[], j.batch_size, j.max_concurrent, j.retry_attempts,
	coalesce(j.recheck_seconds, 0), j.planned, j.total, j.processed, j.succeeded, j.failed, j.sequence, j.created_by,
	j.created_at, j.started_at, j.updated_at, j.completed_at, j.error_message`

func scanJob(row pgx.CollectableRow) (registry.Job, error) {
	var (
		j              registry.Job
		recheck        int64
		started, ended *time.Time
	)
	err := row.Scan(&j.ID, &j.Name, &j.Status, &j.Platforms, &j.BatchSize, &j.MaxConcurrent, &j.RetryAttempts,
		&recheck, &j.Planned, &j.Total, &j.Processed, &j.Succeeded, &j.Failed, &j.Sequence, &j.CreatedBy,
		&j.CreatedAt, &started, &j.UpdatedAt, &ended, &j.ErrorMessage)
	j.RecheckAfter = time.Duration(recheck) * time.Second
	j.StartedAt, j.CompletedAt = orZero(started), orZero(ended)
	return j, err
}

// -- name: insert_job
const insertJob = `
INSERT INTO validation_jobs (id, name, status, platforms, target, batch_size, max_concurrent, retry_attempts,
	recheck_seconds, created_by, request_id, created_at, updated_at)
VALUES ($1, $2, 'QUEUED', $3::text[]::platform[], $4, $5, $6, $7, $8, $9, $10, $11, $11)`

// -- name: insert_job_platforms
const insertJobPlatforms = `
INSERT INTO validation_job_platforms (job_id, platform)
SELECT $1, unnest($2::text[])::platform`

// CreateJob writes the job and cuts the first step of its target into chunks; see PlanJob for the others. phones
// describes the numbers of Target.Numbers; those that are new are registered. It returns *registry.Error EMPTY_TARGET
// when the target holds no valid number, NOT_FOUND when the import does not exist and INVALID_STATE when it has not
// ended. A job all of whose checks are skipped because of RecheckAfter is COMPLETED at once, with a total of 0.
func (s *Store) CreateJob(ctx context.Context, spec registry.JobSpec, phones []registry.Phone) (registry.Job, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return registry.Job{}, fmt.Errorf("make job id: %w", err)
	}
	target, err := json.Marshal(spec.Target)
	if err != nil {
		return registry.Job{}, fmt.Errorf("write target: %w", err)
	}
	var job registry.Job
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		if err := checkImport(ctx, tx, spec.Target.ImportID); err != nil {
			return err
		}
		if err := registerPhones(ctx, tx, now, phones); err != nil {
			return err
		}
		if err := writeJob(ctx, tx, now, id, spec, target); err != nil {
			return err
		}
		if err := s.planFirst(ctx, tx, now, id); err != nil {
			return err
		}
		if job, err = findJob(ctx, tx, id); err != nil {
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "job.created", ObjectID: id, Details: map[string]any{
			"platforms": spec.Platforms, "total": job.Total, "planned": job.Planned,
		}})
	})
	return job, err
}

func writeJob(ctx context.Context, tx pgx.Tx, now time.Time, id uuid.UUID, spec registry.JobSpec, target []byte) error {
	actor := registry.ActorFrom(ctx)
	if actor.Name == "" {
		actor.Name = systemActor
	}
	var batch pgx.Batch
	batch.Queue(insertJob, id, spec.Name, texts(spec.Platforms), string(target), spec.BatchSize, spec.MaxConcurrent,
		spec.RetryAttempts, orNull(int64(spec.RecheckAfter/time.Second)), actor.Name, actor.RequestID, now)
	batch.Queue(insertJobPlatforms, id, texts(spec.Platforms))
	return wrapped(tx.SendBatch(ctx, &batch).Close(), "write job")
}

// -- name: import_status
const selectImportStatus = `
SELECT status::text FROM import_batches WHERE id = $1`

// checkImport makes sure that all numbers of an import are there: those of one that still runs would be left out
// without a word.
func checkImport(ctx context.Context, tx pgx.Tx, id *uuid.UUID) error {
	if id == nil {
		return nil
	}
	path := []string{"input", "target", "importId"}
	var status registry.ImportStatus
	err := found(tx.QueryRow(ctx, selectImportStatus, *id).Scan(&status), "read import")
	switch {
	case err == registry.ErrNotFound: //nolint:errorlint // found returns it unwrapped
		return registry.Errorf(registry.CodeNotFound, path, "there is no import with this id")
	case err != nil:
		return err
	case !status.Ended():
		return registry.Errorf(registry.CodeInvalidState, path, "the import is %s: start the job when it has ended", status)
	}
	return nil
}

// -- name: register_phones
const registerPhonesSQL = `
INSERT INTO phones (number, region, line_type, valid, original_carrier, location, timezones, plan_version, created_at, updated_at)
SELECT number, region, line_type::line_type, valid, carrier, location, string_to_array(zones, ','), plan, $1, $1
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[])
	AS p (number, region, line_type, valid, carrier, location, zones, plan)
ORDER BY number
ON CONFLICT (number) DO NOTHING`

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
	w := &where{}
	anyOf(w, "j.status", "::job_status", f.Statuses)
	if p.After != nil {
		// One bound for the index, and the rest of what "behind" means.
		w.and("j.created_at <= %s AND (j.created_at < %[1]s OR j.id > %[2]s::text::uuid)", time.UnixMicro(p.After.Sort), uuidText(p.After.Text))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+jobColumns+"\nFROM validation_jobs j"+w.String()+
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

// uuidText is the text when it is a UUID, else the first of all UUIDs: cursors of other lists must not be errors here.
func uuidText(text string) string {
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.Nil.String()
	}
	return id.String()
}

// CountJobs counts the jobs that match.
func (s *Store) CountJobs(ctx context.Context, f registry.JobFilter) (int64, error) {
	w := &where{}
	anyOf(w, "j.status", "::job_status", f.Statuses)
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

// JobFailures returns one page of the checks of a job that got no answer, by platform and number.
func (s *Store) JobFailures(ctx context.Context, id uuid.UUID, p registry.PageRequest) (registry.Page[registry.JobFailure], error) {
	w := &where{}
	w.and("f.job_id = %s", id)
	if p.After != nil && registry.Platform(p.After.Text).Valid() {
		w.and("(f.platform, f.number) > (%s::text::platform, %s)", p.After.Text, int64(p.After.Number))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, `SELECT f.number, f.platform::text, f.status::text, f.reason, f.attempts, f.failed_at
FROM validation_failures f`+w.String()+"\nORDER BY f.platform, f.number\nLIMIT "+limit, listArguments(w)...)
	if err != nil {
		return registry.Page[registry.JobFailure]{}, wrapped(err, "list failures")
	}
	failures, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.JobFailure], error) {
		var f registry.JobFailure
		err := row.Scan(&f.Number, &f.Platform, &f.Status, &f.Reason, &f.Attempts, &f.FailedAt)
		return listed[registry.JobFailure]{f, registry.Position{Text: string(f.Platform), Number: f.Number}}, err
	})
	if err != nil {
		return registry.Page[registry.JobFailure]{}, wrapped(err, "list failures")
	}
	return pageOf(failures, p.First), nil
}

// -- name: count_job_failures
const countJobFailures = `
SELECT count(*) FROM validation_failures WHERE job_id = $1`

// CountJobFailures counts the checks of a job that got no answer.
func (s *Store) CountJobFailures(ctx context.Context, id uuid.UUID) (int64, error) {
	var n int64
	err := s.pool.QueryRow(ctx, countJobFailures, id).Scan(&n)
	return n, wrapped(err, "count failures")
}
