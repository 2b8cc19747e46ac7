package registry_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

func TestCreateAPIKey(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	admin := registry.Actor{Name: "ana", Role: registry.RoleAdmin}
	narrow := registry.Actor{Name: "hr", Role: registry.RoleAdmin, Withheld: registry.RoleAdmin.Scopes() &^
		registry.ScopesOf(registry.ScopeRead, registry.ScopeAdmin)}
	future := c.Now().Add(time.Second)
	for name, k := range map[string]struct {
		actor registry.Actor
		n     registry.NewAPIKey
		want  string // code and path
		can   string
	}{
		"all of a role": {admin, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer}, "", "READ"},
		"some of it": {
			admin, registry.NewAPIKey{Name: strings.Repeat("ñ", 100), Role: registry.RoleOperator, Scopes: []registry.Scope{"JOBS", "READ", "JOBS"}, ExpiresAt: future},
			"", "READ JOBS",
		},
		"as much as the maker": {narrow, registry.NewAPIKey{Name: "a", Role: registry.RoleAdmin, Scopes: []registry.Scope{"ADMINISTER"}}, "", "ADMINISTER"},
		"a small role":         {narrow, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer}, "", "READ"},
		"more than the maker":  {narrow, registry.NewAPIKey{Name: "a", Role: registry.RoleAdmin}, "INVALID_INPUT input.role", ""},
		"a role beyond":        {narrow, registry.NewAPIKey{Name: "a", Role: registry.RoleAnalyst}, "INVALID_INPUT input.role", ""},
		"scopes beyond":        {narrow, registry.NewAPIKey{Name: "a", Role: registry.RoleAdmin, Scopes: []registry.Scope{"READ", "REVEAL"}}, "INVALID_INPUT input.scopes", ""},
		"nobody":               {registry.Actor{}, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer}, "INVALID_INPUT input.role", ""},
		"scopes of another":    {admin, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer, Scopes: []registry.Scope{"READ", "EDIT"}}, "INVALID_INPUT input.scopes", ""},
		"no such scope":        {admin, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer, Scopes: []registry.Scope{"ALL"}}, "INVALID_INPUT input.scopes", ""},
		"no scope":             {admin, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer, Scopes: []registry.Scope{}}, "INVALID_INPUT input.scopes", ""},
		"no such role":         {admin, registry.NewAPIKey{Name: "a", Role: "JANITOR"}, "INVALID_INPUT input.role", ""},
		"over":                 {admin, registry.NewAPIKey{Name: "a", Role: registry.RoleViewer, ExpiresAt: c.Now()}, "INVALID_INPUT input.expiresAt", ""},
		"no name":              {admin, registry.NewAPIKey{Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"a long name":          {admin, registry.NewAPIKey{Name: strings.Repeat("x", 101), Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"a line break":         {admin, registry.NewAPIKey{Name: "a\nb", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"a space":              {admin, registry.NewAPIKey{Name: " ", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"no text":              {admin, registry.NewAPIKey{Name: "a\xff", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"another's name":       {admin, registry.NewAPIKey{Name: "OIDC:ana@example.com", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"the exporter's name":  {admin, registry.NewAPIKey{Name: "Command Line", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"a schedule's name":    {admin, registry.NewAPIKey{Name: "Schedule:nightly", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"the program's name":   {admin, registry.NewAPIKey{Name: "system:cli", Role: registry.RoleViewer}, "INVALID_INPUT input.name", ""},
		"everything": {
			admin, registry.NewAPIKey{Role: "JANITOR", ExpiresAt: c.Now()},
			"INVALID_INPUT input.name, INVALID_INPUT input.role, INVALID_INPUT input.expiresAt", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			key, token, err := s.CreateAPIKey(registry.WithActor(t.Context(), k.actor), k.n)
			if got := codesAndPaths(err); got != k.want {
				t.Fatalf("%q; want %q (%v)", got, k.want, err)
			}
			if err != nil {
				return
			}
			if !strings.HasPrefix(token, registry.APIKeyPrefix) || key.CreatedBy != k.actor.Name || !key.CreatedAt.Equal(c.Now()) ||
				key.Name != k.n.Name || !key.ExpiresAt.Equal(k.n.ExpiresAt) {
				t.Errorf("%+v", key)
			}
			if can := strings.Join(scopeNames(key.Allowed()), " "); can != k.can || key.Withheld() != key.Role.Scopes()&^key.Allowed() {
				t.Errorf("it may %s; want %s", can, k.can)
			}
		})
	}
}

func scopeNames(set registry.Scopes) (names []string) {
	for _, s := range set.List() {
		names = append(names, string(s))
	}
	return names
}

// codesAndPaths shows the user errors in err.
func codesAndPaths(err error) string {
	es, _ := registry.UserErrors(err)
	if err != nil && len(es) == 0 {
		return err.Error()
	}
	var out []string
	for _, e := range es {
		out = append(out, string(e.Code)+" "+strings.Join(e.Path, "."))
	}
	return strings.Join(out, ", ")
}

func TestUpdateAPIKey(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	admin := registry.WithActor(t.Context(), registry.Actor{Name: "ana", Role: registry.RoleAdmin})
	narrow := registry.WithActor(t.Context(), registry.Actor{
		Name: "hr", Role: registry.RoleAdmin, Withheld: registry.RoleAdmin.Scopes() &^ registry.ScopesOf(registry.ScopeAdmin, registry.ScopeRead),
	})
	made := func(role registry.Role, expires time.Time) uuid.UUID {
		t.Helper()
		k, _, err := s.CreateAPIKey(admin, registry.NewAPIKey{Name: "script", Role: role, ExpiresAt: expires})
		if err != nil {
			t.Fatal(err)
		}
		return k.ID
	}
	hour, never := c.Now().Add(time.Hour), time.Time{}
	ago := func(d time.Duration) *time.Time { at := c.Now().Add(-d); return &at }
	empty, other := "", "other"
	for name, k := range map[string]struct {
		who    *registry.Actor
		id     uuid.UUID
		change registry.APIKeyChange
		want   string
		status registry.APIKeyStatus
	}{
		"another name":         {nil, made(registry.RoleViewer, never), registry.APIKeyChange{Name: &other}, "", registry.APIKeyActive},
		"no name":              {nil, made(registry.RoleViewer, never), registry.APIKeyChange{Name: &empty}, "INVALID_INPUT input.name", ""},
		"an end":               {nil, made(registry.RoleViewer, never), registry.APIKeyChange{ExpiresAt: &hour}, "", registry.APIKeyActive},
		"now":                  {nil, made(registry.RoleViewer, never), registry.APIKeyChange{ExpiresAt: ago(0)}, "", registry.APIKeyExpired},
		"now, by a late clock": {nil, made(registry.RoleViewer, hour), registry.APIKeyChange{ExpiresAt: ago(time.Minute)}, "", registry.APIKeyExpired},
		"long ago":             {nil, made(registry.RoleViewer, never), registry.APIKeyChange{ExpiresAt: ago(61 * time.Second)}, "INVALID_INPUT input.expiresAt", ""},
		"nothing there":        {nil, uuid.New(), registry.APIKeyChange{Name: &other}, "not found", ""},
		"sooner than before":   {&registry.Actor{}, made(registry.RoleSteward, never), registry.APIKeyChange{ExpiresAt: &hour}, "", registry.APIKeyActive},
		"longer than before":   {&registry.Actor{}, made(registry.RoleSteward, hour), registry.APIKeyChange{ExpiresAt: &never}, "INVALID_INPUT input.expiresAt", ""},
		"longer, as much":      {&registry.Actor{}, made(registry.RoleViewer, hour), registry.APIKeyChange{ExpiresAt: &never}, "", registry.APIKeyActive},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := admin
			if k.who != nil {
				ctx = narrow
			}
			key, err := s.UpdateAPIKey(ctx, k.id, k.change)
			if got := codesAndPaths(err); got != k.want {
				t.Fatalf("%q; want %q (%v)", got, k.want, err)
			}
			if err == nil && s.APIKeyStatus(key) != k.status {
				t.Errorf("%+v is %s; want %s", key, s.APIKeyStatus(key), k.status)
			}
		})
	}
}

func TestRevokeAPIKeyTwice(t *testing.T) {
	c := newClock()
	s := newService(t, c, nil)
	admin := registry.WithActor(t.Context(), registry.Actor{Name: "ana", Role: registry.RoleAdmin})
	k, _, err := s.CreateAPIKey(admin, registry.NewAPIKey{Name: "script", Role: registry.RoleViewer, ExpiresAt: c.Now().Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	at := c.Now()
	for range 2 {
		got, err := s.RevokeAPIKey(admin, k.ID)
		if err != nil || !got.RevokedAt.Equal(at) || s.APIKeyStatus(got) != registry.APIKeyRevoked {
			t.Errorf("%+v, %v", got, err)
		}
		c.Add(time.Hour)
	}
	if _, err := s.RevokeAPIKey(admin, uuid.New()); codesAndPaths(err) != "not found" {
		t.Errorf("%v", err)
	}
	page, err := s.APIKeys(admin, registry.PageRequest{})
	if n, countErr := s.CountAPIKeys(admin); err != nil || countErr != nil || len(page.Items) != 1 || n != 1 {
		t.Errorf("%+v, %d: %v, %v", page, n, err, countErr)
	}
	if _, err := s.APIKeys(admin, registry.PageRequest{First: 501}); codesAndPaths(err) != "INVALID_INPUT first" {
		t.Errorf("%v", err)
	}
}
