package auth_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

func TestBadTokensAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	store := &keys{}
	valid := store.add(registry.RoleViewer, time.Time{})
	var log bytes.Buffer
	a := auth.New(auth.Config{
		Store: store, MaxFailures: 3, Now: func() time.Time { return now }, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	handler := a.Middleware(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	ask := func(remote, token string, want int) {
		t.Helper()
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = remote
		id := "of-" + strings.NewReplacer(".", "-", ":", "-").Replace(netip.MustParseAddrPort(remote).Addr().Unmap().String())
		r = r.WithContext(registry.WithActor(r.Context(), registry.Actor{RequestID: id}))
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		handler.ServeHTTP(w, r)
		wait := w.Header().Get("Retry-After")
		if w.Code != want || (wait != "") != (want == http.StatusTooManyRequests) {
			t.Errorf("%s: %d, Retry-After %q; want %d", remote, w.Code, wait, want)
		}
		if want == http.StatusTooManyRequests && (wait != "20" || !strings.Contains(w.Body.String(), `"RATE_LIMITED"`)) {
			t.Errorf("Retry-After %q: %s", wait, w.Body)
		}
	}
	const here = "192.0.2.7:1000"
	for range 10 {
		ask(here, "", http.StatusUnauthorized) // who sends none does not guess
	}
	for i := range 5 {
		want := http.StatusUnauthorized
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		ask(fmt.Sprintf("192.0.2.7:%d", 2000+i), auth.NewToken(), want)
	}
	ask("[::ffff:192.0.2.7]:5", "guess", http.StatusTooManyRequests)
	ask(here, valid, http.StatusOK) // others at the address are not locked out
	ask("192.0.2.8:1000", "guess", http.StatusUnauthorized)
	for i := range 3 {
		ask(fmt.Sprintf("[2001:db8::%d]:1", i), "guess", http.StatusUnauthorized)
	}
	ask("[2001:db8::ffff:0:0:1]:1", "guess", http.StatusTooManyRequests) // of the same network
	ask("[2001:db8:0:1::1]:1", "guess", http.StatusUnauthorized)
	now = now.Add(20 * time.Second)
	ask(here, "guess", http.StatusUnauthorized)
	ask(here, "guess", http.StatusTooManyRequests)
	now = now.Add(time.Hour)
	for range 3 {
		ask(here, "guess", http.StatusUnauthorized)
	}
	ask(here, "guess", http.StatusTooManyRequests)
	if told := strings.Count(log.String(), "request_id=of-192-0-2-7\n"); told != 2 || strings.Contains(log.String(), "guess") {
		t.Errorf("told %d times: %s", told, &log)
	}
	for _, address := range []string{"192.0.2.", "2001:db8"} {
		if strings.Contains(log.String(), address) {
			t.Errorf("the log names an address: %s", &log)
		}
	}
}

// TestBadTokensOfSocketsCountToo: who guesses by sockets is known when he tries requests.
func TestBadTokensOfSocketsCountToo(t *testing.T) {
	a := auth.New(auth.Config{Store: &keys{}, MaxFailures: 2})
	ctx := auth.WithRemote(t.Context(), "192.0.2.7:1000")
	for _, ctx := range []context.Context{ctx, ctx, t.Context()} {
		if _, err := a.Attend(ctx, "guess"); err == nil {
			t.Fatal("taken")
		}
	}
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.7:1"
	r.Header.Set("Authorization", "Bearer guess")
	if a.Middleware(http.NotFoundHandler()).ServeHTTP(w, r); w.Code != http.StatusTooManyRequests {
		t.Errorf("%d", w.Code)
	}
}
