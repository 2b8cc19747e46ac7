// Package guard refuses operations that would be too much work before they are validated or run. It looks at each part of
// a document once and remembers what it found of each fragment, so that its own work grows linearly with the document,
// however often fragments spread each other. What it lets through is validated here too, within bounds.
package guard

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Guard takes documents in. Make it with New. Safe for concurrent use.
type Guard struct {
	limits Limits
	schema *ast.Schema
	costs  *Costs
	rules  func() *rules.Rules // of validation; quickRules
}

// New makes a guard of a schema.
func New(schema *ast.Schema, l Limits) *Guard {
	l = l.WithDefaults()
	return &Guard{limits: l, schema: schema, costs: NewCosts(schema, l), rules: quickRules}
}

// Limits are the limits that hold, with the defaults filled in.
func (g *Guard) Limits() Limits { return g.limits }

// Read parses a document, refuses it where it is beyond the limits, and validates it. It is not validated before it was
// checked. Errors of validation come as they are, others alone.
func (g *Guard) Read(text string) (*ast.QueryDocument, Size, gqlerror.List) {
	doc, err := g.limits.Parse(text)
	if err != nil {
		return nil, Size{}, gqlerror.List{err}
	}
	size, err := g.limits.Check(doc)
	if err != nil {
		return nil, size, gqlerror.List{err}
	}
	if len(doc.Operations) == 0 {
		return nil, size, gqlerror.List{invalid("no operation provided", nil)}
	}
	if errs := g.validate(doc); len(errs) > 0 {
		return nil, size, errs
	}
	return doc, size, nil
}

// Cost counts the cost of an operation of a document that was read, or refuses it: see Costs.Of.
func (g *Guard) Cost(op *ast.OperationDefinition, variables map[string]any) (int, *gqlerror.Error) {
	return g.costs.Of(op, variables)
}
