package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// TestStates: what can be done with a job in each state, and that a refusal says what would be right.
func TestStates(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 20)
	// A job is brought into a state by the steps that lead there.
	reach := map[registry.JobStatus]func(id uuid.UUID){
		registry.JobQueued:  func(uuid.UUID) {},
		registry.JobRunning: func(uuid.UUID) { w.mark(t, w.claim(t, 1, 100)...) },
		registry.JobPaused: func(id uuid.UUID) {
			if _, err := w.PauseJob(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		},
		registry.JobCancelled: func(id uuid.UUID) {
			if _, err := w.CancelJob(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		},
		registry.JobCompleted: func(uuid.UUID) {
			chunks := w.claim(t, 100, 100)
			w.apply(t, w.answer(chunks[0], scoring.Active), w.answer(chunks[1], scoring.Failed))
		},
		registry.JobFailed: func(uuid.UUID) {
			for _, c := range w.claim(t, 100, 100) {
				w.apply(t, w.answer(c, scoring.RateLimited))
			}
		},
	}
	verbs := []struct {
		name string
		do   func(id uuid.UUID) (registry.Job, error)
		to   map[registry.JobStatus]registry.JobStatus // what is missing is refused
	}{
		{"paused", func(id uuid.UUID) (registry.Job, error) { return w.PauseJob(t.Context(), id) },
			map[registry.JobStatus]registry.JobStatus{registry.JobQueued: registry.JobPaused, registry.JobRunning: registry.JobPaused}},
		{"resumed", func(id uuid.UUID) (registry.Job, error) { return w.ResumeJob(t.Context(), id) },
			map[registry.JobStatus]registry.JobStatus{registry.JobPaused: registry.JobQueued}},
		{"cancelled", func(id uuid.UUID) (registry.Job, error) { return w.CancelJob(t.Context(), id) },
			map[registry.JobStatus]registry.JobStatus{registry.JobQueued: registry.JobCancelled, registry.JobRunning: registry.JobCancelled, registry.JobPaused: registry.JobCancelled}},
		{"retried", func(id uuid.UUID) (registry.Job, error) { return w.RetryJob(t.Context(), id) },
			map[registry.JobStatus]registry.JobStatus{registry.JobCompleted: registry.JobRunning, registry.JobFailed: registry.JobRunning}},
		{"failed", func(id uuid.UUID) (registry.Job, error) { return w.FailJob(t.Context(), id, "why") },
			map[registry.JobStatus]registry.JobStatus{registry.JobQueued: registry.JobFailed, registry.JobRunning: registry.JobFailed, registry.JobPaused: registry.JobFailed}},
	}
	for from, prepare := range reach {
		for _, verb := range verbs {
			w.exec(t, "TRUNCATE validation_jobs CASCADE")
			before := w.createJob(t, jobSpec(everything(), scoring.Google))
			prepare(before.ID)
			if before = w.job(t, before.ID); before.Status != from {
				t.Fatalf("the job is %s, want %s", before.Status, from)
			}
			job, err := verb.do(before.ID)
			to, allowed := verb.to[from]
			if !allowed {
				es, ok := registry.UserErrors(err)
				if !ok || es[0].Code != registry.CodeInvalidState || !strings.Contains(es[0].Message, string(from)) || !strings.Contains(es[0].Message, verb.name) {
					t.Errorf("%s job %s: %v, want INVALID_STATE that names both", from, verb.name, err)
				}
				if after := w.job(t, before.ID); fmt.Sprint(after) != fmt.Sprint(before) {
					t.Errorf("%s job, refused to be %s, changed", from, verb.name)
				}
				continue
			}
			if err != nil || job.Status != to || job.Sequence <= before.Sequence || job.Status.Ended() == job.CompletedAt.IsZero() {
				t.Errorf("%s job %s: %+v, %v; want %s", from, verb.name, job, err, to)
			}
			if n := scalar[int](t, w, "SELECT count(*) FROM audit_trail WHERE object_id = $1 AND action = $2", job.ID, "job."+verb.name); n != 1 {
				t.Errorf("%s job %s: %d audit entries", from, verb.name, n)
			}
			open := scalar[int](t, w, "SELECT count(*) FROM validation_chunks WHERE state IN ('PENDING', 'CLAIMED', 'PUBLISHED')")
			if (open == 0) != to.Ended() {
				t.Errorf("%s job %s: %d open chunks", from, verb.name, open)
			}
		}
	}
	for _, verb := range verbs {
		if _, err := verb.do(uuid.New()); err != registry.ErrNotFound { //nolint:errorlint // the bare error is promised
			t.Errorf("no job %s: %v", verb.name, err)
		}
	}
}

// TestResumeOfAStartedJob: it is RUNNING again, not QUEUED, and results of a held job count.
func TestResumeOfAStartedJob(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 30)
	job := w.createJob(t, jobSpec(everything(), scoring.Google))
	chunks := w.claim(t, 1, 10)
	w.mark(t, chunks...)
	if _, err := w.PauseJob(t.Context(), job.ID); err != nil {
		t.Fatal(err)
	}
	if more := w.claim(t, 10, 10); len(more) > 0 {
		t.Errorf("claimed %s of a held job", keysOf(more))
	}
	w.apply(t, w.answer(chunks[0], scoring.Active))
	if j := w.job(t, job.ID); j.Status != registry.JobPaused || j.Processed != 10 {
		t.Errorf("%s with %d processed", j.Status, j.Processed)
	}
	if j, err := w.ResumeJob(t.Context(), job.ID); err != nil || j.Status != registry.JobRunning {
		t.Errorf("%s, %v", j.Status, err)
	}
	if got := keysOf(w.claim(t, 10, 10)); got != "G1 G2" {
		t.Errorf("claimed %s", got)
	}
}

