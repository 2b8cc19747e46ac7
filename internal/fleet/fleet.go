// Package fleet knows the workers that run, from their heartbeats. It is a view for people and for the relay, never the
// truth: a worker that is not seen works all the same.
package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// maxWorkers bounds how many workers are remembered; anybody on the bus can claim to be one.
const maxWorkers = 1000

// Config is what a Fleet is made of. Conn is required.
type Config struct {
	Conn   *nats.Conn
	Logger *slog.Logger     // none
	Now    func() time.Time // time.Now
}

// Fleet collects the heartbeats of workers. Make it with New and run it once with Run.
type Fleet struct {
	conn  *nats.Conn
	log   *slog.Logger
	now   func() time.Time
	ready chan struct{}

	mu      sync.Mutex
	workers map[string]registry.Worker // by id
	full    bool                       // told that there are too many
}

var _ registry.Fleet = (*Fleet)(nil)

// New makes a Fleet that knows nobody yet.
func New(c Config) (*Fleet, error) {
	if c.Conn == nil {
		return nil, errors.New("fleet: Conn is required")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Fleet{conn: c.Conn, log: c.Logger, now: c.Now, ready: make(chan struct{}), workers: map[string]registry.Worker{}}, nil
}

// Ready is closed when Run listens.
func (f *Fleet) Ready() <-chan struct{} { return f.ready }

// Run listens until ctx ends. It may run once.
func (f *Fleet) Run(ctx context.Context) error {
	sub, err := f.conn.Subscribe(bus.WorkerStatuses, f.onStatus)
	if err != nil {
		return fmt.Errorf("fleet: subscribe to %s: %w", bus.WorkerStatuses, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails when the connection is closed, and then there is nothing to undo
	close(f.ready)
	<-ctx.Done()
	return nil
}

func (f *Fleet) onStatus(msg *nats.Msg) {
	s, err := bus.DecodeWorkerStatus(msg.Data)
	if err == nil && s.Worker != bus.LastToken(msg.Subject) {
		err = errors.New("worker status: is of another worker than its subject")
	}
	if err != nil {
		f.log.Debug("heartbeat ignored", "error", err)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s.Leaving {
		delete(f.workers, s.Worker)
		return
	}
	f.forget()
	if _, known := f.workers[s.Worker]; !known && len(f.workers) >= maxWorkers {
		if !f.full {
			f.log.Warn("too many workers to remember", "max", maxWorkers)
		}
		f.full = true
		return
	}
	f.full = false
	f.workers[s.Worker] = worker(s, f.now())
}

// forget drops the workers that were silent for too long. The caller holds mu.
func (f *Fleet) forget() {
	oldest := f.now().Add(-bus.ForgetWorkerAfter)
	maps.DeleteFunc(f.workers, func(_ string, w registry.Worker) bool { return w.LastSeenAt.Before(oldest) })
}

// Workers returns the workers that were heard of lately, by name and id. The caller may keep them.
func (f *Fleet) Workers() []registry.Worker {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget()
	all := slices.AppendSeq(make([]registry.Worker, 0, len(f.workers)), maps.Values(f.workers))
	slices.SortFunc(all, func(a, b registry.Worker) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Capacity returns how many chunks of a platform all workers that were heard of can hold; known is false when none of
// them works for the platform.
func (f *Fleet) Capacity(p registry.Platform) (slots int, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget()
	for _, w := range f.workers {
		for i := range w.Platforms {
			if w.Platforms[i].Platform == p {
				slots, known = slots+w.Platforms[i].Slots, true
			}
		}
	}
	return slots, known
}

// worker turns a heartbeat into what the registry shows. Platforms that this program does not know are left out.
func worker(s bus.WorkerStatus, seen time.Time) registry.Worker {
	w := registry.Worker{ID: s.Worker, Name: cmp.Or(s.Name, s.Worker), Version: s.Program, StartedAt: s.StartedAt, LastSeenAt: seen, Platforms: []registry.WorkerPlatform{}}
	for _, p := range scoring.Checkable() {
		i := slices.IndexFunc(s.Platforms, func(ps bus.PlatformStatus) bool { return ps.Platform == string(p) })
		if i >= 0 {
			w.Platforms = append(w.Platforms, platform(p, s.Platforms[i]))
		}
	}
	return w
}

func platform(p registry.Platform, s bus.PlatformStatus) registry.WorkerPlatform {
	out := registry.WorkerPlatform{
		Platform: p, Adapter: s.Adapter, Simulated: s.Simulated, Slots: s.Slots, InFlight: s.InFlight, Checked: s.Checked,
		Failed: s.Failed, RatePerSecond: registry.PerSecond(s.RatePerSecond), Breaker: registry.BreakerState(s.Breaker), HeldUntil: s.HeldUntil,
		Reason: some(s.Reason),
	}
	if q := s.Quota; q != nil {
		out.Quota = &registry.PlatformQuota{
			Credential: q.Credential, RatePerSecond: some(q.Rate), CurrentRate: some(q.CurrentRate), Concurrency: some(q.Concurrency),
			BudgetPerDay: some(q.Daily), SpentToday: q.SpentToday,
		}
	}
	return out
}

// some returns nil for the zero value.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
