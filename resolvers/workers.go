package resolvers

import (
	"context"
	"errors"

	"phoneregistry/graph/model"
)

// Workers is not built yet.
func (r query) Workers(ctx context.Context) ([]model.Worker, error) {
	return nil, errors.ErrUnsupported
}

// Workers is not built yet.
func (r platformInfo) Workers(ctx context.Context, obj *model.PlatformInfo) ([]model.PlatformWorker, error) {
	return nil, errors.ErrUnsupported
}

// RatePerSecond is not built yet.
func (r platformInfo) RatePerSecond(ctx context.Context, obj *model.PlatformInfo) (float64, error) {
	return 0, errors.ErrUnsupported
}

// Breaker is not built yet.
func (r platformInfo) Breaker(ctx context.Context, obj *model.PlatformInfo) (*model.BreakerState, error) {
	return nil, errors.ErrUnsupported
}

// Quotas is not built yet.
func (r platformInfo) Quotas(ctx context.Context, obj *model.PlatformInfo) ([]model.PlatformQuota, error) {
	return nil, errors.ErrUnsupported
}

// ChunksPending is not built yet.
func (r platformInfo) ChunksPending(ctx context.Context, obj *model.PlatformInfo) (int64, error) {
	return 0, errors.ErrUnsupported
}

// ChunksOut is not built yet.
func (r platformInfo) ChunksOut(ctx context.Context, obj *model.PlatformInfo) (int64, error) {
	return 0, errors.ErrUnsupported
}
