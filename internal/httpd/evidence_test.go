package httpd_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

const recordEvidence = `mutation($input: RecordEvidenceInput!) { recordEvidence(input: $input) {
	recorded validations { platform status method strength simulated details checkedAt expiresAt } userErrors { code path message } } }`

type evidenceAnswer struct {
	RecordEvidence struct {
		Recorded    int
		Validations []struct {
			Platform, Status, Method string
			Strength                 float64
			Simulated                bool
			Details                  map[string]any
			CheckedAt, ExpiresAt     time.Time
		}
		UserErrors []struct {
			Code, Message string
			Path          []string
		}
	}
}

// TestRecordEvidenceOverGraphQL: who may, what comes back, and that the score is there at once.
func TestRecordEvidenceOverGraphQL(t *testing.T) {
	a := newApp(t)
	input := vars{"input": vars{"evidence": []vars{
		{"number": "+573001000000", "platform": "INSTAGRAM", "kind": "LOGIN", "observedAt": "2026-01-02T03:04:05Z", "holdsFor": "P2Y", "reference": "crm:7"},
		{"number": "+573001000000", "platform": "FACEBOOK", "kind": "LEAD_FORM"},
	}}}
	for _, role := range []registry.Role{registry.RoleViewer, registry.RoleAnalyst, registry.RoleOperator} {
		if got := a.try(t, role, recordEvidence, input); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "FORBIDDEN" {
			t.Errorf("%s: %+v", role, got)
		}
	}
	for _, role := range []registry.Role{registry.RoleSteward, registry.RoleAdmin} {
		got := ask[evidenceAnswer](t, a, role, recordEvidence, input).RecordEvidence
		if got.Recorded != 2 || len(got.Validations) != 2 || len(got.UserErrors) != 0 {
			t.Fatalf("%s: %+v", role, got)
		}
		if v := got.Validations[0]; v.Platform != "INSTAGRAM" || v.Status != "ACTIVE" || v.Method != "first_party_login" || v.Strength != 1 || v.Simulated ||
			v.Details["reference"] != "crm:7" || !v.ExpiresAt.Equal(v.CheckedAt.Add(730*24*time.Hour)) || v.CheckedAt.Format(time.RFC3339) != "2026-01-02T03:04:05Z" {
			t.Errorf("%s: %+v", role, v)
		}
	}
	if p := a.look(t, "+573001000000"); p.LeadScore == nil || p.LeadScore.Total != 85 || p.LeadScore.Tier != "PREMIUM" {
		t.Errorf("score %+v", p.LeadScore)
	}
	wrong := vars{"input": vars{"evidence": []vars{
		{"number": "+573001000001", "platform": "APPLE", "kind": "LOGIN"},
		{"number": "+573001000002", "platform": "LINE", "kind": "LOGIN", "reference": "573001000002", "observedAt": "2999-01-01T00:00:00Z"},
		{"number": "+573601000002", "platform": "APPLE", "kind": "LOGIN"},
	}}}
	got := ask[evidenceAnswer](t, a, registry.RoleSteward, recordEvidence, wrong).RecordEvidence
	var paths []string
	for _, e := range got.UserErrors {
		paths = append(paths, strings.Join(e.Path, "."))
		if strings.Contains(e.Message, "1000002") {
			t.Errorf("an error shows a number: %s", e.Message)
		}
	}
	if all := strings.Join(paths, " "); got.Recorded != 0 || all != "input.evidence.1.platform input.evidence.1.observedAt input.evidence.1.reference input.evidence.2.number" {
		t.Errorf("refused %s", all)
	}
	if a.look(t, "+573001000001") != nil {
		t.Error("a part was recorded")
	}
}

// TestLookupsInTheAPI: the line type says who told it.
func TestLookupsInTheAPI(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 1)
	const query = `query($n: E164!) { phone(number: $n) { lineType lineTypeSource customers { nodes { confidence } } } }`
	line := func() string {
		text, err := json.Marshal(ask[map[string]any](t, a, registry.RoleViewer, query, vars{"n": numbers[0]}))
		must(t, err)
		return string(text)
	}
	before := line()
	if !strings.Contains(before, `"lineType":"MOBILE","lineTypeSource":"PLAN"`) {
		t.Errorf("%s", before)
	}
	id := a.startLineJob(t, numbers)
	a.work(t, 10, func(n registry.Number, p registry.Platform) registry.Check {
		c := active(n, p)
		c.Method, c.Simulated, c.Status, c.Details = "twilio_lookup", false, scoring.Inactive, json.RawMessage(`{"lineType":"VOIP","lineStatus":"inactive"}`)
		return c
	})
	after := line()
	if !strings.Contains(after, `"lineType":"VOIP","lineTypeSource":"LOOKUP"`) {
		t.Errorf("%s after job %s", after, id)
	}
	confidence := func(text string) (c float64) {
		_, rest, _ := strings.Cut(text, `"confidence":`)
		must(t, json.Unmarshal([]byte(rest[:strings.IndexAny(rest, "}")]), &c))
		return c
	}
	if b, n := confidence(before), confidence(after); n >= b || n <= 0 {
		t.Errorf("confidence %g, out of service %g", b, n)
	}
}

// startLineJob starts a job that looks up lines. The installation of these tests has no adapter for it, so the store is
// asked.
func (a *app) startLineJob(t testing.TB, numbers []string) string {
	t.Helper()
	job, err := a.store.CreateJob(asSystem(t), registry.JobSpec{
		Name: "lines", Platforms: []registry.Platform{scoring.Line}, Target: registry.Target{Filter: &registry.PhoneFilter{}},
		BatchSize: len(numbers), MaxConcurrent: 1,
	}, nil)
	must(t, err)
	return job.ID.String()
}
