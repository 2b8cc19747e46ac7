package auth_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// living is a store of keys that can be revoked. What is not there panics.
type living struct {
	keys
	mu      sync.Mutex
	revoked []uuid.UUID
	asked   [][]uuid.UUID
	touched []map[uuid.UUID]time.Time
	broken  error
}

func (l *living) HeldAPIKeys(_ context.Context, ids []uuid.UUID) (held []registry.APIKey, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, ids)
	for _, k := range l.byHash {
		if !slices.Contains(ids, k.ID) {
			continue
		}
		if slices.Contains(l.revoked, k.ID) {
			k.RevokedAt = time.Unix(1, 0)
		}
		held = append(held, k)
	}
	return held, l.broken
}

func (l *living) TouchAPIKeys(_ context.Context, used map[uuid.UUID]time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken == nil {
		l.touched = append(l.touched, used)
	}
	return l.broken
}

func (l *living) id(token string) uuid.UUID { return l.byHash[auth.Hash(token)].ID }

func TestAttend(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	store := &living{}
	a := auth.New(auth.Config{Store: store, BootstrapToken: "first", Now: func() time.Time { return now }})
	attend := func(ctx context.Context, token string) context.Context {
		t.Helper()
		ctx, err := a.Attend(registry.WithActor(ctx, registry.Actor{RequestID: "r1"}), token)
		if err != nil {
			t.Fatal(err)
		}
		if actor := registry.ActorFrom(ctx); actor.RequestID != "r1" || !actor.Role.Valid() {
			t.Errorf("%+v", actor)
		}
		return ctx
	}
	check := func() {
		t.Helper()
		if err := a.Check(t.Context()); err != nil {
			t.Error(err)
		}
	}
	lasting, short, gone := store.add(registry.RoleViewer, time.Time{}), store.add(registry.RoleViewer, now.Add(time.Hour)), store.add(registry.RoleAdmin, time.Time{})
	closing, closed := context.WithCancel(t.Context())
	ended := map[string]context.Context{"expired": attend(t.Context(), short), "revoked": attend(t.Context(), gone), "revoked too": attend(t.Context(), gone)}
	stays := []context.Context{attend(t.Context(), lasting), attend(t.Context(), "first")}
	attend(closing, lasting)
	check()
	if len(store.asked) != 1 || len(store.asked[0]) != 3 {
		t.Errorf("asked %v; want each key once, and the bootstrap token never", store.asked)
	}
	for name, ctx := range ended {
		if ctx.Err() != nil {
			t.Errorf("%s before its time: %v", name, context.Cause(ctx))
		}
	}

	store.broken = errors.New("down") // who cannot be asked about goes on; who has expired does not
	now = now.Add(time.Hour)
	if err := a.Check(t.Context()); !errors.Is(err, store.broken) {
		t.Errorf("Check() = %v", err)
	}
	if cause := context.Cause(ended["expired"]); !errors.Is(cause, auth.ErrExpired) {
		t.Errorf("expired: %v", cause)
	}
	if ended["revoked"].Err() != nil {
		t.Error("ended by an outage of the store")
	}
	store.broken, store.revoked = nil, []uuid.UUID{store.id(gone)}
	check()
	for _, name := range []string{"revoked", "revoked too"} {
		if cause := context.Cause(ended[name]); !errors.Is(cause, auth.ErrRevoked) {
			t.Errorf("%s: %v", name, cause)
		}
	}
	closed()
	for _, ctx := range stays {
		if ctx.Err() != nil {
			t.Errorf("ended with another's token: %v", context.Cause(ctx))
		}
	}
	for _, token := range []string{"", "guess"} {
		if _, err := a.Attend(t.Context(), token); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%q: %v", token, err)
		}
	}
}

func TestARevokedTokenIsForgotten(t *testing.T) {
	store := &living{}
	token := store.add(registry.RoleViewer, time.Time{})
	a := auth.New(auth.Config{Store: store})
	if _, err := a.Attend(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	store.revoked = []uuid.UUID{store.id(token)}
	if err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.byHash = nil
	if _, err := a.Authenticate(t.Context(), token); !errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("still believed: %v", err)
	}
	if err := a.Check(t.Context()); err != nil || len(store.asked) != 1 {
		t.Errorf("asked about what nobody bears any more: %v, %v", store.asked, err)
	}
}

func TestUseIsNoted(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	store := &living{}
	token := store.add(registry.RoleViewer, time.Time{})
	a := auth.New(auth.Config{Store: store, BootstrapToken: "first", Now: func() time.Time { return now }})
	use := func() {
		t.Helper()
		for _, token := range []string{token, "first"} {
			if _, err := a.Authenticate(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
	}
	use()
	store.broken = errors.New("down")
	if err := a.NoteUse(t.Context()); !errors.Is(err, store.broken) {
		t.Errorf("NoteUse() = %v", err)
	}
	store.broken = nil
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := a.Run(ctx); err != nil { // what was seen last is noted at the end
		t.Error(err)
	}
	if len(store.touched) != 1 || len(store.touched[0]) != 1 || !store.touched[0][store.id(token)].Equal(now) {
		t.Errorf("noted %v", store.touched)
	}
	if err := a.NoteUse(t.Context()); err != nil || len(store.touched) != 1 {
		t.Errorf("noted without use: %v, %v", store.touched, err)
	}
}
