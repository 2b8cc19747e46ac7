package httpd_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"phoneregistry/internal/limit"
	"phoneregistry/registry"
)

// TestLargeRequestsOnTheirWayAreBounded: what has come of a request is in memory, so that not any number of them may be sent
// slowly, by one token or by all. Small ones need no place, and those who are refused are told before anything is read.
func TestLargeRequestsOnTheirWayAreBounded(t *testing.T) {
	with, limits := limited(t, limit.Config{Operations: limit.Bound{Own: 2, Total: 3}})
	a := newApp(t, with)
	begin := func(role registry.Role, header string) net.Conn {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.url, "http://"))
		must(t, err)
		_, err = fmt.Fprintf(conn, "POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n%s\r\n\r\n",
			a.tokens[role], header)
		must(t, err)
		return conn
	}
	receiving := func(n int) {
		t.Helper()
		until(t, func() int { return limits.InUse().Receiving }, func(got int) bool { return got == n })
	}
	large := `{"query":"{ viewer { role } } #` + strings.Repeat("x", 8<<10) + `"}`
	send := func(role registry.Role, body string, status int, code string) {
		t.Helper()
		response := a.request(t, role, http.MethodPost, "/graphql", asJSON, strings.NewReader(body))
		if text := readAll(t, response); response.StatusCode != status || !strings.Contains(text, code) ||
			(status == 200) != (response.Header.Get("Retry-After") == "") {
			t.Errorf("%s: %d %s; want %d %s", role, response.StatusCode, text, status, code)
		}
	}
	first := begin(registry.RoleViewer, "Content-Length: 100000")
	second := begin(registry.RoleViewer, "Transfer-Encoding: chunked")
	receiving(2)
	send(registry.RoleViewer, large, 429, "TOO_MANY_OPERATIONS")
	send(registry.RoleViewer, `{"query":"{ viewer { role } }"}`, 200, "VIEWER")
	send(registry.RoleAnalyst, large, 200, "ANALYST")
	third := begin(registry.RoleSteward, "Content-Length: 100000")
	receiving(3)
	send(registry.RoleAnalyst, large, 503, "TOO_MANY_OPERATIONS")

	must(t, first.Close()) // who goes leaves the place
	receiving(2)
	send(registry.RoleViewer, large, 200, "VIEWER")
	_, err := fmt.Fprintf(second, "%x\r\n%s\r\n0\r\n\r\n", len(large), large) // and so does who is done
	must(t, err)
	receiving(1)
	must(t, third.Close())
	receiving(0)
	answer := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(second, answer); err != nil || string(answer) != "HTTP/1.1 200" {
		t.Errorf("%q, %v", answer, err)
	}
	must(t, second.Close())
	until(t, limits.InUse, func(got limit.InUse) bool { return got.Operations == 0 && got.Receiving == 0 })
}

// TestLargeMessagesOnTheirWayAreBounded together with large requests: a message may be sent in pieces for as long as a socket
// lives.
func TestLargeMessagesOnTheirWayAreBounded(t *testing.T) {
	with, limits := limited(t, limit.Config{Operations: limit.Bound{Own: 2}})
	a := newApp(t, with)
	receiving := func(n int) {
		t.Helper()
		until(t, func() int { return limits.InUse().Receiving }, func(got int) bool { return got == n })
	}
	text := `{"type":"ping","payload":{"x":"` + strings.Repeat("x", 16<<10) + `"}}`
	begin := func(c *wsClient) io.WriteCloser {
		w, err := c.NextWriter(websocket.TextMessage)
		must(t, err)
		_, err = io.WriteString(w, text[:len(text)/2]) // of which the library sends what does not fit into its buffer
		must(t, err)
		return w
	}
	first, second, third := a.connect(t, registry.RoleViewer), a.connect(t, registry.RoleViewer), a.connect(t, registry.RoleViewer)
	end := begin(first)
	begin(second)
	receiving(2)
	response := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", asJSON, strings.NewReader(text))
	if body := readAll(t, response); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("a request beside them: %d %s", response.StatusCode, body)
	}
	must(t, third.WriteMessage(websocket.TextMessage, []byte(text)))
	if code := third.closed(t); code != 4429 {
		t.Errorf("closed with %d; want 4429", code)
	}
	_, err := io.WriteString(end, text[len(text)/2:])
	must(t, err)
	must(t, end.Close())
	if m := first.next(t); m.Type != "pong" {
		t.Errorf("%+v", m)
	}
	receiving(1)
	must(t, second.Close())
	receiving(0)
	other := a.connect(t, registry.RoleViewer)
	other.send(t, "1", "subscribe", vars{"query": "{ viewer { role } } #" + text})
	if m := other.next(t); m.Type != "next" {
		t.Errorf("%+v", m)
	}
}
