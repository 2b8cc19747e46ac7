package postgres_test

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// evidence is what is known of a number on a platform, and the number's score.
func (w *world) evidence(t testing.TB, n registry.Number, p registry.Platform) (registry.Validation, registry.LeadScore) {
	t.Helper()
	all, err := w.Validations(t.Context(), []registry.Number{n})
	if err != nil {
		t.Fatal(err)
	}
	scores, err := w.LeadScores(t.Context(), []registry.Number{n})
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all[n], func(v registry.Validation) bool { return v.Platform == p })
	if i < 0 {
		return registry.Validation{}, scores[n]
	}
	return all[n][i], scores[n]
}

// TestEffects: evidence, score, history, failures and what is told of them.
func TestEffects(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 3)
	job := w.createJob(t, jobSpec(everything(), scoring.Google, scoring.Apple))
	chunks := w.claim(t, 10, 10)
	google := w.answer(chunks[0], scoring.Active)
	google.Checks[0].Strength, google.Checks[0].Details = 0.9, []byte(`{"rcs": true}`)
	google.Checks[0].ExpiresAt = w.clock.Now().Add(time.Hour)
	google.Checks[1].Status, google.Checks[1].Reason, google.Checks[1].Attempts = scoring.Failed, "no answer", 4
	google.Checks[2].Simulated, google.Checks[2].CheckedAt = true, w.clock.Now().Add(time.Hour) // a clock that is ahead
	applied := w.apply(t, google, w.answer(chunks[1], scoring.NotFound))
	numbers := []registry.Number{firstNumber, firstNumber + 1, firstNumber + 2}
	if !slices.Equal(applied.Leads, numbers) || !slices.Equal(applied.Jobs, []uuid.UUID{job.ID}) || !slices.Equal(applied.Ended, applied.Jobs) {
		t.Errorf("applied %+v", applied)
	}
	counts := map[string]int64{}
	for _, c := range applied.Checks {
		counts[fmt.Sprintf("%s %s %s", c.Platform, c.Status, c.Region)] += c.Count
	}
	if fmt.Sprint(counts) != "map[APPLE NOT_FOUND CO:3 GOOGLE ACTIVE CO:2 GOOGLE ERROR CO:1]" {
		t.Errorf("counted %v", counts)
	}

	v, s := w.evidence(t, numbers[0], scoring.Google)
	if v.Status != scoring.Active || v.Strength != 0.9 || string(v.Details) != `{"rcs": true}` || v.Method != "test" || v.Attempts != 1 || v.LatencyMS != 5 {
		t.Errorf("evidence %+v", v)
	}
	if s.Total != 45 || s.Tier != scoring.TierMedium || s.Coverage != 0.4 || s.Points[scoring.Google] != 18 ||
		s.Points[scoring.Apple] != 0 || len(s.Points) != 2 || s.Simulated || s.ModelVersion != scoring.DefaultVersion {
		t.Errorf("score %+v", s)
	}
	if !s.EvidenceUntil.Equal(v.ExpiresAt) || !s.UpdatedAt.Equal(w.clock.Now().Truncate(time.Microsecond)) {
		t.Errorf("holds until %s, updated at %s", s.EvidenceUntil, s.UpdatedAt)
	}
	if v, s = w.evidence(t, numbers[1], scoring.Google); v.Status != scoring.Failed || s.Total != 0 || s.Tier != scoring.TierPoor || s.Coverage != 0.2 {
		t.Errorf("a failure: %+v, %+v", v, s)
	}
	if v, s = w.evidence(t, numbers[2], scoring.Google); v.CheckedAt.After(w.clock.Now()) || !v.Simulated || !s.Simulated || s.Total != 50 {
		t.Errorf("a clock ahead: %+v, %+v", v, s)
	}
	failures, err := only(w.JobFailures(t.Context(), []uuid.UUID{job.ID}, registry.PageRequest{First: 10}))
	if err != nil || len(failures.Items) != 1 || failures.Items[0].Reason != "no answer" || failures.Items[0].Attempts != 4 || failures.Items[0].Number != numbers[1] {
		t.Errorf("failures %+v, %v", failures.Items, err)
	}
	history, err := only(w.ScoreHistory(t.Context(), numbers[:1], registry.PageRequest{First: 10}))
	if err != nil || len(history.Items) != 1 || history.Items[0].Total != 45 || history.Items[0].Coverage != 0.4 {
		t.Errorf("history %+v, %v", history.Items, err)
	}
	w.checkLedger(t, job.ID)
}

