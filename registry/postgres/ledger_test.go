package postgres_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

const lease = time.Minute

func (w *world) claim(t testing.TB, limit, maxOut int) []registry.ClaimedChunk {
	t.Helper()
	chunks, err := w.ClaimChunks(t.Context(), registry.Claim{Limit: limit, MaxOut: maxOut, Lease: lease})
	if err != nil {
		t.Fatal(err)
	}
	return chunks
}

// published is what the relay says of chunks that the broker took.
func published(chunks ...registry.ClaimedChunk) []registry.PublishedChunk {
	out := make([]registry.PublishedChunk, len(chunks))
	for i, c := range chunks {
		out[i] = registry.PublishedChunk{ChunkKey: c.ChunkKey, Epoch: c.Epoch, StreamSeq: uint64(c.No + 1)}
	}
	return out
}

func (w *world) mark(t testing.TB, chunks ...registry.ClaimedChunk) []uuid.UUID {
	t.Helper()
	started, err := w.MarkPublished(t.Context(), published(chunks...), lease)
	if err != nil {
		t.Fatal(err)
	}
	return started
}

// answer is a result in which a platform says the same of every number of a chunk.
func (w *world) answer(c registry.ClaimedChunk, status registry.Status) registry.ChunkResult {
	r := registry.ChunkResult{ChunkKey: c.ChunkKey, Epoch: c.Epoch, Worker: "w1"}
	for _, n := range c.Numbers {
		check := registry.Check{Validation: registry.Validation{
			Number: n, Platform: c.Platform, Status: status, Method: "test", Strength: 1, Attempts: 1, LatencyMS: 5, CheckedAt: w.clock.Now(),
		}}
		if !status.Answered() {
			check.Reason = "it broke"
		}
		r.Checks = append(r.Checks, check)
	}
	return r
}

func (w *world) apply(t testing.TB, results ...registry.ChunkResult) registry.Applied {
	t.Helper()
	applied, err := w.ApplyResults(t.Context(), scoring.DefaultModel(), results)
	if err != nil {
		t.Fatal(err)
	}
	return applied
}

func (w *world) states(t testing.TB, id uuid.UUID) string {
	t.Helper()
	return scalar[string](t, w, `SELECT string_agg(state::text, ' ' ORDER BY chunk_no, platform) FROM validation_chunks WHERE job_id = $1`, id)
}

func keysOf(chunks []registry.ClaimedChunk) string {
	var out []string
	for _, c := range chunks {
		out = append(out, fmt.Sprintf("%s%d", c.Platform[:1], c.No))
	}
	return strings.Join(out, " ")
}

// TestLifeOfAChunk: pending, claimed, published, done; and back when it cannot be published or gets lost.
func TestLifeOfAChunk(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 20)
	job := w.createJob(t, jobSpec(everything(), scoring.Google))
	chunks := w.claim(t, 10, 10)
	if keysOf(chunks) != "G0 G1" || chunks[0].Epoch != 1 || chunks[0].RetryAttempts != 1 || chunks[0].RequestID != "r1" || len(chunks[0].Numbers) != 10 {
		t.Fatalf("claimed %+v", chunks)
	}
	if again := w.claim(t, 10, 10); len(again) > 0 {
		t.Fatalf("claimed twice: %s", keysOf(again))
	}
	if n, err := w.ReturnChunks(t.Context(), published(chunks[0])); n != 1 || err != nil {
		t.Fatalf("returned %d, %v", n, err)
	}
	if started := w.mark(t, chunks[1]); !slices.Equal(started, []uuid.UUID{job.ID}) {
		t.Errorf("started %v", started)
	}
	if j := w.job(t, job.ID); j.Status != registry.JobRunning || !j.StartedAt.Equal(j.UpdatedAt) {
		t.Errorf("%s, started at %s", j.Status, j.StartedAt)
	}
	if s := w.states(t, job.ID); s != "PENDING PUBLISHED" {
		t.Errorf("states %s", s)
	}
	if started := w.mark(t, chunks[0]); len(started) > 0 {
		t.Errorf("started again: %v", started)
	}
	if s := w.states(t, job.ID); s != "PUBLISHED PUBLISHED" {
		t.Errorf("states %s: a claim that ran out while the broker was asked counts", s)
	}

	w.clock.Add(lease - time.Millisecond)
	if late, err := w.OverdueChunks(t.Context(), 10); len(late) > 0 || err != nil {
		t.Errorf("overdue %v, %v before the deadline", late, err)
	}
	w.clock.Add(time.Second)
	overdue, err := w.OverdueChunks(t.Context(), 10)
	if err != nil || len(overdue) != 2 || overdue[0].Epoch != 1 || overdue[0].PublishedAt.IsZero() {
		t.Fatalf("overdue %+v, %v", overdue, err)
	}
	if err := w.ExtendChunks(t.Context(), []registry.PublishedChunk{overdue[0].PublishedChunk}, lease); err != nil {
		t.Fatal(err)
	}
	if rest, err := w.OverdueChunks(t.Context(), 10); len(rest) != 1 || rest[0].ChunkKey != overdue[1].ChunkKey || err != nil {
		t.Errorf("overdue %+v, %v after an extension", rest, err)
	}
	if n, err := w.ReturnChunks(t.Context(), []registry.PublishedChunk{overdue[1].PublishedChunk}); n != 1 || err != nil {
		t.Errorf("returned %d, %v", n, err)
	}
	lost := w.claim(t, 10, 10)
	if len(lost) != 1 || lost[0].Epoch != 2 {
		t.Fatalf("claimed %+v", lost)
	}
	if n, err := w.ReturnChunks(t.Context(), published(chunks[1], chunks[0])); n != 1 || err != nil {
		t.Errorf("returned %d, %v: an older epoch says nothing about a newer one", n, err)
	}
	w.mark(t, chunks[1], chunks[0])
	applied := w.apply(t, w.answer(chunks[0], scoring.Active), w.answer(chunks[1], scoring.NotFound))
	if fmt.Sprint(applied.Verdicts) != "[applied applied]" || !slices.Equal(applied.Ended, []uuid.UUID{job.ID}) {
		t.Errorf("applied %v, ended %v: a result of any epoch settles a chunk", applied.Verdicts, applied.Ended)
	}
	if j := w.job(t, job.ID); j.Status != registry.JobCompleted || j.Processed != 20 || j.Succeeded != 20 {
		t.Errorf("%s with %d processed", j.Status, j.Processed)
	}
	w.mark(t, lost...)
	if s := w.states(t, job.ID); s != "DONE DONE" {
		t.Errorf("states %s", s)
	}
}

