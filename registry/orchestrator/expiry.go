package orchestrator

import (
	"context"

	"phoneregistry/internal/loop"
)

// expireAtOnce bounds the scores made anew in one transaction.
const expireAtOnce = 2000

// expire makes scores anew when some of their evidence has run out, so that a score never rests on what does not hold
// any more for longer than a moment.
func (o *Orchestrator) expire(ctx context.Context) error {
	for ctx.Err() == nil {
		made, err := o.expireRound(ctx)
		if err != nil {
			return err
		}
		if made < expireAtOnce {
			loop.Sleep(ctx, o.Expire)
		}
	}
	return nil
}

// expireRound makes one batch of scores anew, and forgets one of lookups. It returns how many, of whichever were more.
func (o *Orchestrator) expireRound(ctx context.Context) (int, error) {
	lookups, err := o.Ledger.ExpireLookups(ctx, expireAtOnce)
	if err != nil {
		return 0, err
	}
	made, changed, err := o.Ledger.RescoreExpired(ctx, o.Model, expireAtOnce)
	if err != nil {
		return 0, err
	}
	o.metrics.expired.Add(float64(made))
	if len(changed) > 0 {
		o.Notifier.LeadsChanged(changed)
	}
	return max(made, lookups), nil
}
