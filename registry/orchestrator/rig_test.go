package orchestrator

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/natsembed"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/simulator"
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

// rig is a database, a NATS server and what a test needs to run jobs on them.
type rig struct {
	t       testing.TB
	ctx     context.Context
	url     string
	pool    *pgxpool.Pool
	store   *postgres.Store
	clock   *clock
	nats    *natsembed.Server
	conn    *nats.Conn
	js      jetstream.JetStream
	changes *changes
	quiet   bool // nothing is logged
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, ctx: testkit.Context(t), url: testkit.Database(t), clock: &clock{}, changes: newChanges()}
	var err error
	if r.pool, err = postgres.OpenPool(r.ctx, r.url, postgres.PoolOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.pool.Close)
	r.store = postgres.New(r.pool, postgres.Options{Now: r.clock.Now, Logger: testkit.Logger(t)})
	r.nats, r.conn = testkit.NATS(t)
	if r.js, err = jetstream.New(r.conn); err != nil {
		t.Fatal(err)
	}
	return r
}

// changes is a Notifier that wakes those who wait for a change.
type changes struct {
	registry.Notifier // the real one, when set
	mu                sync.Mutex
	changed           chan struct{} // closed at the next change
	leads             map[registry.Number]int
	cancelled         []uuid.UUID
}

func newChanges() *changes {
	return &changes{changed: make(chan struct{}), leads: map[registry.Number]int{}}
}

func (c *changes) next() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed
}

func (c *changes) tell(note func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	note()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *changes) JobChanged(id uuid.UUID) {
	c.tell(func() {})
	if c.Notifier != nil {
		c.Notifier.JobChanged(id)
	}
}

func (c *changes) JobCancelled(id uuid.UUID) {
	c.tell(func() { c.cancelled = append(c.cancelled, id) })
	if c.Notifier != nil {
		c.Notifier.JobCancelled(id)
	}
}

func (c *changes) ImportChanged(uuid.UUID) {}

func (c *changes) LeadsChanged(numbers []registry.Number) {
	c.tell(func() {
		for _, n := range numbers {
			c.leads[n]++
		}
	})
}

// wait returns when the condition holds. It looks after every change, and at times in between, as not every change is
// told.
func (r *rig) wait(what string, holds func() bool) {
	r.t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		next := r.changes.next()
		if holds() {
			return
		}
		select {
		case <-next:
		case <-ticker.C:
		case <-r.ctx.Done():
			r.t.Fatalf("waited in vain for: %s", what)
		}
	}
}

func (r *rig) log() *slog.Logger {
	if r.quiet {
		return slog.New(slog.DiscardHandler)
	}
	return testkit.Logger(r.t)
}

// streams are small enough for the store of a test, and do not wait for long when somebody has died with a message.
var streams = bus.Options{MaxBytes: 64 << 20, AckWait: 3 * time.Second}

// orchestrator makes one with short times, which tests may change.
func (r *rig) orchestrator(change ...func(*Config)) *Orchestrator {
	r.t.Helper()
	c := Config{
		Ledger: r.store, Conn: r.conn, Model: scoring.DefaultModel(), Notifier: r.changes, Logger: r.log(), Now: r.clock.Now,
		Poll: 10 * time.Millisecond, Reconcile: 50 * time.Millisecond, Expire: 50 * time.Millisecond, Backoff: 10 * time.Millisecond, Streams: streams,
	}
	for _, f := range change {
		f(&c)
	}
	o, err := New(c)
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

// start runs something until the returned function is called or the test ends.
func (r *rig) start(run func(context.Context) error) (stop func()) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(r.ctx)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			if err := <-ended; err != nil {
				r.t.Errorf("ended with %v", err)
			}
		})
	}
	r.t.Cleanup(stop)
	return stop
}

