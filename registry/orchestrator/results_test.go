package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/simulator"
)

// publishResult publishes whatever a worker might.
func (r *rig) publishResult(platform string, data []byte) {
	r.t.Helper()
	if _, err := r.js.Publish(r.ctx, bus.ResultSubject(platform), data); err != nil {
		r.t.Fatal(err)
	}
}

func encode(t testing.TB, message any) []byte {
	t.Helper()
	data, err := bus.Encode(message)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// resultOf answers a chunk as a worker does.
func resultOf(c bus.Chunk) bus.Result {
	now := time.Now()
	r := bus.Result{Version: bus.Version, JobID: c.JobID, Platform: c.Platform, ChunkNo: c.ChunkNo, Epoch: c.Epoch, Worker: "w", StartedAt: now, EndedAt: now}
	for _, n := range c.Numbers {
		r.Checks = append(r.Checks, bus.CheckResult{Number: n, Status: "ACTIVE", Strength: 1, Method: "test", Attempts: 1, CheckedAt: now})
	}
	return r
}

// TestTwiceAndInAnyOrder: every result comes three times, in random order, some of them long after the chunk was
// settled, and counts once.
func TestTwiceAndInAnyOrder(t *testing.T) {
	r := newRig(t)
	r.phones(600)
	o := r.orchestrator(func(c *Config) { c.BatchResults = 7 })
	job := r.job(spec(20))
	r.start(o.Run)
	chunks := make(chan bus.Chunk)
	for _, p := range scoring.Platforms() {
		r.start(func(ctx context.Context) error { return r.pullChunks(ctx, p, chunks) })
	}
	var air []bus.Chunk // three of each
	for received := range 150 {
		c := <-chunks
		air = append(air, c, c, c)
		if received%10 == 9 {
			rand.Shuffle(len(air), func(i, j int) { air[i], air[j] = air[j], air[i] })
			for _, c := range air[:len(air)/2] {
				r.publishResult(c.Platform, encode(t, resultOf(c)))
			}
			air = air[len(air)/2:]
		}
	}
	for _, c := range air {
		r.publishResult(c.Platform, encode(t, resultOf(c)))
	}
	if done := r.ended(job.ID); done.Succeeded != 3000 {
		t.Errorf("%+v", done)
	}
	r.wait("every result to be taken in", func() bool { return r.left(bus.ResultStream) == 0 })
	applied, late := r.count(o.metrics.results.WithLabelValues("applied")), r.count(o.metrics.results.WithLabelValues("late"))
	if applied != 150 || late < 300 {
		t.Errorf("%g results were applied and %g came late, want 150 and 300 or more", applied, late)
	}
	r.audit(job.ID)
}

// pullChunks takes work out of a stream.
func (r *rig) pullChunks(ctx context.Context, p scoring.Platform, to chan<- bus.Chunk) error {
	consumer, err := bus.EnsureWork(r.ctx, r.js, string(p), streams)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		batch, err := consumer.FetchNoWait(10)
		if err != nil {
			return err
		}
		none := true
		for message := range batch.Messages() {
			none = false
			chunk, err := bus.DecodeChunk(message.Data())
			if err != nil {
				return err
			}
			if err := message.DoubleAck(r.ctx); err != nil {
				return err
			}
			select {
			case to <- chunk:
			case <-ctx.Done():
				return nil
			}
		}
		if none {
			loop.Sleep(ctx, 5*time.Millisecond)
		}
	}
	return nil
}

