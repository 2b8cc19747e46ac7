package rcs_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/rcs"
)

const month = 30 * 24 * time.Hour

var batch = func(c *rcs.Config) { c.Mode = rcs.Batch }

// notANo is what absence must be: never NOT_FOUND.
func notANo(n numbering.Number) workers.Outcome {
	return workers.Outcome{
		Number: n, Status: scoring.Unknown, TTL: month,
		Reason: "not reachable by this agent, which is not a no: the carrier may not be launched, or RCS is off",
	}
}

func TestSingle(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("FEATURE_%02d_%s", i, strings.Repeat("X", i))
	}
	tests := []struct {
		name     string
		features []string
		want     workers.Outcome
	}{
		{"reachable", []string{"RICHCARD_STANDALONE", "ACTION_CREATE_CALENDAR_EVENT", "ACTION_DIAL"}, workers.Outcome{
			Status: scoring.Active, Strength: 1, TTL: month,
			Details: []byte(`{"featureCount":3,"features":["ACTION_CREATE_CALENDAR_EVENT","ACTION_DIAL","RICHCARD_STANDALONE"]}`),
		}},
		{"told twice, and what is no feature", []string{"ACTION_DIAL", "ACTION_DIAL", "", "FEATURE_UNSPECIFIED", "call +12025550100", "é"}, workers.Outcome{
			Status: scoring.Active, Strength: 1, TTL: month, Details: []byte(`{"featureCount":1,"features":["ACTION_DIAL"]}`),
		}},
		{"no feature", []string{}, workers.Outcome{Status: scoring.Unknown, TTL: month, Reason: "reachable or not: the answer names no feature"}},
		{"unspecified", []string{"FEATURE_UNSPECIFIED"}, workers.Outcome{Status: scoring.Unknown, TTL: month, Reason: "reachable or not: the answer names no feature"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGoogle(t)
			g.features["+12025550100"] = tt.features
			got, err := g.adapter().Check(t.Context(), []numbering.Number{12025550100, 12025550101})
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Number = 12025550100
			if diff := cmp.Diff([]workers.Outcome{tt.want, notANo(12025550101)}, got); diff != "" {
				t.Error(diff)
			}
			if len(g.requests) != 2 || g.issued() != 1 {
				t.Errorf("%d requests with %d tokens", len(g.requests), g.issued())
			}
		})
	}
	t.Run("details fit", func(t *testing.T) {
		g := newGoogle(t)
		g.features["+12025550100"] = many
		got, err := g.adapter().Check(t.Context(), []numbering.Number{12025550100})
		if err != nil {
			t.Fatal(err)
		}
		var details struct {
			FeatureCount int
			Features     []string
		}
		if err := json.Unmarshal(got[0].Details, &details); err != nil || details.FeatureCount != 40 || len(got[0].Details) > 512 {
			t.Errorf("%d bytes of details, %d features: %v", len(got[0].Details), details.FeatureCount, err)
		}
	})
}

func TestBatch(t *testing.T) {
	g := newGoogle(t)
	g.features["+573001234567"], g.features["+12025550102"] = nil, nil
	asked := []numbering.Number{12025550100, 12025550102, 573001234567}
	got, err := g.adapter(batch, func(c *rcs.Config) { c.TTL = time.Hour }).Check(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	absent := notANo(12025550100)
	absent.TTL = time.Hour
	want := []workers.Outcome{
		absent, {Number: 12025550102, Status: scoring.Active, Strength: 1, TTL: time.Hour},
		{Number: 573001234567, Status: scoring.Active, Strength: 1, TTL: time.Hour},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if g.asked != 1 {
		t.Errorf("%d requests for a batch", g.asked)
	}
	t.Run("what is no number is no evidence", func(t *testing.T) {
		g.instead(nil, func(w http.ResponseWriter, _ *http.Request) {
			writeJSON(w, 200, map[string]any{"reachableUsers": []string{"12025550100", "+1", "", "+447400123456", "tel:+12025550100"}})
		})
		got, err := g.adapter(batch).Check(t.Context(), asked[:1])
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]workers.Outcome{notANo(12025550100)}, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		g.instead(nil, func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, 200, map[string]any{}) })
		got, err := g.adapter(batch).Check(t.Context(), asked[:1])
		if err != nil || len(got) != 1 || got[0].Status != scoring.Unknown {
			t.Errorf("%v, %v", got, err)
		}
	})
}

