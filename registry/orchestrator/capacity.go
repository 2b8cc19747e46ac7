package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// free returns how many more chunks each platform can take whose jobs have work. Streams hand chunks out in the order in
// which they came: what lies there waits behind all that came before, whichever job it is of. So no more is published
// than workers can hold at once. What waits, waits in the ledger, where the next chunk can still be of any job.
//
// A chunk takes its place until its worker has acknowledged it; results that wait to be applied take none.
func (o *Orchestrator) free(ctx context.Context) (map[registry.Platform]int, error) {
	platforms, err := o.Ledger.OpenPlatforms(ctx)
	if err != nil {
		return nil, err
	}
	free := make(map[registry.Platform]int, len(platforms))
	for _, p := range platforms {
		consumer, err := o.workConsumer(ctx, p)
		if err != nil {
			return nil, err
		}
		info := consumer.CachedInfo()
		if n := o.slots(p) - int(info.NumPending) - info.NumAckPending; n > 0 {
			free[p] = n
		}
	}
	return free, nil
}

// slots is how many chunks the workers of a platform hold at once.
func (o *Orchestrator) slots(p registry.Platform) int {
	if o.Capacity != nil {
		if slots, known := o.Capacity(p); known && slots > 0 {
			return slots
		}
	}
	return o.Slots
}

// workConsumer returns the consumer of a platform's work stream with its state as of now, made anew when it is missing.
func (o *Orchestrator) workConsumer(ctx context.Context, p registry.Platform) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	consumer, err := o.js.Consumer(ctx, bus.WorkStream(string(p)), bus.WorkConsumer)
	if errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound) {
		consumer, err = bus.EnsureWork(ctx, o.js, string(p), o.Streams)
	}
	if err != nil {
		return nil, fmt.Errorf("consumer of %s: %w", p, err)
	}
	return consumer, nil
}
