package variables

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
)

// literals looks at the values of custom scalars that a mutation writes out for its fields. The validator knows nothing of
// such scalars, and the fields run one after the other: one that finds its argument wrong would come after changes that were
// made. variables with default values are written out as well.
func (c *checking) literals(operation *ast.OperationDefinition) {
	c.prefix = "argument "
	c.fields(operation.SelectionSet)
	c.prefix = "variable $"
	for _, v := range operation.VariableDefinitions {
		if v.DefaultValue != nil {
			c.path = append(c.path[:0], v.Variable)
			c.literal(v.DefaultValue)
		}
	}
}

// fields looks at the arguments of the fields of a selection, not at what is below them: nothing has been changed by these
// alone.
func (c *checking) fields(set ast.SelectionSet) {
	for _, selected := range set {
		switch s := selected.(type) {
		case *ast.Field:
			for _, a := range s.Arguments {
				c.path = append(c.path[:0], a.Name)
				c.literal(a.Value)
			}
		case *ast.InlineFragment:
			c.fields(s.SelectionSet)
		case *ast.FragmentSpread:
			c.fields(s.Definition.SelectionSet)
		}
	}
}

func (c *checking) literal(v *ast.Value) {
	switch {
	case c.done() || v.Kind == ast.Variable || v.Kind == ast.NullValue || v.Definition == nil:
	case v.Definition.Kind == ast.Scalar && v.Kind != ast.ListValue:
		if wanted(v.Definition.Name) == "" { // the validator has seen to the others
			value, err := v.Value(nil)
			if err != nil {
				value = nil // which no scalar takes
			}
			c.at = v.Position
			c.ofScalar(v.Definition, value)
		}
	default:
		for i, child := range v.Children {
			step := child.Name
			if v.Kind == ast.ListValue {
				step = strconv.Itoa(i)
			}
			c.path = append(c.path, step)
			c.literal(child.Value)
			c.path = c.path[:len(c.path)-1]
		}
	}
}
