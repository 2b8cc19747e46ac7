package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// Why a schedule that was due started no job, as it is shown.
const (
	skipRunning  = "the job before still runs"
	skipHeld     = "the job before is held"
	skipBudget   = "the budget of today is spent"
	skipFresh    = "there is nothing to check: all evidence still holds"
	skipEmpty    = "no valid number matches the filter"
	skipRejected = "its filter cannot be read"
)

// planAtOnce is how many steps of its plan a schedule may take to find the first number to check, before it leaves the
// search to the planner.
const planAtOnce = 10

// -- name: due_schedule
const selectDueSchedule = `
SELECT ` + scheduleColumns + `
FROM validation_schedules s
WHERE s.next_run_at <= $1
ORDER BY s.next_run_at
LIMIT 1
FOR UPDATE SKIP LOCKED`

// RunDueSchedule starts the job of the schedule that has been due for longest. It returns registry.ErrNotFound when none
// is due, or another server is at it.
func (s *Store) RunDueSchedule(ctx context.Context) (registry.ScheduleRun, error) {
	var due uuid.UUID
	run, err := s.runSchedule(ctx, func(tx pgx.Tx, now time.Time) (scheduleRow, error) {
		r, err := s.findSchedule(ctx, tx, selectDueSchedule, now)
		due = r.ID
		return r, err
	})
	if err = rejected(err); due == uuid.Nil || !errors.Is(err, registry.ErrRejected) {
		return run, err
	}
	// It would fail again each time it is due, and hold up the others.
	s.log.ErrorContext(ctx, "schedule cannot be run", "schedule_id", due, "error", err)
	return run, s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		r, err := s.findSchedule(ctx, tx, lockScheduleSQL, due)
		if err != nil {
			return err
		}
		run.Schedule, err = s.ranSchedule(ctx, tx, now, r, nil, skipRejected)
		return err
	})
}

// RunSchedule starts a job of a schedule now, whether it is due or not; the next one is due an interval later.
func (s *Store) RunSchedule(ctx context.Context, id uuid.UUID) (registry.ScheduleRun, error) {
	return s.runSchedule(ctx, func(tx pgx.Tx, now time.Time) (scheduleRow, error) {
		r, err := s.findSchedule(ctx, tx, lockScheduleSQL, id)
		if err == nil && !r.NextRunAt.IsZero() {
			r.NextRunAt = now
		}
		if err != nil {
			return r, err
		}
		return r, audit(ctx, tx, now, auditEntry{Action: "schedule.run", ObjectID: id})
	})
}

// runSchedule locks a schedule, starts its job if there is something to check, and notes what became of it, all in one
// transaction: whichever server gets the lock does it, and nobody does it twice.
func (s *Store) runSchedule(ctx context.Context, lock func(pgx.Tx, time.Time) (scheduleRow, error)) (registry.ScheduleRun, error) {
	var run registry.ScheduleRun
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		run = registry.ScheduleRun{}
		r, err := lock(tx, now)
		if err != nil {
			return err
		}
		reason, err := s.unready(ctx, tx, r)
		if err != nil {
			return err
		}
		var job *registry.Job
		if reason == "" {
			job, reason, err = s.startScheduled(ctx, tx, now, r)
			if err != nil {
				return err
			}
		}
		run.Job = job
		run.Schedule, err = s.ranSchedule(ctx, tx, now, r, job, reason)
		return err
	})
	return run, err
}

// -- name: open_job_of_schedule
const selectOpenJobOfSchedule = `
SELECT status::text
FROM validation_jobs
WHERE schedule_id = $1 AND status IN ('QUEUED', 'RUNNING', 'PAUSED')
ORDER BY created_at DESC
LIMIT 1`

// unready says why a schedule may not start a job now; "" when it may.
func (s *Store) unready(ctx context.Context, tx pgx.Tx, r scheduleRow) (string, error) {
	var status registry.JobStatus
	err := found(tx.QueryRow(ctx, selectOpenJobOfSchedule, r.ID).Scan(&status), "look for a job of the schedule")
	switch {
	case err == nil && status == registry.JobPaused:
		return skipHeld, nil
	case err == nil:
		return skipRunning, nil
	case !errors.Is(err, registry.ErrNotFound):
		return "", err
	case r.BudgetPerDay > 0 && r.SpentToday >= r.BudgetPerDay:
		return skipBudget, nil
	}
	return "", nil
}

