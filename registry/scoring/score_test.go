package scoring_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry/scoring"
)

var at = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func says(p scoring.Platform, s scoring.Status, strength float64) scoring.Evidence {
	return scoring.Evidence{Platform: p, Status: s, Strength: strength, Method: "test", CheckedAt: at.Add(-time.Hour)}
}

func until(e scoring.Evidence, t time.Time) scoring.Evidence {
	e.ExpiresAt = t
	return e
}

func everywhere(s scoring.Status, strength float64) []scoring.Evidence {
	var evidence []scoring.Evidence
	for _, p := range scoring.Platforms() {
		evidence = append(evidence, says(p, s, strength))
	}
	return evidence
}

func TestScore(t *testing.T) {
	tests := []struct {
		name     string
		invalid  bool
		evidence []scoring.Evidence
		total    int
		coverage float64
		tier     scoring.Tier
	}{
		{name: "nothing known", tier: scoring.TierUnknown},
		{name: "active everywhere", evidence: everywhere(scoring.Active, 1), total: 100, coverage: 1, tier: scoring.TierPremium},
		{name: "nowhere", evidence: everywhere(scoring.NotFound, 0), total: 0, coverage: 1, tier: scoring.TierPoor},
		{name: "inactive everywhere", evidence: everywhere(scoring.Inactive, 1), total: 0, coverage: 1, tier: scoring.TierPoor},
		{name: "half strength", evidence: everywhere(scoring.Active, 0.5), total: 50, coverage: 1, tier: scoring.TierMedium},
		{name: "one active, the others unknown", evidence: []scoring.Evidence{
			says(scoring.WhatsApp, scoring.Active, 1), says(scoring.Google, scoring.Unknown, 0),
		}, total: 100, coverage: 0.2, tier: scoring.TierPremium},
		{name: "one of two", evidence: []scoring.Evidence{
			says(scoring.WhatsApp, scoring.Active, 1), says(scoring.Apple, scoring.NotFound, 0),
		}, total: 50, coverage: 0.4, tier: scoring.TierMedium},
		{name: "one of three is 33.3", evidence: []scoring.Evidence{
			says(scoring.WhatsApp, scoring.Active, 1), says(scoring.Apple, scoring.NotFound, 0), says(scoring.Google, scoring.Inactive, 0),
		}, total: 33, coverage: 0.6, tier: scoring.TierLow},
		{name: "two of three is 66.7", evidence: []scoring.Evidence{
			says(scoring.WhatsApp, scoring.Active, 1), says(scoring.Apple, scoring.Active, 1), says(scoring.Google, scoring.Inactive, 0),
		}, total: 67, coverage: 0.6, tier: scoring.TierHigh},
		{name: "a half rounds up", evidence: everywhere(scoring.Active, 0.825), total: 83, coverage: 1, tier: scoring.TierPremium},
		{name: "no answers", evidence: []scoring.Evidence{
			says(scoring.WhatsApp, scoring.RateLimited, 0), says(scoring.Apple, scoring.Failed, 0),
			says(scoring.Google, scoring.NotCheckable, 0), says(scoring.Facebook, scoring.Unknown, 0),
		}, tier: scoring.TierUnknown},
		{name: "run out this moment", evidence: []scoring.Evidence{until(says(scoring.Apple, scoring.Active, 1), at)}, tier: scoring.TierUnknown},
		{name: "runs out next", evidence: []scoring.Evidence{until(says(scoring.Apple, scoring.Active, 1), at.Add(1))},
			total: 100, coverage: 0.2, tier: scoring.TierPremium},
		{name: "not valid", invalid: true, evidence: everywhere(scoring.Active, 1), tier: scoring.TierPoor},
		{name: "not valid, nothing known", invalid: true, tier: scoring.TierPoor},
		{name: "strength beyond bounds", evidence: everywhere(scoring.Active, 7), total: 100, coverage: 1, tier: scoring.TierPremium},
		{name: "strength below bounds", evidence: everywhere(scoring.Active, -1), total: 0, coverage: 1, tier: scoring.TierPoor},
		{name: "strength is no number", evidence: everywhere(scoring.Active, math.NaN()), total: 0, coverage: 1, tier: scoring.TierPoor},
		{name: "a status of a later version", evidence: everywhere("BANNED", 1), tier: scoring.TierUnknown},
	}
	model := scoring.DefaultModel()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := model.Score(!tt.invalid, tt.evidence, at)
			if s.Total != tt.total || math.Abs(s.Coverage-tt.coverage) > 1e-9 || s.Tier != tt.tier {
				t.Errorf("got %d points, coverage %g, %s; want %d, %g, %s", s.Total, s.Coverage, s.Tier, tt.total, tt.coverage, tt.tier)
			}
		})
	}
}

