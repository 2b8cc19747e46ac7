package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// eventsAtOnce bounds the events that are claimed to be published. One may hold as many numbers as a transaction of the
// applier scores, so they are few.
const eventsAtOnce = 16

// publishAtOnce bounds the messages that wait for the broker, and with it what they take of memory.
const publishAtOnce = 16

// askFor bounds what NATS is asked. A request that was under way when the connection broke is never answered.
const askFor = 5 * time.Second

// ensureStream makes sure of the stream. One that had to be made is filled from the outbox, as far as that goes back.
func (d *Dispatcher) ensureStream(ctx context.Context) error {
	ask, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	made, err := bus.EnsureEvents(ask, d.js, d.Stream)
	if err != nil || !made {
		return err
	}
	n, err := d.Outbox.RepublishEvents(ctx)
	if err == nil && n > 0 {
		d.Logger.Warn("the stream of events was made anew: what the outbox still holds is published again", "events", n)
	}
	return err
}

// publishAll publishes events in their order and returns how many the broker has acknowledged whole, those in front of
// the first that failed. Messages that went out behind it come again with the same ids.
func (d *Dispatcher) publishAll(ctx context.Context, events []registry.Event) (acknowledged int, err error) {
	var wave []sent
	for i, e := range events {
		parts := e.Split()
		for j, part := range parts {
			future, err := d.publishOne(part)
			if err != nil {
				return acknowledged, err
			}
			wave = append(wave, sent{event: i, last: j == len(parts)-1, future: future})
			if len(wave) == publishAtOnce {
				if acknowledged, err = await(ctx, wave, acknowledged); err != nil {
					return acknowledged, err
				}
				wave = wave[:0]
			}
		}
	}
	return await(ctx, wave, acknowledged)
}

// sent is a message that the broker has not acknowledged yet.
type sent struct {
	event  int // its place in the batch
	last   bool
	future jetstream.PubAckFuture
}

func (d *Dispatcher) publishOne(part registry.Event) (jetstream.PubAckFuture, error) {
	data, err := encode(part)
	if err != nil {
		return nil, err
	}
	m := &nats.Msg{Subject: bus.EventSubject(string(part.Type)), Data: data, Header: nats.Header{}}
	m.Header.Set(nats.MsgIdHdr, registry.MessageID(part.ID, part.Part))
	future, err := d.js.PublishMsgAsync(m, jetstream.WithExpectStream(bus.EventStream))
	if err != nil {
		return nil, fmt.Errorf("publish event: %w", err)
	}
	return future, nil
}

// await waits for the broker and returns how many events it has acknowledged whole so far.
func await(ctx context.Context, wave []sent, acknowledged int) (int, error) {
	for _, s := range wave {
		select {
		case <-s.future.Ok():
			if s.last {
				acknowledged = s.event + 1
			}
		case err := <-s.future.Err():
			return acknowledged, fmt.Errorf("publish event: %w", err)
		case <-ctx.Done():
			return acknowledged, ctx.Err()
		}
	}
	return acknowledged, nil
}
