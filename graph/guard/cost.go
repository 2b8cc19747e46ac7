package guard

import (
	"encoding/json"
	"maps"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// fieldCost is what a field of the schema costs.
type fieldCost struct {
	weight  int  // of the field itself
	size    int  // how often what is below it is counted: the entries of a list; 1 for what is no list
	paged   bool // it takes `first`, and is a connection: its entries are in the lists below it
	entries bool // it is a list of entries of a connection
	unwraps bool // it is what a type is a list of, or can't be null
}

// Costs counts what operations cost. It is made from a schema, once. An operation costs one for each value that it may
// bring: each field counts as often as the lists around it have entries.
type Costs struct {
	limits Limits
	fields map[*ast.FieldDefinition]fieldCost
	wraps  int // how often a type of the schema is a list, or can't be null, at the most
}

// NewCosts reads a schema.
func NewCosts(schema *ast.Schema, l Limits) *Costs {
	c := &Costs{limits: l.WithDefaults(), fields: map[*ast.FieldDefinition]fieldCost{}, wraps: mostWraps(schema)}
	sizes := introspectionSizes(schema)
	maps.Copy(sizes, listSizes())
	heavy := weights()
	for _, def := range schema.Types {
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			continue
		}
		for _, f := range def.Fields {
			c.fields[f] = costOf(schema, def, f, sizes, heavy)
		}
	}
	return c
}

func costOf(schema *ast.Schema, def *ast.Definition, f *ast.FieldDefinition, sizes, heavy map[string]int) fieldCost {
	connection := def.Fields.ForName("pageInfo") != nil
	name := def.Name + "." + f.Name
	cost := fieldCost{weight: 1, size: 1}
	if w, ok := heavy[name]; ok {
		cost.weight = w
	} else if connection && f.Name == totalCount {
		cost.weight = totalCountWeight
	}
	of := schema.Types[f.Type.Name()]
	cost.unwraps = name == "__Type.ofType"
	switch {
	case f.Arguments.ForName("first") != nil:
		cost.paged = true
	case connection && f.Type.Elem != nil:
		cost.entries = true
	case f.Type.Elem != nil && of != nil && of.IsCompositeType():
		if cost.size = sizes[name]; cost.size == 0 {
			cost.size = otherSize
		}
	}
	return cost
}

// linear is a cost that hangs on the size of the page that it is part of: fixed + each × size.
type linear struct{ fixed, each int }

func (l linear) at(size int) int { return add(l.fixed, times(l.each, size)) }

// counter counts the cost of one operation. Each fragment is counted once, however often it is spread.
type counter struct {
	costs     *Costs
	variables map[string]any
	fragments map[spread]linear
	wraps     int            // how often the type at hand was unwrapped
	lengths   map[string]int // of the lists in variables
	visited   int            // what was looked at: the work done
	err       *gqlerror.Error
}

// spread is a fragment at a place. What it costs hangs on how often a type was unwrapped, and on nothing else there.
type spread struct {
	fragment *ast.FragmentDefinition
	wraps    int
}

// Of counts the cost of an operation of a validated document, or refuses it. variables are as the executor knows them,
// with their defaults; what is not among them counts as not given.
func (c *Costs) Of(op *ast.OperationDefinition, variables map[string]any) (int, *gqlerror.Error) {
	n := counter{costs: c, variables: variables}
	cost := n.selections(op.SelectionSet).at(1)
	switch {
	case n.err != nil:
		return cost, n.err
	case cost > c.limits.Cost:
		return cost, exceeded(limitCost, cost, c.limits.Cost)
	}
	return cost, nil
}

func (n *counter) selections(set ast.SelectionSet) (sum linear) {
	for _, s := range set {
		n.visited++
		var part linear
		switch s := s.(type) {
		case *ast.Field:
			part = n.field(s)
		case *ast.InlineFragment:
			part = n.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			part = n.fragment(s.Definition)
		}
		sum.fixed, sum.each = add(sum.fixed, part.fixed), add(sum.each, part.each)
	}
	return sum
}

func (n *counter) fragment(f *ast.FragmentDefinition) linear {
	if f == nil {
		return linear{}
	}
	at := spread{f, n.wraps}
	cost, ok := n.fragments[at]
	if !ok {
		if n.fragments == nil {
			n.fragments = map[spread]linear{}
		}
		cost = n.selections(f.SelectionSet)
		n.fragments[at] = cost
	}
	return cost
}

