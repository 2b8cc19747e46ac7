package orchestrator

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/simulator"
)

// fetch takes one message from the work stream of a platform, as a worker does.
func (r *rig) fetch(p scoring.Platform) (jetstream.Msg, bus.Chunk) {
	r.t.Helper()
	consumer, err := r.js.Consumer(r.ctx, bus.WorkStream(string(p)), bus.WorkConsumer)
	if err != nil {
		r.t.Fatal(err)
	}
	msg, err := consumer.Next(jetstream.FetchContext(r.ctx))
	if err != nil {
		r.t.Fatal(err)
	}
	chunk, err := bus.DecodeChunk(msg.Data())
	if err != nil {
		r.t.Fatal(err)
	}
	return msg, chunk
}

// reply sends the result of a chunk and acknowledges it, as a worker does.
func (r *rig) reply(msg jetstream.Msg, c bus.Chunk) {
	r.t.Helper()
	now := time.Now().UTC()
	result := bus.Result{
		Version: bus.Version, JobID: c.JobID, Platform: c.Platform, ChunkNo: c.ChunkNo, Epoch: c.Epoch, Worker: "w", StartedAt: now, EndedAt: now,
	}
	for _, n := range c.Numbers {
		result.Checks = append(result.Checks, bus.CheckResult{Number: n, Status: "ACTIVE", Strength: 1, Method: "test", Attempts: 1, CheckedAt: now})
	}
	data, err := bus.Encode(result)
	if err != nil {
		r.t.Fatal(err)
	}
	out := nats.NewMsg(bus.ResultSubject(c.Platform))
	out.Data = data
	if _, err := r.js.PublishMsg(r.ctx, out, jetstream.WithMsgID(result.MessageID())); err != nil {
		r.t.Fatal(err)
	}
	if err := msg.DoubleAck(r.ctx); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) chunks(id uuid.UUID, state string) int {
	r.t.Helper()
	return read[int](r, `SELECT count(*) FROM validation_chunks WHERE job_id = $1 AND state = $2::text::chunk_state`, id, state)
}

