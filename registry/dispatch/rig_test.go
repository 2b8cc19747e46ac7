package dispatch_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/accesslog"
	"phoneregistry/internal/natsembed"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/dispatch"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// clock is the time of day with an offset that tests move.
type clock struct {
	mu     sync.Mutex
	offset time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset)
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
}

// rig is a database, a NATS server and the service on them. Dispatchers are started by the tests.
type rig struct {
	t       testing.TB
	ctx     context.Context // of the test
	pool    *pgxpool.Pool
	store   *postgres.Store
	service *registry.Service
	log     *logBuffer
	seen    *accesslog.Log
	clock   *clock
	nats    *natsembed.Server
	conn    *nats.Conn
	js      jetstream.JetStream
}

func newRig(t testing.TB) *rig {
	t.Helper()
	ctx := registry.WithActor(testkit.Context(t), registry.Actor{Name: "ada", Role: registry.RoleAdmin})
	r := &rig{t: t, ctx: ctx, clock: &clock{}, log: &logBuffer{}}
	var err error
	r.pool, err = postgres.OpenPool(r.ctx, testkit.Database(t), postgres.PoolOptions{})
	must(t, err)
	t.Cleanup(r.pool.Close)
	r.store = postgres.New(r.pool, postgres.Options{Now: r.clock.Now, Logger: testkit.Logger(t)})
	must(t, r.store.EnsurePartitions(ctx, r.clock.Now()))
	r.seen = r.accessLog(0)
	r.background("the access log", r.seen.Run)
	r.nats, r.conn = testkit.NATS(t, nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	r.js, err = jetstream.New(r.conn)
	must(t, err)
	numbers, err := numbering.New()
	must(t, err)
	r.service = registry.New(registry.Config{
		Store: r.store, Numbers: numbers, Model: scoring.DefaultModel(), Now: r.clock.Now, PrivateWebhooks: true,
	})
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text []byte
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	return len(b), nil
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// config is that of a dispatcher that calls receivers on this machine and looks for work often.
func (r *rig) config() dispatch.Config {
	return dispatch.Config{
		Outbox: r.store, Accesses: r.seen, Conn: r.conn, Now: r.clock.Now, AllowPrivate: true, Poll: 5 * time.Millisecond,
		Backoff: 5 * time.Millisecond, Upkeep: 10 * time.Millisecond, Grace: 200 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(io.MultiWriter(r.log, r.t.Output()), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
}

// start runs a dispatcher until stop is called or the test ends.
func (r *rig) start(c dispatch.Config) (stop func()) {
	r.t.Helper()
	d, err := dispatch.New(c)
	must(r.t, err)
	return r.background("dispatcher", d.Run)
}

// background runs a part until stop is called or the test ends.
func (r *rig) background(name string, run func(context.Context) error) (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("%s: %v", name, err)
		}
	})
	r.t.Cleanup(stop)
	return stop
}

// accessLog opens an access log of which so many bytes may wait for the store; 0: as many as there are.
func (r *rig) accessLog(most int64) *accesslog.Log {
	r.t.Helper()
	log, err := accesslog.Open(accesslog.Config{Dir: r.t.TempDir(), Store: r.store, Logger: testkit.Logger(r.t), MaxBytes: most})
	must(r.t, err)
	return log
}

// call is a request that a receiver got.
type call struct {
	header http.Header
	body   []byte
	at     time.Time
}

func (c call) id() string { return c.header.Get("webhook-id") }

// data reads the data of the message.
func (c call) message(t testing.TB) (m struct {
	ID, Type  string
	Timestamp time.Time
	Data      map[string]any
}) {
	t.Helper()
	must(t, json.Unmarshal(c.body, &m))
	return m
}

// receiver is a real HTTP server that keeps what it got, and answers as told: handlers in turn, the last one for ever.
type receiver struct {
	*httptest.Server
	calls chan call
}

func newReceiver(t testing.TB, answers ...http.HandlerFunc) *receiver {
	t.Helper()
	rc := &receiver{calls: make(chan call, 10_000)}
	if len(answers) == 0 {
		answers = []http.HandlerFunc{status(http.StatusOK)}
	}
	var mu sync.Mutex
	next := 0
	rc.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		mu.Lock()
		answer := answers[min(next, len(answers)-1)]
		next++
		mu.Unlock()
		rc.calls <- call{header: r.Header.Clone(), body: body, at: time.Now()}
		answer(w, r)
	}))
	t.Cleanup(rc.Close)
	return rc
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// next waits for a request.
func (rc *receiver) next(t testing.TB, ctx context.Context) call {
	t.Helper()
	select {
	case c := <-rc.calls:
		return c
	case <-ctx.Done():
		t.Fatal("the receiver was not called")
		return call{}
	}
}

