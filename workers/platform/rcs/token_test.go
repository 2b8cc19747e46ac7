package rcs_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/registry/numbering"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/rcs"
)

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

var one = []numbering.Number{12025550100}

func mustCheck(t *testing.T, a *rcs.Adapter) {
	t.Helper()
	if _, err := a.Check(t.Context(), one); err != nil {
		t.Fatal(err)
	}
}

// TestTokenLife: a token serves until a minute before its end.
func TestTokenLife(t *testing.T) {
	g := newGoogle(t)
	a := g.adapter()
	for _, step := range []struct {
		pass   time.Duration
		issued int
	}{{0, 1}, {0, 1}, {3538 * time.Second, 1}, {time.Second, 2}, {time.Minute, 2}, {24 * time.Hour, 3}} {
		g.pass(step.pass)
		mustCheck(t, a)
		if g.issued() != step.issued {
			t.Errorf("%d tokens after another %s, want %d", g.issued(), step.pass, step.issued)
		}
	}
}

// TestTokenRevoked: a token that is refused before its time is renewed once, and the number asked again.
func TestTokenRevoked(t *testing.T) {
	g := newGoogle(t)
	a := g.adapter()
	mustCheck(t, a)
	g.revoke()
	mustCheck(t, a)
	if g.issued() != 2 || g.asked != 2 {
		t.Errorf("%d tokens for %d answers", g.issued(), g.asked)
	}
}

// TestOneRenewalAtATime: many who need a token at once cost one renewal, also when it fails.
func TestOneRenewalAtATime(t *testing.T) {
	const callers = 20
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("fails %t", fails), func(t *testing.T) {
			g := newGoogle(t)
			renewals, open := make(chan struct{}, callers), make(chan struct{})
			g.instead(func(w http.ResponseWriter, r *http.Request) {
				renewals <- struct{}{}
				<-open
				if fails {
					http.Error(w, "no", http.StatusInternalServerError)
					return
				}
				g.issue(w, r)
			}, nil)
			a := g.adapter()
			started, errs := make(chan struct{}, callers), make(chan error, callers)
			var all sync.WaitGroup
			for range callers {
				all.Go(func() {
					started <- struct{}{}
					_, err := a.Check(t.Context(), one)
					errs <- err
				})
			}
			for range callers {
				<-started
			}
			<-renewals
			close(open)
			all.Wait()
			for range callers {
				if err := <-errs; (err != nil) != fails {
					t.Errorf("error %v", err)
				}
			}
			if len(renewals) != 0 {
				t.Errorf("%d renewals more than one", len(renewals))
			}
			if fails { // the failure is not kept for ever
				g.instead(nil, nil)
				g.pass(time.Second)
				mustCheck(t, a)
			}
		})
	}
}

// TestTokenFaults: whatever the token service does, the error says what it means and nothing that it must not.
func TestTokenFaults(t *testing.T) {
	for _, fault := range adaptertest.Faults(now, 64<<10) {
		t.Run(fault.Name, func(t *testing.T) {
			g := newGoogle(t)
			g.instead(fault.Handler, nil)
			a := g.adapter(func(c *rcs.Config) {
				if fault.Slow {
					c.Timeout = adaptertest.ShortTimeout
				}
			})
			_, err := a.Check(t.Context(), one)
			checkCallError(t, err, fault.Error("Google's token service"))
		})
	}
}

func TestTokenRefusals(t *testing.T) {
	malformed := "the answer of Google's token service is not what its interface promises"
	tests := []struct {
		name string
		code int
		body map[string]any
		want workers.CallError
	}{
		{"wrong key or clock", 400, map[string]any{"error": "invalid_grant", "error_description": "hush-hush"},
			workers.CallError{Reason: "Google refused the service account (invalid_grant): was its key deleted, or is this machine's clock wrong?", Permanent: true}},
		{"wrong scope", 400, map[string]any{"error": "invalid_scope"},
			workers.CallError{Reason: "Google refused the service account (invalid_scope): may it use RCS Business Messaging?", Permanent: true}},
		{"unknown account", 401, map[string]any{"error": "invalid_client"},
			workers.CallError{Reason: "Google refused the service account (invalid_client): may it use RCS Business Messaging?", Permanent: true}},
		{"a code that is not documented", 403, map[string]any{"error": "hush-hush"},
			workers.CallError{Reason: "Google's token service refused the service account (403)", Permanent: true}},
		{"busy", 503, map[string]any{"error": "invalid_grant"}, workers.CallError{Reason: "Google's token service failed (503)"}},
		{"no token", 200, map[string]any{"expires_in": 3599}, workers.CallError{Reason: malformed}},
		{"no end", 200, map[string]any{"access_token": "ya29.x"}, workers.CallError{Reason: malformed}},
		{"ended", 200, map[string]any{"access_token": "ya29.x", "expires_in": -1}, workers.CallError{Reason: malformed}},
		{"two lines", 200, map[string]any{"access_token": "ya29\r\nX-Evil: 1", "expires_in": 3599}, workers.CallError{Reason: malformed}},
		{"endless", 200, map[string]any{"access_token": strings.Repeat("x", 8<<10+1), "expires_in": 3599}, workers.CallError{Reason: malformed}},
		{"token is no text", 200, map[string]any{"access_token": 7, "expires_in": 3599}, workers.CallError{Reason: malformed}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			g := newGoogle(t)
			g.instead(func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, tt.code, tt.body) }, nil)
			_, err := g.adapter().Check(t.Context(), one)
			checkCallError(t, err, tt.want)
		})
	}
}

// TestTokenCallerLeaves: who leaves during a renewal spoils it for nobody else.
func TestTokenCallerLeaves(t *testing.T) {
	g := newGoogle(t)
	ctx, cancel := contextWithCancel(t)
	g.instead(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		cancel()
		<-r.Context().Done()
	}, nil)
	a := g.adapter()
	if _, err := a.Check(ctx, one); err == nil {
		t.Error("no error from a call whose caller left")
	}
	g.instead(nil, nil)
	mustCheck(t, a)
}

// TestWaitForRenewal: who waits for somebody else's renewal waits no longer than the own time.
func TestWaitForRenewal(t *testing.T) {
	g := newGoogle(t)
	renewing, open := make(chan struct{}), make(chan struct{})
	g.instead(func(w http.ResponseWriter, r *http.Request) {
		close(renewing)
		<-open
		g.issue(w, r)
	}, nil)
	a := g.adapter()
	done := make(chan error, 1)
	go func() {
		_, err := a.Check(t.Context(), one)
		done <- err
	}()
	<-renewing
	ctx, cancel := contextWithCancel(t)
	cancel()
	_, err := a.Check(ctx, one)
	checkCallError(t, err, workers.CallError{Reason: "no token from Google in time"})
	close(open)
	if err := <-done; err != nil {
		t.Error(err)
	}
}
