package loop_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"phoneregistry/internal/loop"
)

// TestSupervise: the wait doubles up to its bound, and begins anew after a run that has worked for a while.
func TestSupervise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const backoff = 100 * time.Millisecond
		ctx, cancel := context.WithCancel(t.Context())
		var (
			waits    []int // in backoffs
			ended    time.Time
			restarts int
		)
		loop.Supervise(ctx, slog.New(slog.DiscardHandler), "test", backoff, func() { restarts++ }, func(context.Context) error {
			if !ended.IsZero() {
				waits = append(waits, int(time.Since(ended)/backoff))
			}
			switch len(waits) {
			case 7: // it works for a while
				time.Sleep(loop.Longest*backoff + 1)
			case 9:
				cancel()
			}
			ended = time.Now()
			return errors.New("fails")
		})
		want := []int{1, 2, 4, 8, 16, 30, 30, 1, 2}
		if !slices.Equal(waits, want) || restarts != len(want) {
			t.Errorf("waited %v and restarted %d times, want %v", waits, restarts, want)
		}
	})
}

// TestSuperviseEnds: the end of the context ends it in the middle of a wait too.
func TestSuperviseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		started := time.Now()
		loop.Supervise(ctx, slog.New(slog.DiscardHandler), "test", time.Minute, func() {}, func(context.Context) error { return errors.New("fails") })
		if d := time.Since(started); d != time.Second {
			t.Errorf("it ended after %s, want 1s", d)
		}
	})
}

// TestSignal: hints that nobody has taken are one, and none is lost.
func TestSignal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := loop.NewSignal()
		s.Give()
		s.Give()
		started := time.Now()
		s.Wait(t.Context(), time.Hour)
		if d := time.Since(started); d != 0 {
			t.Errorf("waited %s though the hint was given", d)
		}
		s.Wait(t.Context(), time.Minute)
		if d := time.Since(started); d != time.Minute {
			t.Errorf("waited %s, want a minute: two hints are one", d)
		}
		go func() {
			time.Sleep(time.Second)
			s.Give()
		}()
		s.Wait(t.Context(), time.Hour)
		if d := time.Since(started); d != time.Minute+time.Second {
			t.Errorf("woken after %s", d)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		s.Wait(ended, time.Hour)
		if loop.Sleep(ended, time.Hour) || !loop.Sleep(t.Context(), time.Second) {
			t.Error("sleeping tells wrongly whether it slept")
		}
	})
}