// TestResultsThatAreNone: what is no result of ours does no harm, and what does not fit is asked for again.
func TestResultsThatAreNone(t *testing.T) {
	r := newRig(t)
	r.phones(40)
	o := r.orchestrator()
	job := r.job(spec(10, scoring.Google))
	r.relayed(o)
	chunk := bus.Chunk{JobID: job.ID.String(), Platform: "GOOGLE", ChunkNo: 0, Epoch: 1, Numbers: []int64{int64(first)}}
	spoiled := func(spoil func(*bus.Result)) []byte {
		result := resultOf(chunk)
		spoil(&result)
		return encode(t, result)
	}
	for verdict, messages := range map[string][][]byte{
		"unreadable": {nil, []byte("{"), []byte("[]"), []byte("\xff\x00"), []byte(`{"v":1,"job":"x","platform":"GOOGLE","chunk":0,"checks":[{}]}`)},
		"unknown": {
			spoiled(func(r *bus.Result) { r.JobID = uuid.NewString() }), spoiled(func(r *bus.Result) { r.ChunkNo = 99 }),
			spoiled(func(r *bus.Result) { r.Platform = "APPLE" }),
		},
	} {
		before := r.count(o.metrics.results.WithLabelValues(verdict))
		for _, data := range messages {
			r.publishResult("GOOGLE", data)
		}
		stop := r.start(func(ctx context.Context) error { o.supervise(ctx, "applier", o.apply); return nil })
		r.wait(verdict+" results to be dropped", func() bool { return r.left(bus.ResultStream) == 0 })
		stop()
		if n := r.count(o.metrics.results.WithLabelValues(verdict)) - before; n != float64(len(messages)) {
			t.Errorf("%s: %g of %d", verdict, n, len(messages))
		}
	}
	for i, data := range [][]byte{
		encode(t, resultOf(chunk)), // one number of ten
		spoiled(func(r *bus.Result) { r.Checks[0].Status = "BANNED" }),
	} {
		r.exec("UPDATE validation_chunks SET state = 'PUBLISHED', deadline_at = now() WHERE chunk_no = 0")
		r.publishResult("GOOGLE", data)
		stop := r.start(func(ctx context.Context) error { o.supervise(ctx, "applier", o.apply); return nil })
		r.wait("the result to be refused", func() bool { return r.left(bus.ResultStream) == 0 })
		stop()
		if n := read[int](r, "SELECT refused FROM validation_chunks WHERE chunk_no = 0 AND state = 'PENDING'"); n != i+1 {
			t.Errorf("refused %d times, want %d", n, i+1)
		}
	}
	r.start(o.Run)
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Succeeded != 40 {
		t.Errorf("%+v", done)
	}
	r.audit(job.ID)
}

// TestNewerResults: results of a newer version are kept for a newer server.
func TestNewerResults(t *testing.T) {
	r := newRig(t)
	o := r.orchestrator()
	if err := o.ensureStreams(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.publishResult("GOOGLE", []byte(`{"v":99,"job":"something new"}`))
	r.start(o.Run)
	r.wait("the result to be seen", func() bool { return r.count(o.metrics.results.WithLabelValues("too_new")) > 0 })
	if n := r.left(bus.ResultStream); n != 1 {
		t.Errorf("%d results are left", n)
	}
}

// rejecting is a ledger that does not take a result with a certain method, as PostgreSQL does with what it cannot hold.
type rejecting struct{ Ledger }

func (l rejecting) ApplyResults(ctx context.Context, m *scoring.Model, results []registry.ChunkResult) (registry.Applied, error) {
	for _, r := range results {
		if slices.ContainsFunc(r.Checks, func(c registry.Check) bool { return c.Method == "poison" }) {
			return registry.Applied{}, fmt.Errorf("%w: poison", registry.ErrRejected)
		}
	}
	return l.Ledger.ApplyResults(ctx, m, results)
}

// TestPoison: one result that the database rejects does not hold up the others, and its chunk ends as failed.
func TestPoison(t *testing.T) {
	r := newRig(t)
	r.phones(200)
	o := r.orchestrator(func(c *Config) { c.Ledger, c.Linger = rejecting{r.store}, 200*time.Millisecond })
	job := r.job(spec(10, scoring.Google))
	r.start(o.Run)
	chunks := make(chan bus.Chunk)
	r.start(func(ctx context.Context) error { return r.pullChunks(ctx, scoring.Google, chunks) })
	r.start(func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case c := <-chunks:
				result := resultOf(c)
				if c.ChunkNo == 7 {
					result.Checks[3].Method = "poison"
				}
				r.publishResult("GOOGLE", encode(t, result))
			}
		}
	})
	if done := r.ended(job.ID); done.Status != registry.JobCompleted || done.Succeeded != 190 || done.Failed != 10 {
		t.Errorf("%+v", done)
	}
	r.audit(job.ID)
}

// TestSteering: pause, resume, cancel and retry while everything runs; nothing moves after the end.
func TestSteering(t *testing.T) {
	r := newRig(t)
	r.phones(1000)
	r.changes.Notifier = NewNotifier(r.conn, nil)
	r.start(r.orchestrator(func(c *Config) { c.Lease = time.Second }).Run)
	r.start(r.workers(simulator.Config{Seed: 1, Latency: 3 * time.Millisecond, Dead: 0.1}).Run)
	steer := func(id uuid.UUID, do func(context.Context, uuid.UUID) (registry.Job, error)) bool {
		_, err := do(r.ctx, id)
		if _, refused := registry.UserErrors(err); err != nil && !refused {
			t.Fatal(err)
		}
		r.changes.JobChanged(id)
		return err == nil
	}
	var jobs sync.WaitGroup
	for range 3 {
		id := r.job(spec(10)).ID
		jobs.Go(func() { // paused and resumed all the time, to the end, then what failed once more
			for !r.look(id).Status.Ended() {
				if steer(id, r.store.PauseJob) && !steer(id, r.store.ResumeJob) && !r.look(id).Status.Ended() {
					t.Error("a held job was not resumed")
				}
			}
			failed := r.look(id).Failed
			if failed == 0 || !steer(id, r.store.RetryJob) {
				t.Errorf("%d failed, not retried", failed)
			}
			if done := r.ended(id); done.Failed != failed || done.Total != 5000 || done.Processed != 5000 {
				t.Errorf("%+v after %d failures", done, failed)
			}
		})
		cancelled := r.job(spec(10)).ID
		jobs.Go(func() {
			r.wait("a part of a job", func() bool { return r.look(cancelled).Processed > 100 })
			job, err := r.store.CancelJob(r.ctx, cancelled)
			if err != nil {
				t.Error(err)
				return
			}
			r.changes.JobCancelled(cancelled)
			r.wait("its results to be dropped", func() bool { return r.left(bus.ResultStream) == 0 })
			if after := r.look(cancelled); fmt.Sprint(after) != fmt.Sprint(job) {
				t.Errorf("a cancelled job changed:\n%+v\n%+v", job, after)
			}
		})
	}
	jobs.Wait()
	for _, id := range read[[]uuid.UUID](r, "SELECT array_agg(id) FROM validation_jobs") {
		r.audit(id)
	}
}

