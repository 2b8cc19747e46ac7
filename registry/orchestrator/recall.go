package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

// recall takes back what waits in the streams of jobs that are held or were cancelled, so that no worker begins it.
// What a worker has begun it finishes: one chunk, whose result counts when the job is held. Where recall fails, or a
// worker is faster, a chunk is checked that nobody wanted just now, and no more than that.
func (o *Orchestrator) recall(ctx context.Context) error {
	for ctx.Err() == nil {
		recalled, err := o.recallRound(ctx)
		if err != nil {
			return err
		}
		if recalled > 0 {
			o.wakeRelay.Give() // there is room for other jobs
		}
		loop.Sleep(ctx, o.Poll/paceOfPoll)
		o.wakeRecall.Wait(ctx, o.Reconcile)
	}
	return nil
}

const recallAtOnce = 1000

// recallRound looks once and returns how many messages it took back.
func (o *Orchestrator) recallRound(ctx context.Context) (recalled int, err error) {
	chunks, err := o.Ledger.RecallableChunks(ctx, recallAtOnce)
	if err != nil || len(chunks) == 0 {
		return 0, err
	}
	byPlatform := map[registry.Platform][]registry.RecallableChunk{}
	for _, c := range chunks {
		byPlatform[c.Platform] = append(byPlatform[c.Platform], c)
	}
	for p, chunks := range byPlatform {
		n, err := o.recallFrom(ctx, p, chunks)
		recalled += n
		if err != nil {
			return recalled, err
		}
	}
	return recalled, nil
}

// recallFrom deletes those of the chunks from the stream of their platform that were never handed out. Only then are they
// pending again: a server that dies in between leaves chunks that the reconciler finds to be lost.
func (o *Orchestrator) recallFrom(ctx context.Context, p registry.Platform, chunks []registry.RecallableChunk) (int, error) {
	consumer, err := o.workConsumer(ctx, p)
	if err != nil {
		return 0, err
	}
	stream, err := o.stream(ctx, p)
	if err != nil {
		return 0, err
	}
	handedOut, deleted := consumer.CachedInfo().Delivered.Stream, 0
	var back, gone []registry.PublishedChunk
	for _, c := range chunks {
		waits := false
		if c.StreamSeq > handedOut {
			if waits, err = o.unpublish(ctx, stream, c.PublishedChunk); err != nil {
				break
			}
		}
		switch {
		case c.Cancelled:
			gone = append(gone, c.PublishedChunk)
		case waits:
			back = append(back, c.PublishedChunk)
		}
		if waits {
			deleted++
		}
	}
	late, cancel := o.graceful(ctx)
	defer cancel()
	if len(gone) > 0 {
		err = errors.Join(err, o.Ledger.ForgetChunks(late, gone))
	}
	if len(back) > 0 {
		_, returnErr := o.Ledger.ReturnChunks(late, back)
		err = errors.Join(err, returnErr)
	}
	o.metrics.recalled.Add(float64(deleted))
	return deleted, err
}

// unpublish deletes the message of a chunk and reports whether it was there.
func (o *Orchestrator) unpublish(ctx context.Context, stream jetstream.Stream, c registry.PublishedChunk) (bool, error) {
	there, err := holds(ctx, stream, c)
	if err != nil || !there {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	if err := stream.DeleteMsg(ctx, c.StreamSeq); err != nil {
		if gone, lookErr := holds(ctx, stream, c); lookErr == nil && !gone {
			return false, nil // a worker was faster
		}
		return false, fmt.Errorf("recall a chunk from %s: %w", bus.WorkStream(string(c.Platform)), err)
	}
	return true, nil
}
