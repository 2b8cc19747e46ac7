package resolvers

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/registry"
)

// asked is the fields that the operation asks of objects of a type, wherever it meets them: lists that follow from each
// other share what they load. A field under @skip counts; to read it does no harm. The guard has bounded how many there are
// with all fragments spread.
func asked(ctx context.Context, object string) registry.Fields {
	if !graphql.HasOperationContext(ctx) {
		return nil
	}
	fields := append(make(registry.Fields, 0, 16), "__typename") // never nil, which means everything
	return askedOf(object, graphql.GetOperationContext(ctx).Operation.SelectionSet, fields)
}

func askedOf(object string, set ast.SelectionSet, fields registry.Fields) registry.Fields {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.ObjectDefinition != nil && s.ObjectDefinition.Name == object && !slices.Contains(fields, s.Name) {
				fields = append(fields, s.Name)
			}
			fields = askedOf(object, s.SelectionSet, fields)
		case *ast.InlineFragment:
			fields = askedOf(object, s.SelectionSet, fields)
		case *ast.FragmentSpread:
			fields = askedOf(object, s.Definition.SelectionSet, fields)
		}
	}
	return fields
}
