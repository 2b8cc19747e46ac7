package registry

import "time"

// Fleet knows the workers that run, here and elsewhere. What it says is a few seconds old.
type Fleet interface {
	// Workers returns the workers that were heard of lately, by name and id.
	Workers() []Worker
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
