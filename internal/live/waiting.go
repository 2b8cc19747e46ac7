package live

import (
	"context"
	"sync"
	"time"

	"phoneregistry/registry"
)

// How many scores wait.
const (
	maxWaiting    = 1_000     // for one subscriber: as many as a filter can name
	maxWaitingAll = 1_000_000 // for all of them, more or less: beyond a thousand subscribers there is room for fewer each
)

// roomAmong is how many scores may wait for each of so many subscribers.
func roomAmong(subscribers int) int {
	return max(1, min(maxWaiting, maxWaitingAll/max(1, subscribers)))
}

// leadSubscriber has a place for the newest score of each number, for as many as are kept. The scores themselves are those
// of all subscribers.
type leadSubscriber struct {
	filter registry.LeadFilter
	poke   chan struct{} // holds a word that something waits
	behind bool          // it has missed changes; under leadFeed.mu

	mu      sync.Mutex
	waiting map[registry.Number]*LeadChange
	order   []registry.Number // of waiting, the oldest change first
	sent    registry.Number   // the last one taken, and when it had changed
	sentAt  time.Time
}

// put keeps a score to be sent, unless it is no newer than what waits or was just sent, and returns how many of the oldest
// were dropped so that no more wait than there is room for.
func (s *leadSubscriber) put(c *LeadChange, room int) (dropped int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := c.Score.Number
	if n == s.sent && !c.Score.UpdatedAt.After(s.sentAt) {
		return 0
	}
	if old, ok := s.waiting[n]; ok {
		if !c.Score.UpdatedAt.After(old.Score.UpdatedAt) {
			return 0
		}
		s.forget(n)
		delete(s.waiting, n)
	}
	for ; len(s.waiting) >= room && len(s.order) > 0; dropped++ {
		delete(s.waiting, s.order[0])
		s.order = s.order[1:]
	}
	s.waiting[n] = c
	s.order = append(s.order, n)
	select {
	case s.poke <- struct{}{}:
	default:
	}
	return dropped
}

func (s *leadSubscriber) forget(n registry.Number) {
	for i, other := range s.order {
		if other == n {
			s.order = append(s.order[:i], s.order[i+1:]...)
			return
		}
	}
}

// take returns the newest score that waits.
func (s *leadSubscriber) take() (*LeadChange, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		return nil, false
	}
	n := s.order[len(s.order)-1]
	s.order = s.order[:len(s.order)-1]
	c := s.waiting[n]
	delete(s.waiting, n)
	s.sent, s.sentAt = n, c.Score.UpdatedAt
	return c, true
}

// send sends what waits, at most once in minInterval, until ctx ends.
func (s *leadSubscriber) send(ctx context.Context, out chan<- LeadChange) {
	for {
		c, ok := s.take()
		if !ok {
			select {
			case <-ctx.Done():
				return
			case <-s.poke:
			}
			continue
		}
		select {
		case <-ctx.Done():
			return
		case out <- *c:
		}
		if !sleep(ctx, minInterval, nil) {
			return
		}
	}
}
