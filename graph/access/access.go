// Package access decides from the schema who may ask for what. Every field names the scope that it needs; an operation
// that asks for a field without holding its scope is refused before anything of it is run.
package access

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Code is extensions.code of an operation that was refused.
const Code = "FORBIDDEN"

// Rules is what the directives of a schema say. Make it with Read.
type Rules struct {
	fields   map[*ast.FieldDefinition]registry.Scope
	objects  map[string]registry.Scope
	personal map[*ast.FieldDefinition]bool
}

// Read reads the directives of a schema.
func Read(schema *ast.Schema) *Rules {
	r := &Rules{
		fields: map[*ast.FieldDefinition]registry.Scope{}, objects: map[string]registry.Scope{},
		personal: map[*ast.FieldDefinition]bool{},
	}
	for name, def := range schema.Types {
		if scope, ok := scopeOf(def.Directives); ok {
			r.objects[name] = scope
		}
		for _, f := range def.Fields {
			if scope, ok := scopeOf(f.Directives); ok {
				r.fields[f] = scope
			}
			r.personal[f] = f.Directives.ForName("personal") != nil
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

// Enforce is an extension of the executor that refuses operations by the rules.
type Enforce struct{ Rules *Rules }

// ExtensionName names the extension.
func (Enforce) ExtensionName() string { return "Access" }

// Validate accepts any schema.
func (Enforce) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses an operation that asks for a field whose scope its caller does not hold. The guard has
// bounded how many fields there are with all fragments spread.
func (e Enforce) MutateOperationContext(ctx context.Context, opCtx *graphql.OperationContext) *gqlerror.Error {
	return e.Rules.check(registry.ActorFrom(ctx).Scopes(), opCtx.Operation.SelectionSet)
}

func (r *Rules) check(held registry.Scopes, set ast.SelectionSet) *gqlerror.Error {
	for _, s := range set {
		var err *gqlerror.Error
		switch s := s.(type) {
		case *ast.Field:
			if err = r.checkField(held, s); err == nil {
				err = r.check(held, s.SelectionSet)
			}
		case *ast.InlineFragment:
			err = r.check(held, s.SelectionSet)
		case *ast.FragmentSpread:
			err = r.check(held, s.Definition.SelectionSet)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *Rules) checkField(held registry.Scopes, f *ast.Field) *gqlerror.Error {
	scope, ok := r.fields[f.Definition]
	if held.Has(scope) || !ok && len(f.Name) > 1 && f.Name[:2] == "__" || f.ObjectDefinition.BuiltIn {
		return nil
	}
	return &gqlerror.Error{
		Message:    "the token may not ask for " + f.ObjectDefinition.Name + "." + f.Name + ": it needs the scope " + string(scope),
		Locations:  []gqlerror.Location{{Line: f.Position.Line, Column: f.Position.Column}},
		Extensions: map[string]any{"code": Code, "scope": string(scope)},
	}
}
