package orchestrator

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/natsembed"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/simulator"
)

// faulty is a ledger between which and its caller the line breaks, before or after the work is done.
type faulty struct {
	Ledger
	lostApplied atomic.Int32 // answers of ApplyResults still to be lost after the commit
	lostMarks   atomic.Int32 // calls of MarkPublished still to be lost before they are made
}

var errLine = errors.New("the line broke")

func (f *faulty) ApplyResults(ctx context.Context, m *scoring.Model, results []registry.ChunkResult) (registry.Applied, error) {
	applied, err := f.Ledger.ApplyResults(ctx, m, results)
	if err == nil && f.lostApplied.Add(-1) >= 0 {
		return registry.Applied{}, errLine
	}
	return applied, err
}

func (f *faulty) MarkPublished(ctx context.Context, chunks []registry.PublishedChunk, lease time.Duration) ([]uuid.UUID, error) {
	if f.lostMarks.Add(-1) >= 0 {
		return nil, errLine
	}
	return f.Ledger.MarkPublished(ctx, chunks, lease)
}

// TestDiesBetweenCommitAndAck: results that were applied and not acknowledged come again and change nothing.
func TestDiesBetweenCommitAndAck(t *testing.T) {
	r := newRig(t)
	r.phones(1000)
	f := &faulty{Ledger: r.store}
	f.lostApplied.Store(5)
	o := r.orchestrator(func(c *Config) { c.Ledger, c.BatchResults = f, 8 })
	job := r.job(spec(50))
	r.start(o.Run)
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Succeeded != 5000 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	r.wait("the results that came again to be dropped", func() bool {
		return r.count(o.metrics.results.WithLabelValues("late")) > 0 && r.left(bus.ResultStream) == 0
	})
	if n := f.lostApplied.Load(); n > 0 {
		t.Errorf("%d answers were not lost", n)
	}
	r.audit(job.ID)
}

// TestDiesBetweenPublishAndMark: chunks that were published and not marked are published again.
func TestDiesBetweenPublishAndMark(t *testing.T) {
	r := newRig(t)
	r.phones(1000)
	f := &faulty{Ledger: r.store}
	f.lostMarks.Store(3)
	o := r.orchestrator(func(c *Config) { c.Ledger, c.ClaimLease = f, 100*time.Millisecond })
	job := r.job(spec(50))
	r.start(o.Run)
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Succeeded != 5000 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	r.audit(job.ID)
}

