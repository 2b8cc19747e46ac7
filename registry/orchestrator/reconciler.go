package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// reconcile finds what got lost between the ledger and the broker and makes it pending again, so that the relay
// publishes it under a new epoch:
//
//   - a claim that ran out: its relay died;
//   - a chunk beyond the end of its stream: the stream was lost and made anew;
//   - a chunk past its deadline that is not in its stream any more, although no result waits to be applied: its result
//     was lost, or the message.
//
// A chunk that is still in its stream waits for a worker or is with one. Its lease is extended, however long that
// takes: publishing it again would only make the queue longer. Whatever the reconciler gets wrong costs a second check,
// never a second effect.
func (o *Orchestrator) reconcile(ctx context.Context) error {
	for ctx.Err() == nil {
		returned, err := o.reconcileRound(ctx)
		if returned > 0 {
			o.wakeRelay.Give()
		}
		if err != nil {
			return err
		}
		o.wakeReconciler.Wait(ctx, o.Reconcile)
	}
	return nil
}

// reconcileRound looks once and returns how many chunks it made pending again.
func (o *Orchestrator) reconcileRound(ctx context.Context) (int64, error) {
	claims, err := o.Ledger.ReturnClaims(ctx)
	if err != nil {
		return 0, err
	}
	o.returned("claim", claims)
	// A worker that found a stream missing has made it with settings of its own.
	if err := o.ensureStreams(ctx); err != nil {
		o.Logger.Warn("streams are not as they should be", "error", err)
	}
	reset, err := o.returnBeyondEnd(ctx)
	if err != nil {
		return claims + reset, err
	}
	lost, err := o.returnLost(ctx)
	return claims + reset + lost, errors.Join(err, o.observe(ctx))
}

func (o *Orchestrator) returned(reason string, chunks int64) {
	if chunks > 0 {
		o.Logger.Warn("chunks are published again", "chunks", chunks, "reason", reason)
		o.metrics.returned.WithLabelValues(reason).Add(float64(chunks))
	}
}

// returnBeyondEnd compares the last sequences in the ledger with the ends of the streams, which are read afterwards
// and so lie behind them unless a stream was made anew.
func (o *Orchestrator) returnBeyondEnd(ctx context.Context) (returned int64, err error) {
	published, err := o.Ledger.LastPublished(ctx)
	if err != nil {
		return 0, err
	}
	for platform, last := range published {
		stream, err := o.stream(ctx, platform)
		if err != nil {
			return returned, err
		}
		end := stream.CachedInfo().State.LastSeq
		if end >= last {
			continue
		}
		n, err := o.Ledger.ReturnPublished(ctx, platform, end, last)
		if err != nil {
			return returned, err
		}
		o.returned("stream", n)
		returned += n
	}
	return returned, nil
}

// stream returns the work stream of a platform with its state as of now, made anew when it is missing.
func (o *Orchestrator) stream(ctx context.Context, p registry.Platform) (jetstream.Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	name := bus.WorkStream(string(p))
	stream, err := o.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err := bus.EnsureWork(ctx, o.js, string(p), o.Streams); err != nil {
			return nil, err
		}
		stream, err = o.js.Stream(ctx, name)
	}
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", name, err)
	}
	return stream, nil
}

const (
	overdueAtOnce = 500
	// maxLeases is how many leases a chunk may stay out whose message is gone while results wait to be applied, of
	// which one may be its own.
	maxLeases = 10
	// maxEpochs is how often a chunk is published at most: what every worker throws away would else be asked for ever.
	maxEpochs = 100
)

// reasonLost is the reason of the failures of a chunk that was published so often.
const reasonLost = "no worker gave an answer, however often it was asked"

