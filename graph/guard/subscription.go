package guard

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// oneRoot is the rule that a subscription asks for one stream, as the specification has it (5.2.4.1): fields are told apart
// by the name that they have in the answer, and none may be left out on a condition. The library's rule goes by the name in
// the schema, and lets two streams of one field pass, which cannot be run.
func oneRoot(observers *core.Events, addError core.AddErrFunc) {
	observers.OnOperation(func(_ *core.Walker, operation *ast.OperationDefinition) {
		if operation.Operation != ast.Subscription {
			return
		}
		who := "Anonymous Subscription"
		if operation.Name != "" {
			who = "Subscription " + strconv.Quote(operation.Name)
		}
		r := roots{seen: map[string]bool{}, walked: map[string]bool{}}
		r.walk(operation.SelectionSet)
		for i, field := range r.fields {
			if i == 1 {
				addError(core.Message("%s must select only one top level field.", who), core.At(field.Position))
			}
			if strings.HasPrefix(field.Name, "__") {
				addError(core.Message("%s must not select an introspection top level field.", who), core.At(field.Position))
			}
		}
		if r.condition != nil {
			addError(core.Message("%s must not use @skip or @include in the top level selection.", who), core.At(r.condition.Position))
		}
	})
}

// roots are the root fields of an operation, each once for its name in the answer.
type roots struct {
	fields    []*ast.Field
	seen      map[string]bool // names in the answer
	walked    map[string]bool // fragments
	condition *ast.Directive  // on which some of them hang; nil: none do
}

func (r *roots) walk(set ast.SelectionSet) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			r.note(s.Directives)
			if !r.seen[s.Alias] {
				r.seen[s.Alias] = true
				r.fields = append(r.fields, s)
			}
		case *ast.InlineFragment:
			r.note(s.Directives)
			r.walk(s.SelectionSet)
		case *ast.FragmentSpread:
			r.note(s.Directives)
			if s.Definition != nil && !r.walked[s.Name] {
				r.walked[s.Name] = true
				r.walk(s.Definition.SelectionSet)
			}
		}
	}
}

func (r *roots) note(directives ast.DirectiveList) {
	for _, d := range directives {
		if r.condition == nil && (d.Name == "skip" || d.Name == "include") {
			r.condition = d
		}
	}
}
