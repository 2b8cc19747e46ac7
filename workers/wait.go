package workers

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/time/rate"
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

// sleep waits for d and reports whether it did: false means that ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// throttle keeps this worker polite to one platform: its rate, and its wish to be left alone for a while. A limit that
// all workers share has its place here.
type throttle struct {
	limiter *rate.Limiter // nil: no limit

	mu    sync.Mutex
	until time.Time // no call before this
}

// maxHold bounds how long a platform can keep this worker away with one Retry-After.
const maxHold = time.Hour

// newThrottle returns a throttle and the largest batch that fits through it: a batch never holds more than what may be
// asked in a second, so that a slow rate does not come in bursts.
func newThrottle(perSecond float64, batch int) (*throttle, int) {
	if perSecond == 0 {
		return &throttle{}, batch
	}
	if float64(batch) > perSecond {
		batch = max(1, int(perSecond))
	}
	return &throttle{limiter: rate.NewLimiter(rate.Limit(perSecond), batch)}, batch
}

// hold keeps all callers away for d.
func (t *throttle) hold(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if until := time.Now().Add(min(d, maxHold)); until.After(t.until) {
		t.until = until
	}
}

// held returns how long the platform still wants to be left alone: 0 or less, not any more.
func (t *throttle) held() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.until.IsZero() {
		return 0
	}
	return time.Until(t.until)
}

// wait returns true when n numbers may be asked. It returns false when the platform wants to be left alone for longer
// than longest, and when ctx has ended.
func (t *throttle) wait(ctx context.Context, n int, longest time.Duration) bool {
	for {
		d := t.held()
		if d > longest {
			return false
		}
		if d > 0 {
			if !sleep(ctx, d) {
				return false
			}
			continue // another call may have prolonged it
		}
		return t.limiter == nil || t.limiter.WaitN(ctx, n) == nil
	}
}