// returnLost looks after the chunks past their deadline.
func (o *Orchestrator) returnLost(ctx context.Context) (int64, error) {
	overdue, err := o.Ledger.OverdueChunks(ctx, overdueAtOnce)
	if err != nil || len(overdue) == 0 {
		return 0, err
	}
	waiting, err := o.resultsWaiting(ctx)
	if err != nil {
		return 0, err
	}
	var lost, alive, hopeless []registry.PublishedChunk
	streams := map[registry.Platform]jetstream.Stream{}
	for _, c := range overdue {
		if streams[c.Platform] == nil {
			if streams[c.Platform], err = o.stream(ctx, c.Platform); err != nil {
				return 0, err
			}
		}
		there, err := holds(ctx, streams[c.Platform], c.PublishedChunk)
		switch {
		case err != nil:
			return 0, err
		case there, waiting && o.Now().Sub(c.PublishedAt) < maxLeases*o.Lease:
			alive = append(alive, c.PublishedChunk)
		case c.Epoch >= maxEpochs:
			hopeless = append(hopeless, c.PublishedChunk)
		default:
			lost = append(lost, c.PublishedChunk)
		}
	}
	if len(alive) > 0 {
		if err := o.Ledger.ExtendChunks(ctx, alive, o.Lease); err != nil {
			return 0, err
		}
	}
	if err := o.abandon(ctx, hopeless); err != nil || len(lost) == 0 {
		return 0, err
	}
	n, err := o.Ledger.ReturnChunks(ctx, lost)
	o.returned("lost", n)
	return n, err
}

// abandon settles chunks as failed that got lost too often, so that their jobs can end.
func (o *Orchestrator) abandon(ctx context.Context, chunks []registry.PublishedChunk) error {
	if len(chunks) == 0 {
		return nil
	}
	results := make([]registry.ChunkResult, len(chunks))
	for i, c := range chunks {
		results[i] = registry.ChunkResult{ChunkKey: c.ChunkKey, Epoch: c.Epoch, GiveUp: reasonLost}
	}
	applied, err := o.Ledger.ApplyResults(ctx, o.Model, results)
	if err != nil {
		return fmt.Errorf("give up chunks: %w", err)
	}
	o.Logger.Error("chunks got lost too often, they are settled as failed", "chunks", len(chunks), "times", maxEpochs)
	o.tell(applied)
	return nil
}

// holds reports whether a chunk's message is in the stream. It leaves the stream when a worker has acknowledged it,
// which it does after it has published the result. The message id tells it from what a stream that was made anew has in
// its place.
func holds(ctx context.Context, stream jetstream.Stream, c registry.PublishedChunk) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	message, err := stream.GetMsg(ctx, c.StreamSeq)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for a chunk: %w", err)
	}
	id := bus.Chunk{JobID: c.Job.String(), Platform: string(c.Platform), ChunkNo: c.No, Epoch: c.Epoch}.MessageID()
	return message.Header.Get(nats.MsgIdHdr) == id, nil
}

// resultsWaiting reports whether there are results that have not been applied.
func (o *Orchestrator) resultsWaiting(ctx context.Context) (bool, error) {
	state, err := o.results(ctx)
	return state.Msgs > 0, err
}

// results returns the state of the stream of results, which is made anew when it is missing.
func (o *Orchestrator) results(ctx context.Context) (jetstream.StreamState, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	stream, err := o.js.Stream(ctx, bus.ResultStream)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		_, err = bus.EnsureResults(ctx, o.js, o.Streams)
		return jetstream.StreamState{}, err
	}
	if err != nil {
		return jetstream.StreamState{}, fmt.Errorf("stream %s: %w", bus.ResultStream, err)
	}
	return stream.CachedInfo().State, nil
}

// observe updates the gauges.
func (o *Orchestrator) observe(ctx context.Context) error {
	ledger, err := o.Ledger.LedgerState(ctx)
	if err != nil {
		return err
	}
	for _, s := range ledger {
		o.metrics.chunks.WithLabelValues(string(s.Platform), "pending").Set(float64(s.Pending))
		o.metrics.chunks.WithLabelValues(string(s.Platform), "out").Set(float64(s.Out))
	}
	results, err := o.results(ctx)
	if err != nil {
		return err
	}
	oldest := time.Duration(0)
	if results.Msgs > 0 {
		oldest = max(o.Now().Sub(results.FirstTime), 0)
	}
	o.metrics.oldest.Set(oldest.Seconds())
	return nil
}
