package httpd_test

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// newKey makes a token of its own and lets it be the one of a role.
func (a *app) newKey(t testing.TB, role registry.Role, expires time.Time) uuid.UUID {
	t.Helper()
	token, id := auth.NewToken(), uuid.New()
	_, err := a.store.CreateAPIKey(asSystem(t), registry.APIKey{ID: id, Name: "short", Role: role, CreatedBy: "test", ExpiresAt: expires}, auth.Hash(token))
	must(t, err)
	a.tokens[role] = token
	return id
}

// revoke ends a token.
func (a *app) revoke(t testing.TB, key uuid.UUID) {
	t.Helper()
	_, err := a.store.RevokeAPIKey(asSystem(t), key)
	must(t, err)
}

// TestStreamsEndWithTheirToken: of two keys one is revoked. Its sockets and event streams end, without a word that they
// are complete, and those of the other go on.
func TestStreamsEndWithTheirToken(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 1)
	id := a.startJob(t, numbers, 1, "WHATSAPP")
	revoked := a.newKey(t, registry.RoleViewer, time.Time{})
	idle := a.connect(t, registry.RoleViewer)
	busy := a.subscribe(t, registry.RoleViewer, jobProgress, vars{"id": id})
	busy.next(t)
	stream := a.stream(t.Context(), t, registry.RoleViewer, jobProgress, vars{"id": id})
	other := a.subscribe(t, registry.RoleAnalyst, jobProgress, vars{"id": id})
	other.next(t)
	seen := 0
	for event := range events(stream.Body) {
		if event != "next" {
			t.Errorf("event %s", event)
		}
		if seen++; seen == 1 {
			a.revoke(t, revoked)
		}
	}
	for name, c := range map[string]*wsClient{"idle": idle, "busy": busy} {
		wantEnd(t, name, c, 4403, "Forbidden: the token is revoked")
	}
	a.work(t, 1, active)
	if last := other.last(t); !strings.Contains(last, "COMPLETED") {
		t.Errorf("the other token: %s", last)
	}
	again := a.dial(t, nil)
	again.send(t, "", "connection_init", vars{"Authorization": "Bearer " + a.tokens[registry.RoleViewer]})
	if code := again.closed(t); code != 4403 {
		t.Errorf("who comes back is refused with %d", code)
	}
}

func TestSocketsEndWhenTheirTokenExpires(t *testing.T) {
	a := newApp(t)
	a.newKey(t, registry.RoleViewer, time.Now().Add(2*time.Second))
	wantEnd(t, "expired", a.connect(t, registry.RoleViewer), 4403, "Forbidden: the token has expired")
}

// TestTheCheckIsOneStatement: however many sockets and tokens there are.
func TestTheCheckIsOneStatement(t *testing.T) {
	a := newApp(t)
	store := auth.New(auth.Config{Store: a.store})
	for range 5 {
		for _, token := range a.tokens {
			if _, err := store.Attend(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := a.statements.all(func() { must(t, store.Check(t.Context())) })
	got = slices.DeleteFunc(got, func(sql string) bool { return !strings.Contains(sql, "api_keys") })
	if len(got) != 1 {
		t.Errorf("%d statements: %v", len(got), got)
	}
}

// wantEnd checks how a socket is closed, and that nothing on it was called complete.
func wantEnd(t *testing.T, name string, c *wsClient, code int, reason string) {
	t.Helper()
	for {
		var m wsMessage
		err := c.ReadJSON(&m)
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			if closed.Code != code || closed.Text != reason {
				t.Errorf("%s: closed with %d %q; want %d %q", name, closed.Code, closed.Text, code, reason)
			}
			return
		}
		if err != nil || m.Type == "complete" || m.Type == "error" {
			t.Fatalf("%s: %+v, %v", name, m, err)
		}
	}
}

// TestGuessingIsBounded: by socket or by request, with tokens or with tickets, and nobody else is held up by it.
func TestGuessingIsBounded(t *testing.T) {
	a := newApp(t, func(a *app, c *httpd.Config) { c.Auth = auth.New(auth.Config{Store: a.store, MaxFailures: 3}) })
	const query = "/graphql?query=%7Bviewer%7Brole%7D%7D"
	status := func(role registry.Role, path string, header ...string) int {
		t.Helper()
		response := a.request(t, role, http.MethodGet, path, "", nil, header...)
		readAll(t, response)
		if (response.StatusCode == http.StatusTooManyRequests) != (response.Header.Get("Retry-After") != "") {
			t.Errorf("%d with Retry-After %q", response.StatusCode, response.Header.Get("Retry-After"))
		}
		return response.StatusCode
	}
	socket := a.dial(t, nil)
	socket.send(t, "", "connection_init", vars{"Authorization": "Bearer " + auth.NewToken()})
	if code := socket.closed(t); code != 4403 {
		t.Errorf("closed with %d", code)
	}
	for i, c := range []struct {
		path   string
		header []string
		want   int
	}{
		{query, nil, http.StatusUnauthorized}, // sends none
		{query, []string{"Authorization", "Bearer guess"}, http.StatusUnauthorized},
		{query + "&ticket=prt_guess", []string{"Accept", "text/event-stream"}, http.StatusUnauthorized},
		{query, []string{"Authorization", "Bearer " + auth.NewToken()}, http.StatusTooManyRequests},
		{"/v1/imports/imp_1", []string{"Authorization", "Bearer guess"}, http.StatusTooManyRequests},
		{query + "&ticket=prt_guess", []string{"Accept", "text/event-stream"}, http.StatusTooManyRequests},
		{query, nil, http.StatusUnauthorized},
	} {
		if got := status("", c.path, c.header...); got != c.want {
			t.Errorf("%d: %d; want %d", i, got, c.want)
		}
	}
	if got := status(registry.RoleViewer, query); got != http.StatusOK {
		t.Errorf("a neighbour with a valid token: %d", got)
	}
}
