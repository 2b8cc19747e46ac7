package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// planNumbers is how many numbers of a target a step takes, or the next smaller multiple of the batch size.
const planNumbers = 20000

// errPlanRaced ends a step when somebody else planned, held or ended the job meanwhile.
var errPlanRaced = errors.New("the job was changed while it was planned")

// plan is how far the target of a job has been cut.
type plan struct {
	job       uuid.UUID
	platforms []string
	target    registry.Target
	cursor    registry.Number // the last number that was looked at
	nextChunk int
	batch     int
	recheck   *int64 // seconds; nil: age does not matter
	onlyStale bool   // leave out evidence that has not run out, even without recheck
	budget    *int64 // checks the job may hold in all; nil: no limit
	total     int64  // checks it holds
	from      registry.Number
	wrapped   bool       // the cursor has passed the end of the target and goes on from the start, up to from
	schedule  *uuid.UUID // that started the job; nil: a caller did
}

// cutting is what a step of a plan came to.
type cutting struct {
	found     int // numbers of the target, fresh ones included
	last      registry.Number
	platforms []string // and their checks:
	checks    []int64
	skipped   int64 // checks left out because the evidence is fresh
	nextChunk int
	wrapped   bool
	done      bool
}

// planFirst cuts the first step of a job that the transaction has made.
func (s *Store) planFirst(ctx context.Context, tx pgx.Tx, now time.Time, id uuid.UUID) error {
	p, err := readPlan(ctx, tx, id)
	if err != nil {
		return err
	}
	c, err := p.cut(ctx, tx, now)
	if err != nil {
		return err
	}
	if c.found == 0 {
		return registry.Errorf(registry.CodeEmptyTarget, []string{"input", "target"}, "the target holds no valid number")
	}
	_, err = p.advance(ctx, tx, now, c)
	return err
}

// -- name: unplanned_jobs
const selectUnplannedJobs = `
SELECT id
FROM validation_jobs
WHERE status IN ('QUEUED', 'RUNNING') AND NOT planned
ORDER BY created_at, id
LIMIT 1000`

// UnplannedJobs returns the jobs whose target has not been cut to its end and that are not held, oldest first.
func (s *Store) UnplannedJobs(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := s.pool.Query(ctx, selectUnplannedJobs)
	if err != nil {
		return nil, wrapped(err, "list unplanned jobs")
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, wrapped(err, "list unplanned jobs")
}

// PlanJob cuts the next step of a job's target into chunks for all its platforms. It reads and writes the chunks
// before it locks the job, so that results can be counted meanwhile. When somebody else changed the job at the same
// time it changes nothing and returns the zero value.
func (s *Store) PlanJob(ctx context.Context, id uuid.UUID) (registry.Planned, error) {
	var planned registry.Planned
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		p, err := readPlan(ctx, tx, id)
		if errors.Is(err, registry.ErrNotFound) {
			return errPlanRaced
		}
		if err != nil {
			return err
		}
		c, err := p.cut(ctx, tx, now)
		if violates(err, codeUnique, "validation_chunks_pkey") {
			return errPlanRaced
		}
		if err != nil {
			return err
		}
		planned, err = p.advance(ctx, tx, now, c)
		return err
	})
	if errors.Is(err, errPlanRaced) {
		return registry.Planned{}, nil
	}
	return planned, rejected(err)
}

// -- name: read_plan
const selectPlan = `
SELECT platforms::text[], target, plan_cursor, next_chunk, batch_size, recheck_seconds, only_stale, max_checks, total,
	plan_from, plan_wrapped, schedule_id
FROM validation_jobs
WHERE id = $1 AND NOT planned AND status IN ('QUEUED', 'RUNNING')`

// readPlan returns registry.ErrNotFound when there is nothing to plan.
func readPlan(ctx context.Context, tx pgx.Tx, id uuid.UUID) (plan, error) {
	p := plan{job: id}
	var target []byte
	err := tx.QueryRow(ctx, selectPlan, id).Scan(&p.platforms, &target, &p.cursor, &p.nextChunk, &p.batch, &p.recheck,
		&p.onlyStale, &p.budget, &p.total, &p.from, &p.wrapped, &p.schedule)
	if err != nil {
		return plan{}, found(err, "read plan")
	}
	if err := json.Unmarshal(target, &p.target); err != nil {
		return plan{}, fmt.Errorf("%w: read target: %w", registry.ErrRejected, err)
	}
	return p, nil
}

