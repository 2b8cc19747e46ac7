package quota

import (
	"context"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
)

// spend takes numbers out of the budget of today.
func (q *Quota) spend(ctx context.Context, numbers int64) error {
	if q.cfg.Limits.Daily <= 0 {
		return nil
	}
	if err := hold(ctx, q.dayTurn); err != nil {
		return err
	}
	defer func() { <-q.dayTurn }()
	for failures := 0; ; failures++ {
		if q.fromBlock(numbers) {
			return nil
		}
		now, err := q.takeBlock(ctx, numbers)
		if err == nil {
			if q.fromBlock(numbers) {
				return nil
			}
			return &HeldError{Until: time.Now().Add(nextDay(now).Sub(now)), Reason: ReasonBudget}
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		q.trouble(err)
		if !loop.Sleep(ctx, q.cfg.Retry(failures)) {
			return context.Cause(ctx)
		}
	}
}

func (q *Quota) fromBlock(numbers int64) bool {
	today := q.cfg.Store.now().UTC().Format(dayFormat)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.block.day != today || q.block.left < numbers {
		return false
	}
	q.block.left -= numbers
	return true
}

// unspend puts back what was spent on a call that was not made.
func (q *Quota) unspend(numbers int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.block.day != "" {
		q.block.left += numbers
	}
}

// takeBlock makes the block that is held large enough for numbers, if the budget allows. It returns the time of the
// broker.
func (q *Quota) takeBlock(ctx context.Context, numbers int64) (now time.Time, err error) {
	q.mu.Lock()
	have := q.block
	q.mu.Unlock()
	var seen bus.DayQuota
	var got block
	err = q.dayKey.change(ctx, q.cfg.Store, func(e *bus.DayQuota, at time.Time, _ sample) error {
		now = at
		wanted := numbers
		if have.day == at.UTC().Format(dayFormat) {
			wanted -= have.left
		}
		before := *e
		got = takeDay(e, at, q.cfg.Limits.Daily, max(wanted, 1))
		e.Version = bus.Version
		seen = *e
		if *e == before {
			return errUnchanged
		}
		return nil
	})
	if err != nil {
		return now, err
	}
	q.works()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.day = seen
	if q.block.day != got.day { // what is left of another day has lapsed
		q.block = block{day: got.day}
	}
	q.block.left += got.left
	return now, nil
}

// returnBlock puts what is left of the block back.
func (q *Quota) returnBlock(ctx context.Context) error {
	q.mu.Lock()
	b := q.block
	q.block = block{}
	q.mu.Unlock()
	if b.left <= 0 {
		return nil
	}
	return q.dayKey.change(ctx, q.cfg.Store, func(e *bus.DayQuota, _ time.Time, _ sample) error {
		if !giveBack(e, b) {
			return errUnchanged
		}
		e.Version = bus.Version
		return nil
	})
}

// refreshDay looks at what all have spent, for those who watch.
func (q *Quota) refreshDay(ctx context.Context) error {
	if q.cfg.Limits.Daily <= 0 {
		return nil
	}
	e, _, err := q.dayKey.read(ctx, q.cfg.Store)
	if err != nil {
		return err
	}
	q.works()
	q.mu.Lock()
	defer q.mu.Unlock()
	q.day = e
	return nil
}