// webhook makes a webhook and returns it with its secret.
func (r *rig) webhook(url string, events ...registry.EventType) (registry.Webhook, string) {
	r.t.Helper()
	if len(events) == 0 {
		events = registry.EventTypes()
	}
	hook, secret, err := r.service.CreateWebhook(r.ctx, registry.NewWebhook{URL: url, Events: events})
	must(r.t, err)
	return hook, secret
}

// cancelledJob makes a job and cancels it, which ends it.
func (r *rig) cancelledJob(name string) registry.Job {
	r.t.Helper()
	const n = registry.Number(573001234567)
	job, err := r.store.CreateJob(r.ctx, registry.JobSpec{
		Name: name, Platforms: []registry.Platform{scoring.Google}, Target: registry.Target{Numbers: []registry.Number{n}},
		BatchSize: 10, MaxConcurrent: 1,
	}, []registry.Phone{{Number: n, Region: "CO", LineType: numbering.Mobile, Valid: true, PlanVersion: "p1"}})
	must(r.t, err)
	job, err = r.store.CancelJob(r.ctx, job.ID)
	must(r.t, err)
	return job
}

// tierEvent writes an event of so many numbers, as a transaction that scores them does.
func (r *rig) tierEvent(numbers int) uuid.UUID {
	r.t.Helper()
	id, err := uuid.NewV7()
	must(r.t, err)
	_, err = r.pool.Exec(r.ctx, `INSERT INTO outbox (id, type, created_at, numbers, tiers_before, tiers_after, totals)
		SELECT $1, 'lead.tier_changed', $2, array_agg(573000000000 + i), array_agg(i % 7), array_agg(1 + i % 6), array_agg(i % 101)
		FROM generate_series(0, $3::integer - 1) i`, id, r.clock.Now(), numbers)
	must(r.t, err)
	return id
}

// delivery waits until the only delivery of a webhook is as it should be.
func (r *rig) delivery(hook uuid.UUID, is func(registry.Delivery) bool) registry.Delivery {
	r.t.Helper()
	all := r.deliveries(hook, func(all []registry.Delivery) bool { return len(all) == 1 && is(all[0]) })
	return all[0]
}

// deliveries waits until the deliveries of a webhook are as they should be.
func (r *rig) deliveries(hook uuid.UUID, are func([]registry.Delivery) bool) []registry.Delivery {
	r.t.Helper()
	var page registry.Page[registry.Delivery]
	r.until("the deliveries are as they should be", func() bool {
		pages, err := r.service.Deliveries(r.ctx, []uuid.UUID{hook}, "", registry.PageRequest{First: registry.MaxPageSize})
		must(r.t, err)
		page = pages[hook]
		return are(page.Items)
	})
	return page.Items
}

// until waits for a condition in the database, which tells nobody when it changes.
func (r *rig) until(what string, holds func() bool) {
	r.t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-r.ctx.Done():
			r.t.Fatalf("not in time: %s", what)
		}
	}
}

func delivered(d registry.Delivery) bool { return d.Status == registry.DeliveryDelivered }
func dead(d registry.Delivery) bool      { return d.Status == registry.DeliveryDead }

// attempted is a delivery that waits for its next attempt behind so many that have ended.
func (r *rig) attempted(n int) func(registry.Delivery) bool {
	return func(d registry.Delivery) bool {
		return d.Status == registry.DeliveryPending && d.Attempts == n && d.Error != "" && d.NextAttemptAt.After(r.clock.Now())
	}
}

func counter(t testing.TB, reg *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if label == "" || (len(m.GetLabel()) > 0 && m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}
