package resolvers

import (
	"context"
	"time"

	"github.com/google/uuid"

	"phoneregistry/graph/model"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// ValidationSchedule finds a standing schedule.
func (q query) ValidationSchedule(ctx context.Context, id string) (*model.ValidationSchedule, error) {
	return orNull(q.scheduleByID(ctx, id))
}

// scheduleByID returns registry.ErrNotFound also for what is no id of a schedule.
func (r *Resolver) scheduleByID(ctx context.Context, id string) (*model.ValidationSchedule, error) {
	key, err := parseID(model.KindSchedule, id)
	if err != nil {
		return nil, err
	}
	s, err := r.service.Schedule(ctx, key)
	if err != nil {
		return nil, err
	}
	return model.NewValidationSchedules(s)[0], nil
}

// ValidationSchedules pages through the standing schedules, by name.
func (q query) ValidationSchedules(ctx context.Context, first *int, after *string) (*model.ValidationScheduleConnection, error) {
	l := q.list("schedules")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	request.Fields = asked(ctx, "ValidationSchedule")
	page, err := q.service.Schedules(ctx, request)
	if err != nil {
		return nil, err
	}
	nodes := model.NewValidationSchedules(page.Items...)
	return &model.ValidationScheduleConnection{Connection: connect(l, page, nodes, request, q.service.CountSchedules)}, nil
}

// Jobs pages through the jobs of a schedule, newest first.
func (r validationSchedule) Jobs(ctx context.Context, obj *model.ValidationSchedule, first *int, after *string,
) (*model.ValidationJobConnection, error) {
	jobs := nested[uuid.UUID, registry.Job, *model.ValidationJob]{
		pages: &obj.Siblings.Jobs, keys: obj.Siblings.IDs, what: "ValidationJob", load: r.service.JobsOfSchedules, count: r.service.CountJobsOfSchedules,
		list: func(id uuid.UUID) list { return r.list("jobs/" + opaque.UUID(model.KindSchedule, id)) },
		nodes: func() func([]registry.Job) []*model.ValidationJob {
			siblings := &model.ValidationJobs{}
			_, _ = siblings.Schedule.Get(func() (map[uuid.UUID]*model.ValidationSchedule, error) { return obj.Siblings.ByID, nil })
			return siblings.Add
		},
	}
	page, err := jobs.of(ctx, obj.Schedule.ID, first, after)
	return &model.ValidationJobConnection{Connection: page}, err
}

// CreateValidationSchedule makes a standing schedule.
func (m mutation) CreateValidationSchedule(ctx context.Context, input model.CreateValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	if err := checkConditions(ctx, input.Filter, "input", "filter"); err != nil {
		return schedulePayload(registry.Schedule{}, err)
	}
	return schedulePayload(m.service.CreateSchedule(ctx, registry.CreateSchedule{
		Name: input.Name, Platforms: input.Platforms, Filter: deref(input.Filter), Every: input.Every,
		StartAt: deref(input.StartAt.Value()), BudgetPerDay: input.BudgetPerDay.Value(),
		RecheckAfter: deref(input.RecheckAfter.Value()), Priority: deref(input.Priority.Value()),
		BatchSize: input.BatchSize.Value(), MaxConcurrent: input.MaxConcurrent.Value(), RetryAttempts: input.RetryAttempts.Value(),
	}))
}

// UpdateValidationSchedule changes a schedule. Only a limit can be taken away by null; of the rest null changes nothing.
func (m mutation) UpdateValidationSchedule(ctx context.Context, input model.UpdateValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	if err := checkConditions(ctx, input.Filter.Value(), "input", "filter"); err != nil {
		return schedulePayload(registry.Schedule{}, err)
	}
	change := registry.ChangeSchedule{
		Name: input.Name.Value(), Platforms: input.Platforms.Value(), Filter: input.Filter.Value(), Every: input.Every.Value(),
		RecheckAfter: input.RecheckAfter.Value(), Priority: input.Priority.Value(),
	}
	if budget, given := input.BudgetPerDay.ValueOK(); given {
		change.BudgetPerDay = &budget
	}
	if age, given := input.RecheckAfter.ValueOK(); given && age == nil {
		change.RecheckAfter = new(time.Duration)
	}
	return changeSchedule(ctx, input.ID, func(ctx context.Context, id uuid.UUID) (registry.Schedule, error) {
		return m.service.UpdateSchedule(ctx, id, change)
	})
}

// PauseValidationSchedule holds a schedule.
func (m mutation) PauseValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	return changeSchedule(ctx, input.ID, m.service.PauseSchedule)
}

// ResumeValidationSchedule lets a held schedule go on.
func (m mutation) ResumeValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	return changeSchedule(ctx, input.ID, m.service.ResumeSchedule)
}

// RunValidationSchedule starts a job of a schedule now.
func (m mutation) RunValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.RunValidationSchedulePayload, error) {
	key, err := parseID(model.KindSchedule, input.ID)
	var run registry.ScheduleRun
	if err == nil {
		run, err = m.service.RunSchedule(ctx, key)
	}
	payload := &model.RunValidationSchedulePayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Schedule = model.NewValidationSchedules(run.Schedule)[0]
	if run.Job != nil {
		payload.Job = model.NewValidationJobs(*run.Job)[0]
	}
	return payload, nil
}

// DeleteValidationSchedule removes a schedule.
func (m mutation) DeleteValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.DeleteValidationSchedulePayload, error) {
	key, err := parseID(model.KindSchedule, input.ID)
	if err == nil {
		err = m.service.DeleteSchedule(ctx, key)
	}
	payload := &model.DeleteValidationSchedulePayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.DeletedID = &input.ID
	return payload, nil
}

func changeSchedule(ctx context.Context, id string, change func(context.Context, uuid.UUID) (registry.Schedule, error),
) (*model.ValidationSchedulePayload, error) {
	key, err := parseID(model.KindSchedule, id)
	if err != nil {
		return schedulePayload(registry.Schedule{}, err)
	}
	return schedulePayload(change(ctx, key))
}

func schedulePayload(s registry.Schedule, err error) (*model.ValidationSchedulePayload, error) {
	payload := &model.ValidationSchedulePayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Schedule = model.NewValidationSchedules(s)[0]
	return payload, nil
}