// TestScoreChanges: the score moves and its history grows when something changes, and only then.
func TestScoreChanges(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 1)
	check := func(status registry.Status, strength float64, ttl time.Duration) registry.Applied {
		w.clock.Add(time.Minute)
		w.createJob(t, jobSpec(everything(), scoring.Google))
		r := w.answer(w.claim(t, 1, 10)[0], status)
		r.Checks[0].Strength, r.Checks[0].ExpiresAt = strength, w.clock.Now().Add(ttl)
		return w.apply(t, r)
	}
	for _, step := range []struct {
		name                    string
		status                  registry.Status
		strength                float64
		ttl                     time.Duration
		total, history, changed int
	}{
		{"the first", scoring.Active, 1, time.Hour, 100, 1, 1},
		{"the same again", scoring.Active, 1, time.Hour, 100, 1, 0},
		{"for longer", scoring.Active, 1, 9 * time.Hour, 100, 1, 0},
		{"a failure", scoring.Failed, 0, time.Hour, 100, 1, 0},
		{"weaker", scoring.Active, 0.5, 9 * time.Hour, 50, 2, 1},
		{"gone", scoring.NotFound, 0, 9 * time.Hour, 0, 3, 1},
		{"cannot be told", scoring.Unknown, 0, 9 * time.Hour, 0, 3, 0},
		{"back", scoring.Active, 1, 9 * time.Hour, 100, 4, 1},
	} {
		applied := check(step.status, step.strength, step.ttl)
		_, s := w.evidence(t, firstNumber, scoring.Google)
		n, err := only(w.CountScoreHistory(t.Context(), []registry.Number{firstNumber}))
		if err != nil {
			t.Fatal(err)
		}
		if s.Total != step.total || int(n) != step.history || len(applied.Leads) != step.changed {
			t.Errorf("%s: total %d, %d in history, %d changed; want %d, %d, %d", step.name, s.Total, n, len(applied.Leads), step.total, step.history, step.changed)
		}
	}
	if _, s := w.evidence(t, firstNumber, scoring.Google); !s.EvidenceUntil.Equal(w.clock.Now().Add(9 * time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("holds until %s", s.EvidenceUntil)
	}
}

// TestSameNumberInTwoJobs: of two results for the same number and platform in one batch both count and one remains.
func TestSameNumberInTwoJobs(t *testing.T) {
	for _, order := range [][]int{{0, 1}, {1, 0}} {
		w := newWorld(t)
		w.addNumbers(t, 5)
		w.createJob(t, jobSpec(everything(), scoring.Google))
		w.createJob(t, jobSpec(everything(), scoring.Google))
		chunks := w.claim(t, 10, 10)
		older := w.answer(chunks[0], scoring.NotFound)
		w.clock.Add(time.Second)
		newer := w.answer(chunks[1], scoring.Active)
		results := []registry.ChunkResult{older, newer}
		applied := w.apply(t, results[order[0]], results[order[1]])
		if len(applied.Jobs) != 2 || len(applied.Ended) != 2 {
			t.Errorf("applied %+v", applied)
		}
		if v, s := w.evidence(t, firstNumber, scoring.Google); v.Status != scoring.Active || s.Total != 100 {
			t.Errorf("order %v: %s with %d points remain, want the newer", order, v.Status, s.Total)
		}
	}
}

// TestOldResultsCountAndChangeNothing: a result that was overtaken settles its chunk and leaves the evidence alone.
func TestOldResultsCountAndChangeNothing(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 5)
	first := w.createJob(t, jobSpec(everything(), scoring.Google))
	w.createJob(t, jobSpec(everything(), scoring.Google))
	chunks := w.claim(t, 10, 10)
	older := w.answer(chunks[0], scoring.NotFound)
	w.clock.Add(time.Second)
	w.apply(t, w.answer(chunks[1], scoring.Active))
	applied := w.apply(t, older)
	if len(applied.Ended) != 1 || len(applied.Leads) != 0 {
		t.Errorf("applied %+v", applied)
	}
	if v, _ := w.evidence(t, firstNumber, scoring.Google); v.Status != scoring.Active {
		t.Errorf("%s remains", v.Status)
	}
	if j := w.job(t, first.ID); j.Status != registry.JobCompleted || j.Succeeded != 5 {
		t.Errorf("%+v", j)
	}
}

