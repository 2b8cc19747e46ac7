package transport

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestStreamsAreNotHeldBack: proxies are asked to pass events on as they come.
func TestStreamsAreNotHeldBack(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(`{"query":"{__typename}"}`))
	r.Header = http.Header{
		"Accept": {mediaStream}, "Accept-Encoding": {"gzip, br"}, "Content-Type": {mediaJSON}, "Authorization": {"Bearer good"},
	}
	w := recorder{httptest.NewRecorder()}
	handler(t).ServeHTTP(w, r)
	for name, want := range map[string]string{
		"Content-Type": mediaStream + "; charset=utf-8", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no", "Content-Encoding": "",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s: %q; want %q", name, got, want)
		}
	}
	if !w.Flushed {
		t.Error("events wait in the server")
	}
}