// -- name: next_listed_numbers
const selectListedNumbers = `
SELECT p.number
FROM phones p
WHERE p.valid AND p.number > $1 AND p.number = ANY ($2::bigint[])
ORDER BY p.number
LIMIT $3`

// -- name: next_customers_numbers
const selectCustomersNumbers = `
SELECT p.number
FROM phones p
WHERE p.valid AND p.number > $1
	AND p.number IN (SELECT c.number FROM customer_phones c WHERE c.customer_id = ANY ($2::text[]))
ORDER BY p.number
LIMIT $3`

// -- name: next_imported_numbers
const selectImportedNumbers = `
SELECT i.number
FROM import_numbers i
JOIN phones p ON p.number = i.number
WHERE p.valid AND i.number > $1 AND i.batch_no = (SELECT batch_no FROM import_batches WHERE id = $2)
ORDER BY i.number
LIMIT $3`

// next returns the numbers of the target behind the cursor, ascending.
func (p plan) next(ctx context.Context, tx pgx.Tx, now time.Time, limit int) ([]registry.Number, error) {
	var (
		statement string
		which     any
	)
	switch t := p.target; {
	case t.Filter != nil:
		if t.Filter.IsValid != nil && !*t.Filter.IsValid {
			return nil, nil
		}
		valid, f := true, *t.Filter
		f.IsValid = &valid
		return matchingNumbers(ctx, tx, f, now, p.cursor, limit)
	case t.ImportID != nil:
		statement, which = selectImportedNumbers, *t.ImportID
	case len(t.CustomerIDs) > 0:
		statement, which = selectCustomersNumbers, t.CustomerIDs
	default:
		statement, which = selectListedNumbers, integers(t.Numbers)
	}
	rows, err := tx.Query(ctx, statement, int64(p.cursor), which, limit)
	if err != nil {
		return nil, wrapped(err, "list numbers of the target")
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[registry.Number])
	return numbers, wrapped(err, "list numbers of the target")
}

// -- name: advance_plan
const advancePlan = `
UPDATE validation_jobs
SET plan_cursor = $3, next_chunk = $4, planned = $5, total = total + $6, sequence = sequence + 1, updated_at = $7,
	skipped = skipped + $8, plan_wrapped = $10
WHERE id = $1 AND plan_cursor = $2 AND plan_wrapped = $9 AND NOT planned AND status IN ('QUEUED', 'RUNNING')`

// -- name: advance_platforms
const advancePlatforms = `
UPDATE validation_job_platforms p
SET total = p.total + c.checks
FROM unnest($2::text[], $3::bigint[]) AS c (platform, checks)
WHERE p.job_id = $1 AND p.platform = c.platform::platform`

// -- name: spend_budget
// A clock that was set back does not give a day a second budget.
const spendBudget = `
UPDATE validation_schedules
SET plan_cursor = $2, spent = CASE WHEN spent_on >= $3::date THEN spent ELSE 0 END + $4,
	spent_on = greatest(spent_on, $3::date)
WHERE id = $1`

// spend takes what was planned out of the day's budget of the schedule that started the job.
func (p plan) spend(ctx context.Context, tx pgx.Tx, now time.Time, last registry.Number, checks int64) error {
	if p.schedule == nil {
		return nil
	}
	_, err := tx.Exec(ctx, spendBudget, *p.schedule, int64(last), now, checks)
	return wrapped(err, "spend budget")
}

// advance writes down how far the plan has come, unless the job was changed since it was read, and ends the job when
// there is nothing to wait for.
func (p plan) advance(ctx context.Context, tx pgx.Tx, now time.Time, c cutting) (registry.Planned, error) {
	planned := registry.Planned{Job: p.job, Done: c.done}
	for _, checks := range c.checks {
		planned.Checks += checks
	}
	tag, err := tx.Exec(ctx, advancePlan, p.job, int64(p.cursor), int64(c.last), c.nextChunk, c.done, planned.Checks, now,
		c.skipped, p.wrapped, c.wrapped)
	if err != nil {
		return planned, wrapped(err, "advance plan")
	}
	if tag.RowsAffected() == 0 {
		return planned, errPlanRaced
	}
	if _, err := tx.Exec(ctx, advancePlatforms, p.job, c.platforms, c.checks); err != nil {
		return planned, wrapped(err, "advance plan")
	}
	if err := p.spend(ctx, tx, now, c.last, planned.Checks); err != nil {
		return planned, err
	}
	if !c.done {
		return planned, nil
	}
	ended, err := endJobs(ctx, tx, now, []uuid.UUID{p.job})
	planned.Ended = len(ended) > 0
	return planned, err
}
