package quota

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"phoneregistry/internal/bus"
)

// callShare is what this worker holds of the calls at the same time.
type callShare struct {
	granted   int
	using     int
	waiting   int
	contended bool // another worker waits for a call
	until     time.Time
	lost      context.Context //nolint:containedctx // ends with the lease, for all its calls
	cancel    context.CancelFunc
	timer     *time.Timer   // ends lost
	changed   chan struct{} // closed and made anew when something became free
}

var errLeaseLost = errors.New("the lease of the call was lost")

func (c *callShare) free() bool {
	return c.using < c.granted && time.Now().Before(c.until)
}

// wake tells those who wait that something changed.
func (c *callShare) wake() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// recheck is how often a worker without a call looks whether one is free.
const recheck = 150 * time.Millisecond

// enterCall waits until another call may be made.
func (q *Quota) enterCall(ctx context.Context) error {
	c := &q.calls
	q.mu.Lock()
	c.waiting++
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		c.waiting--
		q.mu.Unlock()
	}()
	for failures := 0; ; {
		q.mu.Lock()
		if c.free() {
			c.using++
			q.mu.Unlock()
			return nil
		}
		changed := c.changed
		q.mu.Unlock()
		wait := recheck/2 + rand.N(recheck) //nolint:gosec // nothing to guess
		switch got, err := q.claim(ctx, false); {
		case got:
			continue
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			q.trouble(err)
			wait = q.cfg.Retry(failures)
			failures++
		}
		select {
		case <-changed:
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// leaveCall ends a call. When others wait for one, it is theirs at once.
func (q *Quota) leaveCall() {
	q.mu.Lock()
	q.calls.using--
	contended := q.calls.contended
	q.calls.wake()
	q.mu.Unlock()
	if contended {
		ctx, cancel := context.WithTimeout(context.Background(), askFor)
		defer cancel()
		if _, err := q.claim(ctx, true); err != nil {
			q.trouble(err)
		}
	}
}

// callContext returns a context that ends with the lease.
func (q *Quota) callContext(ctx context.Context) (context.Context, context.CancelFunc) {
	q.mu.Lock()
	lost := q.calls.lost
	q.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	if lost == nil {
		cancel(errLeaseLost)
		return ctx, func() {}
	}
	stop := context.AfterFunc(lost, func() { cancel(errLeaseLost) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// claim asks for as many calls as are wanted here. It returns whether one is free now. Unless renew it does not ask when
// one is free already: another caller has just claimed for all.
func (q *Quota) claim(ctx context.Context, renew bool) (bool, error) {
	if err := hold(ctx, q.callTurn); err != nil {
		return false, err
	}
	defer func() { <-q.callTurn }()
	c := &q.calls
	q.mu.Lock()
	if !renew && c.free() {
		q.mu.Unlock()
		return true, nil
	}
	using, wants := c.using, c.using+c.waiting
	q.mu.Unlock()
	granted, contended, until := 0, false, time.Time{}
	err := q.callKey.change(ctx, q.cfg.Store, func(e *bus.CallQuota, now time.Time, clock sample) error {
		granted, contended = claim(e, now, q.cfg.Limits.Concurrency, q.cfg.Worker, using, wants)
		until = clock.toLocal(now.Add(callLease - callMargin))
		e.Version = bus.Version
		return nil
	})
	if err != nil {
		return false, err
	}
	q.works()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.holdCalls(granted, until)
	c.contended = contended
	if c.free() {
		c.wake()
	}
	return c.free(), nil
}

// holdCalls takes note of a lease. The caller holds mu.
func (q *Quota) holdCalls(granted int, until time.Time) {
	c := &q.calls
	c.granted, c.until = granted, until
	if granted == 0 {
		return
	}
	if c.lost == nil || c.lost.Err() != nil {
		c.lost, c.cancel = context.WithCancel(context.Background())
		c.timer = time.AfterFunc(time.Until(until), c.cancel)
		return
	}
	c.timer.Reset(time.Until(until))
}

// renewCalls prolongs the lease, and gives back what is not wanted.
func (q *Quota) renewCalls(ctx context.Context) error {
	q.mu.Lock()
	nothing := q.calls.granted == 0 && q.calls.waiting == 0
	q.mu.Unlock()
	if q.cfg.Limits.Concurrency <= 0 || nothing {
		return nil
	}
	_, err := q.claim(ctx, true)
	return err
}

// releaseCalls gives all calls back. Those that are still under way end.
func (q *Quota) releaseCalls(ctx context.Context) error {
	q.mu.Lock()
	held := q.calls.granted > 0
	q.calls.granted = 0
	if q.calls.timer != nil {
		q.calls.timer.Stop()
		q.calls.cancel()
	}
	q.mu.Unlock()
	if !held {
		return nil
	}
	return q.callKey.change(ctx, q.cfg.Store, func(e *bus.CallQuota, _ time.Time, _ sample) error {
		delete(e.Holders, q.cfg.Worker)
		e.Version = bus.Version
		return nil
	})
}
