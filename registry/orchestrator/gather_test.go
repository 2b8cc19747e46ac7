package orchestrator

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

func gatherOf(most, checks int) *gatherer {
	return newGatherer(Config{Linger: 20 * time.Millisecond, Hold: 100 * time.Millisecond, BatchResults: most, BatchChecks: checks, BatchBytes: 1 << 20})
}

func came(job uuid.UUID, p registry.Platform, no, checks int) pending {
	return pending{result: registry.ChunkResult{
		ChunkKey: registry.ChunkKey{Job: job, Platform: p, No: no}, Checks: make([]registry.Check, checks),
	}}
}

func TestRangesWaitForTheirPlatforms(t *testing.T) {
	g, job, now := gatherOf(64, 1000), uuid.New(), time.Now()
	after := func(d time.Duration) int {
		batch, _ := g.take(nil, now.Add(d))
		return len(batch)
	}
	g.add(came(job, scoring.Google, 0, 10), now)
	if n := after(19 * time.Millisecond); n != 0 {
		t.Errorf("%d results did not wait for others", n)
	}
	g.add(came(job, scoring.Apple, 0, 10), now.Add(5*time.Millisecond))
	if at, ok := g.next(); !ok || !at.Equal(now.Add(20*time.Millisecond)) {
		t.Errorf("next at %s", at.Sub(now))
	}
	if n := after(20 * time.Millisecond); n != 2 {
		t.Errorf("%d results together, want both platforms", n)
	}
	g.add(came(job, scoring.Apple, 1, 10), now)
	if n := after(99 * time.Millisecond); n != 0 {
		t.Errorf("%d results did not wait for the platform that is missing", n)
	}
	g.add(came(job, scoring.Google, 2, 10), now)
	g.add(came(job, scoring.Apple, 2, 10), now)
	if n := after(20 * time.Millisecond); n != 2 {
		t.Errorf("%d results, want the range that is whole", n)
	}
	if n := after(100 * time.Millisecond); n != 1 {
		t.Errorf("%d results, want the one that has waited long enough", n)
	}
	if _, ok := g.next(); ok || g.waiting != (amount{}) {
		t.Errorf("%+v still wait", g.waiting)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	g, job, now := gatherOf(4, 25), uuid.New(), time.Now()
	for no := range 4 {
		g.add(came(job, scoring.Google, no, 10), now)
	}
	if !g.full() {
		t.Error("takes more in than a batch holds")
	}
	batch, blocked := g.take(nil, now) // full: nothing waits any longer
	if len(batch) != 2 || !blocked {
		t.Errorf("%d results, blocked: %t; want two by the bound of checks", len(batch), blocked)
	}
	if batch, blocked = g.take(batch, now.Add(time.Hour)); len(batch) != 2 || !blocked {
		t.Errorf("%d results, blocked: %t", len(batch), blocked)
	}
	g.add(came(job, scoring.Google, 9, 1000), now)
	if batch, _ = g.take(nil, now.Add(time.Hour)); len(batch) != 2 {
		t.Errorf("%d results", len(batch))
	}
	if batch, _ = g.take(nil, now.Add(time.Hour)); len(batch) != 1 {
		t.Errorf("%d results: one that is larger than a batch goes alone", len(batch))
	}
}

// TestBytesAreBounded: a few large results fill a batch as many small ones do.
func TestBytesAreBounded(t *testing.T) {
	g, job, now := gatherOf(64, 1000), uuid.New(), time.Now()
	for no := range 3 {
		if g.full() {
			t.Errorf("full with %d results", no)
		}
		p := came(job, scoring.Google, no, 1)
		p.bytes = 400 << 10
		g.add(p, now)
	}
	if !g.full() {
		t.Error("takes more in than a batch holds")
	}
	if batch, blocked := g.take(nil, now); len(batch) != 2 || !blocked {
		t.Errorf("%d results, blocked: %t; want two by the bound of bytes", len(batch), blocked)
	}
	if g.full() || g.waiting != (amount{1, 1, 400 << 10}) {
		t.Errorf("%+v wait", g.waiting)
	}
}

// TestNothingIsHeldBack: whatever comes is handed over once, within bounds, and none waits longer than it may.
func TestNothingIsHeldBack(t *testing.T) {
	jobs := []uuid.UUID{uuid.New(), uuid.New()}
	rapid.Check(t, func(t *rapid.T) {
		g, now, in, out := gatherOf(8, 50), time.Now(), 0, 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if !g.full() && rapid.Bool().Draw(t, "comes") {
				g.add(came(rapid.SampledFrom(jobs).Draw(t, "job"), rapid.SampledFrom(scoring.Platforms()).Draw(t, "platform"),
					rapid.IntRange(0, 5).Draw(t, "no"), rapid.IntRange(0, 20).Draw(t, "checks")), now)
				in++
			}
			now = now.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "ms")) * time.Millisecond)
			batch, blocked := g.take(nil, now)
			out += len(batch)
			if len(batch) > 8 && len(batch) > 1 && batch[0].result.No != batch[len(batch)-1].result.No {
				t.Fatalf("%d results in a batch", len(batch))
			}
			if at, ok := g.next(); ok && !blocked && !at.After(now) {
				t.Fatalf("something waits although it is due")
			}
			for _, r := range g.ranges {
				if !blocked && now.Sub(r.first) >= g.hold {
					t.Fatalf("a range waits for %s", now.Sub(r.first))
				}
			}
		}
		out += len(g.rest())
		if in != out || g.waiting != (amount{}) {
			t.Fatalf("%d came, %d were handed over", in, out)
		}
	})
}
