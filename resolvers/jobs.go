package resolvers

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"phoneregistry/graph/model"
	"phoneregistry/internal/live"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// ValidationJob finds a job.
func (q query) ValidationJob(ctx context.Context, id string) (*model.ValidationJob, error) {
	return orNull(q.jobByID(ctx, id))
}

// jobByID returns registry.ErrNotFound also for what is no id of a job.
func (r *Resolver) jobByID(ctx context.Context, id string) (*model.ValidationJob, error) {
	key, err := parseID(model.KindJob, id)
	if err != nil {
		return nil, err
	}
	job, err := r.service.Job(ctx, key)
	if err != nil {
		return nil, err
	}
	return model.NewValidationJobs(job)[0], nil
}

func parseID(kind, id string) (uuid.UUID, error) {
	key, err := opaque.ParseUUID(kind, id)
	if err != nil {
		return uuid.UUID{}, registry.ErrNotFound // nothing has such an id
	}
	return key, nil
}

// ValidationJobs pages through the jobs, newest first.
func (q query) ValidationJobs(ctx context.Context, filter *registry.JobFilter, first *int, after *string,
) (*model.ValidationJobConnection, error) {
	f, l := deref(filter), q.list("jobs")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	request.Fields = asked(ctx, "ValidationJob")
	page, err := q.service.Jobs(ctx, f, request)
	if err != nil {
		return nil, err
	}
	nodes := model.NewValidationJobs(page.Items...)
	return &model.ValidationJobConnection{Connection: connect(l, page, nodes, request, func(ctx context.Context) (int64, error) {
		return q.service.CountJobs(ctx, f)
	})}, nil
}

// Schedule is the standing schedule that started the job, if one did.
func (r validationJob) Schedule(ctx context.Context, obj *model.ValidationJob) (*model.ValidationSchedule, error) {
	if obj.Job.Schedule == uuid.Nil {
		return nil, nil //nolint:nilnil // null is the answer
	}
	schedules, err := obj.Siblings.Schedule.Get(func() (map[uuid.UUID]*model.ValidationSchedule, error) {
		found, err := r.service.SchedulesByID(ctx, obj.Siblings.Owners, asked(ctx, "ValidationSchedule")...)
		if err != nil {
			return nil, err
		}
		wrapped := model.NewValidationSchedules(slices.Collect(maps.Values(found))...)
		if len(wrapped) == 0 {
			return nil, nil //nolint:nilnil // there is none
		}
		return wrapped[0].Siblings.ByID, nil
	})
	return schedules[obj.Job.Schedule], err
}

// Progress is what each platform has done for a job.
func (r validationJob) Progress(ctx context.Context, obj *model.ValidationJob) ([]registry.PlatformCount, error) {
	counts, err := obj.Siblings.Progress.Get(func() (map[uuid.UUID][]registry.PlatformCount, error) {
		return r.service.JobPlatforms(ctx, obj.Siblings.IDs)
	})
	return counts[obj.Job.ID], err
}

// Failures pages through the checks of a job that did not get an answer.
func (r validationJob) Failures(ctx context.Context, obj *model.ValidationJob, first *int, after *string,
) (*model.ValidationFailureConnection, error) {
	failures := nested[uuid.UUID, registry.JobFailure, *model.ValidationFailure]{
		pages: &obj.Siblings.Failures, keys: obj.Siblings.IDs, what: "ValidationFailure", load: r.service.JobFailures, count: r.service.CountJobFailures,
		list:  func(id uuid.UUID) list { return r.list("failures/" + opaque.UUID(model.KindJob, id)) },
		nodes: each(func(f registry.JobFailure) *model.ValidationFailure { return &model.ValidationFailure{JobFailure: f} }),
	}
	page, err := failures.of(ctx, obj.Job.ID, first, after)
	return &model.ValidationFailureConnection{Connection: page}, err
}

