package orchestrator

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

// relay publishes pending chunks. A chunk is claimed in one transaction, published, and marked as published in another
// one after the broker has acknowledged it; no lock is held in between. A relay that dies leaves claims that run out. A
// chunk that was published and not marked is published again, and one of its results is dropped.
func (o *Orchestrator) relay(ctx context.Context) error {
	if err := o.ensureStreams(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		n, err := o.relayRound(ctx)
		switch {
		case err != nil:
			return err
		case o.streamFull:
			o.wakeRelay.Wait(ctx, fullWait*o.Poll)
		case n == 0:
			o.wakeRelay.Wait(ctx, o.Poll)
		default:
			// Fast workers free a slot every few milliseconds: many chunks at once cost less than each alone.
			loop.Sleep(ctx, o.Poll/paceOfPoll)
		}
	}
	return nil
}

// fullWait is how many times of Config.Poll the relay leaves a full stream alone, unless results have come.
const fullWait = 5

// paceOfPoll is what part of Config.Poll the relay waits from one batch to the next.
const paceOfPoll = 10

// relayRound publishes one batch and returns how many chunks that were.
func (o *Orchestrator) relayRound(ctx context.Context) (int, error) {
	free, err := o.free(ctx)
	if err != nil || len(free) == 0 {
		return 0, err
	}
	claimed, err := o.Ledger.ClaimChunks(ctx, registry.Claim{Limit: o.PublishBatch, MaxOut: o.MaxOut, Free: free, Lease: o.ClaimLease})
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	published, refused, publishErr := o.publish(ctx, claimed)
	late, cancel := o.graceful(ctx)
	defer cancel()
	var errs []error
	if len(published) > 0 {
		started, err := o.Ledger.MarkPublished(late, published, o.Lease)
		for _, id := range started {
			o.Notifier.JobChanged(id)
		}
		errs = append(errs, err)
	}
	if len(refused) > 0 {
		_, err := o.Ledger.ReturnChunks(late, refused)
		errs = append(errs, err)
	}
	o.metrics.published.Add(float64(len(published)))
	full := bus.IsFull(publishErr)
	if full {
		// Workers are behind. What did not fit waits in the ledger; looking again later is all there is to do.
		publishErr = nil
	}
	if full && !o.streamFull {
		o.Logger.Warn("a work stream is full: chunks wait in the ledger", "chunks", len(refused))
	}
	o.streamFull = full
	return len(published), errors.Join(append(errs, publishErr)...)
}

// publish sends chunks and waits for what the broker says. It returns those that were acknowledged, those that were
// not, and the first reason for that.
func (o *Orchestrator) publish(ctx context.Context, chunks []registry.ClaimedChunk) (published, refused []registry.PublishedChunk, err error) {
	futures := make([]jetstream.PubAckFuture, len(chunks))
	for i, c := range chunks {
		message, encodeErr := workMessage(c)
		if encodeErr == nil {
			futures[i], encodeErr = o.js.PublishMsgAsync(message, jetstream.WithExpectStream(bus.WorkStream(string(c.Platform))))
		}
		if encodeErr != nil && err == nil {
			err = fmt.Errorf("publish chunk: %w", encodeErr)
		}
	}
	for i, c := range chunks {
		p := registry.PublishedChunk{ChunkKey: c.ChunkKey, Epoch: c.Epoch}
		sequence, ackErr := acknowledged(ctx, futures[i])
		if ackErr != nil {
			if err == nil {
				err = fmt.Errorf("publish chunk: %w", ackErr)
			}
			refused = append(refused, p)
			continue
		}
		p.StreamSeq = sequence
		published = append(published, p)
	}
	return published, refused, err
}

var errNotSent = errors.New("not sent")

// acknowledged waits for the broker, which has Config.ClaimLease/3 to answer.
func acknowledged(ctx context.Context, future jetstream.PubAckFuture) (sequence uint64, err error) {
	if future == nil {
		return 0, errNotSent
	}
	select {
	case ack := <-future.Ok():
		return ack.Sequence, nil
	case err := <-future.Err():
		return 0, err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func workMessage(c registry.ClaimedChunk) (*nats.Msg, error) {
	chunk := bus.Chunk{
		Version: bus.Version, JobID: c.Job.String(), Platform: string(c.Platform), ChunkNo: c.No, Epoch: c.Epoch,
		RetryAttempts: c.RetryAttempts, Numbers: make([]int64, len(c.Numbers)),
	}
	for i, n := range c.Numbers {
		chunk.Numbers[i] = int64(n)
	}
	data, err := bus.Encode(chunk)
	if err != nil {
		return nil, err
	}
	header := nats.Header{}
	header.Set(nats.MsgIdHdr, chunk.MessageID())
	header.Set(bus.HeaderJobID, chunk.JobID)
	if c.RequestID != "" {
		header.Set(bus.HeaderRequestID, c.RequestID)
	}
	return &nats.Msg{Subject: bus.WorkSubject(string(c.Platform)), Data: data, Header: header}, nil
}