// TestHeldJobIsRecalled: what no worker has begun of a held job leaves the stream at once; what one has begun counts.
func TestHeldJobIsRecalled(t *testing.T) {
	r := newRig(t)
	r.changes.Notifier = NewNotifier(r.conn, nil)
	r.phones(200)
	job := r.job(spec(10, scoring.Google))
	o := r.orchestrator(func(c *Config) { c.Reconcile = time.Hour }) // the event alone must do
	r.start(o.Run)
	r.wait("chunks in the stream", func() bool { return r.chunks(job.ID, "PUBLISHED") == 10 })
	msg, chunk := r.fetch(scoring.Google)
	if _, err := r.store.PauseJob(r.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	r.changes.JobChanged(job.ID)
	r.wait("the others to be pending", func() bool { return r.chunks(job.ID, "PENDING") == 19 })
	if n := r.left(bus.WorkStream("GOOGLE")); n != 1 {
		t.Errorf("%d messages are left, want the one that a worker holds", n)
	}
	r.reply(msg, chunk)
	r.wait("the result of the held job", func() bool { return r.look(job.ID).Processed == 10 })
	if n := r.count(o.metrics.recalled); n != 9 {
		t.Errorf("%g chunks counted as recalled, want 9", n)
	}
	if _, err := r.store.ResumeJob(r.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	r.changes.JobChanged(job.ID)
	r.start(r.workers(simulator.Default()).Run)
	if done := r.ended(job.ID); done.Processed != 200 || done.Status != registry.JobCompleted {
		t.Errorf("%s with %d processed", done.Status, done.Processed)
	}
	r.audit(job.ID)
}

// TestCancelledJobIsRecalled: what no worker has begun of a cancelled job leaves the stream, and room for others.
func TestCancelledJobIsRecalled(t *testing.T) {
	r := newRig(t)
	r.changes.Notifier = NewNotifier(r.conn, nil)
	r.phones(200)
	job := r.job(spec(10, scoring.Google))
	r.start(r.orchestrator(func(c *Config) { c.Reconcile = time.Hour }).Run)
	r.wait("chunks in the stream", func() bool { return r.chunks(job.ID, "PUBLISHED") == 10 })
	msg, chunk := r.fetch(scoring.Google)
	if _, err := r.store.CancelJob(r.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	r.changes.JobCancelled(job.ID)
	r.wait("all to be looked after", func() bool {
		return read[int](r, `SELECT count(*) FROM validation_chunks WHERE deadline_at IS NOT NULL`) == 0
	})
	if n := r.left(bus.WorkStream("GOOGLE")); n != 1 {
		t.Errorf("%d messages are left, want the one that a worker holds", n)
	}
	r.reply(msg, chunk)
	r.wait("the late result to be dropped", func() bool { return r.left(bus.ResultStream) == 0 })
	if after := r.look(job.ID); after.Status != registry.JobCancelled || after.Processed != 0 {
		t.Errorf("%s with %d processed", after.Status, after.Processed)
	}
}

// TestCancelledWhilePublished: a chunk whose job is cancelled between its publication and the note of it is recalled as
// well.
func TestCancelledWhilePublished(t *testing.T) {
	r := newRig(t)
	r.phones(30)
	job := r.job(spec(10, scoring.Google))
	o := r.orchestrator()
	if err := o.ensureStreams(r.ctx); err != nil {
		t.Fatal(err)
	}
	claimed, err := r.store.ClaimChunks(r.ctx, registry.Claim{Limit: 10, MaxOut: 10, Lease: time.Minute})
	if err != nil || len(claimed) != 3 {
		t.Fatalf("claimed %d, %v", len(claimed), err)
	}
	published, _, err := o.publish(r.ctx, claimed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.CancelJob(r.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := r.store.MarkPublished(r.ctx, published, time.Minute); err != nil {
		t.Fatal(err)
	}
	if n, err := o.recallRound(r.ctx); n != 3 || err != nil {
		t.Errorf("recalled %d, %v", n, err)
	}
	if n := r.left(bus.WorkStream("GOOGLE")); n != 0 {
		t.Errorf("%d messages are left", n)
	}
	if n, err := o.recallRound(r.ctx); n != 0 || err != nil {
		t.Errorf("recalled %d again, %v", n, err)
	}
}

// TestRecallLosesRaces: a chunk that is not where the ledger says is left to the reconciler, and nothing else in its place
// is taken away.
func TestRecallLosesRaces(t *testing.T) {
	r := newRig(t)
	r.phones(20)
	job := r.job(spec(10, scoring.Google))
	o := r.orchestrator()
	if err := o.ensureStreams(r.ctx); err != nil {
		t.Fatal(err)
	}
	if n, err := o.relayRound(r.ctx); n != 2 || err != nil {
		t.Fatalf("published %d, %v", n, err)
	}
	stream, err := r.js.Stream(r.ctx, bus.WorkStream("GOOGLE"))
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(r.ctx, 1); err != nil { // as if a worker had been faster
		t.Fatal(err)
	}
	r.exec(`UPDATE validation_chunks SET stream_seq = 2 WHERE chunk_no = 0`) // as if the stream had been made anew
	r.exec(`UPDATE validation_chunks SET stream_seq = 1 WHERE chunk_no = 1`)
	if _, err := r.store.PauseJob(r.ctx, job.ID); err != nil {
		t.Fatal(err)
	}
	if n, err := o.recallRound(r.ctx); n != 0 || err != nil {
		t.Errorf("recalled %d, %v", n, err)
	}
	if n := r.left(bus.WorkStream("GOOGLE")); n != 1 {
		t.Errorf("%d messages are left, want the one of somebody else", n)
	}
	r.clock.Add(2 * time.Minute)
	if n, err := o.reconcileRound(context.WithoutCancel(r.ctx)); n != 2 || err != nil {
		t.Errorf("the reconciler returned %d, %v", n, err)
	}
}