// StartValidationJob starts a job.
func (m mutation) StartValidationJob(ctx context.Context, input model.StartValidationJobInput) (*model.StartValidationJobPayload, error) {
	payload := &model.StartValidationJobPayload{}
	job, err := startJob(input)
	if err == nil {
		err = checkConditions(ctx, job.Target.Filter, "input", "target", "filter")
	}
	var result registry.StartJobResult
	if err == nil {
		result, err = m.service.StartJob(ctx, job)
	}
	payload.SkippedCount = result.SkippedCount
	payload.Skipped = append([]registry.SkippedNumber{}, result.Skipped...)
	if payload.UserErrors, err = userErrors(err, "input"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Job, payload.Created = model.NewValidationJobs(result.Job)[0], result.Created
	return payload, nil
}

func startJob(input model.StartValidationJobInput) (registry.StartJob, error) {
	target, err := jobTarget(*input.Target)
	return registry.StartJob{
		Name: input.Name, Platforms: input.Platforms, Target: target,
		BatchSize: input.BatchSize.Value(), MaxConcurrent: input.MaxConcurrent.Value(),
		RetryAttempts: input.RetryAttempts.Value(), RecheckAfter: deref(input.RecheckAfter.Value()),
		Priority: deref(input.Priority.Value()), ClientKey: input.ClientKey.Value(),
	}, err
}

// jobTarget checks that exactly one kind of target is given: gqlparser looks at @oneOf only where the input is
// written out in the operation, not in variables.
func jobTarget(input model.ValidationTarget) (registry.TargetInput, error) {
	var target registry.TargetInput
	given := 0
	if numbers := input.Numbers.Value(); numbers != nil {
		given++
		target.Numbers = numbers
	}
	if ids := input.CustomerIds.Value(); ids != nil {
		given++
		target.CustomerIDs = ids
	}
	if filter := input.Filter.Value(); filter != nil {
		given++
		target.Filter = filter
	}
	if id := input.ImportID.Value(); id != nil {
		given++
		key, err := opaque.ParseUUID(model.KindImport, *id)
		if err != nil {
			return target, registry.Errorf(registry.CodeNotFound, []string{"input", "target", "importId"},
				"there is no import with this id")
		}
		target.ImportID = &key
	}
	if given != 1 {
		return target, registry.Errorf(registry.CodeInvalidInput, []string{"input", "target"},
			"the target names %d of numbers, customerIds, filter and importId: want exactly one", given)
	}
	return target, nil
}

// PauseValidationJob holds a job.
func (m mutation) PauseValidationJob(ctx context.Context, input model.ValidationJobInput) (*model.ValidationJobPayload, error) {
	return changeJob(ctx, input, m.service.PauseJob)
}

// ResumeValidationJob lets a held job go on.
func (m mutation) ResumeValidationJob(ctx context.Context, input model.ValidationJobInput) (*model.ValidationJobPayload, error) {
	return changeJob(ctx, input, m.service.ResumeJob)
}

// CancelValidationJob stops a job for good.
func (m mutation) CancelValidationJob(ctx context.Context, input model.ValidationJobInput) (*model.ValidationJobPayload, error) {
	return changeJob(ctx, input, m.service.CancelJob)
}

// RetryValidationJob checks again what failed in a finished job.
func (m mutation) RetryValidationJob(ctx context.Context, input model.ValidationJobInput) (*model.ValidationJobPayload, error) {
	return changeJob(ctx, input, m.service.RetryJob)
}

func changeJob(ctx context.Context, input model.ValidationJobInput, change func(context.Context, uuid.UUID) (registry.Job, error),
) (*model.ValidationJobPayload, error) {
	key, err := parseID(model.KindJob, input.ID)
	var job registry.Job
	if err == nil {
		job, err = change(ctx, key)
	}
	payload := &model.ValidationJobPayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Job = model.NewValidationJobs(job)[0]
	return payload, nil
}

// ValidationJobProgress sends the progress of a job.
func (s subscription) ValidationJobProgress(ctx context.Context, id string) (<-chan *live.JobProgress, error) {
	key, err := parseID(model.KindJob, id)
	if err != nil {
		return nil, notFound(err, "job")
	}
	states, err := s.live.JobProgress(ctx, key)
	return states, notFound(err, "job")
}

// Job is the job in the state that the progress tells of.
func (r jobProgress) Job(_ context.Context, obj *live.JobProgress) (*model.ValidationJob, error) {
	job := model.NewValidationJobs(obj.Job)[0]
	_, err := job.Siblings.Progress.Get(func() (map[uuid.UUID][]registry.PlatformCount, error) {
		return map[uuid.UUID][]registry.PlatformCount{obj.Job.ID: obj.Platforms}, nil
	})
	return job, err
}
