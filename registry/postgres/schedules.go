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

var _ registry.ScheduleStore = (*Store)(nil)

// scheduleColumns are the columns of validation_schedules s that make a registry.Schedule, but for what was spent
// today, which depends on the day.
const scheduleColumns = `s.id, s.name, s.status::text, s.platforms::text[], s.filter, s.every_seconds,
	coalesce(s.budget_per_day, 0), coalesce(s.recheck_seconds, 0), s.priority::text, s.batch_size, s.max_concurrent,
	s.retry_attempts, s.spent_on, s.spent, s.next_run_at, s.last_run_at, s.last_skip_reason, s.created_by, s.created_at,
	s.updated_at, s.plan_cursor`

var scheduleShown = columnsOf(scheduleColumns, //nolint:gochecknoglobals // a constant
	always(), always(), forFields("''", "status"), forFields("NULL::text[]", "platforms"), forFields("'{}'::jsonb", "filter"), forFields("0", "every"),
	forFields("0", "budgetPerDay"), forFields("0", "recheckAfter"), forFields("''", "priority"), forFields("0", "batchSize"), forFields("0", "maxConcurrent"),
	forFields("0", "retryAttempts"), forFields("'epoch'::date", "spentToday"), forFields("0", "spentToday"), forFields("NULL::timestamptz", "nextRunAt"),
	forFields("NULL::timestamptz", "lastRunAt"), forFields("''", "lastSkipReason"), forFields("''", "createdBy"), forFields("'epoch'::timestamptz", "createdAt"),
	forFields("'epoch'::timestamptz", "updatedAt"), forFields("0", "planCursor"))

// scheduleRow is a schedule with what only the store needs.
type scheduleRow struct {
	registry.Schedule
	cursor registry.Number // its jobs have looked at the numbers up to here
}

func (s *Store) scanSchedule(row pgx.CollectableRow) (scheduleRow, error) {
	var (
		r              scheduleRow
		filter         []byte
		every, recheck int64
		spentOn        time.Time
		next, last     *time.Time
	)
	err := row.Scan(&r.ID, &r.Name, &r.Status, &r.Platforms, &filter, &every, &r.BudgetPerDay, &recheck, &r.Priority,
		&r.BatchSize, &r.MaxConcurrent, &r.RetryAttempts, &spentOn, &r.SpentToday, &next, &last, &r.LastSkipReason,
		&r.CreatedBy, &r.CreatedAt, &r.UpdatedAt, &r.cursor)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(filter, &r.Filter); err != nil {
		return r, fmt.Errorf("read filter: %w", err)
	}
	r.Every, r.RecheckAfter = time.Duration(every)*time.Second, time.Duration(recheck)*time.Second
	r.NextRunAt, r.LastRunAt = orZero(next), orZero(last)
	if spentOn.Before(dayOf(s.moment())) {
		r.SpentToday = 0
	}
	return r, nil
}

// dayOf is the start of the day, in UTC.
func dayOf(at time.Time) time.Time { return at.UTC().Truncate(24 * time.Hour) }

// -- name: schedule
const selectSchedule = `
SELECT ` + scheduleColumns + `
FROM validation_schedules s
WHERE s.id = $1`

// -- name: lock_schedule
const lockScheduleSQL = selectSchedule + `
FOR UPDATE`

// Schedule returns a schedule; registry.ErrNotFound when there is none with this id.
func (s *Store) Schedule(ctx context.Context, id uuid.UUID) (registry.Schedule, error) {
	r, err := s.findSchedule(ctx, s.pool, selectSchedule, id)
	return r.Schedule, err
}

func (s *Store) findSchedule(ctx context.Context, q querier, statement string, arguments ...any) (scheduleRow, error) {
	rows, err := q.Query(ctx, statement, arguments...)
	if err != nil {
		return scheduleRow{}, wrapped(err, "read schedule")
	}
	r, err := pgx.CollectExactlyOneRow(rows, s.scanSchedule)
	return r, found(err, "read schedule")
}

// fromSchedulesByID is behind the columns of validation_schedules s.
const fromSchedulesByID = `
FROM validation_schedules s
WHERE s.id = ANY ($1::uuid[])`

// SchedulesByID returns those of the schedules that exist, with these fields; none named: all.
func (s *Store) SchedulesByID(ctx context.Context, ids []uuid.UUID, fields ...string) (map[uuid.UUID]registry.Schedule, error) {
	all := make(map[uuid.UUID]registry.Schedule, len(ids))
	if len(ids) == 0 {
		return all, nil
	}
	rows, err := s.pool.Query(ctx, "SELECT "+scheduleShown.of(fields)+fromSchedulesByID, ids)
	if err != nil {
		return nil, wrapped(err, "read schedules")
	}
	found, err := pgx.CollectRows(rows, s.scanSchedule)
	for _, r := range found {
		all[r.ID] = r.Schedule
	}
	return all, wrapped(err, "read schedules")
}