// TestClaimsRunOut: what a dead relay has claimed is claimed by another one, later.
func TestClaimsRunOut(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 20)
	w.createJob(t, jobSpec(everything(), scoring.Google))
	w.claim(t, 1, 10)
	if n, err := w.ReturnClaims(t.Context()); n != 0 || err != nil {
		t.Errorf("returned %d, %v at once", n, err)
	}
	w.clock.Add(lease)
	if n, err := w.ReturnClaims(t.Context()); n != 1 || err != nil {
		t.Errorf("returned %d, %v", n, err)
	}
	if chunks := w.claim(t, 10, 10); len(chunks) != 2 || chunks[0].Epoch+chunks[1].Epoch != 3 {
		t.Errorf("claimed %+v", chunks)
	}
}

// TestStreamMadeAnew: what was published beyond the end of a stream is pending again.
func TestStreamMadeAnew(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 50)
	job := w.createJob(t, jobSpec(everything(), scoring.Google, scoring.Apple))
	w.mark(t, w.claim(t, 100, 100)...) // sequences 1 to 5 on each platform
	last, err := w.LastPublished(t.Context())
	if err != nil || len(last) != 2 || last[scoring.Google] != 5 {
		t.Fatalf("last published %v, %v", last, err)
	}
	if n, err := w.ReturnPublished(t.Context(), scoring.Google, 2, 4); n != 2 || err != nil {
		t.Errorf("returned %d, %v", n, err)
	}
	if s := w.states(t, job.ID); s != "PUBLISHED PUBLISHED PUBLISHED PUBLISHED PENDING PUBLISHED PENDING PUBLISHED PUBLISHED PUBLISHED" {
		t.Errorf("states %s", s)
	}
	state, err := w.LedgerState(t.Context())
	if err != nil || fmt.Sprint(state) != "[{WHATSAPP 0 0} {INSTAGRAM 0 0} {FACEBOOK 0 0} {GOOGLE 2 3} {APPLE 0 5} {LINE 0 0}]" {
		t.Errorf("state %v, %v", state, err)
	}
}

// TestWhatGoesOut: how much of a job, of which platforms and in which order.
func TestWhatGoesOut(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 60)
	spec := jobSpec(everything(), scoring.WhatsApp, scoring.Google, scoring.Apple)
	spec.MaxConcurrent = 7
	job := w.createJob(t, spec)
	chunks := w.claim(t, 100, 100)
	if keysOf(chunks) != "W0 G0 A0 W1 G1 A1 W2" {
		t.Errorf("claimed %s: all platforms of a range together, up to what the job allows", keysOf(chunks))
	}
	w.mark(t, chunks...)
	// WhatsApp is slow: the others go on, but for its share.
	settle := func(chunks []registry.ClaimedChunk) {
		for _, c := range chunks {
			if c.Platform != scoring.WhatsApp {
				w.apply(t, w.answer(c, scoring.Active))
			}
		}
	}
	settle(chunks)
	var order []string
	for range 4 {
		chunks = w.claim(t, 100, 100)
		w.mark(t, chunks...)
		settle(chunks)
		order = append(order, keysOf(chunks))
	}
	if got := strings.Join(order, ", "); got != "G2 A2 G3 A3, G4 A4 G5 A5, W3 W4 W5, " {
		t.Errorf("then %q", got)
	}
	if j := w.job(t, job.ID); j.Processed != 120 {
		t.Errorf("%d processed", j.Processed)
	}
}

