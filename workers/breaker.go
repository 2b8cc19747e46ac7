package workers

import (
	"fmt"
	"sync"
	"time"

	"phoneregistry/internal/bus"
)

// breaker keeps a lane from asking a platform that does not work. It opens when whole calls fail, one after another or
// most of the last ones. After a while one call may try; it closes the breaker or opens it for longer.
type breaker struct {
	wait   Backoff                       // how long it stays open, the first time and at most
	change func(from, to, reason string) // called without locks
	now    func() time.Time

	mu      sync.Mutex
	state   string // a state of bus
	epoch   int    // grows with every change; the verdict on a call of an older one does not count
	row     int    // failures in a row
	recent  [20]bool
	seen    int // how many of recent are verdicts, and where the next goes
	trips   int // how often it opened since it was closed
	until   time.Time
	reason  string
	probing bool          // the one call of HALF_OPEN is under way
	changed chan struct{} // closed and made anew when somebody who waits should look again
}

const (
	failuresInRow  = 5
	failuresRecent = 14 // of the last 20
)

func newBreaker(wait Backoff, change func(from, to, reason string)) *breaker {
	return &breaker{wait: wait, change: change, now: time.Now, state: bus.BreakerClosed, changed: make(chan struct{})}
}

// verdict is what a call tells about its platform.
type verdict int

const (
	verdictVoid   verdict = iota // nothing: it was ended from here, or the adapter broke
	verdictWorks                 // it answered, be it with a refusal
	verdictFailed                // it gave an error, or no answer in time
)

// blocked returns 0 when a call may be made, and else about how long to wait; before that, what it returns is closed
// when it is worth looking again.
func (b *breaker) blocked() (time.Duration, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch b.state {
	case bus.BreakerOpen:
		return max(b.until.Sub(b.now()), 0), b.changed // 0: enter makes it half-open
	case bus.BreakerHalfOpen:
		if b.probing {
			return b.wait.Longest, b.changed
		}
	}
	return 0, b.changed
}

// enter begins a call. When that is not allowed it returns false; else the epoch to leave with.
func (b *breaker) enter() (epoch int, ok bool) {
	b.mu.Lock()
	from, to := b.state, b.state
	switch {
	case b.state == bus.BreakerOpen && !b.now().Before(b.until):
		to = bus.BreakerHalfOpen
		b.set(to)
		b.probing, ok = true, true
	case b.state == bus.BreakerHalfOpen && !b.probing:
		b.probing, ok = true, true
	case b.state == bus.BreakerClosed:
		ok = true
	}
	epoch = b.epoch
	reason := b.reason
	b.mu.Unlock()
	if from != to {
		b.change(from, to, reason)
	}
	return epoch, ok
}

// leave ends a call with what it told.
func (b *breaker) leave(epoch int, v verdict) {
	b.mu.Lock()
	if epoch != b.epoch {
		b.mu.Unlock()
		return
	}
	from := b.state
	switch {
	case from == bus.BreakerHalfOpen:
		b.probing = false
		b.ring()
		switch v {
		case verdictWorks:
			b.close()
		case verdictFailed:
			b.open("the call that tried again failed")
		}
	case v != verdictVoid:
		b.note(v)
	}
	to, reason := b.state, b.reason
	b.mu.Unlock()
	if from != to {
		b.change(from, to, reason)
	}
}

// note counts a verdict while the breaker is closed. The caller holds mu.
func (b *breaker) note(v verdict) {
	failed := v == verdictFailed
	b.recent[b.seen%len(b.recent)] = failed
	b.seen++
	if !failed {
		b.row = 0
		return
	}
	b.row++
	failures := 0
	for _, f := range b.recent[:min(b.seen, len(b.recent))] {
		if f {
			failures++
		}
	}
	switch {
	case b.row >= failuresInRow:
		b.open(fmt.Sprintf("%d calls failed in a row", b.row))
	case b.seen >= len(b.recent) && failures >= failuresRecent:
		b.open(fmt.Sprintf("%d of %d calls failed", failures, len(b.recent)))
	}
}

func (b *breaker) open(reason string) {
	b.until = b.now().Add(b.wait.after(b.trips))
	b.trips++
	b.reason = reason
	b.set(bus.BreakerOpen)
}

func (b *breaker) close() {
	b.row, b.seen, b.trips, b.reason = 0, 0, 0, ""
	b.set(bus.BreakerClosed)
}

func (b *breaker) set(state string) {
	b.state = state
	b.epoch++
	b.ring()
}

func (b *breaker) ring() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// status returns the state, until when it stays open, and why.
func (b *breaker) status() (state string, until time.Time, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.state != bus.BreakerOpen {
		return b.state, time.Time{}, b.reason
	}
	return b.state, b.until, b.reason
}
