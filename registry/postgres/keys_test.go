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
		if _, err := w.CreateAPIKey(ctx, k, hashes[k.ID]); err != nil {
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
		if _, err := w.RevokeAPIKey(ctx, lasting.ID); err != nil {
			t.Fatal(err)
		}
		w.clock.Add(time.Minute)
	}
	gone(hashes[lasting.ID], "is revoked")
	if _, err := w.RevokeAPIKey(ctx, uuid.New()); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("revoking a token that is not there: %v", err)
	}
	page, err := w.APIKeys(ctx, registry.PageRequest{First: 10})
	lasting.RevokedAt = revoked
	byID := map[uuid.UUID]registry.APIKey{}
	for _, k := range page.Items {
		byID[k.ID] = k
	}
	if diff := cmp.Diff(map[uuid.UUID]registry.APIKey{lasting.ID: lasting, short.ID: short}, byID); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM audit_trail WHERE action IN ('token.created', 'token.revoked')"); n != 3 {
		t.Errorf("%d audit entries, want 3", n)
	}
}

// TestPagesOfAPIKeys also has several keys of one moment.
func TestPagesOfAPIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	want := map[uuid.UUID]bool{}
	for i := range 7 {
		id := uuid.New()
		want[id] = true
		k := registry.APIKey{ID: id, Name: "script", Role: registry.RoleViewer, CreatedBy: "ana"}
		if _, err := w.CreateAPIKey(ctx, k, sha256.Sum256(id[:])); err != nil {
			t.Fatal(err)
		}
		if i%3 == 2 {
			w.clock.Add(time.Second)
		}
	}
	request := registry.PageRequest{First: 2}
	var last registry.APIKey
	for pages := 1; ; pages++ {
		page, err := w.APIKeys(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range page.Items {
			if !want[k.ID] || !last.CreatedAt.IsZero() && k.CreatedAt.After(last.CreatedAt) {
				t.Errorf("%+v after %+v: shown twice, or not newest first", k, last)
			}
			delete(want, k.ID)
			last = k
		}
		if !page.HasMore {
			if pages != 4 || len(want) != 0 {
				t.Errorf("%d pages, %d keys were not shown", pages, len(want))
			}
			break
		}
		request.After = &page.Positions[len(page.Positions)-1]
	}
	if n, err := w.CountAPIKeys(ctx); n != 7 || err != nil {
		t.Errorf("%d keys, %v", n, err)
	}
}

func TestRestrictedAPIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	k := registry.APIKey{
		ID: uuid.New(), Name: "narrow", Role: registry.RoleSteward, Scopes: registry.ScopesOf(registry.ScopeRead, registry.ScopeEdit),
		CreatedBy: "ana", CreatedAt: w.clock.Now().Truncate(time.Microsecond),
	}
	hash := sha256.Sum256(k.ID[:])
	if _, err := w.CreateAPIKey(ctx, k, hash); err != nil {
		t.Fatal(err)
	}
	got, err := w.APIKeyByHash(ctx, hash)
	if diff := cmp.Diff(k, got); diff != "" || err != nil {
		t.Errorf("%v:\n%s", err, diff)
	}
	for _, scopes := range []string{"{}", "{ALL}"} { // neither may be taken for all of the role
		if _, err := w.pool.Exec(ctx, "UPDATE api_keys SET scopes = $1::text::text[]", scopes); err == nil {
			t.Errorf("the database takes %s", scopes)
		}
	}
}

func TestUpdateAPIKey(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	now := w.clock.Now().Truncate(time.Microsecond)
	k := registry.APIKey{ID: uuid.New(), Name: "first", Role: registry.RoleViewer, CreatedBy: "ana", CreatedAt: now}
	if _, err := w.CreateAPIKey(ctx, k, sha256.Sum256(k.ID[:])); err != nil {
		t.Fatal(err)
	}
	name, end, never := "second", now.Add(time.Hour), time.Time{}
	for _, c := range []struct {
		change registry.APIKeyChange
		want   registry.APIKey
		audits int
	}{
		{registry.APIKeyChange{}, k, 0},
		{registry.APIKeyChange{Name: &k.Name, ExpiresAt: &never}, k, 0},
		{registry.APIKeyChange{Name: &name}, registry.APIKey{ID: k.ID, Name: name, Role: k.Role, CreatedBy: "ana", CreatedAt: now}, 1},
		{registry.APIKeyChange{ExpiresAt: &end}, registry.APIKey{ID: k.ID, Name: name, Role: k.Role, CreatedBy: "ana", CreatedAt: now, ExpiresAt: end}, 2},
		{registry.APIKeyChange{ExpiresAt: &never}, registry.APIKey{ID: k.ID, Name: name, Role: k.Role, CreatedBy: "ana", CreatedAt: now}, 3},
		{registry.APIKeyChange{ExpiresAt: &now}, registry.APIKey{ID: k.ID, Name: name, Role: k.Role, CreatedBy: "ana", CreatedAt: now, ExpiresAt: now}, 4},
	} {
		got, err := w.UpdateAPIKey(ctx, k.ID, c.change)
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
			t.Errorf("%v:\n%s", err, diff)
		}
		if n := scalar[int](t, w, "SELECT count(*) FROM audit_trail WHERE action = 'token.updated'"); n != c.audits {
			t.Errorf("%d audit entries, want %d", n, c.audits)
		}
	}
	wrong := func(id uuid.UUID, code registry.Code) {
		t.Helper()
		_, err := w.UpdateAPIKey(ctx, id, registry.APIKeyChange{ExpiresAt: &never})
		if code == registry.CodeNotFound {
			if !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("%v; want that there is none", err)
			}
			return
		}
		if es, ok := registry.UserErrors(err); !ok || es[0].Code != code {
			t.Errorf("%v; want %s", err, code)
		}
	}
	wrong(k.ID, registry.CodeInvalidState) // what is over stays over
	wrong(uuid.New(), registry.CodeNotFound)
}