// TestUnfitResults: what does not fit its chunk is refused, asked for again, and in the end given up.
func TestUnfitResults(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 5)
	job := w.createJob(t, jobSpec(everything(), scoring.Google))
	spoil := map[string]func(r *registry.ChunkResult){
		"a number is missing":  func(r *registry.ChunkResult) { r.Checks = r.Checks[1:] },
		"a number is twice":    func(r *registry.ChunkResult) { r.Checks[1] = r.Checks[0] },
		"another number":       func(r *registry.ChunkResult) { r.Checks[2].Number = 1234567 },
		"one number too many":  func(r *registry.ChunkResult) { r.Checks = append(r.Checks, r.Checks[0]) },
		"nothing can be read":  func(r *registry.ChunkResult) { r.Checks = nil },
		"of no job":            func(r *registry.ChunkResult) { r.Job = uuid.New() },
		"of another platform":  func(r *registry.ChunkResult) { r.Platform = scoring.Apple },
		"of a chunk not there": func(r *registry.ChunkResult) { r.No = 77 },
	}
	for name, change := range spoil {
		chunk := w.claim(t, 1, 10)[0]
		r := w.answer(chunk, scoring.Active)
		change(&r)
		applied := w.apply(t, r)
		want := registry.ResultRefused
		if r.ChunkKey != chunk.ChunkKey {
			want = registry.ResultUnknown
			w.exec(t, "UPDATE validation_chunks SET state = 'PENDING'")
		}
		if applied.Verdicts[0] != want || len(applied.Leads) > 0 || len(applied.Jobs) > 0 {
			t.Errorf("%s: %+v, want %s", name, applied, want)
		}
		if s := w.states(t, job.ID); s != "PENDING" {
			t.Errorf("%s: the chunk is %s", name, s)
		}
		w.exec(t, "UPDATE validation_chunks SET refused = 0")
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM platform_validations"); n > 0 {
		t.Errorf("%d pieces of evidence were written", n)
	}

	var last registry.Applied
	for range 3 {
		r := w.answer(w.claim(t, 1, 10)[0], scoring.Active)
		last = w.apply(t, registry.ChunkResult{ChunkKey: r.ChunkKey, Epoch: r.Epoch, Worker: "broken"})
	}
	if fmt.Sprint(last.Verdicts) != "[given_up]" {
		t.Errorf("the third time: %v", last.Verdicts)
	}
	if job = w.job(t, job.ID); job.Status != registry.JobFailed || job.Failed != 5 || job.ErrorMessage != "none of the 5 checks got an answer" {
		t.Errorf("%+v", job)
	}
	w.checkLedger(t, job.ID)
}

// TestRefusedAndRightInOneBatch: the right one counts, whatever came before it.
func TestRefusedAndRightInOneBatch(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 5)
	job := w.createJob(t, jobSpec(everything(), scoring.Google))
	right := w.answer(w.claim(t, 1, 10)[0], scoring.Active)
	wrong := right
	wrong.Checks = right.Checks[1:]
	applied := w.apply(t, wrong, right, right)
	if fmt.Sprint(applied.Verdicts) != "[refused applied late]" {
		t.Errorf("verdicts %v", applied.Verdicts)
	}
	if s := w.states(t, job.ID); s != "DONE" {
		t.Errorf("the chunk is %s", s)
	}
	w.checkLedger(t, job.ID)
}

// TestErasedNumbers: a number that is not in the registry any more counts and leaves nothing behind.
func TestErasedNumbers(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 3)
	job := w.createJob(t, jobSpec(everything(), scoring.Google))
	r := w.answer(w.claim(t, 1, 10)[0], scoring.Active)
	r.Checks[1].Status = scoring.Failed
	w.exec(t, "DELETE FROM phones WHERE number IN ($1, $2)", int64(firstNumber), int64(firstNumber+1))
	w.apply(t, r)
	if job = w.job(t, job.ID); job.Status != registry.JobCompleted || job.Succeeded != 2 || job.Failed != 1 {
		t.Errorf("%+v", job)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM platform_validations"); n != 1 {
		t.Errorf("%d pieces of evidence, want one", n)
	}
}

