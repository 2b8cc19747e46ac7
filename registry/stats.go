package registry

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Totals are counted anew at most every statsEvery, and so seldom that counting takes no more than a share of the
// time.
const (
	statsEvery   = 5 * time.Second
	statsShare   = 20 // one part in so many
	statsTimeout = time.Minute
)

// statsCache holds the totals that were counted last, and the count that is under way.
type statsCache struct {
	mu      sync.Mutex
	last    Stats
	until   time.Time // last holds until then
	running *statsCount
}

// statsCount is one count, which any number of callers wait for.
type statsCount struct {
	done  chan struct{} // closed when stats and err are set
	stats Stats
	err   error
}

// Stats returns the totals of the registry, which may be some seconds old: Stats.AsOf says. Callers that come while
// they are counted wait for the same count, which goes on when a caller gives up.
func (s *Service) Stats(ctx context.Context) (Stats, error) {
	c := &s.stats
	c.mu.Lock()
	if s.now().Before(c.until) {
		defer c.mu.Unlock()
		return c.last, nil
	}
	count := c.running
	if count == nil {
		count = &statsCount{done: make(chan struct{})}
		c.running = count
		go s.count(context.WithoutCancel(ctx), count)
	}
	c.mu.Unlock()
	select {
	case <-count.done:
		return count.stats, count.err
	case <-ctx.Done():
		return Stats{}, fmt.Errorf("wait for totals: %w", ctx.Err())
	}
}

// count counts, and keeps the totals for as long as they are good enough. A failure is not kept.
func (s *Service) count(ctx context.Context, count *statsCount) {
	ctx, cancel := context.WithTimeout(ctx, statsTimeout)
	defer cancel()
	begun := s.now()
	count.stats, count.err = s.store.Stats(ctx)
	ended := s.now()

	c := &s.stats
	c.mu.Lock()
	c.running = nil
	if count.err == nil {
		c.last, c.until = count.stats, ended.Add(max(statsEvery, statsShare*ended.Sub(begun)))
	}
	c.mu.Unlock()
	close(count.done)
}