// Schedules returns one page of schedules, by name.
func (s *Store) Schedules(ctx context.Context, p registry.PageRequest) (registry.Page[registry.Schedule], error) {
	w := &where{}
	if p.After != nil {
		w.and("s.name > %s", p.After.Text)
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+scheduleShown.of(p.Fields)+"\nFROM validation_schedules s"+w.String()+
		"\nORDER BY s.name\nLIMIT "+limit, listArguments(w)...)
	if err != nil {
		return registry.Page[registry.Schedule]{}, wrapped(err, "list schedules")
	}
	schedules, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.Schedule], error) {
		r, err := s.scanSchedule(row)
		return listed[registry.Schedule]{r.Schedule, registry.Position{Text: r.Name}}, err
	})
	if err != nil {
		return registry.Page[registry.Schedule]{}, wrapped(err, "list schedules")
	}
	return pageOf(schedules, p.First), nil
}

// fromJobsOfSchedules is behind the columns of validation_jobs j.
const fromJobsOfSchedules = `
FROM unnest($1::uuid[]) AS s (id)
CROSS JOIN LATERAL (
	SELECT j.*
	FROM validation_jobs j
	WHERE j.schedule_id = s.id AND j.created_at <= $2 AND (j.created_at < $2 OR j.id > $3)
	ORDER BY j.created_at DESC, j.id
	LIMIT $4) j
ORDER BY j.schedule_id, j.created_at DESC, j.id`

// JobsOfSchedules returns one page of the jobs that each schedule started, newest first.
func (s *Store) JobsOfSchedules(ctx context.Context, ids []uuid.UUID, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.Job], error) {
	before, behind := maxTime, uuid.Nil
	if p.After != nil {
		before, behind = time.UnixMicro(p.After.Sort), uuidOrNil(p.After.Text)
	}
	rows, err := s.pool.Query(ctx, "SELECT "+jobShown.of(p.Fields, "schedule")+fromJobsOfSchedules, ids, before, behind, p.First+1)
	if err != nil {
		return nil, wrapped(err, "list jobs of schedules")
	}
	pages, err := pagesOf(rows, p.First, func(row pgx.CollectableRow) (uuid.UUID, listed[registry.Job], error) {
		j, err := scanJob(row)
		return j.Schedule, listed[registry.Job]{j, registry.Position{Sort: j.CreatedAt.UnixMicro(), Text: j.ID.String()}}, err
	})
	return pages, wrapped(err, "list jobs of schedules")
}

// -- name: count_jobs_of_schedules
const countJobsOfSchedules = `
SELECT s.id, (SELECT count(*) FROM validation_jobs j WHERE j.schedule_id = s.id)
FROM unnest($1::uuid[]) AS s (id)`

// CountJobsOfSchedules counts the jobs that each schedule started.
func (s *Store) CountJobsOfSchedules(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	rows, err := s.pool.Query(ctx, countJobsOfSchedules, ids)
	if err != nil {
		return nil, wrapped(err, "count jobs of schedules")
	}
	counts, err := countsOf[uuid.UUID](rows)
	return counts, wrapped(err, "count jobs of schedules")
}

// -- name: count_schedules
const countSchedules = `
SELECT count(*) FROM validation_schedules`

// CountSchedules counts the schedules.
func (s *Store) CountSchedules(ctx context.Context) (int64, error) {
	var n int64
	err := s.pool.QueryRow(ctx, countSchedules).Scan(&n)
	return n, wrapped(err, "count schedules")
}

// -- name: insert_schedule
const insertSchedule = `
INSERT INTO validation_schedules AS s (id, name, platforms, filter, every_seconds, budget_per_day, recheck_seconds, priority,
	batch_size, max_concurrent, retry_attempts, spent_on, next_run_at, created_by, created_at, updated_at)
VALUES ($1, $2, $3::text[]::platform[], $4, $5, $6, $7, $8::text::job_priority, $9, $10, $11, $12::timestamptz::date, $13, $14, $12, $12)
RETURNING ` + scheduleColumns

// CreateSchedule makes a schedule whose first job is due at startAt.
func (s *Store) CreateSchedule(ctx context.Context, spec registry.ScheduleSpec, startAt time.Time) (registry.Schedule, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return registry.Schedule{}, fmt.Errorf("make schedule id: %w", err)
	}
	return s.writeSchedule(ctx, id, "schedule.created", func(tx pgx.Tx, now time.Time) (scheduleRow, error) {
		columns, err := specColumns(spec)
		if err != nil {
			return scheduleRow{}, err
		}
		return s.findSchedule(ctx, tx, insertSchedule, append(append([]any{id}, columns...), now, startAt, actorOf(ctx).Name)...)
	})
}

// specColumns are the columns that say what a schedule does.
func specColumns(spec registry.ScheduleSpec) ([]any, error) {
	filter, err := json.Marshal(spec.Filter)
	if err != nil {
		return nil, fmt.Errorf("write filter: %w", err)
	}
	return []any{
		spec.Name, texts(spec.Platforms), string(filter), int64(spec.Every / time.Second), orNull(spec.BudgetPerDay),
		orNull(int64(spec.RecheckAfter / time.Second)), string(spec.Priority), spec.BatchSize, spec.MaxConcurrent,
		spec.RetryAttempts,
	}, nil
}

