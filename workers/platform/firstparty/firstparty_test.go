package firstparty_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/platform/firstparty"
)

// TestAnswers: it never claims to know, says what would be permitted, and what it says never beats real evidence.
func TestAnswers(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, p := range firstparty.Platforms() {
		a, err := firstparty.New(p)
		if err != nil {
			t.Fatal(err)
		}
		if info := a.Info(); info.Simulated || info.Name != "firstparty" || info.Method != "firstparty" || info.MaxBatch != 0 {
			t.Errorf("%s: %+v", p, info)
		}
		got, err := a.Check(t.Context(), []numbering.Number{12025550100, 573001234567})
		if err != nil || len(got) != 2 || got[0].Number != 12025550100 || got[1].Number != 573001234567 {
			t.Fatalf("%s: %v, %v", p, got, err)
		}
		for _, o := range got {
			if o.Status != scoring.NotCheckable || o.TTL != 24*time.Hour || o.Details != nil || len(o.Reason) > 200 {
				t.Errorf("%s: %+v", p, o)
			}
			if !strings.Contains(o.Reason, "recordEvidence") || strings.Contains(o.Reason, "webhook") != (p == scoring.WhatsApp) {
				t.Errorf("%s: the reason is %q", p, o.Reason)
			}
		}
		old := scoring.Evidence{Platform: p, Status: scoring.Active, Strength: 1, CheckedAt: now.Add(-time.Hour), ExpiresAt: now.Add(time.Hour)}
		answer := scoring.Evidence{Platform: p, Status: got[0].Status, CheckedAt: now, ExpiresAt: now.Add(got[0].TTL)}
		if answer.Supersedes(old, now) {
			t.Errorf("%s: an answer of nobody takes the place of evidence", p)
		}
	}
}

func TestOtherPlatforms(t *testing.T) {
	for _, p := range append(scoring.Checkable(), "TELEX") {
		_, err := firstparty.New(p)
		if permitted := slices.Contains(firstparty.Platforms(), p); (err == nil) != permitted {
			t.Errorf("%s: error %v", p, err)
		}
	}
}

func TestEnded(t *testing.T) {
	a, err := firstparty.New(scoring.Apple)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Check(ctx, []numbering.Number{12025550100}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
