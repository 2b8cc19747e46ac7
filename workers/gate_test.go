package workers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
)

// TestFairTurns: a small job that comes while a big one has twelve chunks waiting gets every second turn.
func TestFairTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		if err := g.enter(t.Context(), "first"); err != nil {
			t.Fatal(err)
		}
		var order strings.Builder
		wait := func(job string) {
			go func() {
				if err := g.enter(t.Context(), job); err != nil {
					t.Error(err)
				}
				order.WriteString(job)
				g.leave()
			}()
			synctest.Wait() // one after another
		}
		for range 12 {
			wait("B")
		}
		for range 3 {
			wait("s")
		}
		wait("t")
		g.leave()
		synctest.Wait()
		if got := order.String(); got != "BstBsBsBBBBBBBBB" {
			t.Errorf("turns went to %s", got)
		}
	})
}

// TestGateHolds: whoever comes, gives up or leaves, no more are inside than the limit, and no turn is lost.
func TestGateHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		g := newGate(limit)
		inside := make(chan struct{}, limit)
		var wg sync.WaitGroup
		for i := range rapid.IntRange(1, 40).Draw(t, "callers") {
			job := fmt.Sprint(rapid.IntRange(0, 3).Draw(t, "job"))
			ctx, cancel := context.WithCancel(context.Background())
			if rapid.Bool().Draw(t, "gives up") {
				defer cancel()
				wg.Go(cancel)
			} else {
				defer cancel()
			}
			wg.Go(func() {
				if g.enter(ctx, job) != nil {
					return
				}
				select {
				case inside <- struct{}{}:
				default:
					panic(fmt.Sprint("too many inside, caller ", i))
				}
				<-inside
				g.leave()
			})
		}
		wg.Wait()
		if g.busy != 0 || g.waiting() != 0 || len(g.jobs) != 0 {
			t.Fatalf("%d inside, %d waiting in the end", g.busy, g.waiting())
		}
	})
}

func TestGateLimitChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(3)
		var inside atomic.Int64
		for range 9 {
			go func() {
				if g.enter(t.Context(), "job") == nil {
					inside.Add(1)
				}
			}()
			synctest.Wait()
		}
		g.setLimit(1)
		for range 2 {
			g.leave()
		}
		synctest.Wait()
		if inside.Load() != 3 {
			t.Errorf("%d were let in, want 3: those inside are still as many as are allowed", inside.Load())
		}
		g.setLimit(4)
		synctest.Wait()
		if inside.Load() != 6 {
			t.Errorf("%d were let in, want 6", inside.Load())
		}
		for range 7 {
			g.leave()
			synctest.Wait()
		}
		if inside.Load() != 9 {
			t.Errorf("%d were let in, want all", inside.Load())
		}
	})
}

// states collects what a breaker tells.
type states struct{ got []string }

func (s *states) change(from, to, _ string) { s.got = append(s.got, from+">"+to) }

func fail(b *breaker, times int) {
	for range times {
		if epoch, ok := b.enter(); ok {
			b.leave(epoch, verdictFailed)
		}
	}
}

func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told states
		b := newBreaker(Backoff{First: 4 * time.Second, Longest: 16 * time.Second}, told.change)
		fail(b, failuresInRow-1)
		epoch, _ := b.enter()
		b.leave(epoch, verdictWorks)
		fail(b, failuresInRow-1)
		if wait, _ := b.blocked(); wait != 0 {
			t.Fatal("open although one call worked in between")
		}
		late, _ := b.enter() // is still under way when it opens
		fail(b, 1)
		wait, changed := b.blocked()
		if wait < 2*time.Second || wait > 4*time.Second {
			t.Fatalf("open for %s", wait)
		}
		if _, ok := b.enter(); ok {
			t.Error("a call was let through")
		}
		b.leave(late, verdictWorks)
		if state, until, reason := b.status(); state != bus.BreakerOpen || until.IsZero() || reason != "5 calls failed in a row" {
			t.Errorf("%s until %s: %s", state, until, reason)
		}
		for step := range 4 { // it tries once each time, and stays open for longer
			wait, changed = b.blocked()
			if least := min(4<<step, 16); wait < time.Duration(least)*time.Second/2 || wait > time.Duration(least)*time.Second {
				t.Errorf("opened for the time %d: for %s", step+1, wait)
			}
			time.Sleep(wait)
			epoch, ok := b.enter()
			if _, second := b.enter(); !ok || second {
				t.Fatalf("half-open: first call %t, second %t", ok, second)
			}
			if wait, _ := b.blocked(); wait <= 0 {
				t.Error("somebody else may ask while a call tries")
			}
			b.leave(epoch, verdictFailed)
		}
		wait, _ = b.blocked()
		time.Sleep(wait)
		epoch, _ = b.enter()
		b.leave(epoch, verdictVoid) // it told nothing: another may try
		epoch, ok := b.enter()
		b.leave(epoch, verdictWorks)
		if wait, _ := b.blocked(); wait != 0 || !ok {
			t.Errorf("blocked for %s after a call that worked", wait)
		}
		select {
		case <-changed:
		default:
			t.Error("those who wait were not told")
		}
		if got := strings.Join(told.got, " "); strings.Count(got, "HALF_OPEN>OPEN") != 4 || !strings.HasSuffix(got, "HALF_OPEN>CLOSED") {
			t.Errorf("told %s", got)
		}
		time.Sleep(time.Hour)
		fail(b, failuresInRow)
		if wait, _ := b.blocked(); wait > 4*time.Second {
			t.Errorf("after a good time it opens for %s at once", wait)
		}
	})
}

