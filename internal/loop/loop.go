// Package loop holds what loops that run as long as the program have in common: they wait, are woken, and are started
// again when they fail.
package loop

import (
	"context"
	"log/slog"
	"time"
)

// Longest is how many times of its backoff Supervise waits at most.
const Longest = 30

// Supervise runs a loop until ctx ends, again after every failure. Between two runs it waits for backoff, and for twice as
// long after each further failure, up to Longest times of it. restarted is called before each wait.
func Supervise(ctx context.Context, log *slog.Logger, name string, backoff time.Duration, restarted func(), run func(context.Context) error) {
	log = log.With("loop", name)
	wait := backoff
	for {
		started := time.Now()
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		restarted()
		if time.Since(started) > Longest*backoff {
			wait = backoff // it has worked for a while
		}
		log.Warn("loop failed, starting it again", "wait", wait, "error", err)
		if !Sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, Longest*backoff)
	}
}

// Sleep waits for d and reports whether it did: false means that ctx ended first.
func Sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Signal is a hint that there is something to do. Hints that nobody has taken yet are one.
type Signal chan struct{}

// NewSignal makes a Signal that has not been given.
func NewSignal() Signal { return make(Signal, 1) }

// Give gives the hint. It never waits.
func (s Signal) Give() {
	select {
	case s <- struct{}{}:
	default:
	}
}

// Wait returns when the hint is given, after d, or when ctx ends.
func (s Signal) Wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s:
	case <-timer.C:
	case <-ctx.Done():
	}
}
