package workers

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// Backoff is a wait that doubles from First to Longest. Each wait is drawn from the upper half of its step, so that
// those who failed together do not come back together.
type Backoff struct {
	First   time.Duration
	Longest time.Duration
}

func (b Backoff) orDefault(first, longest time.Duration) Backoff {
	b.First = orDefault(b.First, first)
	b.Longest = max(orDefault(b.Longest, longest), b.First)
	return b
}

// after returns the wait after the failure number n, which counts from 0.
func (b Backoff) after(n int) time.Duration {
	step := b.Longest
	if n < 62 && b.First <= b.Longest>>n {
		step = b.First << n
	}
	return step/2 + rand.N(step/2+1) //nolint:gosec // nothing to guess
}

// sleepUntilRung waits for d or until woken is closed. It returns false when ctx ended.
func sleepUntilRung(ctx context.Context, d time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-woken:
		return true
	case <-ctx.Done():
		return false
	}
}

// throttle keeps this worker away from a platform that wants to be left alone for a while.
type throttle struct {
	mu     sync.Mutex
	until  time.Time // no call before this
	reason string
	onHold func(d time.Duration) // called without locks; may be nil
}

// maxHold bounds how long a platform can keep this worker away with one Retry-After.
const maxHold = time.Hour

// reasonHeld is the reason of a hold that the platform asked for.
const reasonHeld = "the platform wants to be left alone"

// hold keeps all callers away for d.
func (t *throttle) hold(d time.Duration) { t.holdUntil(time.Now().Add(min(d, maxHold)), reasonHeld) }

func (t *throttle) holdUntil(until time.Time, reason string) {
	t.mu.Lock()
	longer := until.After(t.until)
	if longer {
		t.until, t.reason = until, reason
	}
	t.mu.Unlock()
	if longer && t.onHold != nil {
		t.onHold(time.Until(until))
	}
}

// held returns how long the platform is still to be left alone: 0 or less, not any more.
func (t *throttle) held() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.until.IsZero() {
		return 0
	}
	return time.Until(t.until)
}

// status returns until when the platform is left alone and why; the zero time when it is not.
func (t *throttle) status() (time.Time, string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.until.After(time.Now()) {
		return time.Time{}, ""
	}
	return t.until, t.reason
}

// bell wakes all who wait on it.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

func newBell() *bell { return &bell{next: make(chan struct{})} }

// heard returns what is closed when the bell rings next.
func (b *bell) heard() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.next
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.next)
	b.next = make(chan struct{})
}