// writeSchedule lets write change a schedule, tells the audit trail, and returns the schedule as it is then.
func (s *Store) writeSchedule(ctx context.Context, id uuid.UUID, action string, write func(pgx.Tx, time.Time) (scheduleRow, error)) (registry.Schedule, error) {
	var r scheduleRow
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) (err error) {
		r, err = write(tx, now)
		if violates(err, codeUnique, "validation_schedules_name_key") {
			return registry.Errorf(registry.CodeInvalidInput, []string{"input", "name"}, "another schedule has this name: want one that is not taken")
		}
		if err != nil {
			return wrapped(err, "write schedule")
		}
		return audit(ctx, tx, now, auditEntry{Action: action, ObjectID: id, Details: map[string]any{
			"platforms": r.Platforms, "everySeconds": int64(r.Every / time.Second), "budgetPerDay": r.BudgetPerDay, "priority": r.Priority,
		}})
	})
	return r.Schedule, err
}

// -- name: update_schedule
const updateSchedule = `
UPDATE validation_schedules s
SET name = $2, platforms = $3::text[]::platform[], filter = $4, every_seconds = $5, budget_per_day = $6,
	recheck_seconds = $7, priority = $8::text::job_priority, batch_size = $9, max_concurrent = $10, retry_attempts = $11,
	next_run_at = $12, updated_at = $13
WHERE id = $1
RETURNING ` + scheduleColumns

// UpdateSchedule makes of the schedule what change makes of its spec.
func (s *Store) UpdateSchedule(ctx context.Context, id uuid.UUID, change func(registry.ScheduleSpec) (registry.ScheduleSpec, error)) (registry.Schedule, error) {
	return s.writeSchedule(ctx, id, "schedule.updated", func(tx pgx.Tx, now time.Time) (scheduleRow, error) {
		r, err := s.findSchedule(ctx, tx, lockScheduleSQL, id)
		if err != nil {
			return r, err
		}
		spec, err := change(r.ScheduleSpec)
		if err != nil {
			return r, err
		}
		next := r.NextRunAt
		if spec.Every != r.Every && !next.IsZero() && !r.LastRunAt.IsZero() {
			next = later(r.LastRunAt.Add(spec.Every), now)
		}
		columns, err := specColumns(spec)
		if err != nil {
			return r, err
		}
		return s.findSchedule(ctx, tx, updateSchedule, append(append([]any{id}, columns...), orNull(next), now)...)
	})
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// -- name: set_schedule_status
const setScheduleStatus = `
UPDATE validation_schedules s
SET status = $2::text::schedule_status, next_run_at = $3, updated_at = $4
WHERE id = $1
RETURNING ` + scheduleColumns

// PauseSchedule holds a schedule.
func (s *Store) PauseSchedule(ctx context.Context, id uuid.UUID) (registry.Schedule, error) {
	return s.setScheduleStatus(ctx, id, registry.SchedulePaused, "schedule.paused", func(scheduleRow, time.Time) *time.Time { return nil })
}

// ResumeSchedule lets a held schedule go on: its next job is due an interval after the last one, or now when that is
// past. What it missed is not made up for.
func (s *Store) ResumeSchedule(ctx context.Context, id uuid.UUID) (registry.Schedule, error) {
	return s.setScheduleStatus(ctx, id, registry.ScheduleActive, "schedule.resumed", func(r scheduleRow, now time.Time) *time.Time {
		next := now
		if !r.LastRunAt.IsZero() {
			next = later(r.LastRunAt.Add(r.Every), now)
		}
		return &next
	})
}

func (s *Store) setScheduleStatus(ctx context.Context, id uuid.UUID, to registry.ScheduleStatus, action string,
	next func(scheduleRow, time.Time) *time.Time,
) (registry.Schedule, error) {
	return s.writeSchedule(ctx, id, action, func(tx pgx.Tx, now time.Time) (scheduleRow, error) {
		r, err := s.findSchedule(ctx, tx, lockScheduleSQL, id)
		if err != nil {
			return r, err
		}
		if r.Status == to {
			return r, registry.Errorf(registry.CodeInvalidState, []string{"input", "id"}, "the schedule is %s already", to)
		}
		return s.findSchedule(ctx, tx, setScheduleStatus, id, string(to), next(r, now), now)
	})
}

// -- name: delete_schedule
const deleteSchedule = `
DELETE FROM validation_schedules WHERE id = $1`

// DeleteSchedule removes a schedule. Its jobs stay, as jobs of nobody.
func (s *Store) DeleteSchedule(ctx context.Context, id uuid.UUID) error {
	return s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, deleteSchedule, id)
		if err != nil {
			return wrapped(err, "delete schedule")
		}
		if tag.RowsAffected() == 0 {
			return registry.ErrNotFound
		}
		return audit(ctx, tx, now, auditEntry{Action: "schedule.deleted", ObjectID: id})
	})
}