// TestJobsTakeTurns: a large job leaves room for small ones, and for all jobs together there is a bound.
func TestJobsTakeTurns(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 100)
	large := w.createJob(t, jobSpec(everything(), scoring.Google))
	small := w.createJob(t, jobSpec(registry.Target{Filter: &registry.PhoneFilter{NumberPrefix: "5730010000"}}, scoring.Apple))
	held := w.createJob(t, jobSpec(everything(), scoring.Facebook))
	if _, err := w.PauseJob(t.Context(), held.ID); err != nil {
		t.Fatal(err)
	}
	if got := keysOf(w.claim(t, 5, 100)); got != "G0 A0 G1 A1 G2" {
		t.Errorf("claimed %s, want the jobs in turn", got)
	}
	if got := keysOf(w.claim(t, 100, 7)); got != "A2 G3" && got != "G3 A2" {
		t.Errorf("claimed %s, want two more up to the bound", got)
	}
	if got := w.claim(t, 100, 7); len(got) > 0 {
		t.Errorf("claimed %s beyond the bound", keysOf(got))
	}
	_, _ = large, small
}

// TestRelaysDoNotMeet: many relays at once claim each chunk once and never more of a job than it allows.
func TestRelaysDoNotMeet(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 2000)
	spec := jobSpec(everything(), scoring.Platforms()...)
	spec.MaxConcurrent = 20
	job := w.createJob(t, spec)
	ctx, stop := context.WithCancel(testkit.Context(t))
	defer stop()
	var (
		relays  sync.WaitGroup
		mu      sync.Mutex
		claimed = map[registry.ChunkKey]int{}
		out     int
	)
	for range 4 {
		relays.Go(func() {
			for ctx.Err() == nil {
				chunks, err := w.ClaimChunks(ctx, registry.Claim{Limit: 3, MaxOut: 1000, Lease: lease})
				if err != nil {
					t.Error(err)
					return
				}
				if len(chunks) == 0 && w.job(t, job.ID).Status.Ended() {
					return
				}
				mu.Lock()
				for _, c := range chunks {
					claimed[c.ChunkKey]++
				}
				if out += len(chunks); out > 20 {
					t.Errorf("%d chunks are out at once, the job allows 20", out)
				}
				out -= len(chunks) // before they are settled: a claim may follow that very moment
				mu.Unlock()
				results := make([]registry.ChunkResult, len(chunks))
				for i, c := range chunks {
					results[i] = w.answer(c, scoring.Active)
				}
				if _, err := w.MarkPublished(ctx, published(chunks...), lease); err != nil {
					t.Error(err)
					return
				}
				if n := scalar[int](t, w, "SELECT count(*) FROM validation_chunks WHERE state IN ('CLAIMED', 'PUBLISHED')"); n > 20 {
					t.Errorf("%d chunks are out at once, the job allows 20", n)
				}
				if _, err := w.ApplyResults(ctx, scoring.DefaultModel(), results); err != nil {
					t.Error(err)
					stop() // the others would wait for these results
					return
				}
			}
		})
	}
	relays.Wait()
	if len(claimed) != 1000 {
		t.Errorf("%d chunks were claimed, want 1000", len(claimed))
	}
	for key, times := range claimed {
		if times != 1 {
			t.Errorf("%v was claimed %d times", key, times)
		}
	}
	if j := w.job(t, job.ID); j.Status != registry.JobCompleted || j.Processed != 10000 {
		t.Errorf("%s with %d processed", j.Status, j.Processed)
	}
}

// checkLedger makes sure that a job's counters, and those of its platforms, are what its chunks add up to.
func (w *world) checkLedger(t testing.TB, id uuid.UUID) {
	t.Helper()
	job := w.job(t, id)
	got := fmt.Sprint(job.Total, job.Succeeded, job.Failed, job.Failed)
	want := scalar[string](t, w, `SELECT concat_ws(' ', sum(cardinality(numbers) - retried), coalesce(sum(succeeded), 0), coalesce(sum(failed - retried), 0),
		(SELECT count(*) FROM validation_failures WHERE job_id = $1)) FROM validation_chunks WHERE job_id = $1`, id)
	if got != want {
		t.Errorf("total, succeeded, failed and failures of the job are %s, of its chunks %s", got, want)
	}
	sums := scalar[string](t, w, `SELECT concat_ws(' ', sum(total), sum(succeeded), sum(failed)) FROM validation_job_platforms WHERE job_id = $1`, id)
	if sums != fmt.Sprint(job.Total, job.Succeeded, job.Failed) {
		t.Errorf("the platforms add up to %s, the job has %d %d %d", sums, job.Total, job.Succeeded, job.Failed)
	}
}