// TestBreakerOnShare: it opens as well when most calls fail, if not one after another.
func TestBreakerOnShare(t *testing.T) {
	var told states
	b := newBreaker(Backoff{First: time.Hour, Longest: time.Hour}, told.change)
	for i := range 100 {
		epoch, ok := b.enter()
		if !ok {
			if i < 20 {
				t.Errorf("opened after %d calls", i)
			}
			return
		}
		b.leave(epoch, map[bool]verdict{true: verdictWorks, false: verdictFailed}[i%4 == 0])
	}
	t.Error("three of four calls fail and it stays closed")
}

func TestLatency(t *testing.T) {
	l := newLatency(8)
	for range 20 {
		if got := l.observe(10, 100*time.Millisecond); got != 8 {
			t.Fatalf("%d calls at a steady pace", got)
		}
	}
	if got := l.observe(10, 140*time.Millisecond); got != 8 || l.slowed() {
		t.Errorf("%d calls after a little noise", got)
	}
	last := 8
	for range 30 {
		last = l.observe(10, time.Second)
	}
	if last != 1 || !l.slowed() {
		t.Errorf("%d calls while the platform takes ten times as long", last)
	}
	for range 200 {
		last = l.observe(10, 110*time.Millisecond)
	}
	if last != 8 || l.slowed() {
		t.Errorf("%d calls when it is as fast as before", last)
	}
	if got := l.observe(500, 2*time.Second); got != 8 {
		t.Errorf("%d calls after a large one, which may take longer", got)
	}
	for range 2000 {
		last = l.observe(500, 5*time.Second)
	}
	if last != 8 {
		t.Errorf("%d calls at a pace that has become the usual one", last)
	}
}

func TestMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMeter()
		for range 40 {
			time.Sleep(100 * time.Millisecond)
			m.add(5)
		}
		if got := m.rate(2 * time.Second); got < 45 || got > 55 {
			t.Errorf("%.1f a second, want 50", got)
		}
		if got := m.lastSecond(); got < 35 || got > 55 {
			t.Errorf("%d in the last second, want about 50", got)
		}
		time.Sleep(time.Hour)
		if got := m.rate(5 * time.Second); got != 0 || m.lastSecond() != 0 {
			t.Errorf("%.1f a second after an hour of rest", got)
		}
	})
}

// TestBreakerHoldsChunk: a chunk that is held while the breaker is open waits for as long as it may, and then says why.
func TestBreakerHoldsChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{info: Info{Method: "m", MaxBatch: 1}, check: nil}
		s.check = fails
		a := newAsker(t, s)
		a.breaker = newBreaker(Backoff{First: 10 * time.Second, Longest: 10 * time.Second}, func(string, string, string) {})
		start := time.Now()
		checks := mustAsk(t, a, chunkOf(60, 0))
		if took := time.Since(start); took > time.Minute || took < 50*time.Second {
			t.Errorf("held for %s", took)
		}
		if n := len(s.calls); n < failuresInRow || n > failuresInRow+13 {
			t.Errorf("%d calls", n)
		}
		asked := 0
		for i, c := range checks {
			if c.Status != "ERROR" || c.Reason == "" {
				t.Errorf("check %d: %s, %q", i, c.Status, c.Reason)
			}
			asked += c.Attempts
		}
		if asked != len(s.calls) {
			t.Errorf("%d attempts told, %d made", asked, len(s.calls))
		}
	})
}

var errDown = errors.New("down")

func fails(int, []numbering.Number) ([]Outcome, error) { return nil, errDown }
