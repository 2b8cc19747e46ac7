package registry

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Bounds of schedules. The schema of the API states them too.
const (
	MinScheduleEvery = time.Minute
	MaxScheduleEvery = 365 * 24 * time.Hour
	// maxScheduleStart is how far ahead the first job of a schedule may lie.
	maxScheduleStart = 10 * MaxScheduleEvery
	// startsNow is how far back it may lie to be taken for now: clocks differ, and requests take time.
	startsNow = time.Minute
)

// ScheduleStatus is whether a schedule starts jobs.
type ScheduleStatus string

// The states of a schedule.
const (
	ScheduleActive ScheduleStatus = "ACTIVE"
	SchedulePaused ScheduleStatus = "PAUSED"
)

// Schedule is a standing order to keep evidence fresh: it starts jobs for numbers whose evidence is missing or has run
// out.
type Schedule struct {
	ID     uuid.UUID
	Status ScheduleStatus
	ScheduleSpec
	SpentToday     int64     // checks its jobs have planned today (UTC)
	NextRunAt      time.Time // zero: it is paused
	LastRunAt      time.Time // zero: never
	LastSkipReason string    // why it started no job when it was last due; "" when it did
	CreatedBy      string
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// ScheduleSpec is what a schedule is to do, already checked and with its defaults filled in.
type ScheduleSpec struct {
	Name          string
	Platforms     []Platform
	Filter        PhoneFilter
	Every         time.Duration // whole seconds
	BudgetPerDay  int64         // checks in a day (UTC); 0: no limit
	RecheckAfter  time.Duration // whole seconds; 0: only what has run out or is missing
	Priority      JobPriority
	BatchSize     int
	MaxConcurrent int
	RetryAttempts int
}

// CreateSchedule is a schedule to make.
type CreateSchedule struct {
	Name          string // 1 to MaxJobName characters
	Platforms     []Platform
	Filter        PhoneFilter
	Every         time.Duration // MinScheduleEvery to MaxScheduleEvery
	StartAt       time.Time     // of the first job, not in the past; zero: now
	BudgetPerDay  *int64        // 1 or more; nil: no limit
	RecheckAfter  time.Duration // 0: only what has run out or is missing
	Priority      JobPriority   // "": PriorityLow
	BatchSize     *int          // as of a job
	MaxConcurrent *int
	RetryAttempts *int
}

// ChangeSchedule is what to change of a schedule; nil leaves a field as it is.
type ChangeSchedule struct {
	Name         *string
	Platforms    []Platform
	Filter       *PhoneFilter
	Every        *time.Duration
	BudgetPerDay **int64 // to nil: no limit
	RecheckAfter *time.Duration
	Priority     *JobPriority
}

// ScheduleRun is what became of a schedule that was due, or told to run.
type ScheduleRun struct {
	Schedule Schedule
	Job      *Job // nil: none was started, and Schedule.LastSkipReason says why
}

// ScheduleStore holds schedules. Those that do not exist are ErrNotFound.
type ScheduleStore interface {
	Schedule(ctx context.Context, id uuid.UUID) (Schedule, error)
	// SchedulesByID leaves out what does not exist.
	SchedulesByID(ctx context.Context, ids []uuid.UUID, fields ...string) (map[uuid.UUID]Schedule, error)
	// Schedules pages through the schedules by name.
	Schedules(ctx context.Context, p PageRequest) (Page[Schedule], error)
	CountSchedules(ctx context.Context) (int64, error)
	// JobsOfSchedules returns one page of the jobs that each schedule started, newest first. p.After only with one.
	JobsOfSchedules(ctx context.Context, ids []uuid.UUID, p PageRequest) (map[uuid.UUID]Page[Job], error)
	CountJobsOfSchedules(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error)
	// CreateSchedule returns *Error INVALID_INPUT when the name is taken. The first job is due at startAt.
	CreateSchedule(ctx context.Context, spec ScheduleSpec, startAt time.Time) (Schedule, error)
	// UpdateSchedule makes of the schedule what change makes of its spec. *Error INVALID_INPUT when the name is taken,
	// and what change returns.
	UpdateSchedule(ctx context.Context, id uuid.UUID, change func(ScheduleSpec) (ScheduleSpec, error)) (Schedule, error)
	// PauseSchedule and ResumeSchedule return *Error INVALID_STATE when the schedule is in that state already.
	PauseSchedule(ctx context.Context, id uuid.UUID) (Schedule, error)
	ResumeSchedule(ctx context.Context, id uuid.UUID) (Schedule, error)
	// RunSchedule starts a job now, whether the schedule is due or not.
	RunSchedule(ctx context.Context, id uuid.UUID) (ScheduleRun, error)
	DeleteSchedule(ctx context.Context, id uuid.UUID) error
}

// Schedule returns a schedule; ErrNotFound when there is none with this id.
func (s *Service) Schedule(ctx context.Context, id uuid.UUID) (Schedule, error) {
	return s.store.Schedule(ctx, id)
}

// SchedulesByID returns those of the schedules that exist.
func (s *Service) SchedulesByID(ctx context.Context, ids []uuid.UUID, fields ...string) (map[uuid.UUID]Schedule, error) {
	return s.store.SchedulesByID(ctx, distinct(ids), fields...)
}

// Schedules returns one page of schedules, by name. *Error INVALID_INPUT for a page out of bounds.
func (s *Service) Schedules(ctx context.Context, p PageRequest) (Page[Schedule], error) {
	p, err := checkPage(p)
	if err != nil {
		return Page[Schedule]{}, err
	}
	return s.store.Schedules(ctx, p)
}

// CountSchedules counts the schedules.
func (s *Service) CountSchedules(ctx context.Context) (int64, error) {
	return s.store.CountSchedules(ctx)
}

// JobsOfSchedules returns one page of the jobs that each schedule started, newest first. p.After only with one schedule.
func (s *Service) JobsOfSchedules(ctx context.Context, ids []uuid.UUID, p PageRequest) (map[uuid.UUID]Page[Job], error) {
	p, err := checkPageOf(p, len(ids))
	if err != nil {
		return nil, err
	}
	return s.store.JobsOfSchedules(ctx, ids, p)
}

// CountJobsOfSchedules counts the jobs that each schedule started.
func (s *Service) CountJobsOfSchedules(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
	return s.store.CountJobsOfSchedules(ctx, ids)
}

// CreateSchedule makes a schedule. User errors: INVALID_INPUT, also for a name that is taken, and
// PLATFORM_NOT_AVAILABLE.
func (s *Service) CreateSchedule(ctx context.Context, c CreateSchedule) (Schedule, error) {
	spec := ScheduleSpec{
		Name: strings.TrimSpace(c.Name), Platforms: c.Platforms, Filter: c.Filter, Every: wholeSeconds(c.Every),
		RecheckAfter: wholeSeconds(c.RecheckAfter), Priority: cmp.Or(c.Priority, PriorityLow),
		BatchSize:     withDefault(c.BatchSize, DefaultBatchSize),
		MaxConcurrent: withDefault(c.MaxConcurrent, DefaultMaxConcurrent),
		RetryAttempts: withDefault(c.RetryAttempts, DefaultRetryAttempts),
	}
	var es Errors
	es = collect(es, setBudget(&spec, c.BudgetPerDay))
	startAt, now := c.StartAt, s.now()
	if !startAt.IsZero() && startAt.Before(now.Add(-startsNow)) {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "startAt"), "startAt is over: want a time in the future, or leave it out for now"))
	}
	if startAt.IsZero() || startAt.Before(now) {
		startAt = now
	}
	if startAt.Sub(now) > maxScheduleStart {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "startAt"), "startAt lies too far ahead: want at most ten years"))
	}
	spec, err := s.checkSchedule(spec)
	if es = collect(es, err); len(es) > 0 {
		return Schedule{}, es
	}
	return s.store.CreateSchedule(ctx, spec, startAt)
}

