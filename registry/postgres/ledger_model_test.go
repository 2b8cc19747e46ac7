package postgres_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// modelJob is what must be true of a job, kept without looking at the database.
type modelJob struct {
	id        uuid.UUID
	total     int64
	succeeded int64
	failed    int64
	cancelled bool
	held      bool
	settled   map[registry.ChunkKey]bool
	failures  map[string]bool // platform and number
}

// model is a ledger, its jobs and all that is on its way: claims, and results that may come in any order, late, and any
// number of times.
type model struct {
	*world
	t        *testing.T
	jobs     []*modelJob
	claims   []registry.ClaimedChunk
	results  []registry.ChunkResult
	evidence map[string]scoring.Evidence // what remains of platform and number
}

const modelNumbers = 12

func modelKey(p registry.Platform, n registry.Number) string { return fmt.Sprint(p, n) }

func (m *model) of(id uuid.UUID) *modelJob {
	return m.jobs[slices.IndexFunc(m.jobs, func(j *modelJob) bool { return j.id == id })]
}

func (j *modelJob) ended() bool { return j.cancelled || j.succeeded+j.failed == j.total }

// pick draws a job.
func (m *model) pick(rt *rapid.T) *modelJob { return rapid.SampledFrom(m.jobs).Draw(rt, "job") }

// Start starts a job on some platforms.
func (m *model) Start(rt *rapid.T) {
	if len(m.jobs) == 3 {
		rt.Skip("enough jobs")
	}
	platforms := scoring.Platforms()[:rapid.IntRange(1, 3).Draw(rt, "platforms")]
	spec := jobSpec(everything(), platforms...)
	spec.BatchSize, spec.MaxConcurrent = 3, rapid.IntRange(1, 6).Draw(rt, "concurrent")
	job := m.createJob(m.t, spec)
	m.jobs = append(m.jobs, &modelJob{
		id: job.ID, total: int64(modelNumbers * len(platforms)), settled: map[registry.ChunkKey]bool{}, failures: map[string]bool{},
	})
}

// Claim lets a relay claim.
func (m *model) Claim(rt *rapid.T) {
	m.claims = append(m.claims, m.claim(m.t, rapid.IntRange(1, 5).Draw(rt, "limit"), 100)...)
}

// Publish marks a claim and lets a worker answer it; either may fail to happen.
func (m *model) Publish(rt *rapid.T) {
	if len(m.claims) == 0 {
		rt.Skip("nothing is claimed")
	}
	i := rapid.IntRange(0, len(m.claims)-1).Draw(rt, "claim")
	chunk := m.claims[i]
	m.claims = slices.Delete(m.claims, i, i+1)
	if rapid.Bool().Draw(rt, "answered") {
		result := m.answer(chunk, scoring.Active)
		for i := range result.Checks {
			result.Checks[i].Status = rapid.SampledFrom([]registry.Status{scoring.Active, scoring.NotFound, scoring.Failed}).Draw(rt, "status")
		}
		m.results = append(m.results, result)
	}
	if rapid.Bool().Draw(rt, "marked") {
		m.mark(m.t, chunk)
	}
}

// Deliver applies a batch of results, some for the first time, some again.
func (m *model) Deliver(rt *rapid.T) {
	if len(m.results) == 0 {
		rt.Skip("nothing is on its way")
	}
	batch := rapid.SliceOfN(rapid.SampledFrom(m.results), 1, 6).Draw(rt, "batch")
	sent := make([]registry.ChunkResult, len(batch))
	for i, r := range batch {
		sent[i] = r
		sent[i].Checks = slices.Clone(r.Checks)
	}
	applied := m.apply(m.t, sent...)
	for i, r := range batch {
		want := registry.ResultLate
		if m.settle(r) {
			want = registry.ResultApplied
		}
		if applied.Verdicts[i] != want {
			rt.Fatalf("result %d of %d: %s, want %s", i, len(batch), applied.Verdicts[i], want)
		}
	}
	m.clock.Add(time.Second)
}

// settle counts a result unless its chunk is settled, and reports whether it did.
func (m *model) settle(r registry.ChunkResult) bool {
	job := m.of(r.Job)
	if job.cancelled || job.settled[r.ChunkKey] {
		return false
	}
	job.settled[r.ChunkKey] = true
	for _, c := range r.Checks {
		if c.Status.Answered() {
			job.succeeded++
		} else {
			job.failed++
			job.failures[modelKey(c.Platform, c.Number)] = true
		}
		key, now := modelKey(c.Platform, c.Number), m.clock.Now()
		e := c.Evidence()
		if old, ok := m.evidence[key]; !ok || e.Supersedes(old, now) {
			m.evidence[key] = e
		}
	}
	return true
}

