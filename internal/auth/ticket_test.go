package auth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/uuid"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// shared is a store of keys and tickets that several servers share.
type shared struct {
	living
	usedMu sync.Mutex
	used   map[uuid.UUID]bool
	err    error
}

func (s *shared) InstanceKey(context.Context, string) ([]byte, error) {
	return []byte(strings.Repeat("k", 32)), s.err
}

func (s *shared) UseTicket(_ context.Context, id uuid.UUID, _ time.Time) (bool, error) {
	s.usedMu.Lock()
	defer s.usedMu.Unlock()
	if s.used == nil {
		s.used = map[uuid.UUID]bool{}
	}
	if s.err != nil {
		return false, s.err
	}
	first := !s.used[id]
	s.used[id] = true
	return first, nil
}

// open asks for an event stream, and returns the status and who was let in.
func open(a *auth.Authenticator, method, address string, header ...string) (int, registry.Actor) {
	var actor registry.Actor
	handler := a.Streams(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		actor = registry.ActorFrom(r.Context())
		if strings.Contains(r.URL.String()+r.RequestURI, auth.TicketPrefix) {
			actor.Name = "the ticket is shown to what follows"
		}
	}))
	w, r := httptest.NewRecorder(), httptest.NewRequest(method, address, nil)
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	handler.ServeHTTP(w, r)
	return w.Code, actor
}

func TestTickets(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	store := &shared{}
	key := store.add(registry.RoleSteward, now.Add(time.Hour))
	narrow := store.byHash[auth.Hash(key)]
	narrow.Scopes = registry.ScopesOf(registry.ScopeRead, registry.ScopeReveal)
	store.byHash[auth.Hash(key)] = narrow
	short := store.add(registry.RoleViewer, now.Add(10*time.Second))
	gone := store.add(registry.RoleViewer, time.Time{})
	one := auth.New(auth.Config{Store: store, BootstrapToken: "first", Now: clock})
	other := auth.New(auth.Config{Store: store, BootstrapToken: "another", Now: clock})
	ctx := registry.WithActor(t.Context(), registry.Actor{Purpose: strings.Repeat("<", 200)})
	ticket := func(token string, life time.Duration) string {
		t.Helper()
		made, err := one.NewTicket(ctx, token)
		if err != nil || !made.ExpiresAt.Equal(now.Add(life)) {
			t.Fatalf("%+v, %v", made, err)
		}
		return made.Text
	}
	use := func(name string, a *auth.Authenticator, ticket string, status int) registry.Actor {
		t.Helper()
		got, actor := open(a, http.MethodGet, "/graphql?query=x&ticket="+ticket)
		if got != status {
			t.Errorf("%s: %d; want %d", name, got, status)
		}
		return actor
	}

	taken := ticket(key, 30*time.Second)
	if got := use("on another server", other, taken, http.StatusOK); got != (registry.Actor{
		Name: "reader", Role: registry.RoleSteward, Withheld: registry.ScopesOf("AGGREGATE", "EXPORT", "EDIT"),
		Purpose: strings.Repeat("<", 200), Token: store.name(key),
	}) {
		t.Errorf("%+v", got)
	}
	use("again", one, taken, http.StatusUnauthorized)
	if got := use("of the bootstrap token", one, ticket("first", 30*time.Second), http.StatusOK); got.Token != "bootstrap" || got.Role != registry.RoleAdmin {
		t.Errorf("%+v", got)
	}
	use("of another's bootstrap token", other, ticket("first", 30*time.Second), http.StatusUnauthorized)
	revoked := ticket(gone, 30*time.Second)
	store.revoked = append(store.revoked, store.id(gone))
	use("of a revoked token", one, revoked, http.StatusUnauthorized)
	ends, late := ticket(short, 10*time.Second), ticket(key, 30*time.Second)
	now = now.Add(10 * time.Second)
	use("longer than its token", one, ends, http.StatusUnauthorized)
	now = now.Add(20 * time.Second)
	use("too late", one, late, http.StatusUnauthorized)
	fresh := ticket(key, 30*time.Second)
	store.err = errors.New("down at 10.0.0.7")
	use("without a store", one, fresh, http.StatusServiceUnavailable)
	store.err = nil
	use("changed", one, fresh[:len(fresh)-2]+"AA", http.StatusUnauthorized)
	for _, c := range []struct {
		method, address string
		header          []string
	}{
		{http.MethodPost, "/graphql?ticket=" + fresh, nil},
		{http.MethodGet, "/graphql?ticket=" + fresh, []string{"Accept", "application/json"}},
		{http.MethodGet, "/graphql?ticket=" + fresh, []string{"Accept", "text/event-stream;q=0, application/json"}},
		{http.MethodGet, "/graphql?ticket=" + fresh, []string{"Authorization", "Bearer x"}},
		{http.MethodGet, "/graphql?xticket=" + fresh, nil},
		{http.MethodGet, "/graphql", []string{"Authorization", "Bearer " + fresh}},
	} {
		if got, actor := open(one, c.method, c.address, c.header...); got != http.StatusUnauthorized || actor.Role != "" {
			t.Errorf("%+v: %d %+v", c, got, actor)
		}
	}
	use("what was refused is not used up", one, fresh, http.StatusOK)
	if _, err := one.NewTicket(t.Context(), "guess"); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("for a guess: %v", err)
	}
}

