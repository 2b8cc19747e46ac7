package postgres_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"phoneregistry/registry"
)

func TestAPIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	now := w.clock.Now().Truncate(time.Microsecond)
	lasting := registry.APIKey{ID: uuid.New(), Name: "dashboard", Role: registry.RoleAnalyst, CreatedBy: "ana", CreatedAt: now}
	short := registry.APIKey{ID: uuid.New(), Name: "script", Role: registry.RoleOperator, CreatedBy: "ana", CreatedAt: now, ExpiresAt: now.Add(time.Hour)}
	hashes := map[uuid.UUID][32]byte{}
	for _, k := range []registry.APIKey{lasting, short} {
		hashes[k.ID] = sha256.Sum256([]byte(k.Name))
		if err := w.CreateAPIKey(ctx, k, hashes[k.ID]); err != nil {
			t.Fatal(err)
		}
		got, err := w.APIKeyByHash(ctx, hashes[k.ID])
		if diff := cmp.Diff(k, got); diff != "" || err != nil {
			t.Errorf("%v:\n%s", err, diff)
		}
	}
	gone := func(hash [32]byte, why string) {
		t.Helper()
		if _, err := w.APIKeyByHash(ctx, hash); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("a token that %s: %v", why, err)
		}
	}
	gone(sha256.Sum256([]byte("guess")), "is not there")
	w.clock.Add(time.Hour)
	gone(hashes[short.ID], "has expired")
	revoked := w.clock.Now().Truncate(time.Microsecond)
	for range 2 {
		if err := w.RevokeAPIKey(ctx, lasting.ID); err != nil {
			t.Fatal(err)
		}
		w.clock.Add(time.Minute)
	}
	gone(hashes[lasting.ID], "is revoked")
	if err := w.RevokeAPIKey(ctx, uuid.New()); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("revoking a token that is not there: %v", err)
	}
	keys, err := w.APIKeys(ctx)
	lasting.RevokedAt = revoked
	byID := map[uuid.UUID]registry.APIKey{}
	for _, k := range keys {
		byID[k.ID] = k
	}
	if diff := cmp.Diff(map[uuid.UUID]registry.APIKey{lasting.ID: lasting, short.ID: short}, byID); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM audit_trail WHERE action IN ('token.created', 'token.revoked')"); n != 3 {
		t.Errorf("%d audit entries, want 3", n)
	}
}

func TestLiveAPIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	lasting, revoked, short := uuid.New(), uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{lasting, revoked, short} {
		k := registry.APIKey{ID: id, Name: id.String(), Role: registry.RoleViewer, CreatedBy: "ana"}
		if id == short {
			k.ExpiresAt = w.clock.Now().Add(time.Hour)
		}
		if err := w.CreateAPIKey(ctx, k, sha256.Sum256(id[:])); err != nil {
			t.Fatal(err)
		}
	}
	live := func(want ...uuid.UUID) {
		t.Helper()
		got, err := w.LiveAPIKeys(t.Context(), []uuid.UUID{lasting, revoked, short, uuid.New()})
		byText := cmpopts.SortSlices(func(a, b uuid.UUID) bool { return bytes.Compare(a[:], b[:]) < 0 })
		if diff := cmp.Diff(want, got, byText); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	live(lasting, revoked, short)
	if err := w.RevokeAPIKey(ctx, revoked); err != nil {
		t.Fatal(err)
	}
	live(lasting, short)
	w.clock.Add(time.Hour)
	live(lasting)
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	w := newWorld(t)
	id, first := uuid.New(), w.clock.Now().Truncate(time.Microsecond)
	k := registry.APIKey{ID: id, Name: "script", Role: registry.RoleViewer, CreatedBy: "ana"}
	if err := w.CreateAPIKey(acting(t), k, sha256.Sum256([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ used, want time.Duration }{
		{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {30 * time.Second, time.Minute}, {time.Hour, time.Hour},
	} {
		if err := w.TouchAPIKeys(t.Context(), map[uuid.UUID]time.Time{id: first.Add(c.used), uuid.New(): first}); err != nil {
			t.Fatal(err)
		}
		keys, err := w.APIKeys(t.Context())
		if err != nil || len(keys) != 1 || !keys[0].LastUsedAt.Equal(first.Add(c.want)) {
			t.Errorf("used after %s: %+v, %v; want %s", c.used, keys, err, c.want)
		}
	}
}

func TestInstanceKeyIsMadeOnceByMany(t *testing.T) {
	w := newWorld(t)
	const many = 8
	keys, errs := make(chan []byte, many), make(chan error, many)
	for range many {
		go func() {
			key, err := w.InstanceKey(t.Context(), "opaque")
			keys <- key
			errs <- err
		}()
	}
	var first []byte
	for range many {
		key := <-keys
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = key
		}
		if len(key) != 32 || !bytes.Equal(key, first) {
			t.Error("the keys differ")
		}
	}
	other, err := w.InstanceKey(t.Context(), "audit")
	if err != nil || bytes.Equal(other, first) {
		t.Errorf("another name has the same key, %v", err)
	}
}