// UpdateSchedule changes a schedule; jobs that run are left alone. The same user errors as CreateSchedule.
func (s *Service) UpdateSchedule(ctx context.Context, id uuid.UUID, c ChangeSchedule) (Schedule, error) {
	return s.store.UpdateSchedule(ctx, id, func(spec ScheduleSpec) (ScheduleSpec, error) {
		var es Errors
		if c.Name != nil {
			spec.Name = strings.TrimSpace(*c.Name)
		}
		if c.Platforms != nil {
			spec.Platforms = c.Platforms
		}
		if c.Filter != nil {
			spec.Filter = *c.Filter
		}
		if c.Every != nil {
			spec.Every = wholeSeconds(*c.Every)
		}
		if c.BudgetPerDay != nil {
			es = collect(es, setBudget(&spec, *c.BudgetPerDay))
		}
		if c.RecheckAfter != nil {
			spec.RecheckAfter = wholeSeconds(*c.RecheckAfter)
		}
		if c.Priority != nil {
			spec.Priority = *c.Priority
		}
		spec, err := s.checkSchedule(spec)
		return spec, collect(es, err).orNil()
	})
}

func wholeSeconds(d time.Duration) time.Duration {
	if d <= 0 {
		return d
	}
	return (d + time.Second - 1).Truncate(time.Second)
}

