package resolvers

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
)

func TestNumberPrefix(t *testing.T) {
	for _, c := range []struct {
		actor        registry.Actor
		prefix, want string
	}{
		{registry.Actor{Role: registry.RoleViewer}, "", ""},
		{registry.Actor{Role: registry.RoleViewer}, "+57", "+57"},
		{registry.Actor{Role: registry.RoleViewer}, "573", "573"},
		{registry.Actor{Role: registry.RoleViewer}, "+573001234567", "+573…"},
		{registry.Actor{Role: registry.RoleAnalyst}, "573001234567", "+573…"},
		{registry.Actor{Role: registry.RoleOperator, Purpose: "claim 7"}, "+573001234567", "+573…"},
		{registry.Actor{Role: registry.RoleSteward}, "+573001234567", "+573…"},
		{registry.Actor{Role: registry.RoleSteward, Purpose: "claim 7"}, "+573001234567", "+573001234567"},
		{registry.Actor{Role: registry.RoleAdmin}, "57300", "57300"},
		{registry.Actor{Role: registry.RoleViewer}, "+4930", "+49…"}, // of short numbers masks show the country code only
		{registry.Actor{Role: registry.RoleViewer}, "+2908", "+290…"},
	} {
		ctx := graphql.WithFieldContext(reveal.Begin(registry.WithActor(t.Context(), c.actor)), &graphql.FieldContext{
			Object: "PhoneConditions", Field: graphql.CollectedField{Field: &ast.Field{Name: "numberPrefix"}},
		})
		got, err := phoneConditions{}.NumberPrefix(ctx, &registry.PhoneFilter{NumberPrefix: c.prefix})
		if err != nil {
			t.Fatal(err)
		}
		if (got == nil) != (c.want == "") || got != nil && *got != c.want {
			t.Errorf("%+v sees the prefix %q as %v, want %q", c.actor, c.prefix, got, c.want)
		}
	}
}
