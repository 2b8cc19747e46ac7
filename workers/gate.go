package workers

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// gate lets a number of calls through at the same time and shares them fairly among jobs: those that wait take turns by
// job, the one that had its turn longest ago first, and within a job in the order in which they came. When it was a job's
// turn counts, not when it came to wait: a job with one chunk comes back only after its call has ended, and would else
// find a job with many chunks before it each time.
type gate struct {
	mu    sync.Mutex
	limit int
	busy  int
	jobs  []*queue          // that have somebody waiting, the next one first
	turns uint64            // given so far
	last  map[string]uint64 // the last turn of each job; those not seen for long are forgotten
}

// rememberedJobs bounds what a gate remembers of jobs that do not wait.
const rememberedJobs = 512

type queue struct {
	job     string
	waiting []chan struct{}
}

func newGate(limit int) *gate { return &gate{limit: limit, last: map[string]uint64{}} }

// enter waits for a turn of a job. It fails when ctx ends, with its cause.
func (g *gate) enter(ctx context.Context, job string) error {
	g.mu.Lock()
	if g.busy < g.limit && len(g.jobs) == 0 {
		g.busy++
		g.note(job)
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	i := slices.IndexFunc(g.jobs, func(q *queue) bool { return q.job == job })
	if i < 0 {
		i = slices.IndexFunc(g.jobs, func(q *queue) bool { return g.last[q.job] > g.last[job] })
		if i < 0 {
			i = len(g.jobs)
		}
		g.jobs = slices.Insert(g.jobs, i, &queue{job: job})
	}
	g.jobs[i].waiting = append(g.jobs[i].waiting, turn)
	g.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.drop(job, turn) { // its turn came meanwhile: it is the next one's
		g.busy--
		g.admit()
	}
	return context.Cause(ctx)
}

// drop takes somebody who does not want to wait any more out of the queue of a job, and reports whether it was there.
func (g *gate) drop(job string, turn chan struct{}) bool {
	i := slices.IndexFunc(g.jobs, func(q *queue) bool { return q.job == job })
	if i < 0 {
		return false
	}
	q := g.jobs[i]
	j := slices.Index(q.waiting, turn)
	if j < 0 {
		return false
	}
	if q.waiting = slices.Delete(q.waiting, j, j+1); len(q.waiting) == 0 {
		g.jobs = slices.Delete(g.jobs, i, i+1)
	}
	return true
}

// leave ends a turn.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.admit()
}

// setLimit changes how many calls are let through.
func (g *gate) setLimit(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limit = n
	g.admit()
}

// admit gives turns to those who wait, as far as there are any. The caller holds mu.
func (g *gate) admit() {
	for g.busy < g.limit && len(g.jobs) > 0 {
		q := g.jobs[0]
		close(q.waiting[0])
		g.busy++
		g.note(q.job)
		g.jobs = g.jobs[1:]
		if q.waiting = q.waiting[1:]; len(q.waiting) > 0 {
			g.jobs = append(g.jobs, q)
		}
	}
}

// note remembers that a job had its turn. The caller holds mu.
func (g *gate) note(job string) {
	g.turns++
	g.last[job] = g.turns
	if len(g.last) > rememberedJobs {
		maps.DeleteFunc(g.last, func(_ string, turn uint64) bool { return turn+rememberedJobs/2 < g.turns })
	}
}

// waiting returns how many wait.
func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := 0
	for _, q := range g.jobs {
		n += len(q.waiting)
	}
	return n
}