func TestTiersAtTheirBounds(t *testing.T) {
	for total, want := range map[int]scoring.Tier{
		100: scoring.TierPremium, 80: scoring.TierPremium, 79: scoring.TierHigh, 60: scoring.TierHigh, 59: scoring.TierMedium,
		40: scoring.TierMedium, 39: scoring.TierLow, 20: scoring.TierLow, 19: scoring.TierPoor, 0: scoring.TierPoor,
	} {
		s := scoring.DefaultModel().Score(true, everywhere(scoring.Active, float64(total)/100), at)
		if s.Total != total || s.Tier != want {
			t.Errorf("strength %d%%: %d points, %s; want %s", total, s.Total, s.Tier, want)
		}
	}
}

func TestComponentsExplain(t *testing.T) {
	simulated := says(scoring.Google, scoring.NotFound, 0)
	simulated.Simulated = true
	s := scoring.DefaultModel().Score(true, []scoring.Evidence{
		until(says(scoring.WhatsApp, scoring.Active, 0.5), at.Add(48*time.Hour)),
		until(says(scoring.Apple, scoring.Active, 1), at.Add(-time.Minute)),
		until(simulated, at.Add(24*time.Hour)),
		until(says(scoring.Facebook, scoring.Failed, 0), at.Add(time.Hour)),
	}, at)
	if !s.Simulated {
		t.Error("simulated evidence counts, and the score does not say so")
	}
	if want := at.Add(24 * time.Hour); !s.EvidenceUntil.Equal(want) {
		t.Errorf("evidence holds until %s, want %s: only what counts counts", s.EvidenceUntil, want)
	}
	want := map[scoring.Platform]string{
		scoring.WhatsApp: "10 ACTIVE earns a part", scoring.Instagram: "-  never checked", scoring.Facebook: "- ERROR failed",
		scoring.Google: "0 NOT_FOUND no account", scoring.Apple: "- ACTIVE run out",
	}
	for i, c := range s.Components {
		if c.Platform != scoring.Platforms()[i] || c.Weight != 20 {
			t.Errorf("component %d is %s with weight %g", i, c.Platform, c.Weight)
		}
		points := "-"
		if c.Points != nil {
			points = fmt.Sprint(*c.Points)
		}
		fields := strings.SplitN(want[c.Platform], " ", 3)
		if points != fields[0] || string(c.Status) != fields[1] || !strings.Contains(c.Reason, fields[2]) {
			t.Errorf("%s: %s points, status %q, %q; want %q", c.Platform, points, c.Status, c.Reason, fields)
		}
		if (c.Status == "") != c.CheckedAt.IsZero() {
			t.Errorf("%s: status %q, checked at %s", c.Platform, c.Status, c.CheckedAt)
		}
	}
}

