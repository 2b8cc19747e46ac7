package auth_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// keys is the part of the store that authentication asks. What is not there panics.
type keys struct {
	registry.KeyStore
	byHash map[[32]byte]registry.APIKey
	err    error
	asked  int
}

func (k *keys) APIKeyByHash(_ context.Context, hash [32]byte) (registry.APIKey, error) {
	k.asked++
	if k.err != nil {
		return registry.APIKey{}, k.err
	}
	key, ok := k.byHash[hash]
	if !ok {
		return registry.APIKey{}, registry.ErrNotFound
	}
	return key, nil
}

func (k *keys) add(role registry.Role, expires time.Time) (token string) {
	token = auth.NewToken()
	if k.byHash == nil {
		k.byHash = map[[32]byte]registry.APIKey{}
	}
	k.byHash[auth.Hash(token)] = registry.APIKey{ID: uuid.New(), Name: "reader", Role: role, ExpiresAt: expires}
	return token
}

// name is what the token is called, the same on every server.
func (k *keys) name(token string) string { return "key:" + k.byHash[auth.Hash(token)].ID.String() }

func TestTokensAreRandomAndLong(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		token := auth.NewToken()
		if !strings.HasPrefix(token, auth.Prefix) || len(token) != len(auth.Prefix)+43 || seen[token] {
			t.Fatalf("token of %d bytes, seen before: %t", len(token), seen[token])
		}
		seen[token] = true
	}
}

func TestAuthenticate(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	store := &keys{}
	viewer := store.add(registry.RoleViewer, time.Time{})
	expired := store.add(registry.RoleViewer, now)
	odd := store.add("JANITOR", time.Time{})
	narrow := store.add(registry.RoleSteward, time.Time{})
	restricted := store.byHash[auth.Hash(narrow)]
	restricted.Scopes = registry.ScopesOf(registry.ScopeRead, registry.ScopeAdmin) // of these, the role has one
	store.byHash[auth.Hash(narrow)] = restricted
	a := auth.New(auth.Config{Store: store, BootstrapToken: "first", Now: func() time.Time { return now }})
	ctx := registry.WithActor(t.Context(), registry.Actor{RequestID: "r1"})
	for name, c := range map[string]struct {
		token string
		want  registry.Actor
		err   error
	}{
		"bootstrap": {"first", registry.Actor{Name: "bootstrap", Role: registry.RoleAdmin, Token: "bootstrap", RequestID: "r1"}, nil},
		"key":       {viewer, registry.Actor{Name: "reader", Role: registry.RoleViewer, Token: store.name(viewer), RequestID: "r1"}, nil},
		"restricted": {narrow, registry.Actor{
			Name: "reader", Role: registry.RoleSteward, Withheld: registry.ScopesOf("AGGREGATE", "EXPORT", "REVEAL", "EDIT"),
			Token: store.name(narrow), RequestID: "r1",
		}, nil},
		"expired":      {expired, registry.Actor{RequestID: "r1"}, auth.ErrUnauthenticated},
		"unknown role": {odd, registry.Actor{RequestID: "r1"}, auth.ErrUnauthenticated},
		"unknown":      {auth.NewToken(), registry.Actor{RequestID: "r1"}, auth.ErrUnauthenticated},
		"none":         {"", registry.Actor{RequestID: "r1"}, auth.ErrUnauthenticated},
		"too long":     {strings.Repeat("x", 5000), registry.Actor{RequestID: "r1"}, auth.ErrUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := a.Authenticate(ctx, c.token)
			if got != c.want || !errors.Is(err, c.err) {
				t.Errorf("%+v, %v; want %+v, %v", got, err, c.want, c.err)
			}
		})
	}
}

func TestNoBootstrapTokenMeansNone(t *testing.T) {
	a := auth.New(auth.Config{Store: &keys{}})
	if _, err := a.Authenticate(t.Context(), ""); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("the empty token: %v", err)
	}
}

// TestTheStoreIsNotAskedAboutAnything: only about what looks as if it had made it.
func TestTheStoreIsNotAskedAboutAnything(t *testing.T) {
	store := &keys{}
	a := auth.New(auth.Config{Store: store, BootstrapToken: "first"})
	for _, token := range []string{"guess", "eyJ.a.b", "prk_", auth.NewToken() + "x", strings.ToUpper(auth.NewToken()), auth.NewToken()} {
		if _, err := a.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%q: %v", token, err)
		}
	}
	if store.asked != 1 {
		t.Errorf("asked %d times; want once", store.asked)
	}
}

func TestTheStoreIsBelievedForAWhile(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	store := &keys{}
	token := store.add(registry.RoleViewer, now.Add(2*time.Second))
	a := auth.New(auth.Config{Store: store, Now: func() time.Time { return now }})
	for range 3 {
		if _, err := a.Authenticate(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	if store.asked != 1 {
		t.Errorf("the store was asked %d times; want once", store.asked)
	}
	now = now.Add(2 * time.Second) // not longer than the token holds
	if _, err := a.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("after its end: %v", err)
	}
	if store.asked != 2 {
		t.Errorf("the store was asked %d times; want twice", store.asked)
	}
}

func TestMiddleware(t *testing.T) {
	store := &keys{}
	token := store.add(registry.RoleSteward, time.Time{})
	a := auth.New(auth.Config{Store: store})
	handler := a.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(registry.ActorFrom(r.Context()).Role))
	}))
	ask := func(header string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		handler.ServeHTTP(w, r)
		return w
	}
	if w := ask("bearer " + token); w.Code != http.StatusOK || w.Body.String() != "STEWARD" {
		t.Errorf("with a token: %d %s", w.Code, w.Body)
	}
	for header, challenge := range map[string]string{
		"":                          `Bearer realm="phoneregistry"`,
		"Bearer wrong":              `Bearer realm="phoneregistry", error="invalid_token"`,
		"Basic " + token:            `Bearer realm="phoneregistry", error="invalid_token"`,
		"Bearer":                    `Bearer realm="phoneregistry", error="invalid_token"`,
		"Bearer " + token + " tail": `Bearer realm="phoneregistry", error="invalid_token"`,
	} {
		w := ask(header)
		var body struct {
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.Error.Code != "UNAUTHENTICATED" {
			t.Errorf("%q: body %s, %v", header, w.Body, err)
		}
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != challenge {
			t.Errorf("%q: %d %q; want 401 %q", header, w.Code, w.Header().Get("WWW-Authenticate"), challenge)
		}
	}
	store.err = errors.New("connection refused to 10.0.0.7")
	if w := ask("Bearer " + auth.NewToken()); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "10.0.0.7") {
		t.Errorf("without a store: %d %s", w.Code, w.Body)
	}
}