func (n *counter) field(f *ast.Field) linear {
	cost, ok := n.costs.fields[f.Definition]
	if !ok { // __typename
		cost = fieldCost{weight: 1, size: 1}
	}
	own := cost.weight
	for _, a := range f.Arguments {
		own = add(own, n.entries(a.Value))
	}
	if len(f.SelectionSet) == 0 && !cost.paged {
		return linear{fixed: own}
	}
	below := n.below(f, cost.unwraps)
	switch {
	case cost.entries:
		return linear{fixed: own, each: below.at(1)}
	case cost.paged:
		return linear{fixed: add(own, below.at(n.first(f.Arguments)))}
	}
	return linear{fixed: add(own, times(cost.size, below.at(1)))}
}

// below counts what is below a field. A type can't be unwrapped more often than any type of the schema is wrapped: there is
// nothing below, though introspection asks for it.
func (n *counter) below(f *ast.Field, unwraps bool) linear {
	outer := n.wraps
	defer func() { n.wraps = outer }()
	if !unwraps {
		n.wraps = 0
	} else if n.wraps++; n.wraps > n.costs.wraps {
		return linear{}
	}
	return n.selections(f.SelectionSet)
}

// first is the size of a page. One that is too large is refused, also if it comes in a variable.
func (n *counter) first(arguments ast.ArgumentList) int {
	a := arguments.ForName("first")
	if a == nil || a.Value == nil {
		return registry.DefaultPageSize
	}
	size, ok := 0, false
	switch a.Value.Kind {
	case ast.IntValue:
		size, ok = whole(a.Value.Raw)
	case ast.Variable:
		size, ok = wholeOf(n.variables[a.Value.Raw])
	}
	if !ok {
		return registry.DefaultPageSize
	}
	if size > n.costs.limits.First && n.err == nil {
		n.err = exceeded(limitFirst, size, n.costs.limits.First)
	}
	return max(0, size)
}

// whole reads a whole number; one beyond any integer is as large as any.
func whole(text string) (int, bool) {
	n, err := strconv.Atoi(text)
	if err != nil && len(text) > 0 && text[0] != '-' {
		return saturated, true
	}
	return min(saturated, n), err == nil
}

func wholeOf(v any) (int, bool) {
	switch v := v.(type) {
	case int:
		return min(saturated, v), true
	case int32:
		return int(min(saturated, v)), true
	case int64:
		return int(min(saturated, v)), true
	case float64:
		return int(min(saturated, v)), true
	case json.Number:
		return whole(v.String())
	case string: // the executor takes it for a number
		return whole(v)
	}
	return 0, false
}

// entries counts the entries of all lists in a value.
func (n *counter) entries(v *ast.Value) (sum int) {
	if v == nil {
		return 0
	}
	switch v.Kind {
	case ast.Variable:
		return n.length(v.Raw)
	case ast.ListValue:
		sum = len(v.Children)
		fallthrough
	case ast.ObjectValue:
		for _, c := range v.Children {
			n.visited++
			sum = add(sum, n.entries(c.Value))
		}
	}
	return sum
}

// length counts the entries of all lists in a variable, once however often it is used.
func (n *counter) length(name string) int {
	switch v := n.variables[name].(type) {
	case []any, map[string]any:
		length, ok := n.lengths[name]
		if !ok {
			if n.lengths == nil {
				n.lengths = map[string]int{}
			}
			length = n.entriesOf(v)
			n.lengths[name] = length
		}
		return length
	}
	return 0
}

func (n *counter) entriesOf(v any) (sum int) {
	n.visited++
	switch v := v.(type) {
	case []any:
		sum = len(v)
		for _, e := range v {
			sum = add(sum, n.entriesOf(e))
		}
	case map[string]any:
		for _, e := range v {
			sum = add(sum, n.entriesOf(e))
		}
	}
	return sum
}

// entriesUpTo counts the entries of all lists in variables as they were sent, and the members of all objects: what takes long
// to be made into input. It stops beyond a limit.
func entriesUpTo(limit int, variables map[string]any) (sum int) {
	for _, v := range variables {
		sum = entriesOn(limit, sum, v)
	}
	return sum
}

// entriesOn goes on counting in a value.
func entriesOn(limit, sum int, v any) int {
	switch v := v.(type) {
	case []any:
		sum += len(v)
		for _, e := range v {
			if sum > limit {
				break
			}
			sum = entriesOn(limit, sum, e)
		}
	case map[string]any:
		sum += len(v)
		for _, e := range v {
			if sum > limit {
				break
			}
			sum = entriesOn(limit, sum, e)
		}
	}
	return sum
}
