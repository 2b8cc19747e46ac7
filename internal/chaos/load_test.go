package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// firstNumber is the first of the numbers that are checked: mobile numbers of Colombia.
const firstNumber = 573001230000

// accepted is a job that a server has accepted: a promise to be kept.
type accepted struct {
	id        string
	key       string
	numbers   []numbering.Number
	platforms []scoring.Platform
	at        time.Time   // when the answer came
	steered   atomic.Bool // the race for its state may end in any way
	retried   bool        // under load.mu
}

// load starts jobs, watches some of them, and remembers what was promised.
type load struct {
	w       *world
	rng     *rand.Rand
	numbers int // how many different ones there are

	mu        sync.Mutex
	jobs      []*accepted
	watched   map[string]job // final states that subscribers were told
	backwards []string       // sequences that fell
	uploads   []upload
}

func newLoad(w *world, seed uint64, numbers int) *load {
	return &load{w: w, rng: rand.New(rand.NewPCG(seed, 2)), numbers: numbers, watched: map[string]job{}}
}

// openJobs is how many jobs are kept going.
const openJobs = 4

// run keeps some jobs going until starting ends, and follows what it has started until they end, or following does.
func (l *load) run(starting, following context.Context) {
	var slots sync.WaitGroup
	slots.Go(func() { l.sendFiles(starting) })
	for slot := range openJobs {
		rng := rand.New(rand.NewPCG(l.w.seed, uint64(100+slot)))
		slots.Go(func() {
			for n := 0; starting.Err() == nil; n++ {
				a, err := l.start(starting, rng, fmt.Sprintf("load-%d-%d", slot, n))
				if err != nil {
					if starting.Err() == nil {
						l.w.t.Errorf("a job was refused: %v", err)
					}
					return
				}
				l.follow(following, rng, a)
			}
		})
	}
	slots.Wait()
}

// start starts a job of random numbers on random platforms.
func (l *load) start(ctx context.Context, rng *rand.Rand, key string) (*accepted, error) {
	a := &accepted{key: key}
	for _, i := range rng.Perm(l.numbers)[:20+rng.IntN(60)] {
		a.numbers = append(a.numbers, numbering.Number(firstNumber+i))
	}
	slices.Sort(a.numbers)
	all := scoring.Platforms()
	for _, i := range rng.Perm(len(all))[:1+rng.IntN(len(all))] {
		a.platforms = append(a.platforms, all[i])
	}
	texts := make([]string, len(a.numbers))
	for i, n := range a.numbers {
		texts[i] = n.String()
	}
	started, err := l.w.client.startJob(ctx, map[string]any{
		"name": key, "clientKey": fmt.Sprintf("%d-%s", l.w.seed, key), "platforms": a.platforms,
		"batchSize": 5 + rng.IntN(16), "maxConcurrent": 4 + rng.IntN(12), "retryAttempts": rng.IntN(3),
		"target": map[string]any{"numbers": texts},
	})
	if err != nil {
		return nil, err
	}
	a.id, a.at = started.ID, time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs = append(l.jobs, a)
	return a, nil
}

// follow watches a job to its end as a subscriber who comes back after every break, at either server.
func (l *load) follow(ctx context.Context, rng *rand.Rand, a *accepted) {
	var last progress
	for ctx.Err() == nil {
		url := l.w.listen[rng.IntN(len(l.w.listen))]
		err := l.w.client.watch(ctx, url, a.id, func(p progress) {
			if p.Sequence < last.Sequence && !l.w.beforeRestore(a.at) {
				l.mu.Lock()
				l.backwards = append(l.backwards, fmt.Sprintf("%s: from %d to %d", a.id, last.Sequence, p.Sequence))
				l.mu.Unlock()
			}
			last = p
		})
		switch {
		case err == nil && ended(last.Job.Status):
			l.mu.Lock()
			l.watched[a.id] = last.Job
			l.mu.Unlock()
			return
		case l.w.beforeRestore(a.at):
			return // it may not be there any more
		case errors.Is(err, errBroken), err == nil:
			pause(ctx, usualDelay)
		}
	}
}

func ended(status string) bool {
	return status == "COMPLETED" || status == "FAILED" || status == "CANCELLED"
}

// pick returns a job that was accepted not long ago.
func (l *load) pick(rng *rand.Rand) *accepted {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.jobs) == 0 {
		return nil
	}
	recent := l.jobs[max(0, len(l.jobs)-openJobs):]
	return recent[rng.IntN(len(recent))]
}

func (l *load) accepted() []*accepted {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.jobs)
}

// mark notes that somebody steers a job, before it is done.
func (l *load) mark(a *accepted) { a.steered.Store(true) }

// markRetried notes that a job was asked to go on after its end.
func (l *load) markRetried(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, a := range l.jobs {
		if a.id == id {
			a.retried = true
		}
	}
}
