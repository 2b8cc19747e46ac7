package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

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