func setBudget(spec *ScheduleSpec, budget *int64) error {
	if budget == nil {
		spec.BudgetPerDay = 0
		return nil
	}
	spec.BudgetPerDay = *budget
	if *budget < 1 {
		return Errorf(CodeInvalidInput, pathTo("input", "budgetPerDay"), "budgetPerDay is %d: want 1 or more, or none", *budget)
	}
	return nil
}

// checkSchedule returns the spec in its normal form, or all that is out of bounds.
func (s *Service) checkSchedule(spec ScheduleSpec) (ScheduleSpec, error) {
	var es Errors
	es = collect(es, checkTitle(spec.Name, pathTo("input", "name")))
	if spec.Every < MinScheduleEvery || spec.Every > MaxScheduleEvery {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "every"), "every is out of bounds: want PT1M to P1Y"))
	}
	if spec.RecheckAfter < 0 {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "recheckAfter"), "recheckAfter is less than no time: want more than P0D"))
	}
	es = collect(es, within("batchSize", spec.BatchSize, 1, MaxBatchSize))
	es = collect(es, within("maxConcurrent", spec.MaxConcurrent, 1, MaxConcurrentChunks))
	es = collect(es, within("retryAttempts", spec.RetryAttempts, 0, MaxRetryAttempts))
	es = collect(es, checkPriority(spec.Priority))
	var err error
	spec.Platforms, err = s.checkPlatforms(slices.Clone(spec.Platforms))
	es = collect(es, err)
	spec.Filter, err = CheckPhoneFilter(spec.Filter, "input", "filter")
	return spec, collect(es, err).orNil()
}

func checkPriority(p JobPriority) error {
	if !p.Valid() {
		return Errorf(CodeInvalidInput, pathTo("input", "priority"), "priority is %s: want LOW, NORMAL or HIGH", quoted(string(p)))
	}
	return nil
}

// PauseSchedule holds a schedule; a job of it that runs goes on. *Error INVALID_STATE when it is held already.
func (s *Service) PauseSchedule(ctx context.Context, id uuid.UUID) (Schedule, error) {
	return s.store.PauseSchedule(ctx, id)
}

// ResumeSchedule lets a held schedule go on; what it missed is not made up for. *Error INVALID_STATE unless it is held.
func (s *Service) ResumeSchedule(ctx context.Context, id uuid.UUID) (Schedule, error) {
	return s.store.ResumeSchedule(ctx, id)
}

// RunSchedule starts a job of a schedule now, within its budget. The next one is due an interval later.
func (s *Service) RunSchedule(ctx context.Context, id uuid.UUID) (ScheduleRun, error) {
	run, err := s.store.RunSchedule(ctx, id)
	if err == nil && run.Job != nil {
		s.notify.JobChanged(run.Job.ID)
	}
	return run, err
}

// DeleteSchedule removes a schedule; its jobs stay.
func (s *Service) DeleteSchedule(ctx context.Context, id uuid.UUID) error {
	return s.store.DeleteSchedule(ctx, id)
}
