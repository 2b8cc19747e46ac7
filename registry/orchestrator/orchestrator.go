// Package orchestrator sends the work of validation jobs out and takes their results in. PostgreSQL holds the truth in
// its ledger of chunks; what is in NATS can be lost at any time and is made anew from there.
//
//   - The planner cuts the targets of large jobs into chunks, step by step.
//   - The relay publishes pending chunks, no more than workers can hold, shared fairly among the jobs.
//   - The applier takes results in batches and writes what follows from them, each exactly once.
//   - The reconciler publishes again what got lost.
//   - Recall takes back what nobody should begin, as its job is held or was cancelled.
//   - The scheduler starts the jobs of standing schedules.
//   - Expiry makes scores anew when their evidence runs out.
//
// Any number of servers may run an Orchestrator on the same database and NATS.
package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// Config is what an Orchestrator is made of. Ledger, Conn and Model are required; a zero field has the default that is
// named with it.
type Config struct {
	Ledger     Ledger
	Conn       *nats.Conn
	Model      *scoring.Model
	Notifier   registry.Notifier     // NewNotifier(Conn)
	Streams    bus.Options           // of the streams it makes sure of
	Logger     *slog.Logger          // none
	Registerer prometheus.Registerer // none: metrics are counted and not shown
	Now        func() time.Time      // time.Now; for the age of what is overdue

	// Poll is how often planner and relay look for work when nothing wakes them; 200 ms.
	Poll time.Duration
	// MaxOut is how many chunks of all jobs together may be out at the same time; 2,000.
	MaxOut int
	// Capacity tells how many chunks the workers of a platform can hold at once, as far as it is known; nothing is.
	Capacity func(registry.Platform) (slots int, known bool)
	// Slots is taken where that is not known; 16.
	Slots int
	// PublishBatch is how many chunks are published and marked together; 256.
	PublishBatch int
	// ClaimLease is how long a relay may take to publish what it has claimed; 15 s.
	ClaimLease time.Duration
	// Lease is how long a chunk may be out before the reconciler looks where it is; 60 s.
	Lease time.Duration
	// Reconcile is how often the reconciler looks; 5 s.
	Reconcile time.Duration
	// Schedule is how often schedules that are due are looked for; 1 s.
	Schedule time.Duration
	// Expire is how often expired scores are looked for; 15 s.
	Expire time.Duration
	// Appliers is how many transactions that apply results run at the same time; 2.
	Appliers int
	// BatchResults, BatchChecks and BatchBytes bound what is applied in one transaction: 64 results, 25,000 checks and
	// 16 MiB of messages. As much may wait for one, so that an applier holds (Appliers + 2) times of that at most.
	BatchResults, BatchChecks, BatchBytes int
	// Linger is how long the first result of a range of numbers waits for those of other platforms, and Hold for how
	// long when platforms are missing that have answered for the same job before; 20 and 400 ms.
	Linger, Hold time.Duration
	// Backoff is the wait after the first failure of a loop; it doubles up to 30 times of that; 200 ms.
	Backoff time.Duration
	// Grace is how long a transaction that is under way may take to end when Run ends; 5 s.
	Grace time.Duration
}