// TestExpiry: scores are made anew when evidence runs out, each once, oldest first.
func TestExpiry(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 10)
	w.createJob(t, jobSpec(everything(), scoring.Google, scoring.Apple))
	for _, c := range w.claim(t, 10, 10) {
		r := w.answer(c, scoring.Active)
		for i := range r.Checks {
			if c.Platform == scoring.Google {
				r.Checks[i].ExpiresAt = w.clock.Now().Add(time.Duration(i+1) * time.Hour)
			} else {
				r.Checks[i].Status = scoring.NotFound
			}
		}
		w.apply(t, r)
	}
	expire := func(limit int) (int, []registry.Number) {
		made, changed, err := w.RescoreExpired(t.Context(), scoring.DefaultModel(), limit)
		if err != nil {
			t.Fatal(err)
		}
		return made, changed
	}
	if made, _ := expire(100); made != 0 {
		t.Errorf("%d scores were made before anything ran out", made)
	}
	w.clock.Add(3 * time.Hour)
	if made, changed := expire(2); made != 2 || !slices.Equal(changed, []registry.Number{firstNumber, firstNumber + 1}) {
		t.Errorf("made %d, changed %v", made, changed)
	}
	if made, changed := expire(100); made != 1 || len(changed) != 1 {
		t.Errorf("made %d, changed %v", made, changed)
	}
	if made, _ := expire(100); made != 0 {
		t.Errorf("made %d again", made)
	}
	if _, s := w.evidence(t, firstNumber+2, scoring.Google); s.Total != 0 || !s.EvidenceUntil.IsZero() || s.Coverage != 0.2 {
		t.Errorf("ran out: %+v", s)
	}
	if _, s := w.evidence(t, firstNumber+3, scoring.Google); s.Total != 50 || s.EvidenceUntil.IsZero() {
		t.Errorf("holds: %+v", s)
	}
}