func TestHeldAPIKeys(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	end := w.clock.Now().Add(time.Hour).Truncate(time.Microsecond)
	lasting := registry.APIKey{Role: registry.RoleAdmin}
	revoked := registry.APIKey{Role: registry.RoleViewer}
	short := registry.APIKey{Role: registry.RoleViewer, ExpiresAt: end}
	narrow := registry.APIKey{Role: registry.RoleOperator, Scopes: registry.ScopesOf(registry.ScopeRead, registry.ScopeJobs)}
	strange := registry.APIKey{Role: registry.RoleAdmin, Scopes: registry.ScopesOf(registry.ScopeRead)}
	ids := []uuid.UUID{uuid.New()} // which is not there
	for _, k := range []*registry.APIKey{&lasting, &revoked, &short, &narrow, &strange} {
		k.ID = uuid.New()
		ids = append(ids, k.ID)
		made := *k
		made.Name, made.CreatedBy = k.ID.String(), "ana"
		if _, err := w.CreateAPIKey(ctx, made, sha256.Sum256(k.ID[:])); err != nil {
			t.Fatal(err)
		}
	}
	held := func(want ...registry.APIKey) {
		t.Helper()
		got, err := w.HeldAPIKeys(t.Context(), ids)
		byID := cmpopts.SortSlices(func(a, b registry.APIKey) bool { return bytes.Compare(a.ID[:], b.ID[:]) < 0 })
		if diff := cmp.Diff(want, got, byID); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
	held(lasting, revoked, short, narrow, strange)
	w.clock.Add(time.Hour)
	revoked.RevokedAt = w.clock.Now().Truncate(time.Microsecond)
	if _, err := w.RevokeAPIKey(ctx, revoked.ID); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{ // as a newer server might, which knows more scopes
		"ALTER TABLE api_keys DROP CONSTRAINT api_keys_scopes", "UPDATE api_keys SET scopes = '{FLY}' WHERE scopes = '{READ}'",
	} {
		if _, err := w.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	strange.Role, strange.Scopes = "", 0
	held(lasting, revoked, short, narrow, strange) // also what is over: who asks wants to know why
	if k, err := w.RevokeAPIKey(ctx, strange.ID); err == nil {
		t.Errorf("it is shown as %+v", k)
	}
	strange.RevokedAt = revoked.RevokedAt
	held(lasting, revoked, short, narrow, strange)
}

func TestUseIsNotedOnceAMinute(t *testing.T) {
	w := newWorld(t)
	id, first := uuid.New(), w.clock.Now().Truncate(time.Microsecond)
	k := registry.APIKey{ID: id, Name: "script", Role: registry.RoleViewer, CreatedBy: "ana"}
	if _, err := w.CreateAPIKey(acting(t), k, sha256.Sum256([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ used, want time.Duration }{
		{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {30 * time.Second, time.Minute}, {time.Hour, time.Hour},
	} {
		if err := w.TouchAPIKeys(t.Context(), map[uuid.UUID]time.Time{id: first.Add(c.used), uuid.New(): first}); err != nil {
			t.Fatal(err)
		}
		k, err := w.APIKey(t.Context(), id)
		if err != nil || !k.LastUsedAt.Equal(first.Add(c.want)) {
			t.Errorf("used after %s: %+v, %v; want %s", c.used, k, err, c.want)
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

// TestTicketsAreUsedOnce also by many servers at the same time.
func TestTicketsAreUsedOnce(t *testing.T) {
	w := newWorld(t)
	const many = 8
	id, ends := uuid.New(), w.clock.Now().Add(30*time.Second)
	firsts := make(chan bool, many)
	for range many {
		go func() {
			first, err := w.UseTicket(t.Context(), id, ends)
			if err != nil {
				t.Error(err)
			}
			firsts <- first
		}()
	}
	taken := 0
	for range many {
		if <-firsts {
			taken++
		}
	}
	if taken != 1 {
		t.Errorf("taken %d times", taken)
	}
	for _, c := range []struct {
		after time.Duration
		kept  int
	}{{0, 1}, {5 * time.Minute, 1}, {time.Minute, 0}} { // clocks of servers differ
		w.clock.Add(c.after)
		if err := w.ForgetTickets(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := scalar[int](t, w, "SELECT count(*) FROM used_tickets"); n != c.kept {
			t.Errorf("after %s there are %d; want %d", c.after, n, c.kept)
		}
	}
}
