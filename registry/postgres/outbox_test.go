package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// events are the events of the outbox of a type, oldest first.
func (w *world) events(t testing.TB, of registry.EventType) []registry.Event {
	t.Helper()
	all, err := w.ClaimEvents(t.Context(), 10_000, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b registry.Event) int { return slices.Compare(a.ID[:], b.ID[:]) })
	return slices.DeleteFunc(all, func(e registry.Event) bool { return e.Type != of })
}

// told is the data of an event of a job or import.
func told(t testing.TB, e registry.Event) (data map[string]any) {
	t.Helper()
	if err := json.Unmarshal(e.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// TestEndsOfJobsAreTold: each end of a job is one event, whichever way it ends, and what is no end is none.
func TestEndsOfJobsAreTold(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 20)
	spec := jobSpec(everything(), scoring.Google)
	done := w.createJob(t, spec)
	chunks := w.claim(t, 100, 100)
	w.apply(t, w.answer(chunks[0], scoring.Active))
	if n := len(w.events(t, registry.EventJobFinished)); n != 0 {
		t.Fatalf("%d events before the end", n)
	}
	w.apply(t, w.answer(chunks[1], scoring.Failed))
	w.apply(t, w.answer(chunks[1], scoring.Failed)) // late: it ended before
	if _, err := w.RetryJob(t.Context(), done.ID); err != nil {
		t.Fatal(err)
	}
	w.apply(t, w.answer(w.claim(t, 100, 100)[0], scoring.Active))
	cancelled := w.createJob(t, spec)
	if _, err := w.CancelJob(t.Context(), cancelled.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := w.CancelJob(t.Context(), cancelled.ID); code(err) != registry.CodeInvalidState {
		t.Fatalf("cancelled twice: %v", err)
	}
	failed := w.createJob(t, spec)
	if _, err := w.FailJob(t.Context(), failed.ID, "why"); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range w.events(t, registry.EventJobFinished) {
		d := told(t, e)
		got = append(got, fmt.Sprint(d["id"], d["status"], d["succeeded"], d["failed"], d["total"], d["errorMessage"]))
	}
	public := func(j registry.Job) string { return "job_" + strings.ReplaceAll(j.ID.String(), "-", "") }
	want := []string{
		fmt.Sprint(public(done), "COMPLETED", 10, 10, 20, nil),
		fmt.Sprint(public(done), "COMPLETED", 20, 0, 20, nil),
		fmt.Sprint(public(cancelled), "CANCELLED", 0, 0, 20, nil),
		fmt.Sprint(public(failed), "FAILED", 0, 0, 20, "why"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("told\n%q\nwant\n%q", got, want)
	}
}

// TestTierChangesAreTold: a transaction tells of all its changes of tier at once; what was told leads, change by change,
// from no tier at all to the tiers that are there.
func TestTierChangesAreTold(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 200)
	statuses := []registry.Status{scoring.Active, scoring.NotFound, scoring.Unknown, scoring.Inactive, scoring.Failed}
	for round := range 6 {
		w.createJob(t, jobSpec(everything(), scoring.Platforms()...))
		chunks := w.claim(t, 1000, 1000)
		w.clock.Add(time.Minute)
		var wait sync.WaitGroup
		for part := range slices.Chunk(chunks, 7) {
			results := make([]registry.ChunkResult, len(part))
			for i, c := range part {
				results[i] = w.answer(c, statuses[(round+c.No+len(c.Platform))%len(statuses)])
			}
			wait.Go(func() {
				if _, err := w.ApplyResults(t.Context(), scoring.DefaultModel(), results); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	}
	// Events of transactions that ran at once have no order: what was told of a number is a set of steps.
	steps := map[registry.Number]map[registry.Tier]int{} // how often a tier was reached less how often it was left
	changes := 0
	for _, e := range w.events(t, registry.EventLeadTierChanged) {
		if !slices.IsSortedFunc(e.Tiers, func(a, b registry.TierChange) int { return int(a.Number - b.Number) }) {
			t.Error("the numbers of an event are not in order")
		}
		for _, c := range e.Tiers {
			if c.From == c.To || c.To == "" {
				t.Fatalf("a change from %q to %q", c.From, c.To)
			}
			if steps[c.Number] == nil {
				steps[c.Number] = map[registry.Tier]int{}
			}
			steps[c.Number][c.From]--
			steps[c.Number][c.To]++
			changes++
		}
	}
	page, err := w.Leads(t.Context(), registry.LeadFilter{}, registry.PageRequest{First: registry.MaxPageSize})
	if err != nil || len(page.Items) != 200 {
		t.Fatalf("%d leads, %v", len(page.Items), err)
	}
	if changes < 400 {
		t.Errorf("only %d changes: the test tests little", changes)
	}
	for _, lead := range page.Items {
		of := steps[lead.Number]
		of[""]++
		of[lead.Tier]--
		for tier, n := range of {
			if n != 0 {
				t.Fatalf("what was told does not lead from none to %s: %q is off by %d", lead.Tier, tier, n)
			}
		}
	}
}

// TestExpiryIsTold: a tier that ends with its evidence is told of, too.
func TestExpiryIsTold(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 1)
	w.createJob(t, jobSpec(everything(), scoring.Google))
	r := w.answer(w.claim(t, 1, 1)[0], scoring.Active)
	r.Checks[0].ExpiresAt = w.clock.Now().Add(time.Hour)
	w.apply(t, r)
	w.clock.Add(2 * time.Hour)
	if _, _, err := w.RescoreExpired(t.Context(), scoring.DefaultModel(), 10); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range w.events(t, registry.EventLeadTierChanged) {
		got = append(got, fmt.Sprintf("%s-%s %d", e.Tiers[0].From, e.Tiers[0].To, e.Tiers[0].Total))
	}
	if want := []string{"-PREMIUM 100", "PREMIUM-UNKNOWN 0"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// TestNothingIsToldOfWhatDidNotHappen: an event goes with its transaction.
func TestNothingIsToldOfWhatDidNotHappen(t *testing.T) {
	w := newWorld(t)
	w.addNumbers(t, 5)
	w.createJob(t, jobSpec(everything(), scoring.Google))
	w.exec(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;
		CREATE TRIGGER refuse BEFORE INSERT ON audit_trail FOR EACH ROW WHEN (NEW.action = 'job.completed') EXECUTE FUNCTION refuse()`)
	chunk := w.claim(t, 1, 1)[0]
	if _, err := w.ApplyResults(t.Context(), scoring.DefaultModel(), []registry.ChunkResult{w.answer(chunk, scoring.Active)}); err == nil {
		t.Fatal("the transaction did not fail")
	}
	if n := scalar[int](t, w, `SELECT count(*) FROM outbox`); n != 0 {
		t.Errorf("%d events of a transaction that was undone", n)
	}
}

// TestEndsOfImportsAreTold: with what they brought.
func TestEndsOfImportsAreTold(t *testing.T) {
	w := newWorld(t)
	for i, status := range []registry.ImportStatus{registry.ImportCompleted, registry.ImportFailed} {
		n := registry.NewImport{ID: uuid.New(), FileName: "a.csv", Source: "web_forms", Encoding: "utf-8", BytesTotal: 10, ContentHash: [32]byte{byte(i)}}
		if _, _, err := w.StartImport(acting(t), n); err != nil {
			t.Fatal(err)
		}
		claim, err := w.ClaimImport(t.Context(), n.ID)
		if err != nil {
			t.Fatal(err)
		}
		message := ""
		if status == registry.ImportFailed {
			message = "it broke"
		}
		_, err = claim.End(t.Context(), status, message)
		claim.Release(t.Context())
		if err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, e := range w.events(t, registry.EventImportFinished) {
		d := told(t, e)
		if id, ok := d["id"].(string); !ok || !strings.HasPrefix(id, "imp_") {
			t.Errorf("id %v", d["id"])
		}
		got = append(got, strings.TrimSpace(fmt.Sprintln(d["status"], d["fileName"], d["source"], d["createdBy"], d["rowsRead"], d["errorMessage"])))
	}
	if want := []string{"COMPLETED a.csv web_forms ana 0 <nil>", "FAILED a.csv web_forms ana 0 it broke"}; !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}
