package resolvers

import (
	"context"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// Workers lists the workers that were heard of lately.
func (q query) Workers(ctx context.Context) ([]registry.Worker, error) {
	return q.service.Workers(ctx), nil
}

// Workers tells what each worker does on the platform.
func (r platformInfo) Workers(ctx context.Context, obj *model.PlatformInfo) ([]model.PlatformWorker, error) {
	all := []model.PlatformWorker{}
	for _, w := range r.fleet(ctx, obj) {
		for i := range w.Platforms {
			if w.Platforms[i].Platform == obj.Platform {
				all = append(all, model.PlatformWorker{WorkerID: w.ID, WorkerName: w.Name, State: &w.Platforms[i]})
			}
		}
	}
	return all, nil
}

// RatePerSecond is how much all workers of the platform do.
func (r platformInfo) RatePerSecond(ctx context.Context, obj *model.PlatformInfo) (float64, error) {
	return r.on(ctx, obj).RatePerSecond(), nil
}

// Breaker is the worst state of their breakers; null when there are no workers.
func (r platformInfo) Breaker(ctx context.Context, obj *model.PlatformInfo) (*registry.BreakerState, error) {
	state := r.on(ctx, obj).Breaker()
	if state == "" {
		return nil, nil //nolint:nilnil // null is the answer
	}
	return &state, nil
}

// Quotas tells what may be asked of the platform.
func (r platformInfo) Quotas(ctx context.Context, obj *model.PlatformInfo) ([]registry.PlatformQuota, error) {
	return r.on(ctx, obj).Quotas(), nil
}

// ChunksPending is how many chunks wait in the ledger.
func (r platformInfo) ChunksPending(ctx context.Context, obj *model.PlatformInfo) (int64, error) {
	state, err := r.ledger(ctx, obj)
	return state.Pending, err
}

// ChunksOut is how many chunks are with workers or on their way.
func (r platformInfo) ChunksOut(ctx context.Context, obj *model.PlatformInfo) (int64, error) {
	state, err := r.ledger(ctx, obj)
	return state.Out, err
}

// fleet returns the workers, the same ones for all fields of a list.
func (r platformInfo) fleet(ctx context.Context, obj *model.PlatformInfo) []registry.Worker {
	all, _ := obj.Siblings.Workers.Get(func() ([]registry.Worker, error) { return r.service.Workers(ctx), nil })
	return all
}

// on returns what the workers do on the platform.
func (r platformInfo) on(ctx context.Context, obj *model.PlatformInfo) registry.WorkersOn {
	var on registry.WorkersOn
	for _, w := range r.fleet(ctx, obj) {
		for i := range w.Platforms {
			if w.Platforms[i].Platform == obj.Platform {
				on = append(on, w.Platforms[i])
			}
		}
	}
	return on
}

func (r platformInfo) ledger(ctx context.Context, obj *model.PlatformInfo) (registry.LedgerState, error) {
	by, err := obj.Siblings.Ledger.Get(func() (map[registry.Platform]registry.LedgerState, error) { return r.service.Ledger(ctx) })
	return by[obj.Platform], err
}
