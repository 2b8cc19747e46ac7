package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// fault is one way to break something.
type fault struct {
	name  string
	lasts [2]time.Duration // at least and at most, until it is mended
	// do breaks something and says what. mend, which may be nil, ends it.
	do func(ctx context.Context, w *world, rng *rand.Rand) (what string, mend func(context.Context))
}

// track is a series of faults of which one is there at a time: of each round, all of them in another order.
type track struct {
	name   string
	gap    [2]time.Duration // between the end of one and the next
	first  time.Duration    // before the first
	faults []fault
}

// step is a fault at its time.
type step struct {
	at, lasts time.Duration
	track     string
	fault     fault
	seed      uint64
}

// plan makes the schedule of a seed: the same for the same seed, tracks and length.
func plan(seed uint64, tracks []track, length time.Duration) []step {
	var steps []step
	for i, tr := range tracks {
		rng := rand.New(rand.NewPCG(seed, uint64(1000+i)))
		at := tr.first + between(rng, tr.gap)
		for len(tr.faults) > 0 && at < length {
			for _, j := range rng.Perm(len(tr.faults)) {
				f := tr.faults[j]
				s := step{at: at, lasts: between(rng, f.lasts), track: tr.name, fault: f, seed: rng.Uint64()}
				if at < length {
					steps = append(steps, s)
				}
				at += s.lasts + between(rng, tr.gap)
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return steps
}

func between(rng *rand.Rand, limits [2]time.Duration) time.Duration {
	if limits[1] <= limits[0] {
		return limits[0]
	}
	return limits[0] + time.Duration(rng.Int64N(int64(limits[1]-limits[0])))
}

// tally counts what was done.
type tally struct {
	mu     sync.Mutex
	faults map[string]int
	kills  map[string]int // by kind of process
	skips  map[string]string
}

func newTally() *tally {
	return &tally{faults: map[string]int{}, kills: map[string]int{}, skips: map[string]string{}}
}

func (c *tally) fault(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults[name]++
}

func (c *tally) skip(name, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skips[name] = reason
}

// killed counts processes that were ended with -9 (PostgreSQL: also with an immediate shutdown).
func (c *tally) killed(kind string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kills[kind] += n
}

func (c *tally) total() (kills, kinds int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, n := range c.kills {
		kills += n
	}
	return kills, len(c.faults)
}

// String is the table for docs/reliability.md.
func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	line := func(name string, n int) { fmt.Fprintf(&b, "| %s | %d |\n", name, n) }
	b.WriteString("\n| what was done | times |\n|---|---|\n")
	for _, name := range sorted(c.faults) {
		line(name, c.faults[name])
	}
	b.WriteString("\n| killed with -9 | times |\n|---|---|\n")
	total := 0
	for _, name := range sorted(c.kills) {
		line(name, c.kills[name])
		total += c.kills[name]
	}
	line("together", total)
	for _, name := range sorted(c.skips) {
		fmt.Fprintf(&b, "\nleft out: %s: %s", name, c.skips[name])
	}
	return b.String()
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// play carries out a plan until it ends or enough says so, and mends everything.
func (w *world) play(ctx context.Context, steps []step, enough func() bool) {
	begun := time.Now()
	var open sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, s := range steps {
		pause(ctx, time.Until(begun.Add(s.at)))
		if ctx.Err() != nil || enough() {
			break
		}
		open.Go(func() { w.carryOut(ctx, s) })
	}
	cancel() // what is broken is mended now
	open.Wait()
}

func (w *world) carryOut(ctx context.Context, s step) {
	what, mend := s.fault.do(ctx, w, rand.New(rand.NewPCG(s.seed, 3)))
	if what == "" {
		return // it could not be done at this moment
	}
	w.tally.fault(s.fault.name)
	w.say("%-9s %s: %s", s.track, s.fault.name, what)
	if mend == nil {
		return
	}
	pause(ctx, s.lasts)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), startWithin)
	defer cancel()
	mend(limit)
	w.say("%-9s mended: %s", s.track, s.fault.name)
}
