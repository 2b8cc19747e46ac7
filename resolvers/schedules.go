package resolvers

import (
	"context"
	"errors"

	"phoneregistry/graph/model"
	"phoneregistry/internal/live"
)

// ValidationSchedule is not built yet.
func (r query) ValidationSchedule(ctx context.Context, id string) (*model.ValidationSchedule, error) {
	return nil, errors.ErrUnsupported
}

// ValidationSchedules is not built yet.
func (r query) ValidationSchedules(ctx context.Context, first *int, after *string) (*model.ValidationScheduleConnection, error) {
	return nil, errors.ErrUnsupported
}

// CreateValidationSchedule is not built yet.
func (r mutation) CreateValidationSchedule(ctx context.Context, input model.CreateValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	return nil, errors.ErrUnsupported
}

// UpdateValidationSchedule is not built yet.
func (r mutation) UpdateValidationSchedule(ctx context.Context, input model.UpdateValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	return nil, errors.ErrUnsupported
}

// PauseValidationSchedule is not built yet.
func (r mutation) PauseValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	return nil, errors.ErrUnsupported
}

// ResumeValidationSchedule is not built yet.
func (r mutation) ResumeValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.ValidationSchedulePayload, error) {
	return nil, errors.ErrUnsupported
}

// RunValidationSchedule is not built yet.
func (r mutation) RunValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.RunValidationSchedulePayload, error) {
	return nil, errors.ErrUnsupported
}

// DeleteValidationSchedule is not built yet.
func (r mutation) DeleteValidationSchedule(ctx context.Context, input model.ValidationScheduleInput) (*model.DeleteValidationSchedulePayload, error) {
	return nil, errors.ErrUnsupported
}

// Jobs is not built yet.
func (r validationSchedule) Jobs(ctx context.Context, obj *model.ValidationSchedule, first *int, after *string) (*model.ValidationJobConnection, error) {
	return nil, errors.ErrUnsupported
}

// Priority is not built yet.
func (r validationJob) Priority(ctx context.Context, obj *model.ValidationJob) (model.JobPriority, error) {
	return "", errors.ErrUnsupported
}

// Skipped is not built yet.
func (r validationJob) Skipped(ctx context.Context, obj *model.ValidationJob) (int64, error) {
	return 0, errors.ErrUnsupported
}

// ClientKey is not built yet.
func (r validationJob) ClientKey(ctx context.Context, obj *model.ValidationJob) (*string, error) {
	return nil, errors.ErrUnsupported
}

// Schedule is not built yet.
func (r validationJob) Schedule(ctx context.Context, obj *model.ValidationJob) (*model.ValidationSchedule, error) {
	return nil, errors.ErrUnsupported
}

// Skipped is not built yet.
func (r jobProgress) Skipped(ctx context.Context, obj *live.JobProgress) (int64, error) {
	return 0, errors.ErrUnsupported
}
