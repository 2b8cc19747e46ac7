package postgres_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// seen is evidence as one's own systems bring it.
func (w *world) seen(n registry.Number, p registry.Platform, s registry.Status, age time.Duration) registry.Validation {
	v := registry.Validation{
		Number: n, Platform: p, Status: s, Method: "first_party_test", Attempts: 1, CheckedAt: w.clock.Now().Add(-age),
		Details: []byte(`{"kind": "LOGIN"}`),
	}
	if s == scoring.Active {
		v.Strength = 1
	}
	v.ExpiresAt = v.CheckedAt.Add(90 * 24 * time.Hour)
	return v
}

func (w *world) record(t testing.TB, auditAll bool, evidence ...registry.Validation) registry.Recorded {
	t.Helper()
	r := registry.Recording{Evidence: evidence, AuditAll: auditAll}
	for _, v := range evidence {
		r.Phones = append(r.Phones, described(v.Number))
	}
	recorded, err := w.RecordEvidence(acting(t), scoring.DefaultModel(), r)
	if err != nil {
		t.Fatal(err)
	}
	return recorded
}

func TestRecordEvidence(t *testing.T) {
	w := newWorld(t)
	n, other := firstNumber, firstNumber+1
	recorded := w.record(t, false,
		w.seen(other, scoring.Apple, scoring.Active, time.Hour), w.seen(n, scoring.WhatsApp, scoring.Active, time.Hour),
		w.seen(n, scoring.WhatsApp, scoring.Active, 2*time.Hour), w.seen(n, scoring.Facebook, scoring.NotFound, time.Hour))
	if fmt.Sprint(recorded.Changed) != "[true true false true]" || !slices.Equal(recorded.Leads, []registry.Number{n, other}) {
		t.Errorf("recorded %+v", recorded)
	}
	v, s := w.evidence(t, n, scoring.WhatsApp)
	if v.Status != scoring.Active || v.Method != "first_party_test" || v.Simulated || string(v.Details) != `{"kind": "LOGIN"}` ||
		!v.CheckedAt.Equal(w.clock.Now().Add(-time.Hour).Truncate(time.Microsecond)) {
		t.Errorf("evidence %+v", v)
	}
	if s.Total != 50 || s.Tier != scoring.TierMedium || math.Abs(s.Coverage-0.4) > 1e-6 || !s.EvidenceUntil.Equal(v.ExpiresAt) {
		t.Errorf("score %+v", s)
	}
	for _, step := range []struct {
		name    string
		v       registry.Validation
		changed bool
		method  registry.Status
		history int64
	}{
		{"the same again", w.seen(n, scoring.WhatsApp, scoring.Active, time.Hour), false, scoring.Active, 1},
		{"older", w.seen(n, scoring.WhatsApp, scoring.NotFound, 2*time.Hour), false, scoring.Active, 1},
		{"newer and tells nothing", w.seen(n, scoring.WhatsApp, scoring.Unknown, time.Minute), false, scoring.Active, 1},
		{"newer", w.seen(n, scoring.WhatsApp, scoring.Active, time.Minute), true, scoring.Active, 1},
		{"newer and says no", w.seen(n, scoring.WhatsApp, scoring.NotFound, time.Second), true, scoring.NotFound, 2},
	} {
		w.clock.Add(time.Microsecond)
		r := w.record(t, false, step.v)
		history, err := only(w.CountScoreHistory(t.Context(), []registry.Number{n}))
		if v, _ := w.evidence(t, n, scoring.WhatsApp); r.Changed[0] != step.changed || v.Status != step.method || history != step.history || err != nil {
			t.Errorf("%s: %+v, %s with %d scores, %v", step.name, r, v.Status, history, err)
		}
	}
	if audited := scalar[string](t, w, `SELECT string_agg(action || ' ' || actor || ' ' || coalesce(number::text, '-'), ', ' ORDER BY id)
		FROM audit_trail WHERE at = $1`, w.clock.Now().Add(-5*time.Microsecond).Truncate(time.Microsecond)); audited != fmt.Sprintf(
		"phones.registered ana -, evidence.recorded ana %d, evidence.recorded ana %d, evidence.recorded ana %d", other, n, n) {
		t.Errorf("audited %s", audited)
	}
	before := scalar[int](t, w, "SELECT count(*) FROM audit_trail")
	w.record(t, false, w.seen(n, scoring.WhatsApp, scoring.Active, time.Hour))
	w.record(t, true, w.seen(n, scoring.WhatsApp, scoring.Active, time.Hour))
	if more := scalar[int](t, w, "SELECT count(*) FROM audit_trail") - before; more != 1 {
		t.Errorf("%d audit entries of what changed nothing, want that of the one who wants all", more)
	}
}

