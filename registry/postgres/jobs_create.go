package postgres

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: insert_job
const insertJob = `
INSERT INTO validation_jobs (id, name, status, platforms, target, batch_size, max_concurrent, retry_attempts,
	recheck_seconds, created_by, request_id, created_at, updated_at, priority, client_key, input_hash, schedule_id,
	only_stale, max_checks, plan_cursor, plan_from)
VALUES ($1, $2, 'QUEUED', $3::text[]::platform[], $4, $5, $6, $7, $8, $9, $10, $11, $11, $12::text::job_priority, $13,
	$14, $15, $16, $17, $18, $18)`

// -- name: insert_job_platforms
const insertJobPlatforms = `
INSERT INTO validation_job_platforms (job_id, platform)
SELECT $1, unnest($2::text[])::platform`

// newJob is a job to write: what was asked for, and what comes from the schedule that starts it, if any.
type newJob struct {
	registry.JobSpec
	inputHash []byte          // of what was asked for under a client key
	schedule  uuid.UUID       // uuid.Nil: a caller starts it
	onlyStale bool            // leave out evidence that has not run out
	maxChecks int64           // 0: no limit
	planFrom  registry.Number // the number behind which to begin
}

// CreateJob writes the job and cuts the first step of its target into chunks; see PlanJob for the others. phones
// describes the numbers of Target.Numbers; those that are new are registered. It returns *registry.Error EMPTY_TARGET
// when the target holds no valid number, NOT_FOUND when the import does not exist and INVALID_STATE when it has not
// ended. A job all of whose checks are skipped because of RecheckAfter is COMPLETED at once, with a total of 0.
//
// With a client key by which the caller has started the same before, it returns that job and registry.ErrJobExists; by
// which they have started something else, *registry.Error INVALID_INPUT.
func (s *Store) CreateJob(ctx context.Context, spec registry.JobSpec, phones []registry.Phone) (registry.Job, error) {
	n := newJob{JobSpec: spec}
	var err error
	if n.inputHash, err = hashInput(spec); err != nil {
		return registry.Job{}, err
	}
	for {
		job, err := s.createJob(ctx, n, phones)
		// Somebody was faster with the same key: their job is there to be found now.
		if !violates(err, codeUnique, "validation_jobs_client_key_idx") || ctx.Err() != nil {
			return job, err
		}
	}
}

// hashInput is the SHA-256 of what a client asks for under a key; nil without a key.
func hashInput(spec registry.JobSpec) ([]byte, error) {
	if spec.ClientKey == "" {
		return nil, nil
	}
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("write job: %w", err)
	}
	sum := sha256.Sum256(text)
	return sum[:], nil
}

func (s *Store) createJob(ctx context.Context, n newJob, phones []registry.Phone) (registry.Job, error) {
	var (
		job    registry.Job
		exists bool
	)
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		var err error
		if job, exists, err = keyedJob(ctx, tx, n); err != nil || exists {
			return err
		}
		if err := checkImport(ctx, tx, n.Target.ImportID); err != nil {
			return err
		}
		// The job comes before its phones: of two with the same key, one waits here and holds nothing.
		id, err := writeJob(ctx, tx, now, n)
		if err != nil {
			return err
		}
		if err := registerPhones(ctx, tx, now, phones); err != nil {
			return err
		}
		if err := s.planFirst(ctx, tx, now, id); err != nil {
			return err
		}
		job, err = jobCreated(ctx, tx, now, id, nil)
		return err
	})
	if err == nil && exists {
		err = registry.ErrJobExists
	}
	return job, err
}

// jobCreated returns a job as it is after its first steps, and tells the audit trail.
func jobCreated(ctx context.Context, tx pgx.Tx, now time.Time, id uuid.UUID, details map[string]any) (registry.Job, error) {
	job, err := findJob(ctx, tx, id)
	if err != nil {
		return job, err
	}
	all := map[string]any{"platforms": job.Platforms, "total": job.Total, "planned": job.Planned}
	maps.Copy(all, details)
	return job, audit(ctx, tx, now, auditEntry{Action: "job.created", ObjectID: id, Details: all})
}

// -- name: keyed_job
const selectKeyedJob = `
SELECT id, input_hash
FROM validation_jobs
WHERE created_by = $1 AND client_key = $2`

// keyedJob finds the job that the caller has started by the same client key.
func keyedJob(ctx context.Context, tx pgx.Tx, n newJob) (job registry.Job, exists bool, err error) {
	if n.ClientKey == "" {
		return registry.Job{}, false, nil
	}
	var (
		id   uuid.UUID
		hash []byte
	)
	err = found(tx.QueryRow(ctx, selectKeyedJob, actorOf(ctx).Name, n.ClientKey).Scan(&id, &hash), "look for client key")
	switch {
	case errors.Is(err, registry.ErrNotFound):
		return registry.Job{}, false, nil
	case err != nil:
		return registry.Job{}, false, err
	case !bytes.Equal(hash, n.inputHash):
		return registry.Job{}, false, registry.Errorf(registry.CodeInvalidInput, []string{"input", "clientKey"},
			"this client key has started another job: want the same input as then, or another key")
	}
	job, err = findJob(ctx, tx, id)
	return job, true, err
}

// actorOf is who acts; the system where the context names nobody.
func actorOf(ctx context.Context) registry.Actor {
	actor := registry.ActorFrom(ctx)
	actor.Name = cmp.Or(actor.Name, systemActor)
	return actor
}

func writeJob(ctx context.Context, tx pgx.Tx, now time.Time, n newJob) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("make job id: %w", err)
	}
	target, err := json.Marshal(n.Target)
	if err != nil {
		return id, fmt.Errorf("write target: %w", err)
	}
	actor := actorOf(ctx)
	var batch pgx.Batch
	batch.Queue(insertJob, id, n.Name, texts(n.Platforms), string(target), n.BatchSize, n.MaxConcurrent, n.RetryAttempts,
		orNull(int64(n.RecheckAfter/time.Second)), actor.Name, actor.RequestID, now,
		string(cmp.Or(n.Priority, registry.PriorityNormal)), orNull(n.ClientKey), n.inputHash, orNull(n.schedule),
		n.onlyStale, orNull(n.maxChecks), int64(n.planFrom))
	batch.Queue(insertJobPlatforms, id, texts(n.Platforms))
	return id, wrapped(tx.SendBatch(ctx, &batch).Close(), "write job")
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
	case errors.Is(err, registry.ErrNotFound):
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

// registerPhones makes sure that the numbers are in the registry. Those that are new get an audit entry in one.
func registerPhones(ctx context.Context, tx pgx.Tx, now time.Time, phones []registry.Phone) error {
	if len(phones) == 0 {
		return nil
	}
	var (
		numbers                                           []int64
		regions, lines, carriers, places, zones, versions []string
		valid                                             []bool
	)
	for _, p := range phones {
		numbers, regions, lines = append(numbers, int64(p.Number)), append(regions, p.Region), append(lines, string(p.LineType))
		valid, carriers, places = append(valid, p.Valid), append(carriers, p.OriginalCarrier), append(places, p.Location)
		zones, versions = append(zones, strings.Join(p.TimeZones, ",")), append(versions, p.PlanVersion)
	}
	tag, err := tx.Exec(ctx, registerPhonesSQL, now, numbers, regions, lines, valid, carriers, places, zones, versions)
	if err != nil {
		return wrapped(err, "register numbers")
	}
	if tag.RowsAffected() == 0 {
		return nil
	}
	return audit(ctx, tx, now, auditEntry{Action: "phones.registered", Details: map[string]any{"phones": tag.RowsAffected()}})
}
