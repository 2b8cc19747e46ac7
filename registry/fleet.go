package registry

import (
	"context"
	"maps"
	"slices"
	"time"
)

// Fleet knows the workers that run, here and elsewhere. What it says is a few seconds old.
type Fleet interface {
	// Workers returns the workers that were heard of lately, by name and id.
	Workers() []Worker
}

// Workers returns the workers that were heard of lately, by name.
func (s *Service) Workers(context.Context) []Worker {
	if s.fleet == nil {
		return []Worker{}
	}
	return s.fleet.Workers()
}

// Ledger returns how many chunks of each platform wait and are out.
func (s *Service) Ledger(ctx context.Context) (map[Platform]LedgerState, error) {
	states, err := s.store.LedgerState(ctx)
	if err != nil {
		return nil, err
	}
	by := make(map[Platform]LedgerState, len(states))
	for _, state := range states {
		by[state.Platform] = state
	}
	return by, nil
}

// WorkersOn is what some workers do on one platform.
type WorkersOn []WorkerPlatform

// RatePerSecond is how many checks a second they do together.
func (w WorkersOn) RatePerSecond() (rate float64) {
	for i := range w {
		rate += w[i].RatePerSecond
	}
	return PerSecond(rate)
}

// Breaker is the worst state of their breakers; "" when there are none.
func (w WorkersOn) Breaker() (state BreakerState) {
	for i := range w {
		state = state.Worse(w[i].Breaker)
	}
	return state
}

// Quotas returns what they share, for each credential once, by its name: of what they tell of a credential, what leaves
// the least.
func (w WorkersOn) Quotas() []PlatformQuota {
	by := map[string]PlatformQuota{}
	for i := range w {
		q := w[i].Quota
		if q == nil {
			continue
		}
		if known, ok := by[q.Credential]; ok {
			q = known.strictest(q)
		}
		by[q.Credential] = *q
	}
	all := make([]PlatformQuota, 0, len(by))
	for _, name := range slices.Sorted(maps.Keys(by)) {
		all = append(all, by[name])
	}
	return all
}

// strictest joins what two workers tell of the same quota: one of them may have looked before the other.
func (q PlatformQuota) strictest(other *PlatformQuota) *PlatformQuota {
	q.RatePerSecond, q.CurrentRate = least(q.RatePerSecond, other.RatePerSecond), least(q.CurrentRate, other.CurrentRate)
	q.Concurrency, q.BudgetPerDay = least(q.Concurrency, other.Concurrency), least(q.BudgetPerDay, other.BudgetPerDay)
	q.SpentToday = max(q.SpentToday, other.SpentToday)
	return &q
}

// least returns the smaller limit; nil is none.
func least[T int | int64 | float64](a, b *T) *T {
	if a == nil || b != nil && *b < *a {
		return b
	}
	return a
}

// Worker is a worker process.
type Worker struct {
	ID         string // unique among those that run
	Name       string
	Version    string // of its program
	StartedAt  time.Time
	LastSeenAt time.Time
	Platforms  []WorkerPlatform // in the order of platforms
}

// WorkerPlatform is what a worker does on one platform.
type WorkerPlatform struct {
	Platform      Platform
	Adapter       string
	Simulated     bool
	Slots         int     // chunks it may hold at the same time
	InFlight      int     // chunks it holds
	Checked       int64   // checks since it started
	Failed        int64   // those of them that ended as ERROR or RATE_LIMITED
	RatePerSecond float64 // checks a second, over the last few seconds
	Breaker       BreakerState
	HeldUntil     *time.Time     // it leaves the platform alone until then; nil: it does not
	Reason        *string        // why it leaves the platform alone, or asks less than it might; nil: it does neither
	Quota         *PlatformQuota // nil: nothing is limited
}

// PlatformQuota is what may be asked of a platform with one credential, by all workers together. A nil limit is none.
type PlatformQuota struct {
	Credential    string   // its name; no secret
	RatePerSecond *float64 // numbers a second, as configured
	CurrentRate   *float64 // numbers a second that are asked at most now
	Concurrency   *int     // calls at the same time
	BudgetPerDay  *int64   // numbers a day (UTC)
	SpentToday    int64    // numbers taken out of the budget of the day
}

// BreakerState says whether a platform is being asked.
type BreakerState string

// The states of a breaker.
const (
	BreakerClosed   BreakerState = "CLOSED"
	BreakerHalfOpen BreakerState = "HALF_OPEN"
	BreakerOpen     BreakerState = "OPEN"
)

// Worse returns the state that lets less through.
func (b BreakerState) Worse(other BreakerState) BreakerState {
	if other.rank() > b.rank() {
		return other
	}
	return b
}

func (b BreakerState) rank() int {
	switch b {
	case BreakerOpen:
		return 3
	case BreakerHalfOpen:
		return 2
	case BreakerClosed:
		return 1
	}
	return 0
}