// TestRecordEvidenceInAnyOrder: observations come in any order, in any groups and any number of times, and the same
// remains.
func TestRecordEvidenceInAnyOrder(t *testing.T) {
	w := newWorld(t)
	next := firstNumber
	rapid.Check(t, func(rt *rapid.T) {
		next++
		var all []registry.Validation
		for i := range rapid.IntRange(1, 6).Draw(rt, "observations") {
			v := w.seen(next, rapid.SampledFrom(scoring.Platforms()[:2]).Draw(rt, "platform"),
				rapid.SampledFrom([]registry.Status{scoring.Active, scoring.NotFound, scoring.Unknown}).Draw(rt, "status"),
				time.Duration(i+1)*time.Hour)
			if rapid.Bool().Draw(rt, "has run out") {
				v.ExpiresAt = v.CheckedAt.Add(time.Minute)
			}
			all = append(all, v)
		}
		want := map[registry.Platform]scoring.Evidence{}
		for _, v := range all {
			if old, ok := want[v.Platform]; !ok || v.Evidence().Supersedes(old, w.clock.Now()) {
				want[v.Platform] = v.Evidence()
			}
		}
		sent := append(slices.Clone(all), all[0])
		for i := range sent {
			j := rapid.IntRange(i, len(sent)-1).Draw(rt, "order")
			sent[i], sent[j] = sent[j], sent[i]
		}
		for len(sent) > 0 {
			group := rapid.IntRange(1, len(sent)).Draw(rt, "group")
			w.record(t, false, sent[:group]...)
			sent = sent[group:]
		}
		for p, e := range want {
			v, _ := w.evidence(t, next, p)
			if v.Status != e.Status || !v.CheckedAt.Equal(e.CheckedAt.Truncate(time.Microsecond)) {
				rt.Fatalf("%s: %s of %s remains, want %s of %s", p, v.Status, v.CheckedAt, e.Status, e.CheckedAt)
			}
		}
	})
}

// TestRecordEvidenceBesideResults: recorders with overlapping numbers in any order, and appliers with results of the same
// numbers, all at the same time: nobody waits for ever, nothing is lost, and every score is that of the evidence.
func TestRecordEvidenceBesideResults(t *testing.T) {
	w := newWorld(t)
	const numbers, known = 40, 25
	w.addNumbers(t, known) // the others are new to all who record them
	job := w.createJob(t, jobSpec(everything(), scoring.WhatsApp, scoring.Google, scoring.Line))
	var (
		mu   sync.Mutex
		want = map[string]scoring.Evidence{}
		wg   sync.WaitGroup
		now  = w.clock.Now()
	)
	expect := func(v registry.Validation) {
		mu.Lock()
		defer mu.Unlock()
		key := modelKey(v.Platform, v.Number)
		if old, ok := want[key]; !ok || v.Evidence().Supersedes(old, now) {
			want[key] = v.Evidence()
		}
	}
	var results []registry.ChunkResult
	for _, chunk := range w.claim(t, 100, 100) {
		r := w.answer(chunk, scoring.Active)
		for i := range r.Checks {
			r.Checks[i].CheckedAt = now.Add(-time.Duration(30+i) * time.Second)
			expect(r.Checks[i].Validation)
		}
		results = append(results, r)
	}
	for _, r := range results {
		wg.Go(func() { w.apply(t, r) })
	}
	for recorder := range 4 {
		random := rand.New(rand.NewPCG(7, uint64(recorder)))
		wg.Go(func() {
			for round := range 8 {
				var evidence []registry.Validation
				for _, i := range random.Perm(numbers)[:15] {
					status := []registry.Status{scoring.Active, scoring.NotFound}[random.IntN(2)]
					p := []registry.Platform{scoring.WhatsApp, scoring.Google, scoring.Apple}[random.IntN(3)]
					age := time.Duration(1+random.IntN(60)*1000+recorder*100+round) * time.Millisecond // of one number and platform never twice
					evidence = append(evidence, w.seen(firstNumber+registry.Number(i), p, status, age))
				}
				for _, v := range evidence {
					expect(v)
				}
				w.record(t, false, evidence...)
			}
		})
	}
	wg.Wait()
	w.checkLedger(t, job.ID)
	all := make([]registry.Number, numbers)
	for i := range all {
		all[i] = firstNumber + registry.Number(i)
	}
	validations, err := w.Validations(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := w.LeadScores(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for n, of := range validations {
		var evidence []scoring.Evidence
		for _, v := range of {
			found++
			evidence = append(evidence, v.Evidence())
			if e := want[modelKey(v.Platform, n)]; e.Status != v.Status || !e.CheckedAt.Truncate(time.Microsecond).Equal(v.CheckedAt) {
				t.Errorf("number %d on %s is %s of %s, want %s of %s", n-firstNumber, v.Platform, v.Status, v.CheckedAt, e.Status, e.CheckedAt)
			}
		}
		if s := scoring.DefaultModel().Score(true, evidence, now); scores[n].Total != s.Total || math.Abs(scores[n].Coverage-s.Coverage) > 1e-6 {
			t.Errorf("number %d has %d points, its evidence %d", n-firstNumber, scores[n].Total, s.Total)
		}
	}
	if found != len(want) {
		t.Errorf("%d pieces of evidence, want %d", found, len(want))
	}
}
