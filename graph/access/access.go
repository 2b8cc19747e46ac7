// Package access decides from the schema who may ask for what. Every field names the scope that it needs; an operation
// that asks for a field without holding its scope is refused before anything of it is run. A field that names none is
// refused to everybody.
package access

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Code is extensions.code of an operation that was refused.
const Code = "FORBIDDEN"

// Rules is what the directives of a schema say. Make it with Read.
type Rules struct {
	fields  map[*ast.FieldDefinition]need
	objects map[string]registry.Scope
}

// need is what a field asks of its caller, also as a set: the set is compared for each field of each operation.
type need struct {
	scope registry.Scope
	set   registry.Scopes
}

// Read reads the directives of a schema.
func Read(schema *ast.Schema) *Rules {
	r := &Rules{fields: map[*ast.FieldDefinition]need{}, objects: map[string]registry.Scope{}}
	for name, def := range schema.Types {
		if scope, ok := scopeOf(def.Directives); ok {
			r.objects[name] = scope
		}
		for _, f := range def.Fields {
			if scope, ok := scopeOf(f.Directives); ok {
				r.fields[f] = need{scope, registry.ScopesOf(scope)}
			}
		}
	}
	return r
}

func scopeOf(directives ast.DirectiveList) (registry.Scope, bool) {
	d := directives.ForName("access")
	if d == nil {
		return "", false
	}
	return registry.Scope(d.Arguments.ForName("scope").Value.Raw), true
}

// MaySee reports whether a caller may see objects of a type. Nobody may see those of a type that does not say who.
func (r *Rules) MaySee(a registry.Actor, typeName string) bool {
	scope, ok := r.objects[typeName]
	return ok && a.May(scope)
}

// Enforce is an extension of the executor that refuses operations by the rules.
type Enforce struct {
	Rules *Rules
	// Introspection is the roles that may ask for the schema; nil: every role.
	Introspection []registry.Role
}

// ExtensionName names the extension.
func (Enforce) ExtensionName() string { return "Access" }

// Validate accepts any schema.
func (Enforce) Validate(graphql.ExecutableSchema) error { return nil }

// MayIntrospect reports whether a caller may ask for the schema.
func (e Enforce) MayIntrospect(a registry.Actor) bool {
	return a.Role.Valid() && (e.Introspection == nil || slices.Contains(e.Introspection, a.Role))
}

// MutateOperationContext refuses an operation that asks for a field whose scope its caller does not hold. The guard has
// bounded how many fields there are with all fragments spread.
func (e Enforce) MutateOperationContext(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	actor := registry.ActorFrom(ctx)
	c := check{e.Rules, actor.Scopes(), e.MayIntrospect(actor), opCtx.Variables}
	if err := c.selections(opCtx.Operation.SelectionSet); err != nil {
		return err
	}
	opCtx.DisableIntrospection = !c.introspects
	return nil
}

// check is one operation that is looked at.
type check struct {
	*Rules
	held        registry.Scopes
	introspects bool
	variables   map[string]any
}

func (c *check) selections(set ast.SelectionSet) *gqlerror.Error {
	for _, s := range set {
		var err *gqlerror.Error
		switch s := s.(type) {
		case *ast.Field:
			err = c.field(s)
		case *ast.InlineFragment:
			if c.asked(s.Directives) {
				err = c.selections(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if c.asked(s.Directives) {
				err = c.selections(s.Definition.SelectionSet)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// asked reports whether @skip and @include leave something in. What cannot be read is taken as asked for.
func (c *check) asked(directives ast.DirectiveList) bool {
	for _, d := range directives {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		condition := d.Arguments.ForName("if")
		if condition == nil {
			continue
		}
		if v, err := condition.Value.Value(c.variables); err == nil && v == (d.Name == "skip") {
			return false
		}
	}
	return true
}

func (c *check) field(f *ast.Field) *gqlerror.Error {
	if !c.asked(f.Directives) {
		return nil
	}
	if strings.HasPrefix(f.Name, "__") { // a prefix that GraphQL keeps for itself
		if f.Name == "__typename" || c.introspects {
			return nil // what is below __schema and __type is of the schema
		}
		return refused(f, "", "the token may not ask for the schema: its role does not introspect here")
	}
	needed, ok := c.fields[f.Definition]
	switch {
	case !ok:
		return refused(f, "", nameOf(f)+" does not say who may ask for it, so nobody may")
	case needed.set == 0 || c.held&needed.set != needed.set:
		return refused(f, needed.scope, "the token may not ask for "+nameOf(f)+": it needs the scope "+string(needed.scope))
	}
	return c.selections(f.SelectionSet)
}

func nameOf(f *ast.Field) string { return f.ObjectDefinition.Name + "." + f.Name }

func refused(f *ast.Field, scope registry.Scope, message string) *gqlerror.Error {
	err := &gqlerror.Error{
		Message:    message,
		Locations:  []gqlerror.Location{{Line: f.Position.Line, Column: f.Position.Column}},
		Extensions: map[string]any{"code": Code},
	}
	if scope != "" {
		err.Extensions["scope"] = string(scope)
	}
	return err
}
