package quota

import (
	"context"
	"errors"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
)

// A lease begins lead after it is asked for: about as long as asking takes.
const (
	leastLead = 5 * time.Millisecond
	mostLead  = ahead / 2
)

// await waits until the time at which numbers may be asked has come.
func (q *Quota) await(ctx context.Context, numbers int) error {
	if !q.managed.Load() {
		return nil
	}
	q.waiting.Add(int64(numbers))
	defer q.waiting.Add(-int64(numbers))
	for {
		at, generation, err := q.reserve(ctx, numbers)
		if err != nil {
			return err
		}
		if !loop.Sleep(ctx, time.Until(at)) {
			return context.Cause(ctx)
		}
		q.mu.Lock()
		valid := q.generation == generation && time.Since(at) <= lateness
		q.mu.Unlock()
		if valid {
			return nil
		}
		q.cfg.Lapsed()
	}
}

// reserve returns the time at which numbers may be asked.
func (q *Quota) reserve(ctx context.Context, numbers int) (at time.Time, generation int, err error) {
	if err := hold(ctx, q.rateTurn); err != nil {
		return at, 0, err
	}
	defer func() { <-q.rateTurn }()
	for failures := 0; ; {
		if at, generation, ok := q.fromLease(numbers); ok {
			return at, generation, nil
		}
		wait, err := q.takeLease(ctx, numbers)
		switch _, held := errors.AsType[*HeldError](err); {
		case err == nil:
		case held:
			return at, 0, err
		case ctx.Err() != nil:
			return at, 0, context.Cause(ctx)
		default:
			q.trouble(err)
			wait = q.cfg.Retry(failures)
			failures++
		}
		if wait > 0 && !loop.Sleep(ctx, wait) {
			return at, 0, context.Cause(ctx)
		}
	}
}

// fromLease takes numbers out of the lease that is held, if it has as many. What lies in the past has lapsed.
func (q *Quota) fromLease(numbers int) (at time.Time, generation int, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := &q.lease
	if late := time.Since(l.start); late > 0 && l.numbers > 0 {
		lapsed := min(int(late/l.step)+1, l.numbers)
		l.start, l.numbers = l.start.Add(time.Duration(lapsed)*l.step), l.numbers-lapsed
	}
	if l.numbers < numbers {
		return at, 0, false
	}
	at = l.start
	l.start, l.numbers = at.Add(time.Duration(numbers)*l.step), l.numbers-numbers
	return at, q.generation, true
}

// takeLease leases numbers and what waits behind them, in place of what is left of the last lease. It returns how long to
// wait when the time line is taken for too long ahead, and a *HeldError when the platform is held.
func (q *Quota) takeLease(ctx context.Context, numbers int) (wait time.Duration, err error) {
	more := max(int(q.waiting.Load())-numbers, 0)
	q.mu.Lock()
	lead := q.lead
	q.mu.Unlock()
	var (
		got   lease
		seen  rate
		clock sample
		asked time.Time
	)
	err = q.rateKey.change(ctx, q.cfg.Store, func(e *bus.RateQuota, now time.Time, c sample) error {
		asked, clock = time.Now(), c
		seen = rate{RateQuota: *e, limit: q.cfg.Limits.Rate}
		size := CallSize(seen.current(), q.cfg.MaxCall)
		if seen.current() <= 0 { // outgrown what was learned
			got = lease{}
			return errUnchanged
		}
		got, wait = seen.take(now, lead, size, numbers, more)
		if got.numbers == 0 && seen.RateQuota == *e {
			return errUnchanged
		}
		*e = seen.RateQuota
		e.Version = bus.Version
		return nil
	})
	if err != nil {
		return 0, err
	}
	q.works()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rate = seen
	q.lead = min(max((q.lead*3+2*time.Since(asked))/4, leastLead), mostLead)
	if until := fromMicros(seen.HeldUntil); wait > 0 && until.After(clock.at(time.Now())) {
		return 0, &HeldError{Until: clock.toLocal(until), Reason: ReasonRefused}
	}
	switch {
	case wait > 0:
	case got.numbers > 0:
		got.start = clock.toLocal(got.start)
		q.lease = got
	default: // there is no limit any more
		q.managed.Store(false)
		q.lease = lease{start: time.Now().Add(time.Millisecond), step: 1, numbers: numbers}
	}
	return wait, nil
}

// Refused tells all workers that the platform refused a call that began at began: for now, and not before after has
// passed when that is not 0. measured is how many numbers a second this worker got through before.
func (q *Quota) Refused(ctx context.Context, began time.Time, measured float64, after time.Duration) {
	q.managed.Store(true)
	q.tell(ctx, func(r *rate, now, began time.Time) { r.refused(now, began, measured, after) }, began)
}

// Hold tells all workers that the platform wants to be left alone, for another reason than their number.
func (q *Quota) Hold(ctx context.Context, after time.Duration) {
	q.tell(ctx, func(r *rate, now, _ time.Time) {
		r.HeldUntil = max(r.HeldUntil, micros(now.Add(min(after, longest))))
	}, time.Time{})
}

// tell changes the entry of the rate and says so. When NATS does not answer, the others do not get to know; this worker
// then leases nothing anyway.
func (q *Quota) tell(ctx context.Context, f func(r *rate, now, began time.Time), began time.Time) {
	changed := false
	var seen rate
	err := q.rateKey.change(ctx, q.cfg.Store, func(e *bus.RateQuota, now time.Time, c sample) error {
		seen = rate{RateQuota: *e, limit: q.cfg.Limits.Rate}
		f(&seen, now, c.at(began))
		if changed = seen.RateQuota != *e; !changed {
			return errUnchanged
		}
		*e = seen.RateQuota
		e.Version = bus.Version
		return nil
	})
	if err != nil {
		if ctx.Err() == nil {
			q.trouble(err)
		}
		return
	}
	q.works()
	if !changed {
		return
	}
	q.see(seen)
	q.log.Info("the platform refused", "current_rate", seen.current(), "refused_rate", seen.Refused)
	q.cfg.Tell(bus.QuotaChanged{Version: bus.Version, Platform: q.cfg.Platform, Credential: q.cfg.Credential})
}

// see takes note of an entry that makes leases void.
func (q *Quota) see(r rate) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rate, q.lease = r, lease{}
	q.generation++
}

// Reload looks at what the others know.
func (q *Quota) Reload(ctx context.Context) error {
	e, clock, err := q.rateKey.read(ctx, q.cfg.Store)
	if err != nil {
		return err
	}
	r := rate{RateQuota: e, limit: q.cfg.Limits.Rate}
	q.mu.Lock()
	news := r.Rate != q.rate.Rate || r.HeldUntil != q.rate.HeldUntil
	q.mu.Unlock()
	if news {
		q.see(r)
	}
	if r.current() > 0 {
		q.managed.Store(true)
	}
	if until := fromMicros(r.HeldUntil); until.After(clock.at(time.Now())) {
		q.cfg.Held(clock.toLocal(until))
	}
	return nil
}
