package httpd_test

import (
	"net/http"
	"testing"

	"phoneregistry/registry"
)

// TestSeveralTokensAreNone: neither of a request nor of a WebSocket, whichever of them is good.
func TestSeveralTokensAreNone(t *testing.T) {
	a := newApp(t)
	good := "Bearer " + a.tokens[registry.RoleViewer]
	for name, c := range map[string]struct {
		headers []string
		status  int
		acked   bool
	}{
		"one":               {[]string{good}, http.StatusOK, true},
		"the same twice":    {[]string{good, good}, http.StatusUnauthorized, false},
		"the first is good": {[]string{good, "Bearer wrong"}, http.StatusUnauthorized, false},
		"the last is good":  {[]string{"Basic eDp5", good}, http.StatusUnauthorized, false},
	} {
		header := http.Header{"Authorization": c.headers}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+"/graphql?query=%7Bviewer%7Bname%7D%7D", nil)
		must(t, err)
		r.Header = header.Clone()
		response, err := a.client.Do(r)
		must(t, err)
		if readAll(t, response); response.StatusCode != c.status {
			t.Errorf("%s: %d; want %d", name, response.StatusCode, c.status)
		}
		socket := a.dial(t, header)
		socket.send(t, "", "connection_init", nil)
		if c.acked {
			if got := socket.next(t); got.Type != "connection_ack" {
				t.Errorf("%s: %+v", name, got)
			}
		} else if code := socket.closed(t); code != 4403 {
			t.Errorf("%s: closed with %d", name, code)
		}
	}
}
