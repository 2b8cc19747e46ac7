package live

import (
	"context"
	"errors"
	"time"

	"phoneregistry/registry"
)

// catchUpTime is how long all looks together may take for those who are behind: hints, and all others, wait meanwhile. Who
// is not looked at in it stays behind until the next time.
const catchUpTime = time.Second

// catchUp finds out with one statement whether a score changed of which no hint came, and only then looks for the
// latest score of each subscriber. A hint may be on its way: it has the time until the next look to arrive.
func (f *leadFeed) catchUp(ctx context.Context) error {
	score, err := loadWithin(ctx, loadTimeout, func(ctx context.Context) (registry.LeadScore, error) {
		return f.hub.source.LatestLead(ctx, registry.LeadFilter{})
	})
	if errors.Is(err, registry.ErrNotFound) {
		return nil
	}
	f.hub.metrics.loaded("lead", err)
	if err != nil {
		return err
	}
	soon, cancel := context.WithTimeout(ctx, catchUpTime)
	defer cancel()
	for _, sub := range f.behind(score.UpdatedAt) {
		c, err := f.latest(soon, sub.filter)
		switch {
		case err == nil:
			sub.put(&c, maxWaiting)
		case !errors.Is(err, registry.ErrNotFound):
			f.hub.metrics.loaded("lead", err)
			if soon.Err() != nil {
				return nil
			}
			return err
		}
		f.caughtUp(sub)
	}
	return nil
}

// behind returns the subscribers that have missed changes, given when the newest score of all changed. The order is one of
// chance: a filter that takes long to look by is not always the first.
func (f *leadFeed) behind(newest time.Time) (behind []*leadSubscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.newest.IsZero() {
		f.newest = newest // where the feed begins; each subscriber has got its first score
	}
	missed := f.suspect.After(f.newest)
	f.suspect = newest
	if missed {
		f.newest = newest
	}
	for sub := range f.subscribers {
		if sub.behind = sub.behind || missed; sub.behind {
			behind = append(behind, sub)
		}
	}
	return behind
}

// caughtUp notes that a subscriber has what it missed.
func (f *leadFeed) caughtUp(sub *leadSubscriber) {
	f.mu.Lock()
	defer f.mu.Unlock()
	sub.behind = false
}
