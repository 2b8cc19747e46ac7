package orchestrator

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// gatherer collects results into batches. It keeps the platforms of a range of numbers together, so that the scores
// of these numbers are made once and not once for each platform: a range waits for a moment until all platforms have
// answered that have been seen to answer for its job.
type gatherer struct {
	linger, hold        time.Duration // how long a range waits at least, and at most for platforms that are missing
	most, checks, bytes int           // results, checks and bytes of messages in a batch

	ranges    []*span // in the order in which they came
	waiting   amount  // in them
	platforms map[uuid.UUID]map[registry.Platform]bool
}

// amount is how much results are.
type amount struct{ results, checks, bytes int }

func amountOf(results []pending) amount {
	a := amount{results: len(results)}
	for _, p := range results {
		a.checks += len(p.result.Checks)
		a.bytes += p.bytes
	}
	return a
}

func (a amount) plus(b amount) amount {
	return amount{a.results + b.results, a.checks + b.checks, a.bytes + b.bytes}
}

// span is what has come of a range of numbers.
type span struct {
	job     uuid.UUID
	no      int
	first   time.Time
	results []pending
}

// maxJobsSeen bounds what is remembered of jobs; forgetting one costs scores that are made twice.
const maxJobsSeen = 1000

func newGatherer(c Config) *gatherer {
	return &gatherer{
		linger: c.Linger, hold: c.Hold, most: c.BatchResults, checks: c.BatchChecks, bytes: c.BatchBytes,
		platforms: map[uuid.UUID]map[registry.Platform]bool{},
	}
}

// full reports whether no more results should be taken in before a batch has been handed over.
func (g *gatherer) full() bool { return g.waiting.results >= g.most || g.waiting.bytes >= g.bytes }

// fits reports whether a batch may hold so much.
func (g *gatherer) fits(a amount) bool {
	return a.results <= g.most && a.checks <= g.checks && a.bytes <= g.bytes
}

func (g *gatherer) add(p pending, now time.Time) {
	job := p.result.Job
	if g.platforms[job] == nil {
		if len(g.platforms) >= maxJobsSeen {
			clear(g.platforms)
		}
		g.platforms[job] = map[registry.Platform]bool{}
	}
	g.platforms[job][p.result.Platform] = true
	i := slices.IndexFunc(g.ranges, func(r *span) bool { return r.job == job && r.no == p.result.No })
	if i < 0 {
		i = len(g.ranges)
		g.ranges = append(g.ranges, &span{job: job, no: p.result.No, first: now})
	}
	g.ranges[i].results = append(g.ranges[i].results, p)
	g.waiting = g.waiting.plus(amountOf([]pending{p}))
}

// due is when a range stops waiting.
func (g *gatherer) due(r *span) time.Time {
	if g.full() {
		return r.first
	}
	answered := map[registry.Platform]bool{}
	for _, p := range r.results {
		answered[p.result.Platform] = true
	}
	if len(answered) == len(g.platforms[r.job]) {
		return r.first.Add(g.linger)
	}
	return r.first.Add(g.hold)
}

// next is when there will be a batch if nothing more comes; false when nothing waits.
func (g *gatherer) next() (at time.Time, ok bool) {
	for _, r := range g.ranges {
		if due := g.due(r); !ok || due.Before(at) {
			at, ok = due, true
		}
	}
	return at, ok
}

// take adds the ranges that wait no longer to a batch, as many as it may hold, and to an empty one at least one of them.
// blocked says that there are more than it may hold.
func (g *gatherer) take(batch []pending, now time.Time) (_ []pending, blocked bool) {
	held := amountOf(batch)
	ready := make([]bool, len(g.ranges))
	for i, r := range g.ranges {
		ready[i] = !g.due(r).After(now)
	}
	i := -1
	g.ranges = slices.DeleteFunc(g.ranges, func(r *span) bool {
		i++
		if !ready[i] {
			return false
		}
		more := amountOf(r.results)
		if len(batch) > 0 && !g.fits(held.plus(more)) {
			blocked = true
			return false
		}
		batch = append(batch, r.results...)
		held = held.plus(more)
		g.waiting = amount{g.waiting.results - more.results, g.waiting.checks - more.checks, g.waiting.bytes - more.bytes}
		return true
	})
	return batch, blocked
}

// rest returns all that waits.
func (g *gatherer) rest() []pending {
	var all []pending
	for _, r := range g.ranges {
		all = append(all, r.results...)
	}
	g.ranges, g.waiting = nil, amount{}
	return all
}

// gather makes batches of results until there are no more. While a batch is being applied the next one grows.
func (o *Orchestrator) gather(ctx context.Context, decoded <-chan pending, batches chan<- []pending) {
	g := newGatherer(o.Config)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var (
		batch   []pending
		blocked bool
	)
	for {
		batch, blocked = g.take(batch, time.Now())
		if at, ok := g.next(); ok && !blocked {
			timer.Reset(time.Until(at))
		}
		in, out := decoded, batches
		if g.full() {
			in = nil
		}
		if len(batch) == 0 {
			out = nil
		}
		select {
		case p, ok := <-in:
			if !ok {
				o.giveBack(append(batch, g.rest()...))
				return
			}
			g.add(p, time.Now())
		case out <- batch:
			batch = nil
		case <-timer.C:
		case <-ctx.Done():
			o.giveBack(append(batch, g.rest()...))
			for p := range decoded {
				o.giveBack([]pending{p})
			}
			return
		}
	}
}
