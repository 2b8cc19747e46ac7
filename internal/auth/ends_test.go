package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// TestWhyKeysEnd: what lives by a key ends with the reason for which the key does not work any more, or not as it did.
func TestWhyKeysEnd(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	end := start.Add(time.Hour)
	for name, c := range map[string]struct {
		expires time.Time // of the key, when it was first seen
		later   time.Duration
		change  func(s *living, k *registry.APIKey)
		broken  bool // the store cannot be asked
		want    error
	}{
		"nothing":                             {later: 2 * time.Hour},
		"its end has come":                    {expires: end, later: time.Hour, want: auth.ErrExpired},
		"its end has not come":                {expires: end, later: time.Hour - 1},
		"its end has come, and nobody knows":  {expires: end, later: time.Hour, broken: true, want: auth.ErrExpired},
		"its end was set to now":              {later: time.Minute, change: func(_ *living, k *registry.APIKey) { k.ExpiresAt = start.Add(time.Minute) }, want: auth.ErrExpired},
		"its end was moved to the past":       {expires: end, later: time.Minute, change: func(_ *living, k *registry.APIKey) { k.ExpiresAt = start }, want: auth.ErrExpired},
		"its end was moved to the future":     {expires: end, later: time.Hour, change: func(_ *living, k *registry.APIKey) { k.ExpiresAt = end.Add(1) }},
		"its end was taken away":              {expires: end, later: time.Hour, change: func(_ *living, k *registry.APIKey) { k.ExpiresAt = time.Time{} }},
		"it was revoked":                      {change: func(s *living, k *registry.APIKey) { s.revoked = []uuid.UUID{k.ID} }, want: auth.ErrRevoked},
		"it was revoked, and its end came":    {expires: end, later: time.Hour, change: func(s *living, k *registry.APIKey) { s.revoked = []uuid.UUID{k.ID} }, want: auth.ErrRevoked},
		"it is not there any more":            {change: func(s *living, _ *registry.APIKey) { s.byHash = nil }, want: auth.ErrRevoked},
		"it has another role":                 {change: func(_ *living, k *registry.APIKey) { k.Role = registry.RoleViewer }, want: auth.ErrChanged},
		"it has fewer scopes":                 {change: func(_ *living, k *registry.APIKey) { k.Scopes = registry.ScopesOf(registry.ScopeRead) }, want: auth.ErrChanged},
		"it has all scopes, one by one":       {change: func(_ *living, k *registry.APIKey) { k.Scopes = k.Role.Scopes() }},
		"it has another name":                 {change: func(_ *living, k *registry.APIKey) { k.Name = "nightly" }},
		"it has another role, and nobody can": {change: func(_ *living, k *registry.APIKey) { k.Role = registry.RoleViewer }, broken: true},
	} {
		t.Run(name, func(t *testing.T) {
			now, store := start, &living{}
			token := store.add(registry.RoleOperator, c.expires)
			a := auth.New(auth.Config{Store: store, Now: func() time.Time { return now }})
			var held []context.Context
			for range 2 {
				ctx, err := a.Attend(t.Context(), token)
				if err != nil {
					t.Fatal(err)
				}
				held = append(held, ctx)
			}
			if c.change != nil {
				k := store.byHash[auth.Hash(token)]
				c.change(store, &k)
				if store.byHash != nil {
					store.byHash[auth.Hash(token)] = k
				}
			}
			now = now.Add(c.later)
			if c.broken {
				store.broken = errors.New("down")
			}
			if err := a.Check(t.Context()); !errors.Is(err, store.broken) {
				t.Errorf("Check() = %v", err)
			}
			for _, ctx := range held {
				if got := auth.Ended(ctx); !errors.Is(got, c.want) || (got == nil) != (c.want == nil) {
					t.Errorf("ended with %v; want %v", got, c.want)
				}
			}
		})
	}
}

// TestMovedEndsAreRemembered: when the store cannot be asked, the end that it told last counts.
func TestMovedEndsAreRemembered(t *testing.T) {
	now, store := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), &living{}
	end := now.Add(time.Hour)
	token := store.add(registry.RoleViewer, end)
	a := auth.New(auth.Config{Store: store, Now: func() time.Time { return now }})
	held, err := a.Attend(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	k := store.byHash[auth.Hash(token)]
	k.ExpiresAt = end.Add(time.Hour)
	store.byHash[auth.Hash(token)] = k
	for _, step := range []struct {
		at     time.Time
		broken error
		want   error
	}{
		{now.Add(time.Minute), nil, nil}, {end, errors.New("down"), nil}, {end.Add(time.Hour), errors.New("down"), auth.ErrExpired},
	} {
		now, store.broken = step.at, step.broken
		if err := a.Check(t.Context()); !errors.Is(err, step.broken) {
			t.Errorf("Check() = %v", err)
		}
		if got := auth.Ended(held); !errors.Is(got, step.want) {
			t.Errorf("at %s: ended with %v; want %v", step.at, got, step.want)
		}
	}
}

// TestOnlyWhatWasBegunBeforeAChangeEnds: a key has another role now. What was begun with the old one ends; what came with the
// new one, before anybody looked, goes on.
func TestOnlyWhatWasBegunBeforeAChangeEnds(t *testing.T) {
	now, store := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), &living{}
	token := store.add(registry.RoleAdmin, time.Time{})
	a := auth.New(auth.Config{Store: store, Now: func() time.Time { return now }})
	attend := func() context.Context {
		ctx, err := a.Attend(t.Context(), token)
		if err != nil {
			t.Fatal(err)
		}
		return ctx
	}
	before := attend()
	k := store.byHash[auth.Hash(token)]
	k.Role = registry.RoleViewer
	store.byHash[auth.Hash(token)] = k
	now = now.Add(time.Minute) // what was believed is asked again
	after := attend()
	if role := registry.ActorFrom(after).Role; role != registry.RoleViewer {
		t.Fatalf("%s", role)
	}
	if err := a.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := auth.Ended(before); !errors.Is(got, auth.ErrChanged) {
		t.Errorf("ended with %v", got)
	}
	if after.Err() != nil {
		t.Errorf("what came with the new role ended with %v", context.Cause(after))
	}
}

// changing is a store in which a key is revoked between the moment it has told of it and the moment that is heard.
type changing struct {
	living
	then func()
}

func (c *changing) APIKeyByHash(ctx context.Context, hash [32]byte) (registry.APIKey, error) {
	key, err := c.living.APIKeyByHash(ctx, hash)
	c.then()
	return key, err
}

// TestForget: a key that was changed is asked for before it is believed again, also when the store was being asked just
// then. Other keys stay known.
func TestForget(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	store := &changing{then: func() {}}
	a := auth.New(auth.Config{Store: store, Now: func() time.Time { return now }})
	changed, other := store.add(registry.RoleViewer, time.Time{}), store.add(registry.RoleViewer, time.Time{})
	ask := func(token string, want int) {
		t.Helper()
		if _, err := a.Authenticate(t.Context(), token); err != nil || store.keys.asked != want {
			t.Errorf("the store was asked %d times, want %d: %v", store.keys.asked, want, err)
		}
	}
	ask(changed, 1)
	ask(other, 2)
	ask(changed, 2)
	a.Forget(store.id(changed))
	ask(other, 2)
	store.then = func() { a.Forget(store.id(changed)) }
	ask(changed, 3)
	store.then = func() {}
	ask(changed, 4)
	ask(changed, 4)
}