// TestTicketsOfAnIssuer end with its token, and are refused where its tokens are.
func TestTicketsOfAnIssuer(t *testing.T) {
	l := newLogin(t)
	store := &shared{}
	a := l.authenticator(store)
	token := l.Token(t, l.NewKey(t, "es", jose.ES256), map[string]any{"exp": l.now.Add(-50 * time.Second).Unix()})
	made, err := a.NewTicket(t.Context(), token)
	if err != nil || !made.ExpiresAt.Equal(l.now.Add(10*time.Second)) {
		t.Fatalf("%+v, %v", made, err)
	}
	without := auth.New(auth.Config{Store: store, Now: func() time.Time { return l.now }})
	if code, _ := open(without, http.MethodGet, "/graphql?ticket="+made.Text); code != http.StatusUnauthorized {
		t.Errorf("where no issuer is known: %d", code)
	}
	if code, actor := open(a, http.MethodGet, "/graphql?ticket="+made.Text); code != http.StatusOK || actor.Name != "oidc:u1" {
		t.Errorf("%d %+v", code, actor)
	}
}

// FuzzTicket: what this registry has not made opens nothing, and breaks nothing.
func FuzzTicket(f *testing.F) {
	store := &shared{}
	a := auth.New(auth.Config{Store: store, BootstrapToken: "first", MaxFailures: -1})
	made, err := a.NewTicket(f.Context(), "first")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "prt_", "prt_AAAA", made.Text[:60], made.Text + "A", "%zz", "prt_" + strings.Repeat("A", 5000), "x&ticket=y"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.URL.RawQuery = "a=b&ticket=" + text
		r.Header.Set("Accept", "text/event-stream")
		w := httptest.NewRecorder()
		a.Streams(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Errorf("%q is taken", text) })).ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), "prt_") {
			t.Errorf("%q: %d %s", text, w.Code, w.Body)
		}
	})
}

// FuzzFromHeader: a token never holds the spaces around it, and there is none without its scheme.
func FuzzFromHeader(f *testing.F) {
	for _, seed := range []string{"Bearer x", "bearer  x ", "Basic x", "Bearer", "", "Bearer\tx", "BEARER a b", "Bearer \u00a0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		token := auth.FromHeader(header)
		if strings.TrimSpace(token) != token || len(token) > len(header) {
			t.Errorf("%q: %q", header, token)
		}
		if token != "" && (len(header) < 7 || !strings.EqualFold(header[:7], "Bearer ") || !strings.HasSuffix(strings.TrimSpace(header), token)) {
			t.Errorf("%q: %q without the scheme", header, token)
		}
	})
}