// startScheduled starts the job of a schedule within what is left of its budget. It goes on behind the number at which
// the job before stopped, so that no number waits for ever.
func (s *Store) startScheduled(ctx context.Context, tx pgx.Tx, now time.Time, r scheduleRow) (*registry.Job, string, error) {
	ctx = registry.WithActor(ctx, registry.Actor{Name: "schedule:" + r.Name, RequestID: registry.ActorFrom(ctx).RequestID})
	n := newJob{
		JobSpec: registry.JobSpec{
			Name: r.Name, Platforms: r.Platforms, Target: registry.Target{Filter: &r.Filter}, BatchSize: r.BatchSize,
			MaxConcurrent: r.MaxConcurrent, RetryAttempts: r.RetryAttempts, RecheckAfter: r.RecheckAfter, Priority: r.Priority,
		},
		schedule: r.ID, onlyStale: true, planFrom: r.cursor,
	}
	if r.BudgetPerDay > 0 {
		n.maxChecks = r.BudgetPerDay - r.SpentToday
	}
	attempt, err := tx.Begin(ctx) // what it writes goes again when there is nothing to check
	if err != nil {
		return nil, "", wrapped(err, "start scheduled job")
	}
	id, err := writeJob(ctx, attempt, now, n)
	if err != nil {
		return nil, "", err
	}
	reason, err := s.planScheduled(ctx, attempt, now, id)
	if err != nil {
		return nil, "", err
	}
	if reason != "" {
		return nil, reason, wrapped(attempt.Rollback(ctx), "start scheduled job")
	}
	job, err := jobCreated(ctx, attempt, now, id, map[string]any{"schedule": r.ID})
	if err != nil {
		return nil, "", err
	}
	return &job, "", wrapped(attempt.Commit(ctx), "start scheduled job")
}

// planScheduled cuts the first steps of a job until something is to be checked, and says why nothing is.
func (s *Store) planScheduled(ctx context.Context, tx pgx.Tx, now time.Time, id uuid.UUID) (string, error) {
	found := 0
	for range planAtOnce {
		p, err := readPlan(ctx, tx, id)
		if err != nil {
			return "", err
		}
		c, err := p.cut(ctx, tx, now)
		if err != nil {
			return "", err
		}
		planned, err := p.advance(ctx, tx, now, c)
		found += c.found
		switch {
		case err != nil:
			return "", err
		case planned.Checks > 0:
			return "", nil
		case planned.Done && found == 0:
			return skipEmpty, nil
		case planned.Done:
			return skipFresh, nil
		}
	}
	return "", nil
}

// -- name: ran_schedule
const ranScheduleSQL = `
UPDATE validation_schedules s
SET next_run_at = CASE status WHEN 'ACTIVE' THEN $2::timestamptz END, last_run_at = coalesce($3, last_run_at), last_skip_reason = $4
WHERE id = $1
RETURNING ` + scheduleColumns

// ranSchedule notes what became of a schedule that was due, and when it is due next.
func (s *Store) ranSchedule(ctx context.Context, tx pgx.Tx, now time.Time, r scheduleRow, job *registry.Job, reason string) (registry.Schedule, error) {
	var ran *time.Time
	if job != nil {
		ran = &now
	}
	after, err := s.findSchedule(ctx, tx, ranScheduleSQL, r.ID, nextRun(r.NextRunAt, now, r.Every), ran, reason)
	return after.Schedule, wrapped(err, "note run of schedule")
}

// nextRun is the first moment after now that lies a whole number of intervals behind when the schedule was due. Those in
// between are not made up for.
func nextRun(due, now time.Time, every time.Duration) time.Time {
	if due.IsZero() || due.After(now) {
		due = now
	}
	return now.Add(every - now.Sub(due)%every)
}
