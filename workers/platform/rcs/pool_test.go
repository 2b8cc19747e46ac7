package rcs_test

import (
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/registry/scoring"
)

// TestThroughPool sends a chunk over NATS to a worker that asks Google: what is asked too fast is asked again, what is
// absent stays unknown, and no number shows in the log.
func TestThroughPool(t *testing.T) {
	g := newGoogle(t)
	g.features["+573001000000"], g.features["+573001000002"] = []string{"ACTION_DIAL"}, []string{"REVOCATION"}
	refusals := make(chan struct{}, 1) // the first question is refused for now
	refusals <- struct{}{}
	g.instead(nil, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-refusals:
			w.Header().Set("Retry-After", "1")
			googleError(w, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
		default:
			g.answer(w, r)
		}
	})
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	result := adaptertest.RunChunk(t, scoring.Google, g.adapter(), log, 573001000000, 573001000001, 573001000002)
	var got []string
	var attempts []int
	for i, c := range result.Checks {
		if c.Method != "rcs_capabilities" || c.TTLSec != 30*24*3600 {
			t.Errorf("check %d: method %q, holds %d s", i, c.Method, c.TTLSec)
		}
		got, attempts = append(got, c.Status), append(attempts, c.Attempts)
	}
	if !slices.Equal(got, []string{"ACTIVE", "UNKNOWN", "ACTIVE"}) || result.Simulated {
		t.Errorf("%v", got)
	}
	if string(result.Checks[2].Details) != `{"featureCount":1,"features":["REVOCATION"]}` {
		t.Errorf("details %s", result.Checks[2].Details)
	}
	slices.Sort(attempts) // which number is asked about first, and refused, is chance
	if !slices.Equal(attempts, []int{1, 1, 2}) {
		t.Errorf("%v attempts, want one more at the number that was refused for now", attempts)
	}
	if strings.Contains(text.String(), "57300100") || strings.Contains(text.String(), adaptertest.Secret) {
		t.Errorf("the log tells a number or a secret:\n%s", text.String())
	}
}
