package resolvers

import (
	"testing"

	"phoneregistry/registry"
)

func TestNumberPrefix(t *testing.T) {
	for _, c := range []struct {
		role         registry.Role
		prefix, want string
	}{
		{registry.RoleViewer, "", ""},
		{registry.RoleViewer, "+57", "+57"},
		{registry.RoleViewer, "573", "573"},
		{registry.RoleViewer, "+573001234567", "+573…"},
		{registry.RoleAnalyst, "573001234567", "+573…"},
		{registry.RoleOperator, "+573001234567", "+573001234567"},
		{registry.RoleAdmin, "57300", "57300"},
	} {
		ctx := registry.WithActor(t.Context(), registry.Actor{Role: c.role})
		got, err := phoneConditions{}.NumberPrefix(ctx, &registry.PhoneFilter{NumberPrefix: c.prefix})
		if err != nil {
			t.Fatal(err)
		}
		if (got == nil) != (c.want == "") || got != nil && *got != c.want {
			t.Errorf("%s sees the prefix %q as %v, want %q", c.role, c.prefix, got, c.want)
		}
	}
}