func (c Config) withDefaults() (Config, error) {
	if c.Ledger == nil || c.Conn == nil || c.Model == nil {
		return c, errors.New("orchestrator: Ledger, Conn and Model are required")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Notifier == nil {
		c.Notifier = NewNotifier(c.Conn, c.Logger)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	setDefault(&c.Poll, 200*time.Millisecond)
	setDefault(&c.MaxOut, 2000)
	setDefault(&c.Slots, 16)
	setDefault(&c.PublishBatch, 256)
	setDefault(&c.ClaimLease, 15*time.Second)
	setDefault(&c.Lease, time.Minute)
	setDefault(&c.Reconcile, 5*time.Second)
	setDefault(&c.Schedule, time.Second)
	setDefault(&c.Expire, 15*time.Second)
	setDefault(&c.Appliers, 2)
	setDefault(&c.BatchResults, 64)
	setDefault(&c.BatchChecks, 25000)
	setDefault(&c.BatchBytes, 16<<20)
	setDefault(&c.Linger, 20*time.Millisecond)
	setDefault(&c.Hold, 400*time.Millisecond)
	setDefault(&c.Backoff, 200*time.Millisecond)
	setDefault(&c.Grace, 5*time.Second)
	return c, nil
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Orchestrator runs the loops. Make it with New and run it once with Run.
type Orchestrator struct {
	Config
	js      jetstream.JetStream
	metrics *metrics
	running sync.Mutex // held since Run was called

	streamFull bool // the relay's: the last round met a full stream

	wakePlanner, wakeRelay, wakeReconciler, wakeRecall loop.Signal
}

// New checks the configuration and makes an Orchestrator. It talks to nobody yet.
func New(c Config) (*Orchestrator, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(c.Conn, jetstream.WithPublishAsyncMaxPending(c.PublishBatch), jetstream.WithPublishAsyncTimeout(c.ClaimLease/3))
	if err != nil {
		return nil, fmt.Errorf("orchestrator: %w", err)
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	return &Orchestrator{
		Config: c, js: js, metrics: m,
		wakePlanner: loop.NewSignal(), wakeRelay: loop.NewSignal(), wakeReconciler: loop.NewSignal(), wakeRecall: loop.NewSignal(),
	}, nil
}

// Run runs all loops until ctx ends, and returns when they have ended. A loop that fails, because PostgreSQL or NATS is
// away, is started again after a wait that grows. Run returns an error only when it was called before or the connection
// to NATS is closed for good.
func (o *Orchestrator) Run(ctx context.Context) error {
	if !o.running.TryLock() {
		return errors.New("orchestrator: Run was called before")
	}
	hints, err := o.Conn.Subscribe(bus.JobEvents, func(*nats.Msg) {
		o.wakePlanner.Give()
		o.wakeRelay.Give()
		o.wakeRecall.Give()
	})
	if err != nil {
		return fmt.Errorf("orchestrator: subscribe to %s: %w", bus.JobEvents, err)
	}
	defer func() { _ = hints.Unsubscribe() }() // fails when the connection is closed, and then there is nothing to undo
	status := o.Conn.StatusChanged(nats.CONNECTED, nats.CLOSED)
	defer o.Conn.RemoveStatusListener(status)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	ctx = registry.WithActor(ctx, registry.Actor{Name: "system:orchestrator", Role: registry.RoleAdmin})
	var loops sync.WaitGroup
	loops.Go(func() { o.watch(ctx, status, cancel) })
	for name, run := range map[string]func(context.Context) error{
		"planner": o.plan, "relay": o.relay, "applier": o.apply, "reconciler": o.reconcile, "expiry": o.expire,
		"recall": o.recall, "scheduler": o.schedule,
	} {
		loops.Go(func() {
			o.supervise(ctx, name, run)
		})
	}
	loops.Wait()
	if err := context.Cause(ctx); errors.Is(err, ErrConnectionClosed) {
		return err
	}
	return nil
}

// ErrConnectionClosed is returned by Run when the connection to NATS was closed for good.
var ErrConnectionClosed = errors.New("the connection to NATS was closed")

// watch wakes the reconciler when NATS is back, as it may have lost its store, and ends all when it never will be.
func (o *Orchestrator) watch(ctx context.Context, status <-chan nats.Status, end context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-status:
			if s == nats.CLOSED || o.Conn.IsClosed() {
				end(ErrConnectionClosed)
				return
			}
			o.wakeReconciler.Give()
			o.wakeRelay.Give()
		}
	}
}

func (o *Orchestrator) supervise(ctx context.Context, name string, run func(context.Context) error) {
	loop.Supervise(ctx, o.Logger, name, o.Backoff, o.metrics.restarts.WithLabelValues(name).Inc, run)
}

// askFor bounds what NATS is asked. A request that was under way when the connection broke is never answered.
const askFor = 5 * time.Second

// ensureStreams makes sure of all streams and consumers.
func (o *Orchestrator) ensureStreams(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*askFor)
	defer cancel()
	return bus.EnsureStreams(ctx, o.js, scoring.Checkable(), o.Streams)
}

// graceful returns a context that ends some time after ctx, for what should not be broken off in the middle.
func (o *Orchestrator) graceful(ctx context.Context) (context.Context, context.CancelFunc) {
	late, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(o.Grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-late.Done():
		}
	})
	return late, func() {
		stop()
		cancel()
	}
}