// workers makes a pool of simulators.
func (r *rig) workers(cfg simulator.Config) *workers.Pool {
	r.t.Helper()
	adapters := map[scoring.Platform]workers.Adapter{}
	for _, p := range scoring.Platforms() {
		s, err := simulator.New(p, cfg, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		adapters[p] = s
	}
	pool, err := workers.New(workers.Config{
		Conn: r.conn, Adapters: adapters, Logger: r.log(),
		Retry: workers.Backoff{First: time.Millisecond, Longest: 10 * time.Millisecond}, Streams: streams,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return pool
}

// first is the first of the numbers that phones registers.
const first = registry.Number(573001000000)

// phones registers n valid numbers in a row.
func (r *rig) phones(n int) {
	r.t.Helper()
	r.exec(`INSERT INTO phones (number, region, line_type, valid, plan_version, created_at, updated_at)
		SELECT $1::bigint + i, 'CO', 'MOBILE', true, 'test', now(), now() FROM generate_series(0, $2::int - 1) AS i`, int64(first), n)
}

func (r *rig) exec(sql string, arguments ...any) {
	r.t.Helper()
	if _, err := r.pool.Exec(r.ctx, sql, arguments...); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
}

// read reads one value.
func read[T any](r *rig, sql string, arguments ...any) T {
	r.t.Helper()
	var v T
	if err := r.pool.QueryRow(r.ctx, sql, arguments...).Scan(&v); err != nil {
		r.t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// spec is a job over all numbers on the platforms; all of them when none is named.
func spec(batch int, platforms ...scoring.Platform) registry.JobSpec {
	if len(platforms) == 0 {
		platforms = scoring.Platforms()
	}
	return registry.JobSpec{
		Name: "test", Platforms: platforms, Target: registry.Target{Filter: &registry.PhoneFilter{}},
		BatchSize: batch, MaxConcurrent: 40, RetryAttempts: 2,
	}
}

func (r *rig) job(s registry.JobSpec) registry.Job {
	r.t.Helper()
	job, err := r.store.CreateJob(registry.WithActor(r.ctx, registry.Actor{Name: "tester", RequestID: "request-1"}), s, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return job
}

func (r *rig) look(id uuid.UUID) registry.Job {
	r.t.Helper()
	job, err := r.store.Job(r.ctx, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return job
}

// ended waits for the end of a job.
func (r *rig) ended(id uuid.UUID) registry.Job {
	r.t.Helper()
	var job registry.Job
	r.wait("the end of the job", func() bool {
		job = r.look(id)
		return job.Status.Ended()
	})
	return job
}

// audit makes sure that a job's counters are what its ledger adds up to, each check once, and that scores and history
// fit the evidence.
func (r *rig) audit(id uuid.UUID) {
	r.t.Helper()
	job := r.look(id)
	var succeeded, failed, checks, numbers int64
	err := r.pool.QueryRow(r.ctx, `
		SELECT coalesce(sum(succeeded), 0), coalesce(sum(failed - retried), 0),
			coalesce(sum(cardinality(numbers) - retried), 0), (SELECT count(*) FROM validation_failures WHERE job_id = $1)
		FROM validation_chunks WHERE job_id = $1 AND state = 'DONE'`, id).Scan(&succeeded, &failed, &checks, &numbers)
	if err != nil {
		r.t.Fatal(err)
	}
	if job.Succeeded != succeeded || job.Failed != failed || job.Processed != checks {
		r.t.Errorf("the job counts %d succeeded and %d failed of %d processed; its chunks %d and %d of %d",
			job.Succeeded, job.Failed, job.Processed, succeeded, failed, checks)
	}
	if numbers != failed {
		r.t.Errorf("%d failures are listed, %d are counted", numbers, failed)
	}
	all := read[int64](r, `SELECT sum(cardinality(numbers) - retried)::bigint FROM validation_chunks WHERE job_id = $1`, id)
	if job.Total != all {
		r.t.Errorf("the job holds %d checks, its chunks %d", job.Total, all)
	}
	twice := read[int64](r, `SELECT count(*) FROM (
		SELECT platform, n FROM validation_chunks, unnest(numbers) AS n WHERE job_id = $1 AND retried = 0 GROUP BY 1, 2 HAVING count(*) > 1) AS d`, id)
	if twice > 0 {
		r.t.Errorf("%d checks are in several chunks", twice)
	}
	platforms := read[int64](r, `SELECT count(*) FROM (
		SELECT p.platform FROM validation_job_platforms p LEFT JOIN validation_chunks c ON c.job_id = p.job_id AND c.platform = p.platform
		WHERE p.job_id = $1 GROUP BY p.platform, p.total, p.succeeded, p.failed
		HAVING p.total <> coalesce(sum(cardinality(c.numbers) - c.retried), 0)
			OR p.succeeded <> coalesce(sum(c.succeeded), 0) OR p.failed <> coalesce(sum(c.failed - c.retried), 0)) AS d`, id)
	if platforms > 0 {
		r.t.Errorf("the counters of %d platforms are not what their chunks add up to", platforms)
	}
	r.auditScores()
}

// auditScores makes sure that each number's score is what the model makes of its evidence, and that the newest entry
// of its history is that score.
func (r *rig) auditScores() {
	r.t.Helper()
	rows, err := r.pool.Query(r.ctx, `SELECT number, updated_at FROM lead_scores ORDER BY number`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer rows.Close()
	var numbers []registry.Number
	for rows.Next() {
		var n registry.Number
		var at time.Time
		if err := rows.Scan(&n, &at); err != nil {
			r.t.Fatal(err)
		}
		numbers = append(numbers, n)
	}
	evidence, err := r.store.Validations(r.ctx, numbers)
	if err != nil {
		r.t.Fatal(err)
	}
	scores, err := r.store.LeadScores(r.ctx, numbers)
	if err != nil {
		r.t.Fatal(err)
	}
	if n := read[int](r, `SELECT count(DISTINCT number) FROM platform_validations`); n != len(numbers) {
		r.t.Errorf("%d numbers have evidence, %d a score", n, len(numbers))
	}
	wrong := 0
	for _, n := range numbers {
		var seen []scoring.Evidence
		for _, v := range evidence[n] {
			seen = append(seen, v.Evidence())
		}
		want, have := scoring.DefaultModel().Score(true, seen, r.clock.Now()), scores[n]
		if have.Total != want.Total || have.Tier != want.Tier || float32(have.Coverage) != float32(want.Coverage) || have.Simulated != want.Simulated {
			wrong++
		}
	}
	if wrong > 0 {
		r.t.Errorf("%d of %d scores are not what their evidence makes", wrong, len(numbers))
	}
	stale := read[int](r, `SELECT count(*) FROM lead_scores s WHERE (s.total, s.coverage, s.tier) IS DISTINCT FROM (
		SELECT (h.total, h.coverage, h.tier) FROM lead_score_history h WHERE h.number = s.number ORDER BY h.recorded_at DESC LIMIT 1)`)
	if stale > 0 {
		r.t.Errorf("%d scores are not the newest of their history", stale)
	}
}

// count reads a counter.
func (r *rig) count(c prometheus.Counter) float64 {
	r.t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		r.t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func (r *rig) gauge(g prometheus.Gauge) float64 {
	r.t.Helper()
	var m dto.Metric
	if err := g.Write(&m); err != nil {
		r.t.Fatal(err)
	}
	return m.GetGauge().GetValue()
}

// left is how many messages a stream holds.
func (r *rig) left(stream string) uint64 {
	r.t.Helper()
	s, err := r.js.Stream(r.ctx, stream)
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}