// TestCancelDropsResults: what comes after the end changes nothing, and nothing more goes out.
func TestCancelDropsResults(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 30)
	job := w.createJob(t, jobSpec(everything(), scoring.Google))
	chunks := w.claim(t, 2, 10)
	w.mark(t, chunks[0])
	w.apply(t, w.answer(chunks[0], scoring.Active))
	cancelled, err := w.CancelJob(t.Context(), job.ID)
	if err != nil || cancelled.Processed != 10 || cancelled.Total != 30 {
		t.Fatalf("%+v, %v", cancelled, err)
	}
	w.mark(t, chunks[1])
	applied := w.apply(t, w.answer(chunks[1], scoring.Active))
	if fmt.Sprint(applied.Verdicts) != "[late]" || len(applied.Jobs) > 0 {
		t.Errorf("applied %+v", applied)
	}
	if after := w.job(t, job.ID); fmt.Sprint(after) != fmt.Sprint(cancelled) {
		t.Errorf("a cancelled job changed: %+v", after)
	}
	if s := w.states(t, job.ID); s != "DONE CANCELLED CANCELLED" {
		t.Errorf("states %s", s)
	}
}

// TestRetry: the failed checks are done again, as often as one wants, and count once.
func TestRetry(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 40)
	job := w.createJob(t, jobSpec(everything(), scoring.Google, scoring.Apple))
	var results []registry.ChunkResult
	for _, c := range w.claim(t, 100, 100) {
		r := w.answer(c, scoring.Active)
		for i := range r.Checks { // every third number fails, on both platforms; of the last ten all on Apple
			if n := int(r.Checks[i].Number - firstNumber); n%3 == 0 || (n >= 30 && c.Platform == scoring.Apple) {
				r.Checks[i].Status, r.Checks[i].Reason = scoring.Failed, "it broke"
			}
		}
		results = append(results, r)
	}
	w.apply(t, results...)
	job = w.job(t, job.ID)
	failures, err := only(w.JobFailures(t.Context(), []uuid.UUID{job.ID}, registry.PageRequest{First: 500}))
	if err != nil {
		t.Fatal(err)
	}
	if job.Status != registry.JobCompleted || job.Failed != 34 || len(failures.Items) != 34 || failures.Items[0].Reason != "it broke" {
		t.Fatalf("%s, %d failed, %d listed", job.Status, job.Failed, len(failures.Items))
	}
	for round, again := range []registry.Status{scoring.RateLimited, scoring.Active} {
		retried, err := w.RetryJob(t.Context(), job.ID)
		if err != nil || retried.Processed != 46 || retried.Failed != 0 || retried.Total != 80 || !retried.CompletedAt.IsZero() {
			t.Fatalf("%+v, %v", retried, err)
		}
		if n, err := only(w.CountJobFailures(t.Context(), []uuid.UUID{job.ID})); n != 0 || err != nil {
			t.Errorf("%d failures, %v", n, err)
		}
		chunks := w.claim(t, 100, 100)
		if len(chunks) != 4 { // of 20 numbers 14 on Google and all on Apple; ten make a range, the same on both
			t.Errorf("round %d: claimed %s", round, keysOf(chunks))
		}
		for _, c := range chunks {
			if verdicts := w.apply(t, w.answer(c, again)).Verdicts; fmt.Sprint(verdicts) != "[applied]" {
				t.Errorf("round %d: %v", round, verdicts)
			}
		}
		if late := w.apply(t, results...).Verdicts; slices.ContainsFunc(late, func(v registry.Verdict) bool { return v != registry.ResultLate }) {
			t.Errorf("round %d: the first results count again: %v", round, late)
		}
	}
	if job = w.job(t, job.ID); job.Status != registry.JobCompleted || job.Succeeded != 80 || job.Failed != 0 {
		t.Errorf("%+v", job)
	}
	w.checkLedger(t, job.ID)
}
