package orchestrator

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/simulator"
)

// relayed publishes all of a job that may go out, with nobody else at work.
func (r *rig) relayed(o *Orchestrator) {
	r.t.Helper()
	if err := o.ensureStreams(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	for {
		n, err := o.relayRound(r.ctx)
		if err != nil {
			r.t.Fatal(err)
		}
		if n == 0 {
			return
		}
	}
}

func (r *rig) reconciled(o *Orchestrator) int64 {
	r.t.Helper()
	n, err := o.reconcileRound(r.ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

func (r *rig) epochs() []int {
	r.t.Helper()
	return read[[]int](r, "SELECT array_agg(epoch ORDER BY chunk_no) FROM validation_chunks")
}

// take pulls one chunk as a worker does.
func (r *rig) take(p scoring.Platform) jetstream.Msg {
	r.t.Helper()
	consumer, err := bus.EnsureWork(r.ctx, r.js, string(p), streams)
	if err != nil {
		r.t.Fatal(err)
	}
	message, err := consumer.Next()
	if err != nil {
		r.t.Fatal(err)
	}
	return message
}

func (r *rig) done(ack error) {
	r.t.Helper()
	if ack != nil {
		r.t.Fatal(ack)
	}
}

// TestWaitingIsNotLost: what waits in a queue, or is with a worker, is not published again, however long that takes.
// What a worker has acknowledged without a result is.
func TestWaitingIsNotLost(t *testing.T) {
	r := newRig(t)
	r.phones(30)
	o := r.orchestrator()
	r.job(spec(10, scoring.Google))
	r.relayed(o)
	with := r.take(scoring.Google)
	for range 5 {
		r.clock.Add(2 * o.Lease)
		if n := r.reconciled(o); n != 0 {
			t.Fatalf("%d chunks were published again", n)
		}
	}
	if got := r.epochs(); got[0] != 1 || got[1] != 1 || got[2] != 1 {
		t.Errorf("epochs %v", got)
	}
	if n := read[int](r, "SELECT count(*) FROM validation_chunks WHERE deadline_at > $1", r.clock.Now()); n != 3 {
		t.Errorf("%d leases were extended, want 3", n)
	}
	r.done(with.DoubleAck(r.ctx)) // and no result was published
	if n := r.reconciled(o); n != 0 {
		t.Errorf("%d chunks were given up before their deadline", n)
	}
	r.clock.Add(2 * o.Lease)
	if n := r.reconciled(o); n != 1 {
		t.Errorf("%d chunks were given up, want the one that is gone", n)
	}
	r.relayed(o)
	if got := r.epochs(); got[0] != 2 || got[1] != 1 || got[2] != 1 {
		t.Errorf("epochs %v", got)
	}
	if n := r.count(o.metrics.returned.WithLabelValues("lost")); n != 1 {
		t.Errorf("the metric says %g", n)
	}
}

// TestLostTooOften: a chunk that no worker gives a result for, however often it is published, ends as failed.
func TestLostTooOften(t *testing.T) {
	r := newRig(t)
	r.phones(10)
	o := r.orchestrator()
	job := r.job(spec(10, scoring.Google))
	r.exec("UPDATE validation_chunks SET epoch = $1", maxEpochs-2)
	for range 2 {
		r.relayed(o)
		r.done(r.take(scoring.Google).DoubleAck(r.ctx)) // thrown away
		r.clock.Add(2 * o.Lease)
		r.reconciled(o)
	}
	ended, err := r.store.Job(r.ctx, job.ID)
	if err != nil || ended.Status != registry.JobFailed || ended.Failed != 10 {
		t.Fatalf("job %+v, %v", ended, err)
	}
	if n := read[int](r, "SELECT count(*) FROM validation_failures WHERE reason = $1", reasonLost); n != 10 {
		t.Errorf("%d failures say why, want 10", n)
	}
}

// TestResultsWaiting: while results wait to be applied, what is gone from its stream may be one of them.
func TestResultsWaiting(t *testing.T) {
	r := newRig(t)
	r.phones(20)
	o := r.orchestrator()
	job := r.job(spec(10, scoring.Google))
	r.relayed(o)
	stopWorkers := r.start(r.workers(simulator.Default()).Run)
	r.wait("the results", func() bool { return r.left(bus.ResultStream) == 2 })
	stopWorkers()
	for lease := range maxLeases - 1 {
		r.clock.Add(o.Lease + time.Second)
		if n := r.reconciled(o); n != 0 {
			t.Fatalf("%d chunks were given up after %d leases", n, lease+1)
		}
	}
	r.clock.Add(2 * o.Lease)
	if n := r.reconciled(o); n != 2 {
		t.Errorf("%d chunks were given up, want both: so long nothing waits", n)
	}
	if oldest := r.gauge(o.metrics.oldest); oldest < maxLeases*o.Lease.Seconds() {
		t.Errorf("the oldest result is %g s old", oldest)
	}
	r.start(o.Run)
	if done := r.ended(job.ID); done.Succeeded != 20 {
		t.Errorf("%+v", done)
	}
	r.audit(job.ID)
}

// TestOverwrittenSequence: a stream that was made anew and has grown beyond an old sequence holds another chunk there.
func TestOverwrittenSequence(t *testing.T) {
	r := newRig(t)
	r.phones(20)
	o := r.orchestrator()
	r.job(spec(10, scoring.Google))
	r.relayed(o)
	r.deleteStream(bus.WorkStream(string(scoring.Google)))
	if err := o.ensureStreams(r.ctx); err != nil {
		t.Fatal(err)
	}
	other := r.job(spec(5, scoring.Google)) // four chunks take the sequences 1 to 4
	r.relayed(o)
	if n := r.reconciled(o); n != 0 {
		t.Fatalf("%d chunks were given up: the stream reaches far enough", n)
	}
	r.clock.Add(2 * o.Lease)
	if n := r.reconciled(o); n != 2 {
		t.Errorf("%d chunks were given up, want the two that were in the old stream", n)
	}
	if n := read[int](r, "SELECT count(*) FROM validation_chunks WHERE job_id = $1 AND state = 'PUBLISHED'", other.ID); n != 4 {
		t.Errorf("%d chunks of the other job are out, want 4", n)
	}
}

// TestShorterStream: a stream that ends before what was published in it was made anew; that is seen at once.
func TestShorterStream(t *testing.T) {
	r := newRig(t)
	r.phones(30)
	o := r.orchestrator()
	r.job(spec(10, scoring.Google, scoring.Apple))
	r.relayed(o)
	r.deleteStream(bus.WorkStream(string(scoring.Google)))
	if n := r.reconciled(o); n != 3 {
		t.Errorf("%d chunks were given up, want the three of the stream that was lost", n)
	}
	r.relayed(o)
	if n := r.left(bus.WorkStream(string(scoring.Google))); n != 3 {
		t.Errorf("%d chunks are in the new stream", n)
	}
	if n := r.reconciled(o); n != 0 {
		t.Errorf("%d chunks were given up again", n)
	}
}

// TestFullStream: what does not fit into a stream waits in the ledger, and goes out when there is room.
func TestFullStream(t *testing.T) {
	r := newRig(t)
	r.phones(3000)
	o := r.orchestrator(func(c *Config) { c.Streams = bus.Options{MaxBytes: 20000} }) // a chunk of 100 numbers has about 1,500, its result 12,000
	job := r.job(spec(100, scoring.Google))
	r.relayed(o)
	left := r.left(bus.WorkStream(string(scoring.Google)))
	if left < 2 || left > 15 {
		t.Fatalf("%d chunks are in the stream", left)
	}
	if n := read[uint64](r, "SELECT count(*) FROM validation_chunks WHERE state = 'PUBLISHED'"); n != left {
		t.Errorf("%d chunks are published in the ledger, %d are in the stream", n, left)
	}
	r.start(o.Run)
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Succeeded != 3000 {
		t.Errorf("%+v", done)
	}
	r.audit(job.ID)
}

// TestExpiryLoop: when evidence runs out scores are made anew and told.
func TestExpiryLoop(t *testing.T) {
	r := newRig(t)
	r.phones(50)
	job := r.job(spec(10))
	o := r.orchestrator()
	stop := r.start(o.Run)
	r.start(r.workers(simulator.Config{Seed: 1, TTL: time.Hour}).Run)
	r.ended(job.ID)
	stop()
	r.clock.Add(2 * time.Hour)
	r.changes.mu.Lock()
	clear(r.changes.leads)
	r.changes.mu.Unlock()
	r.start(r.orchestrator().Run)
	r.wait("all scores to run out", func() bool {
		return read[int](r, "SELECT count(*) FROM lead_scores WHERE tier = 'UNKNOWN' AND coverage = 0") == 50
	})
	r.wait("that to be told", func() bool {
		r.changes.mu.Lock()
		defer r.changes.mu.Unlock()
		return len(r.changes.leads) == 50
	})
	r.auditScores()
}

// TestUnplannable: a job whose target cannot be read fails and says why, and others go on.
func TestUnplannable(t *testing.T) {
	r := newRig(t)
	r.phones(25000)
	broken, fine := r.job(spec(1000, scoring.Google)), r.job(spec(1000, scoring.Google))
	r.exec(`UPDATE validation_jobs SET target = '{"numbers": "all of them"}' WHERE id = $1`, broken.ID)
	r.start(r.orchestrator().Run)
	r.start(r.workers(simulator.Default()).Run)
	if job := r.ended(broken.ID); job.Status != registry.JobFailed || job.ErrorMessage != reasonUnplannable {
		t.Errorf("%+v", job)
	}
	if job := r.ended(fine.ID); job.Status != registry.JobCompleted || job.Total != 25000 {
		t.Errorf("%+v", job)
	}
	r.audit(fine.ID)
}
