package direct

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph/guard"
	"phoneregistry/graph/model"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Readers read what answers are made of, as the resolvers do.
type Readers struct {
	// Customer reads a customer with the phones that are held, in the order in which the caller sees them, and of these what
	// is wanted; without them when that is nil. nil: no source has named such a customer.
	Customer func(ctx context.Context, customerID string, phones *registry.ContactFields) (*model.Customer, error)
	Codec    *opaque.Codec // of global ids
}

// Schema is an executable schema that answers the operations that it has compiled, and leaves others to the one it wraps.
type Schema struct {
	graphql.ExecutableSchema
	lists     *Lists
	customers table[model.Customer]
	readers   Readers
}

// New wraps a schema. Its Compile is to be given to the documents of the guard, which keep what it makes.
func New(schema graphql.ExecutableSchema, readers Readers) *Schema {
	return &Schema{ExecutableSchema: schema, lists: NewLists(), customers: customers(), readers: readers}
}

// Exec implements graphql.ExecutableSchema. What may refuse an operation has looked at it before.
func (s *Schema) Exec(ctx context.Context) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	if p, ok := guard.CompiledOf(operation).(*plan); ok {
		if id, ok := p.id.of(operation.Variables); ok {
			return p.run(s.readers, operation, id)
		}
	}
	s.lists.watch(operation)
	return s.ExecutableSchema.Exec(ctx)
}

// Compile compiles a document: nil when its operation is to be left to the executor. Also about how many bytes of memory
// that takes.
func (s *Schema) Compile(doc *ast.QueryDocument) (compiled any, bytes int) {
	if len(doc.Operations) != 1 || doc.Operations[0].Operation != ast.Query {
		return nil, 0
	}
	// What is asked must not depend on variables. With directives it may.
	set := doc.Operations[0].SelectionSet
	c := compiler{s, &graphql.OperationContext{Doc: doc}}
	if !c.fixed(set) {
		return nil, 0
	}
	if fields := c.collect(set, []string{"Query"}); len(fields) == 1 && fields[0].Name == "customer" {
		if p, ok := c.customer(fields[0]); ok {
			return p, sizeOfPlan + sizeOfColumn*p.columns
		}
	}
	return nil, 0
}

// About what a plan takes, and a column of one with its name.
const (
	sizeOfPlan   = 512
	sizeOfColumn = 192
)

// compiler compiles one document.
type compiler struct {
	*Schema
	operation *graphql.OperationContext // that knows of no variables
}

// fixed reports whether what a selection asks for is the same each time. The guard has bounded how much that is with all
// fragments spread.
func (c *compiler) fixed(set ast.SelectionSet) bool {
	for _, s := range set {
		var directives ast.DirectiveList
		var within ast.SelectionSet
		switch s := s.(type) {
		case *ast.Field:
			directives, within = s.Directives, s.SelectionSet
		case *ast.InlineFragment:
			directives, within = s.Directives, s.SelectionSet
		case *ast.FragmentSpread:
			directives, within = s.Directives, s.Definition.SelectionSet
		}
		if len(directives) > 0 || !c.fixed(within) {
			return false
		}
	}
	return true
}

func (c *compiler) collect(set ast.SelectionSet, types []string) []graphql.CollectedField {
	return graphql.CollectFields(c.operation, set, types)
}

// argument is an argument of type String!.
type argument struct {
	variable string // "": it is value
	value    string
}

func argumentOf(field graphql.CollectedField, name string) (a argument, ok bool) {
	given := field.Arguments.ForName(name)
	if given == nil || given.Value == nil {
		return a, false
	}
	switch v := given.Value; v.Kind {
	case ast.Variable:
		return argument{variable: v.Raw}, v.Raw != ""
	case ast.StringValue, ast.BlockValue:
		return argument{value: v.Raw}, true
	}
	return a, false
}

// of is the value of the argument; false when it is nothing that is read here.
func (a argument) of(variables map[string]any) (string, bool) {
	if a.variable == "" {
		return a.value, true
	}
	value, ok := variables[a.variable].(string)
	return value, ok
}
