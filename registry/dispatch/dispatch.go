// Package dispatch tells others what happened. Events are written to the outbox in the transaction of what they tell of;
// from there they go into a stream of NATS, and to webhooks.
//
//   - Fan-out makes a delivery of each new event for each webhook that is to be told.
//   - The publisher puts events into the stream and marks them when NATS has acknowledged them.
//   - Delivery calls webhooks, and again when that failed, over about a day.
//   - Upkeep removes what is old and bounds what waits.
//
// None depends on another one: webhooks are called while NATS is away. Any number of servers may run a Dispatcher on the
// same database. What is told may be told twice, after a crash, and is never lost; see docs/notifications.md.
package dispatch

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

// Config is what a Dispatcher is made of. Outbox, Accesses and Conn are required; a zero field has the default that is named
// with it.
type Config struct {
	Outbox     Outbox
	Accesses   registry.AccessRecorder // of whole numbers that go to webhooks
	Conn       *nats.Conn
	Stream     bus.Options           // of the stream of events
	Logger     *slog.Logger          // none
	Registerer prometheus.Registerer // none: metrics are counted and not shown
	Now        func() time.Time      // time.Now; for the time-stamps of messages

	// AllowPrivate lets webhooks be at addresses that are not public, and be called without TLS.
	AllowPrivate bool
	// RootCAs are the authorities that certificates of webhooks may be of; those of the system.
	RootCAs *x509.CertPool
	// UserAgent is how webhooks are told who calls; phoneregistry.
	UserAgent string
	// Timeout is how long a webhook may take to answer; 10 s.
	Timeout time.Duration
	// PerWebhook is how many attempts at one webhook may be under way at all servers together; 4. As there are no more
	// than registry.MaxWebhooks, and this process makes PerWebhook times as many at a time, none waits for another one.
	PerWebhook int
	// Poll is how often new work is looked for; 300 ms.
	Poll time.Duration
	// Batch is how many events are fanned out at a time; 64.
	Batch int
	// ClaimLease is how long a claim holds; 30 s. It must be longer than Timeout.
	ClaimLease time.Duration
	// Upkeep is how often what is old is removed; 1 minute.
	Upkeep time.Duration
	// Keep is how long what was told is kept; 7 days, 30 days for what was given up, a day for events without deliveries.
	Keep registry.OutboxRetention
	// MaxBacklog is how many deliveries may wait for one webhook before it is paused; 100,000.
	MaxBacklog int
	// Backoff is the wait after the first failure of a loop; it doubles up to 30 times of that; 200 ms.
	Backoff time.Duration
	// Grace is how long attempts that are under way may take to end when Run ends; 3 s.
	Grace time.Duration
}

const day = 24 * time.Hour

func (c Config) withDefaults() (Config, error) {
	if c.Outbox == nil || c.Accesses == nil || c.Conn == nil {
		return c, errors.New("dispatch: Outbox, Accesses and Conn are required")
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.UserAgent == "" {
		c.UserAgent = "phoneregistry"
	}
	setDefault(&c.Timeout, 10*time.Second)
	setDefault(&c.PerWebhook, 4)
	setDefault(&c.Poll, 300*time.Millisecond)
	setDefault(&c.Batch, 64)
	setDefault(&c.ClaimLease, 30*time.Second)
	setDefault(&c.Upkeep, time.Minute)
	setDefault(&c.Keep.Delivered, 7*day)
	setDefault(&c.Keep.Dead, 30*day)
	setDefault(&c.Keep.Events, day)
	setDefault(&c.MaxBacklog, 100_000)
	setDefault(&c.Backoff, 200*time.Millisecond)
	setDefault(&c.Grace, 3*time.Second)
	if c.ClaimLease <= c.Timeout {
		return c, errors.New("dispatch: ClaimLease must be longer than Timeout")
	}
	return c, nil
}

func setDefault[T int | time.Duration](value *T, otherwise T) {
	if *value <= 0 {
		*value = otherwise
	}
}

// Dispatcher runs the loops. Make it with New and run it once with Run.
type Dispatcher struct {
	Config
	js       jetstream.JetStream
	client   *http.Client
	metrics  *metrics
	running  sync.Mutex // held since Run was called
	attempts sync.WaitGroup
	slots    chan struct{} // one for each attempt under way

	wakeDelivery loop.Signal
}

// New checks the configuration and makes a Dispatcher. It talks to nobody yet.
func New(c Config) (*Dispatcher, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(c.Conn, jetstream.WithPublishAsyncMaxPending(2*publishAtOnce), jetstream.WithPublishAsyncTimeout(c.ClaimLease/4))
	if err != nil {
		return nil, fmt.Errorf("dispatch: %w", err)
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	return &Dispatcher{
		Config: c, js: js, metrics: m, client: newClient(c.AllowPrivate, c.RootCAs, c.PerWebhook, c.Timeout),
		slots: make(chan struct{}, registry.MaxWebhooks*c.PerWebhook), wakeDelivery: loop.NewSignal(),
	}, nil
}

// Run runs all loops until ctx ends, and returns when they and the attempts under way have ended. A loop that fails,
// because PostgreSQL or NATS is away, is started again after a wait that grows.
func (d *Dispatcher) Run(ctx context.Context) error {
	if !d.running.TryLock() {
		return errors.New("dispatch: Run was called before")
	}
	ctx = registry.WithActor(ctx, registry.Actor{Name: "system:dispatcher", Role: registry.RoleAdmin})
	late, cancel := d.graceful(ctx)
	defer cancel(nil)
	var loops sync.WaitGroup
	for name, run := range map[string]func(context.Context) error{
		"fan-out": d.fanOut, "publisher": d.publish, "upkeep": d.upkeep,
		"delivery": func(ctx context.Context) error { return d.deliver(ctx, late) },
	} {
		loops.Go(func() {
			loop.Supervise(ctx, d.Logger, name, d.Backoff, d.metrics.restarts.WithLabelValues(name).Inc, run)
		})
	}
	loops.Wait()
	d.attempts.Wait()
	d.client.CloseIdleConnections()
	return nil
}
