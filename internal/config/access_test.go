package config

import (
	"errors"
	"slices"
	"testing"

	"phoneregistry/registry"
)

func TestAccess(t *testing.T) {
	yes, no := true, false
	only := func(roles ...registry.Role) []registry.Role { return append([]registry.Role{}, roles...) }
	for name, c := range map[string]struct {
		access        Access
		graphiQL      bool
		introspection []registry.Role
	}{
		"as it comes":          {Access{}, true, nil},
		"without GraphiQL":     {Access{GraphiQL: &no}, false, nil},
		"production":           {Access{Production: true}, false, only(registry.RoleAdmin)},
		"production, GraphiQL": {Access{Production: true, GraphiQL: &yes}, true, only(registry.RoleAdmin)},
		"production, open":     {Access{Production: true, Introspection: []string{"all"}}, false, nil},
		"closed":               {Access{Introspection: []string{"None"}}, true, only()},
		"some":                 {Access{Introspection: []string{"admin", " STEWARD"}}, true, only(registry.RoleAdmin, registry.RoleSteward)},
	} {
		if err := c.access.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := c.access.Introspecting()
		if c.access.ServesGraphiQL() != c.graphiQL || !slices.Equal(got, c.introspection) || (got == nil) != (c.introspection == nil) {
			t.Errorf("%s: GraphiQL %t, introspection by %v", name, c.access.ServesGraphiQL(), got)
		}
	}
}

func TestAccessThatCannotBe(t *testing.T) {
	for field, access := range map[string]Access{
		"--introspection":          {Introspection: []string{"ROOT"}},
		"--lookup-misses-per-hour": {LookupMissesPerHour: -1},
		"--lookup-misses-per-day":  {LookupMissesPerHour: 10, LookupMissesPerDay: 9},
	} {
		if wrong, ok := errors.AsType[*Error](access.check()); !ok || wrong.Field != field {
			t.Errorf("%+v: %v; want %s", access, access.check(), field)
		}
	}
	mixed := Access{Introspection: []string{"all", "ADMIN"}}
	if mixed.check() == nil {
		t.Error("all with others is taken")
	}
}
