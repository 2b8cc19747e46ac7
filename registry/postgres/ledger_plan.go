package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"slices"
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

// cut takes the next numbers of the target and writes their chunks.
func (p plan) cut(ctx context.Context, tx pgx.Tx, now time.Time) (cutting, error) {
	limit := max(planNumbers/p.batch, 1) * p.batch
	numbers, err := p.next(ctx, tx, now, limit)
	c := cutting{found: len(numbers), last: p.cursor, nextChunk: p.nextChunk, wrapped: p.wrapped}
	if err != nil {
		return c, err
	}
	atEnd := len(numbers) < limit
	if i, _ := slices.BinarySearch(numbers, p.from+1); p.wrapped && i < len(numbers) {
		numbers, atEnd = numbers[:i], true // the rest is where planning began
	}
	fresh, err := p.fresh(ctx, tx, now, numbers)
	if err != nil {
		return c, err
	}
	numbers, c.done = p.fit(numbers, fresh, &c)
	if len(numbers) > 0 {
		c.last = numbers[len(numbers)-1]
	}
	switch {
	case c.done: // the budget is used up
	case atEnd && !p.wrapped && p.from > 0:
		c.last, c.wrapped = 0, true
	default:
		c.done = atEnd
	}
	pieces := cutNumbers(integers(numbers), fresh, len(p.platforms), p.batch)
	c.platforms, c.checks = p.platforms, make([]int64, len(p.platforms))
	for i, place := range pieces.platforms {
		c.checks[place] += int64(pieces.to[i] - pieces.from[i])
		c.nextChunk = max(c.nextChunk, p.nextChunk+int(pieces.no[i])+1)
	}
	return c, p.insert(ctx, tx, pieces)
}

// fit returns the numbers that fit into what the job may still hold, and whether that is used up; it counts what is
// fresh of them. A number goes in whole. Only where nothing at all would fit, the first one goes in for some of its
// platforms: else a budget of less checks than platforms would never check anything.
func (p plan) fit(numbers []registry.Number, fresh map[int64]uint16, c *cutting) ([]registry.Number, bool) {
	left := int64(math.MaxInt64)
	if p.budget != nil {
		left = *p.budget - p.total
	}
	nothing := p.total == 0
	for i, n := range numbers {
		have := fresh[int64(n)]
		due := int64(len(p.platforms) - bits.OnesCount16(have))
		if due > left && !nothing {
			return numbers[:i], true
		}
		c.skipped += int64(bits.OnesCount16(have))
		if due > left {
			fresh[int64(n)] = allBut(left, have, len(p.platforms))
			return numbers[:i+1], true
		}
		left -= due
		nothing = nothing && due == 0
	}
	return numbers, false
}

// allBut returns the bits of all platforms but for the first few whose bit is not set yet.
func allBut(few int64, have uint16, platforms int) uint16 {
	out := uint16(1)<<platforms - 1
	for place := range platforms {
		if bit := uint16(1) << place; have&bit == 0 && few > 0 {
			out &^= bit
			few--
		}
	}
	return out
}

// -- name: fresh_evidence
const selectFreshEvidence = `
SELECT v.number, v.platform::text
FROM platform_validations v
WHERE v.number = ANY ($1::bigint[]) AND v.platform = ANY ($2::text[]::platform[]) AND v.checked_at > $3
	AND (v.expires_at IS NULL OR v.expires_at > $4) AND v.status NOT IN ('ERROR', 'RATE_LIMITED')`

// fresh returns, for numbers whose evidence is younger than the job asks for, on which of its platforms: bit i is
// set for platform i.
func (p plan) fresh(ctx context.Context, tx pgx.Tx, now time.Time, numbers []registry.Number) (map[int64]uint16, error) {
	fresh := map[int64]uint16{}
	if len(numbers) == 0 || p.recheck == nil && !p.onlyStale {
		return fresh, nil
	}
	var since time.Time
	if p.recheck != nil {
		since = now.Add(-time.Duration(*p.recheck) * time.Second)
	}
	rows, err := tx.Query(ctx, selectFreshEvidence, integers(numbers), p.platforms, since, now)
	if err != nil {
		return nil, wrapped(err, "read fresh evidence")
	}
	var (
		number   int64
		platform string
	)
	_, err = pgx.ForEachRow(rows, []any{&number, &platform}, func() error {
		fresh[number] |= 1 << slices.Index(p.platforms, platform)
		return nil
	})
	return fresh, wrapped(err, "read fresh evidence")
}

// pieces are chunks as columns. Their numbers are those from one place to another in one long list, so that the
// platforms of a range can share them.
type pieces struct {
	numbers   []int64
	platforms []int16 // places in the list of platforms
	no        []int32 // counted from 0
	from, to  []int32
}

// cutNumbers cuts ascending numbers into ranges and these into a chunk for each platform, without what is fresh. A
// number that is fresh on every platform takes no place; one that is fresh on some leaves a gap there, so that a range
// has the same chunk number on all platforms.
func cutNumbers(numbers []int64, fresh map[int64]uint16, platforms, batch int) pieces {
	all := uint16(1)<<platforms - 1
	due := numbers
	if len(fresh) > 0 {
		due = slices.DeleteFunc(slices.Clone(numbers), func(n int64) bool { return fresh[n] == all })
	}
	p := pieces{numbers: slices.Clone(due)}
	for no := 0; no*batch < len(due); no++ {
		from, to := no*batch, min((no+1)*batch, len(due))
		var some uint16 // platforms that leave something out
		for _, n := range due[from:to] {
			some |= fresh[n]
		}
		for place := range platforms {
			bit := uint16(1) << place
			if some&bit == 0 {
				p.add(place, no, from, to)
				continue
			}
			start := len(p.numbers)
			for _, n := range due[from:to] {
				if fresh[n]&bit == 0 {
					p.numbers = append(p.numbers, n)
				}
			}
			if len(p.numbers) > start {
				p.add(place, no, start, len(p.numbers))
			}
		}
	}
	return p
}

func (p *pieces) add(place, no, from, to int) {
	p.platforms, p.no = append(p.platforms, int16(place)), append(p.no, int32(no))
	p.from, p.to = append(p.from, int32(from)), append(p.to, int32(to))
}

// -- name: insert_chunks
const insertChunks = `
INSERT INTO validation_chunks (job_id, platform, chunk_no, numbers)
SELECT $1, ($2::text[])[c.place + 1]::platform, $3 + c.no, ($4::bigint[])[c.first + 1:c.last]
FROM unnest($5::smallint[], $6::integer[], $7::integer[], $8::integer[]) AS c (place, no, first, last)`

func (p plan) insert(ctx context.Context, tx pgx.Tx, c pieces) error {
	if len(c.no) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, insertChunks, p.job, p.platforms, p.nextChunk, c.numbers, c.platforms, c.no, c.from, c.to)
	return wrapped(err, "cut chunks")
}

// collect reads what was cut: platform, checks and the next chunk number.
func (c *cutting) collect(rows pgx.Rows) error {
	var (
		platform string
		checks   int64
		next     int
	)
	_, err := pgx.ForEachRow(rows, []any{&platform, &checks, &next}, func() error {
		c.platforms, c.checks = append(c.platforms, platform), append(c.checks, checks)
		c.nextChunk = max(c.nextChunk, next)
		return nil
	})
	return err
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
