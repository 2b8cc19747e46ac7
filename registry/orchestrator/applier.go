package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// pending is a result that was read and is neither applied nor given back.
type pending struct {
	message jetstream.Msg
	result  registry.ChunkResult
	bytes   int // of the message
}

const (
	fetchAtOnce = 32          // messages asked for in one pull
	fetchFor    = time.Second // how long a pull waits at the server
)

// apply takes results in. One goroutine pulls and decodes them, one gathers them, and Config.Appliers apply what was
// gathered while they were at the last batch: batches grow with the load. While one waits for the database to write or
// to commit another one works. A result is acknowledged after its transaction has been committed; when that fails
// everything that was pulled is given back, to come again after a while, and nothing more is pulled until the loop
// starts again.
func (o *Orchestrator) apply(ctx context.Context) error {
	consumer, err := o.ensureResults(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	decoded := make(chan pending)
	batches := make(chan []pending)
	var stages sync.WaitGroup
	stages.Go(func() {
		defer close(decoded)
		if err := o.pull(ctx, consumer, decoded); err != nil {
			cancel(err)
		}
	})
	stages.Go(func() {
		defer close(batches)
		o.gather(ctx, decoded, batches)
	})
	for range o.Appliers {
		stages.Go(func() {
			for batch := range batches {
				if err := o.applyBatch(ctx, batch); err != nil {
					cancel(err)
				}
			}
		})
	}
	stages.Wait()
	return context.Cause(ctx)
}

func (o *Orchestrator) ensureResults(ctx context.Context) (jetstream.Consumer, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	return bus.EnsureResults(ctx, o.js, o.Streams)
}

// pull reads results until ctx ends.
func (o *Orchestrator) pull(ctx context.Context, consumer jetstream.Consumer, decoded chan<- pending) error {
	for ctx.Err() == nil {
		fetched, err := consumer.Fetch(fetchAtOnce, jetstream.FetchMaxWait(fetchFor))
		if err != nil {
			return fmt.Errorf("pull results: %w", err)
		}
		for message := range fetched.Messages() {
			p, ok := o.decode(message)
			if !ok {
				continue
			}
			select {
			case decoded <- p:
			case <-ctx.Done():
				o.giveBack([]pending{p})
			}
		}
		if err := fetched.Error(); err != nil && !errors.Is(err, jetstream.ErrNoMessages) && ctx.Err() == nil {
			return fmt.Errorf("pull results: %w", err)
		}
	}
	return nil
}

// decode reads a result. One that cannot be read is not worth keeping: its chunk is refused when the message tells
// which that is, else the reconciler finds that its result is missing.
func (o *Orchestrator) decode(message jetstream.Msg) (pending, bool) {
	result, err := bus.DecodeResult(message.Data())
	if errors.Is(err, bus.ErrVersion) {
		o.Logger.Error("a result is of a newer version: upgrade this server", "subject", message.Subject())
		o.metrics.results.WithLabelValues("too_new").Inc()
		o.warn(message.NakWithDelay(time.Minute))
		return pending{}, false
	}
	if err == nil {
		var chunk registry.ChunkResult
		if chunk, err = chunkResult(result); err == nil {
			return pending{message, chunk, len(message.Data())}, true
		}
	}
	if key, ok := chunkOf(message); ok {
		o.Logger.Error("a result does not keep the rules of its message", "job_id", key.Job, "platform", key.Platform, "chunk", key.No, "error", err)
		return pending{message, registry.ChunkResult{ChunkKey: key}, len(message.Data())}, true
	}
	o.Logger.Error("a result cannot be read", "subject", message.Subject(), "error", err)
	o.metrics.results.WithLabelValues("unreadable").Inc()
	o.warn(message.TermWithReason("cannot be read"))
	return pending{}, false
}

// applyBatch applies results, acknowledges them and tells who may want to know. When ctx has ended before it began it
// gives them back.
func (o *Orchestrator) applyBatch(ctx context.Context, batch []pending) error {
	if ctx.Err() != nil {
		o.giveBack(batch)
		return nil
	}
	late, cancel := o.graceful(ctx)
	defer cancel()
	started := time.Now()
	results := make([]registry.ChunkResult, len(batch))
	for i, p := range batch {
		results[i] = p.result
	}
	applied, err := o.Ledger.ApplyResults(late, o.Model, results)
	if errors.Is(err, registry.ErrRejected) {
		return o.isolate(ctx, batch, err)
	}
	if err != nil {
		o.giveBack(batch)
		return fmt.Errorf("apply results: %w", err)
	}
	o.metrics.applied(applied, time.Since(started))
	for i, p := range batch {
		o.conclude(p, applied.Verdicts[i])
	}
	o.tell(applied)
	return nil
}

// tell tells who may want to know what results have changed.
func (o *Orchestrator) tell(applied registry.Applied) {
	for _, id := range applied.Jobs {
		o.Notifier.JobChanged(id)
	}
	if len(applied.Leads) > 0 {
		o.Notifier.LeadsChanged(applied.Leads)
	}
	o.wakeRelay.Give() // there is room for more
}

// isolate finds the result in a batch that the database rejects, and refuses it, so that one bad result does not hold
// up all others for ever. What a worker sends is checked before, so this is the last resort.
func (o *Orchestrator) isolate(ctx context.Context, batch []pending, cause error) error {
	if len(batch) > 1 {
		half := len(batch) / 2
		return errors.Join(o.applyBatch(ctx, batch[:half]), o.applyBatch(ctx, batch[half:]))
	}
	p := batch[0]
	if p.result.Checks == nil { // not even a refusal can be written
		o.giveBack(batch)
		return fmt.Errorf("refuse a result: %w", cause)
	}
	o.Logger.Error("the database rejects a result", "job_id", p.result.Job, "platform", p.result.Platform, "chunk", p.result.No, "error", cause)
	p.result.Checks = nil
	return o.applyBatch(ctx, []pending{p})
}

// conclude acknowledges a result that has been dealt with. When the acknowledgement is lost the result comes again and
// finds its chunk settled.
func (o *Orchestrator) conclude(p pending, v registry.Verdict) {
	log := o.Logger.With("job_id", p.result.Job, "platform", p.result.Platform, "chunk", p.result.No, "worker", p.result.Worker)
	switch v {
	case registry.ResultUnknown:
		log.Warn("a result names a chunk that does not exist")
	case registry.ResultRefused:
		log.Error("a result does not fit its chunk, which is published again")
	case registry.ResultGivenUp:
		log.Error("results of a chunk were refused too often, it is settled as failed")
	case registry.ResultLate:
		log.Debug("a result came late, its chunk is settled")
	case registry.ResultApplied:
	}
	o.warn(p.message.Ack())
}

// giveBack lets results come again after a while.
func (o *Orchestrator) giveBack(batch []pending) {
	for _, p := range batch {
		o.warn(p.message.NakWithDelay(o.Backoff))
	}
}

func (o *Orchestrator) warn(err error) {
	if err != nil {
		o.Logger.Debug("a result could not be acknowledged or given back: it will come again", "error", err)
	}
}