// TestBatchOfTwoRegions: numbers of another region spoil the batch, and only themselves.
func TestBatchOfTwoRegions(t *testing.T) {
	g := newGoogle(t)
	g.features["+573001234567"] = nil
	got, err := g.adapter(batch).Check(t.Context(), []numbering.Number{12025550100, 12025550101, 447400123456, 447400123457, 573001234567})
	if err != nil {
		t.Fatal(err)
	}
	foreign := workers.Outcome{
		Status: scoring.Failed, Permanent: true, Number: 447400123456,
		Reason: "Google RCS refused this country's numbers (400): they are of another region than the endpoint",
	}
	another := foreign
	another.Number = 447400123457
	want := []workers.Outcome{
		notANo(12025550100), notANo(12025550101), foreign, another, {Number: 573001234567, Status: scoring.Active, Strength: 1, TTL: month},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if g.asked != 4 {
		t.Errorf("%d queries for a batch of three countries", g.asked)
	}
	t.Run("all refused", func(t *testing.T) {
		g.instead(nil, func(w http.ResponseWriter, _ *http.Request) { googleError(w, 400, "INVALID_ARGUMENT") })
		_, err := g.adapter(batch).Check(t.Context(), []numbering.Number{12025550100, 447400123456})
		checkCallError(t, err, workers.CallError{
			Permanent: true,
			Reason:    "Google RCS refused the request (400): is the agent's id right, and are the numbers of its region? Mode single takes any",
		})
	})
	t.Run("busy in between", func(t *testing.T) {
		first := make(chan struct{}, 1)
		first <- struct{}{}
		g.instead(nil, func(w http.ResponseWriter, _ *http.Request) {
			select {
			case <-first:
				googleError(w, 400, "INVALID_ARGUMENT")
			default:
				googleError(w, 429, "RESOURCE_EXHAUSTED")
			}
		})
		_, err := g.adapter(batch).Check(t.Context(), []numbering.Number{12025550100, 447400123456})
		checkCallError(t, err, workers.CallError{Reason: "Google RCS limits the rate (429)", RateLimited: true})
	})
}

func TestInfo(t *testing.T) {
	g := newGoogle(t)
	info := g.adapter(func(c *rcs.Config) { c.QueriesPerMinute, c.Agent = 0, "a.b@rbm.goog" }).Info()
	if diff := cmp.Diff(workers.Info{Name: "rcs", Method: "rcs_capabilities", MaxBatch: 1, Rate: 10, Credential: "a_b_rbm_goog"}, info); diff != "" {
		t.Error(diff)
	}
	info = g.adapter(batch, func(c *rcs.Config) { c.QueriesPerMinute = 60 }).Info()
	if diff := cmp.Diff(workers.Info{Name: "rcs", Method: "rcs_batch_get", MaxBatch: 1000, Rate: 1000, Credential: agent}, info); diff != "" {
		t.Error(diff)
	}
}

// TestFaults: whatever the interface does, the error says what it means and nothing that it must not.
func TestFaults(t *testing.T) {
	for _, mode := range []rcs.Mode{rcs.Single, rcs.Batch} {
		// A batch of one reads 64 KiB and 64 bytes; a single answer is read by the same bound.
		for _, fault := range adaptertest.Faults(now, 64<<10+64) {
			t.Run(string(mode)+" "+fault.Name, func(t *testing.T) {
				g := newGoogle(t)
				g.instead(nil, fault.Handler)
				a := g.adapter(func(c *rcs.Config) {
					c.Mode, c.MaxBatch = mode, 1
					if fault.Slow {
						c.Timeout = adaptertest.ShortTimeout
					}
				})
				_, err := a.Check(t.Context(), []numbering.Number{12025550100})
				checkCallError(t, err, fault.Error("Google RCS"))
			})
		}
	}
}

// checkCallError holds an error to what it must be; it must tell nothing of whom we are and what was asked.
func checkCallError(t *testing.T, err error, want workers.CallError) {
	t.Helper()
	adaptertest.CheckCallError(t, err, want, "/v1/", "/token", "ya29", agent, email)
}

// TestRefusals: what Google's own refusals mean.
func TestRefusals(t *testing.T) {
	always := func(code int, status string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { googleError(w, code, status) }
	}
	plain404 := func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) }
	tests := []struct {
		name string
		api  http.HandlerFunc
		mode rcs.Mode
		want string
	}{
		{"token refused again", always(401, "UNAUTHENTICATED"), rcs.Single, "Google RCS refused a fresh token (401): may the service account use this agent?"},
		{"no permission", always(403, "PERMISSION_DENIED"), rcs.Single, "Google RCS denied permission (403): is the agent launched, and of the service account's project?"},
		{"not understood", always(400, "INVALID_ARGUMENT"), rcs.Single, "Google RCS refused the request (400): is the agent's id right?"},
		{"numbers of another region", nil, rcs.Batch, "Google RCS refused the request (400): is the agent's id right, and are the numbers of its region? Mode single takes any"},
		{"404 of somebody else", plain404, rcs.Single, "Google RCS answered 404 without saying NOT_FOUND: is the address right?"},
		{"404 of a batch", always(404, "NOT_FOUND"), rcs.Batch, "Google RCS answered 404 without saying NOT_FOUND: is the address right?"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGoogle(t)
			g.instead(nil, tt.api)
			_, err := g.adapter(func(c *rcs.Config) { c.Mode = tt.mode }).Check(t.Context(), []numbering.Number{447400123456})
			checkCallError(t, err, workers.CallError{Reason: tt.want, Permanent: true})
		})
	}
}

func TestCallerLeaves(t *testing.T) {
	g := newGoogle(t)
	ctx, cancel := contextWithCancel(t)
	g.instead(nil, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	for _, mode := range []rcs.Mode{rcs.Single, rcs.Batch} {
		if _, err := g.adapter(func(c *rcs.Config) { c.Mode = mode }).Check(ctx, []numbering.Number{12025550100}); err == nil {
			t.Error("no error from a call whose caller left")
		}
	}
}