// TestAppliersAtOnce: two servers apply results of different platforms for the same new numbers at the same time. Each
// score holds all of the evidence in the end.
func TestAppliersAtOnce(t *testing.T) {
	const n = 300
	w := newWorld(t)
	w.addNumbers(t, n)
	spec := jobSpec(everything(), scoring.Platforms()...)
	spec.MaxConcurrent = 1000
	job := w.createJob(t, spec)
	chunks := w.claim(t, 1000, 1000)
	byPlatform := map[registry.Platform][]registry.ChunkResult{}
	for _, c := range chunks {
		byPlatform[c.Platform] = append(byPlatform[c.Platform], w.answer(c, scoring.Active))
	}
	var appliers sync.WaitGroup
	start := make(chan struct{})
	for _, results := range byPlatform {
		for range 2 { // and each result comes twice
			appliers.Go(func() {
				<-start
				for part := range slices.Chunk(slices.Clone(results), 4) {
					if _, err := w.ApplyResults(t.Context(), scoring.DefaultModel(), part); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	close(start)
	appliers.Wait()
	if job = w.job(t, job.ID); job.Status != registry.JobCompleted || job.Succeeded != 5*n {
		t.Errorf("%+v", job)
	}
	w.checkLedger(t, job.ID)
	if whole := scalar[int](t, w, "SELECT count(*) FROM lead_scores WHERE total = 100 AND coverage = 1"); whole != n {
		t.Errorf("%d of %d scores hold all evidence", whole, n)
	}
}

// TestFirstEvidenceBeaten: another transaction writes the first evidence of a platform on a number that has no score,
// so that nothing is locked, after this one has looked and before it writes. The newer of the two remains.
func TestFirstEvidenceBeaten(t *testing.T) {
	for _, age := range []time.Duration{-time.Hour, time.Hour} {
		w := newWorld(t)
		w.addNumbers(t, 3)
		job := w.createJob(t, jobSpec(everything(), scoring.Line))
		r := w.answer(w.claim(t, 1, 10)[0], scoring.Active)
		other, err := w.pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_, err = other.Exec(t.Context(), `INSERT INTO platform_validations (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at)
			VALUES ($1, 'LINE', 'ACTIVE', 'other', 1, false, 1, 1, $2)`, int64(firstNumber+1), r.Checks[1].CheckedAt.Add(-age))
		if err != nil {
			t.Fatal(err)
		}
		applied := make(chan error, 1)
		go func() {
			_, err := w.ApplyResults(t.Context(), scoring.DefaultModel(), []registry.ChunkResult{r})
			applied <- err
		}()
		for scalar[int](t, w, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'") == 0 {
			if t.Context().Err() != nil {
				t.Fatal("it does not wait for the other one")
			}
			runtime.Gosched()
		}
		if err := errors.Join(other.Commit(t.Context()), <-applied); err != nil {
			t.Fatal(err)
		}
		want := "other"
		if age > 0 {
			want = r.Checks[1].Method
		}
		if v, _ := w.evidence(t, firstNumber+1, scoring.Line); v.Method != want {
			t.Errorf("other one %v older: %q remains, want %q", age, v.Method, want)
		}
		w.checkLedger(t, job.ID)
	}
}

// TestUpsertKeepsTheRule: PostgreSQL decides between two pieces of evidence as scoring.Evidence.Supersedes does, also
// when another transaction has written the older one after this one has read.
func TestUpsertKeepsTheRule(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 1)
	statuses := []registry.Status{scoring.Active, scoring.NotFound, scoring.Unknown, scoring.Failed, scoring.RateLimited}
	draw := func(rt *rapid.T, name string) registry.Check {
		c := registry.Check{Validation: registry.Validation{
			Number: firstNumber, Platform: scoring.Google, Method: name, Strength: 1, Attempts: 1,
			Status:    rapid.SampledFrom(statuses).Draw(rt, "status"),
			Simulated: rapid.Bool().Draw(rt, "simulated"),
			CheckedAt: w.clock.Now().Add(-time.Duration(rapid.IntRange(0, 2).Draw(rt, "age")) * time.Minute).Truncate(time.Microsecond),
		}}
		if rapid.Bool().Draw(rt, "expires") {
			c.ExpiresAt = w.clock.Now().Add(time.Duration(rapid.IntRange(-1, 1).Draw(rt, "expiry")) * time.Minute).Truncate(time.Microsecond)
		}
		return c
	}
	upsert := testkit.Statements(t, ".")["upsertEvidence"].Text
	rapid.Check(t, func(rt *rapid.T) {
		w.exec(t, "TRUNCATE validation_jobs, platform_validations, lead_scores, lead_score_history CASCADE")
		for range 2 {
			w.createJob(t, jobSpec(everything(), scoring.Google))
		}
		chunks := w.claim(t, 10, 10)
		checks := []registry.Check{draw(rt, "first"), draw(rt, "second")}
		for i, c := range chunks {
			w.apply(t, registry.ChunkResult{ChunkKey: c.ChunkKey, Epoch: 1, Checks: []registry.Check{checks[i]}})
		}
		want := "first"
		if checks[1].Evidence().Supersedes(checks[0].Evidence(), w.clock.Now().Truncate(time.Microsecond)) {
			want = "second"
		}
		if v, _ := w.evidence(t, firstNumber, scoring.Google); v.Method != want {
			rt.Fatalf("the %s remains, want the %s: %+v", v.Method, want, checks)
		}
		// The statement itself, as when this transaction had not seen the first.
		w.exec(t, "TRUNCATE platform_validations")
		for _, c := range checks {
			w.exec(t, upsert, w.clock.Now().Truncate(time.Microsecond), []int64{int64(c.Number)}, []string{string(c.Platform)}, []string{string(c.Status)},
				[]string{c.Method}, []float64{c.Strength}, []bool{c.Simulated}, []int{c.Attempts}, []int{c.LatencyMS},
				[]time.Time{c.CheckedAt}, []*time.Time{expiry(c)}, []*string{nil})
		}
		if v, _ := w.evidence(t, firstNumber, scoring.Google); v.Method != want {
			rt.Fatalf("by the statement the %s remains, want the %s: %+v", v.Method, want, checks)
		}
	})
}

func expiry(c registry.Check) *time.Time {
	if c.ExpiresAt.IsZero() {
		return nil
	}
	return &c.ExpiresAt
}