func TestSupersedes(t *testing.T) {
	older := says(scoring.Apple, scoring.Active, 1)
	newer := older
	newer.CheckedAt = older.CheckedAt.Add(time.Minute)
	as := func(e scoring.Evidence, s scoring.Status) scoring.Evidence { e.Status = s; return e }
	fake := func(e scoring.Evidence) scoring.Evidence { e.Simulated = true; return e }
	over := func(e scoring.Evidence) scoring.Evidence { return until(e, at) }
	tests := []struct {
		name   string
		e, old scoring.Evidence
		want   bool
	}{
		{"newer", newer, older, true},
		{"older", older, newer, false},
		{"the same again", older, older, true},
		{"newer UNKNOWN against an answer that tells", as(newer, scoring.Unknown), older, false},
		{"newer NOT_CHECKABLE against an answer that tells", as(newer, scoring.NotCheckable), as(older, scoring.NotFound), false},
		{"newer UNKNOWN against one that ran out", as(newer, scoring.Unknown), over(older), true},
		{"newer UNKNOWN against NOT_CHECKABLE", as(newer, scoring.Unknown), as(older, scoring.NotCheckable), true},
		{"newer UNKNOWN against a simulated ACTIVE", as(newer, scoring.Unknown), fake(older), true},
		{"older ACTIVE against UNKNOWN", older, as(newer, scoring.Unknown), true},
		{"newer failure against an answer", as(newer, scoring.Failed), older, false},
		{"newer refusal against an answer", as(newer, scoring.RateLimited), as(older, scoring.NotFound), false},
		{"newer failure against one that ran out", as(newer, scoring.Failed), over(older), true},
		{"newer failure against a refusal", as(newer, scoring.Failed), as(older, scoring.RateLimited), true},
		{"older answer against a failure", older, as(newer, scoring.Failed), true},
		{"newer simulated against real", fake(newer), older, false},
		{"older real against simulated", older, fake(newer), true},
		{"newer simulated against real that ran out", fake(newer), over(older), true},
		{"newer simulated against a failure", fake(newer), as(older, scoring.Failed), true},
		{"ran out already", over(newer), older, false},
	}
	for _, tt := range tests {
		if got := tt.e.Supersedes(tt.old, at); got != tt.want {
			t.Errorf("%s: %t, want %t", tt.name, got, tt.want)
		}
	}
}

func TestNewModel(t *testing.T) {
	half := map[scoring.Platform]float64{scoring.WhatsApp: 50, scoring.Apple: 50}
	m, err := scoring.NewModel("2026-11.a", half)
	if err != nil {
		t.Fatal(err)
	}
	half[scoring.WhatsApp] = 0 // the model has its own
	s := m.Score(true, []scoring.Evidence{
		says(scoring.WhatsApp, scoring.Active, 1), says(scoring.Google, scoring.Active, 1),
	}, at)
	if s.Total != 100 || s.Coverage != 0.5 {
		t.Errorf("%d points, coverage %g; want 100 and 0.5: Google has no weight", s.Total, s.Coverage)
	}
	if c := s.Components[3]; c.Points != nil || !strings.Contains(c.Reason, "no weight") {
		t.Errorf("a platform without weight: %+v", c)
	}
	refused := []struct {
		version string
		weights map[scoring.Platform]float64
		says    string
	}{
		{"", map[scoring.Platform]float64{scoring.Apple: 100}, "version"},
		{"a b", map[scoring.Platform]float64{scoring.Apple: 100}, "version"},
		{"1", nil, "add up to 0"},
		{"1", map[scoring.Platform]float64{scoring.Apple: 99}, "add up to 99"},
		{"1", map[scoring.Platform]float64{"MYSPACE": 100}, "MYSPACE"},
		{"1", map[scoring.Platform]float64{scoring.Apple: 120, scoring.Google: -20}, "GOOGLE"},
		{"1", map[scoring.Platform]float64{scoring.Apple: math.NaN()}, "APPLE"},
		{"1", map[scoring.Platform]float64{scoring.Apple: math.Inf(1)}, "APPLE"},
	}
	for _, r := range refused {
		if _, err := scoring.NewModel(r.version, r.weights); err == nil || !strings.Contains(err.Error(), r.says) {
			t.Errorf("version %q, weights %v: error %v, want one that says %q", r.version, r.weights, err, r.says)
		}
	}
}

func ExampleModel_Score() {
	checked := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	s := scoring.DefaultModel().Score(true, []scoring.Evidence{
		{Platform: scoring.WhatsApp, Status: scoring.Active, Strength: 0.9, Method: "traffic", CheckedAt: checked},
		{Platform: scoring.Google, Status: scoring.NotFound, Method: "rcs_capability", CheckedAt: checked},
	}, checked.Add(time.Hour))
	fmt.Println(s.Total, s.Tier, s.Coverage)
	// Output: 45 MEDIUM 0.4
}

func BenchmarkScore(b *testing.B) {
	model, evidence := scoring.DefaultModel(), everywhere(scoring.Active, 0.9)
	b.ReportAllocs()
	for b.Loop() {
		model.Score(true, evidence, at)
	}
}