// TestMetrics: what is counted can be read, with labels that do not grow.
func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.phones(100)
	r.exec("UPDATE phones SET region = 'QQ' WHERE number % 10 = 0") // of no country that numbers can be of
	registerer := prometheus.NewRegistry()
	o := r.orchestrator(func(c *Config) { c.Registerer = registerer })
	job := r.job(spec(10))
	r.start(o.Run)
	r.start(r.workers(simulator.Default()).Run)
	r.ended(job.ID)
	r.wait("the chunks to be settled in the metrics", func() bool {
		return r.gauge(o.metrics.chunks.WithLabelValues("GOOGLE", "out")) == 0 && r.count(o.metrics.results.WithLabelValues("applied")) == 50
	})
	families, err := registerer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "phone_validations_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				sums[l.GetName()+" "+l.GetValue()] += m.GetCounter().GetValue()
			}
		}
	}
	if sums["platform GOOGLE"] != 100 || sums["region CO"] != 450 || sums["region ZZ"] != 50 || sums["region QQ"] != 0 {
		t.Errorf("counted %v", sums)
	}
	if _, err := New(Config{Ledger: r.store, Conn: r.conn, Model: scoring.DefaultModel(), Registerer: registerer}); err == nil {
		t.Error("two orchestrators share one registry of metrics")
	}
}

// TestNotifier: what is published when something changed.
func TestNotifier(t *testing.T) {
	r := newRig(t)
	heard := make(chan *nats.Msg, 100)
	all, err := r.conn.ChanSubscribe("phonereg.v1.>", heard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = all.Unsubscribe() })
	n, id := NewNotifier(r.conn, nil), uuid.New()
	n.JobChanged(id)
	n.JobCancelled(id)
	n.ImportChanged(id)
	n.LeadsChanged(make([]registry.Number, bus.MaxChunkNumbers+1))
	var subjects []string
	var leads []int
	for range 6 {
		m := <-heard
		subjects = append(subjects, m.Subject)
		switch m.Subject {
		case bus.JobControl:
			if c, err := bus.DecodeJobControl(m.Data); err != nil || c.JobID != id.String() || c.Action != bus.ActionCancel {
				t.Errorf("control %+v, %v", c, err)
			}
		case bus.LeadEvents:
			var e bus.LeadsChanged
			if err := json.Unmarshal(m.Data, &e); err != nil {
				t.Error(err)
			}
			leads = append(leads, len(e.Numbers))
		}
	}
	job := bus.JobEvent(id.String())
	want := []string{job, bus.JobControl, job, bus.ImportEvent(id.String()), bus.LeadEvents, bus.LeadEvents}
	if !slices.Equal(subjects, want) || !slices.Equal(leads, []int{bus.MaxChunkNumbers, 1}) {
		t.Errorf("heard %v with %v leads", subjects, leads)
	}
	r.conn.Close()
	n.JobChanged(id) // nobody can be told any more: that is no reason to fail
}

// TestRunOnce: an Orchestrator runs once, and says when it was left without NATS.
func TestRunOnce(t *testing.T) {
	r := newRig(t)
	o := r.orchestrator()
	ended := make(chan error, 1)
	go func() { ended <- o.Run(r.ctx) }()
	r.wait("the streams", func() bool { _, err := r.js.Stream(r.ctx, bus.ResultStream); return err == nil })
	if err := o.Run(r.ctx); err == nil {
		t.Error("it runs twice")
	}
	r.conn.Close()
	if err := <-ended; err != ErrConnectionClosed { //nolint:errorlint // the bare error is promised
		t.Errorf("ended with %v", err)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("made of nothing")
	}
}