// Lose lets the reconciler give up all that is out.
func (m *model) Lose(*rapid.T) {
	m.clock.Add(lease)
	if _, err := m.ReturnClaims(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
	overdue, err := m.OverdueChunks(m.t.Context(), 100)
	if err != nil {
		m.t.Fatal(err)
	}
	var lost []registry.PublishedChunk
	for _, c := range overdue {
		lost = append(lost, c.PublishedChunk)
	}
	if _, err := m.ReturnChunks(m.t.Context(), lost); err != nil {
		m.t.Fatal(err)
	}
}

// Hold pauses or resumes a job.
func (m *model) Hold(rt *rapid.T) {
	job := m.pick(rt)
	do := m.PauseJob
	if job.held {
		do = m.ResumeJob
	}
	_, err := do(m.t.Context(), job.id)
	if _, refused := registry.UserErrors(err); refused != job.ended() {
		rt.Fatalf("held: %t, ended: %t, and %v", job.held, job.ended(), err)
	}
	if err == nil {
		job.held = !job.held
	}
}

// Cancel ends a job.
func (m *model) Cancel(rt *rapid.T) {
	job := m.pick(rt)
	_, err := m.CancelJob(m.t.Context(), job.id)
	if _, refused := registry.UserErrors(err); refused != job.ended() {
		rt.Fatalf("ended: %t, and %v", job.ended(), err)
	}
	job.cancelled = job.cancelled || err == nil
}

// Retry does failures again.
func (m *model) Retry(rt *rapid.T) {
	job := m.pick(rt)
	_, err := m.RetryJob(m.t.Context(), job.id)
	if _, refused := registry.UserErrors(err); refused != (job.cancelled || !job.ended() || job.failed == 0) {
		rt.Fatalf("ended: %t, cancelled: %t, %d failed, and %v", job.ended(), job.cancelled, job.failed, err)
	}
	if err == nil {
		job.failed, job.held = 0, false
		clear(job.failures)
	}
}

// check compares the database with what must be true.
func (m *model) check(rt *rapid.T) {
	for _, want := range m.jobs {
		job := m.job(m.t, want.id)
		if job.Total != want.total || job.Succeeded != want.succeeded || job.Failed != want.failed || job.Processed != want.succeeded+want.failed {
			rt.Fatalf("counts %d: %d succeeded, %d failed of %d processed; want %d, %d", job.Total, job.Succeeded, job.Failed, job.Processed, want.succeeded, want.failed)
		}
		if job.Status.Ended() != want.ended() || (job.Status == registry.JobCancelled) != want.cancelled {
			rt.Fatalf("is %s, ended: %t, cancelled: %t", job.Status, want.ended(), want.cancelled)
		}
		if want.ended() && !want.cancelled && (job.Status == registry.JobFailed) != (want.succeeded == 0) {
			rt.Fatalf("is %s with %d succeeded", job.Status, want.succeeded)
		}
		if n, err := only(m.CountJobFailures(m.t.Context(), []uuid.UUID{want.id})); err != nil || int(n) != len(want.failures) {
			rt.Fatalf("%d failures are listed, want %d (%v)", n, len(want.failures), err)
		}
		m.checkLedger(m.t, want.id)
	}
}

// finish lets everything that is left happen, and checks evidence and scores as well.
func (m *model) finish(rt *rapid.T) {
	for _, job := range m.jobs {
		if job.held && !job.ended() {
			m.must(m.ResumeJob(m.t.Context(), job.id))
		}
	}
	for slices.ContainsFunc(m.jobs, func(j *modelJob) bool { return !j.ended() }) {
		m.Lose(rt)
		for _, chunk := range m.claim(m.t, 100, 1000) {
			r := m.answer(chunk, scoring.Active)
			if v := m.apply(m.t, r).Verdicts[0]; v != registry.ResultApplied || !m.settle(r) {
				rt.Fatalf("the last result of a chunk is %s", v)
			}
		}
	}
	m.check(rt)
	for i := range registry.Number(modelNumbers) {
		var evidence []scoring.Evidence
		for _, p := range scoring.Platforms() {
			want, known := m.evidence[modelKey(p, firstNumber+i)]
			have, score := m.world.evidence(m.t, firstNumber+i, p)
			if known != (have.Method != "") || (known && (have.Status != want.Status || !have.CheckedAt.Equal(want.CheckedAt.Truncate(time.Microsecond)))) {
				rt.Fatalf("%s of number %d: %s of %s; want %s of %s", p, i, have.Status, have.CheckedAt, want.Status, want.CheckedAt)
			}
			if known {
				evidence = append(evidence, want)
			}
			if p == scoring.Apple && len(evidence) > 0 {
				if s := scoring.DefaultModel().Score(true, evidence, m.clock.Now()); s.Total != score.Total || s.Tier != score.Tier {
					rt.Fatalf("number %d has %d points, want %d", i, score.Total, s.Total)
				}
			}
		}
	}
}

func (m *model) must(_ registry.Job, err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// TestAnyInterleaving: whatever happens to chunks and results in whatever order, each check counts exactly once, and in
// the end all of them are counted.
func TestAnyInterleaving(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, modelNumbers)
	rapid.Check(t, func(rt *rapid.T) {
		w.exec(t, "DELETE FROM validation_jobs")
		w.exec(t, "DELETE FROM platform_validations")
		w.exec(t, "DELETE FROM lead_scores")
		w.exec(t, "DELETE FROM lead_score_history")
		m := &model{world: w, t: t, evidence: map[string]scoring.Evidence{}}
		m.Start(rt)
		rt.Repeat(map[string]func(*rapid.T){
			"start": m.Start, "claim": m.Claim, "publish": m.Publish, "publish more": m.Publish, "deliver": m.Deliver, "deliver more": m.Deliver,
			"lose": m.Lose, "hold": m.Hold, "cancel": m.Cancel, "retry": m.Retry, "": m.check,
		})
		m.finish(rt)
	})
}
