package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

// fanOut makes deliveries of new events.
func (d *Dispatcher) fanOut(ctx context.Context) error {
	for ctx.Err() == nil {
		events, deliveries, err := d.Outbox.FanOut(ctx, d.Batch)
		if err != nil {
			return err
		}
		if deliveries > 0 {
			d.wakeDelivery.Give()
		}
		if events == 0 {
			loop.Sleep(ctx, d.Poll)
		}
	}
	return nil
}

// deliver takes deliveries that are due as there is room for them. Attempts outlive the loop, which ends also when
// PostgreSQL fails; their context is late.
func (d *Dispatcher) deliver(ctx, late context.Context) error {
	for ctx.Err() == nil {
		claimed, err := d.Outbox.ClaimDeliveries(ctx, cap(d.slots)-len(d.slots), d.PerWebhook, d.ClaimLease)
		if err != nil {
			return err
		}
		for _, a := range claimed {
			d.slots <- struct{}{} // there is room: only this loop fills it
			d.attempts.Go(func() {
				d.deliverOne(late, a)
				<-d.slots
				d.wakeDelivery.Give()
			})
		}
		if len(claimed) == 0 || len(d.slots) == cap(d.slots) {
			d.wakeDelivery.Wait(ctx, d.Poll)
		}
	}
	return nil
}

// deliverOne makes an attempt and writes down what became of it. Where that cannot be written the claim runs out, and
// the receiver is told again.
func (d *Dispatcher) deliverOne(ctx context.Context, a registry.Attempt) {
	o := d.attempt(ctx, a)
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.ClaimLease/3)
	defer cancel()
	counted, err := d.Outbox.SettleDelivery(settle, o)
	d.metrics.attempted(o, counted, len(a.Event.Tiers))
	log := d.Logger.With("webhook_id", a.Webhook, "delivery_id", a.Delivery, "event_id", a.Event.ID, "type", string(a.Event.Type), "attempt", a.No)
	switch {
	case err != nil:
		log.Warn("outcome of a delivery not written", "error", err)
	case o.Gone:
		log.Warn("webhook paused: the receiver answered 410")
	case o.Status == registry.DeliveryDead:
		log.Warn("delivery given up", "status", o.ResponseStatus, "reason", o.Error)
	case o.Error != "":
		log.Info("delivery failed", "status", o.ResponseStatus, "reason", o.Error, "again_in", o.RetryIn)
	default:
		log.Debug("delivered", "status", o.ResponseStatus, "took", o.Duration)
	}
}

// graceful returns a context that ends some time after ctx, for attempts that should not be broken off in the middle.
func (d *Dispatcher) graceful(ctx context.Context) (context.Context, context.CancelCauseFunc) {
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(d.Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel(errInterrupted)
		case <-late.Done():
		}
	})
	return late, func(cause error) {
		stop()
		cancel(cause)
	}
}

// purgeAtOnce bounds the rows that are removed in one statement.
const purgeAtOnce = 2000

// upkeep removes what is old, bounds what waits, and measures it.
func (d *Dispatcher) upkeep(ctx context.Context) error {
	var next time.Time
	for ; ctx.Err() == nil; loop.Sleep(ctx, min(measureEvery, d.Upkeep)) {
		state, err := d.Outbox.OutboxState(ctx)
		if err != nil {
			return err
		}
		d.metrics.state(state, d.Now())
		if time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(d.Upkeep)
		if err := d.tidy(ctx); err != nil {
			return err
		}
	}
	return nil
}

// measureEvery is how often what waits is measured.
const measureEvery = 5 * time.Second

func (d *Dispatcher) tidy(ctx context.Context) error {
	paused, err := d.Outbox.BoundBacklog(ctx, d.MaxBacklog, d.Keep.Delivered)
	for _, id := range paused {
		d.Logger.Warn("webhook paused: too many deliveries wait for it", "webhook_id", id, "most", d.MaxBacklog)
	}
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		n, err := d.Outbox.PurgeOutbox(ctx, d.Keep, purgeAtOnce)
		if err != nil || n < purgeAtOnce {
			return err
		}
	}
	return nil
}

// publish puts events into the stream. It does not wait for webhooks, nor they for it.
func (d *Dispatcher) publish(ctx context.Context) error {
	if err := d.ensureStream(ctx); err != nil {
		return err
	}
	for ctx.Err() == nil {
		n, err := d.publishRound(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			loop.Sleep(ctx, d.Poll)
		}
	}
	return nil
}

// publishRound publishes one batch of events and returns how many were claimed.
func (d *Dispatcher) publishRound(ctx context.Context) (int, error) {
	events, err := d.Outbox.ClaimEvents(ctx, eventsAtOnce, d.ClaimLease)
	if err != nil || len(events) == 0 {
		return 0, err
	}
	published, publishErr := d.publishAll(ctx, events)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), d.ClaimLease/3)
	defer cancel()
	done, back := make([]uuid.UUID, 0, len(events)), []uuid.UUID{}
	for i, e := range events {
		if i < published {
			done = append(done, e.ID)
		} else {
			back = append(back, e.ID)
		}
	}
	d.metrics.published.Add(float64(len(done)))
	errs := []error{publishErr}
	if len(done) > 0 {
		errs = append(errs, d.Outbox.MarkEventsPublished(late, done))
	}
	if len(back) > 0 {
		errs = append(errs, d.Outbox.ReleaseEvents(late, back))
	}
	return len(events), errors.Join(errs...)
}