// TestDatabaseBreaks: connections that die in the middle of everything cost time and nothing else.
func TestDatabaseBreaks(t *testing.T) {
	r := newRig(t)
	r.phones(2000)
	job := r.job(spec(20))
	r.start(r.orchestrator(func(c *Config) { c.BatchResults = 4 }).Run)
	r.start(r.workers(simulator.Default()).Run)
	other := testkit.OpenPool(t, r.url)
	for broken := 0; broken < 20 && !r.look(job.ID).Status.Ended(); broken++ {
		before := r.look(job.ID).Sequence
		if _, err := other.Exec(r.ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'phoneregistry'`); err != nil {
			t.Fatal(err)
		}
		r.wait("the job to go on", func() bool {
			job, err := r.store.Job(r.ctx, job.ID) // this connection may be a broken one, too
			return err == nil && (job.Sequence > before || job.Status.Ended())
		})
	}
	if done := r.ended(job.ID); done.Succeeded != 10000 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	r.audit(job.ID)
}

// TestStreamsDeleted: when streams and all they hold vanish, the ledger fills them again.
func TestStreamsDeleted(t *testing.T) {
	r := newRig(t)
	r.phones(1500)
	o := r.orchestrator(func(c *Config) { c.Lease = 300 * time.Millisecond })
	job := r.job(spec(20))
	r.start(o.Run)
	r.start(r.workers(simulator.Config{Seed: 1, Latency: 5 * time.Millisecond}).Run)
	for i := range 3 {
		r.wait("a part of the job", func() bool { return r.look(job.ID).Processed > int64(1000*i) })
		for _, p := range scoring.Platforms() {
			r.deleteStream(bus.WorkStream(string(p)))
		}
		r.deleteStream(bus.ResultStream)
	}
	if done := r.ended(job.ID); done.Succeeded != 7500 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	if read[int](r, "SELECT max(epoch) FROM validation_chunks") < 2 {
		t.Error("nothing was published again")
	}
	r.audit(job.ID)
}

func (r *rig) deleteStream(name string) {
	r.t.Helper()
	if err := r.js.DeleteStream(r.ctx, name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
		r.t.Fatal(err)
	}
}

// TestBrokerComesBackEmpty: NATS dies in the middle of a job, its store is gone, and it comes back.
func TestBrokerComesBackEmpty(t *testing.T) {
	r := newRig(t)
	dir := filepath.Join(t.TempDir(), "store")
	config := natsembed.Config{StoreDir: dir, Listen: "127.0.0.1:0", Token: "secret", MaxStore: 1 << 30, Logger: testkit.Logger(t)}
	server, err := natsembed.Start(config)
	if err != nil {
		t.Fatal(err)
	}
	stop := func() {
		if err := server.Stop(); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { stop() })
	url := server.ClientURL()
	config.Listen = url[len("nats://"):]
	closed := make(chan struct{})
	r.conn, err = nats.Connect(url, nats.Token("secret"), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.conn.Close()
		<-closed
	})
	r.phones(1500)
	job := r.job(spec(20))
	r.start(r.orchestrator(func(c *Config) { c.Lease, c.ClaimLease = 300*time.Millisecond, 300*time.Millisecond }).Run)
	stopWorkers := r.start(r.workers(simulator.Config{Seed: 1, Latency: 5 * time.Millisecond}).Run)
	r.wait("a part of the job", func() bool { return r.look(job.ID).Processed > 1000 })
	stop()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	stopWorkers() // they would find out for themselves, but take half a minute to notice that a pull is not answered
	if server, err = natsembed.Start(config); err != nil {
		t.Fatal(err)
	}
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Succeeded != 7500 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	r.audit(job.ID)
}

// TestTwoServers: two of them share the work of one job, with one database and one NATS.
func TestTwoServers(t *testing.T) {
	r := newRig(t)
	r.phones(4000)
	job := r.job(spec(50))
	pool, err := postgres.OpenPool(r.ctx, r.url, postgres.PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	second := postgres.New(pool, postgres.Options{Now: r.clock.Now, Logger: testkit.Logger(t)})
	one := r.orchestrator(func(c *Config) { c.BatchResults = 4 })
	two := r.orchestrator(func(c *Config) { c.Ledger, c.BatchResults = second, 4 })
	r.start(one.Run)
	r.start(two.Run)
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Succeeded != 20000 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	r.audit(job.ID)
	a, b := r.count(one.metrics.results.WithLabelValues("applied")), r.count(two.metrics.results.WithLabelValues("applied"))
	if a+b != 400 {
		t.Errorf("the servers applied %g and %g of 400 results", a, b)
	}
}

// TestServersComeAndGo: orchestrators and workers are stopped and started at random moments of a job.
func TestServersComeAndGo(t *testing.T) {
	r := newRig(t)
	r.phones(2000)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	job := r.job(spec(20))
	for !r.look(job.ID).Status.Ended() {
		o := r.orchestrator(func(c *Config) { c.Lease, c.ClaimLease, c.BatchResults = 400*time.Millisecond, 200*time.Millisecond, 4 })
		stopOrchestrator := r.start(o.Run)
		stopWorkers := r.start(r.workers(simulator.Config{Seed: 1, Latency: time.Millisecond}).Run)
		more := r.look(job.ID).Processed + random.Int64N(1500)
		r.wait("some more of the job", func() bool {
			job := r.look(job.ID)
			return job.Processed > more || job.Status.Ended()
		})
		stops := []func(){stopOrchestrator, stopWorkers}
		random.Shuffle(2, func(i, j int) { stops[i], stops[j] = stops[j], stops[i] })
		stops[0]()
		stops[1]()
	}
	if done := r.look(job.ID); done.Status != registry.JobCompleted || done.Succeeded != 10000 {
		t.Errorf("%s with %d succeeded", done.Status, done.Succeeded)
	}
	r.audit(job.ID)
}
