package guard

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// merge tells which fields of the same name can't be merged into one, as "Field Selection Merging" of the specification
// has it. The rule of the parser's library compares each pair of fields of the same name, so that a few kilobytes of the
// same field take it half a second. Here each field is compared with the first of its name only, which says the same, as
// to be alike is transitive: first that all of a name have the same shape, then that those which may be of one object are
// the same field with the same arguments. Both go down by names: what lies below all fields of a name is one set.
//
// The document must be valid otherwise. More than limit steps are not taken: such a document is refused.
func merge(schema *ast.Schema, doc *ast.QueryDocument, limit int) gqlerror.List {
	m := merger{schema: schema, limit: limit}
	for _, op := range doc.Operations {
		m.operation(op)
	}
	if m.err == nil {
		return nil
	}
	return gqlerror.List{m.err}
}

type merger struct {
	schema *ast.Schema
	limit  int
	steps  int // the work done
	err    *gqlerror.Error
}

func (m *merger) operation(op *ast.OperationDefinition) {
	fields := m.collect(nil, map[string]bool{}, op.SelectionSet)
	m.shapes(fields)
	if m.err == nil {
		m.same(fields)
	}
}

func (m *merger) step() bool {
	if m.steps++; m.steps > m.limit && m.err == nil {
		m.err = exceeded(limitWork, m.steps, m.limit)
	}
	return m.err == nil
}

// collect adds the fields of a selection set, those of its fragments too, each fragment once.
func (m *merger) collect(fields []*ast.Field, spread map[string]bool, set ast.SelectionSet) []*ast.Field {
	for _, s := range set {
		if !m.step() {
			return fields
		}
		switch s := s.(type) {
		case *ast.Field:
			fields = append(fields, s)
		case *ast.InlineFragment:
			fields = m.collect(fields, spread, s.SelectionSet)
		case *ast.FragmentSpread:
			if !spread[s.Name] && s.Definition != nil {
				spread[s.Name] = true
				fields = m.collect(fields, spread, s.Definition.SelectionSet)
			}
		}
	}
	return fields
}

// below collects what lies below fields.
func (m *merger) below(fields []*ast.Field) (all []*ast.Field) {
	var spread map[string]bool
	for _, f := range fields {
		if len(f.SelectionSet) == 0 {
			continue
		}
		if spread == nil {
			spread = map[string]bool{}
		}
		all = m.collect(all, spread, f.SelectionSet)
	}
	return all
}

// byName groups fields by the name that they have in the answer.
func (m *merger) byName(fields []*ast.Field) [][]*ast.Field {
	groups := make([][]*ast.Field, 0, len(fields))
	index := make(map[string]int, len(fields))
	for _, f := range fields {
		i, ok := index[f.Alias]
		if !ok {
			i = len(groups)
			index[f.Alias] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], f)
	}
	return groups
}

// shapes sees that all fields of a name have the same shape, whatever object they are of.
func (m *merger) shapes(fields []*ast.Field) {
	if len(fields) < 2 && !nested(fields) {
		return
	}
	for _, group := range m.byName(fields) {
		first := group[0]
		for _, other := range group[1:] {
			if !m.step() {
				return
			}
			if !m.sameShape(first.Definition.Type, other.Definition.Type) {
				m.refuse(first, other, "they return conflicting types \""+first.Definition.Type.String()+"\" and \""+
					other.Definition.Type.String()+"\"")
				return
			}
		}
		if m.shapes(m.below(group)); m.err != nil {
			return
		}
	}
}

func nested(fields []*ast.Field) bool { return len(fields) > 0 && len(fields[0].SelectionSet) > 0 }

// sameShape reports whether values of two types can stand in one place of an answer.
func (m *merger) sameShape(a, b *ast.Type) bool {
	for ; a.Elem != nil && b.Elem != nil; a, b = a.Elem, b.Elem {
		if a.NonNull != b.NonNull {
			return false
		}
	}
	if a.NonNull != b.NonNull || a.Elem != nil || b.Elem != nil {
		return false
	}
	if a.NamedType == b.NamedType {
		return true
	}
	of, other := m.schema.Types[a.NamedType], m.schema.Types[b.NamedType]
	return of.IsCompositeType() && other.IsCompositeType()
}

// same sees that those fields of a name that may be of one object are the same.
func (m *merger) same(fields []*ast.Field) {
	if len(fields) < 2 && !nested(fields) {
		return
	}
	for _, group := range m.byName(fields) {
		for _, alike := range byObject(group) {
			first := alike[0]
			for _, other := range alike[1:] {
				if !m.step() {
					return
				}
				if first.Name != other.Name {
					m.refuse(first, other, "\""+first.Name+"\" and \""+other.Name+"\" are different fields")
					return
				}
				if !m.sameArguments(first.Arguments, other.Arguments) {
					m.refuse(first, other, "they have differing arguments")
					return
				}
			}
			if m.same(m.below(alike)); m.err != nil {
				return
			}
		}
	}
}

// byObject parts fields into groups that may be of one object: those of an object with those of interfaces, which may be
// of any. All are in one group where there is only one object.
func byObject(fields []*ast.Field) [][]*ast.Field {
	one := fields[0].ObjectDefinition
	alone := true
	for _, f := range fields {
		if alone = alone && f.ObjectDefinition == one; !alone {
			break
		}
	}
	if alone {
		return [][]*ast.Field{fields}
	}
	var objects []*ast.Definition
	groups := map[*ast.Definition][]*ast.Field{}
	var abstract []*ast.Field
	for _, f := range fields {
		of := f.ObjectDefinition
		if of.Kind != ast.Object {
			abstract = append(abstract, f)
			continue
		}
		if groups[of] == nil {
			objects = append(objects, of)
		}
		groups[of] = append(groups[of], f)
	}
	if len(objects) == 0 {
		return [][]*ast.Field{abstract}
	}
	all := make([][]*ast.Field, len(objects))
	for i, of := range objects {
		all[i] = append(groups[of], abstract...)
	}
	return all
}

func (m *merger) sameArguments(a, b ast.ArgumentList) bool {
	if len(a) != len(b) {
		return false
	}
	for _, one := range a {
		other := b.ForName(one.Name)
		if other == nil || !m.sameValue(one.Value, other.Value) {
			return false
		}
	}
	return true
}

func (m *merger) sameValue(a, b *ast.Value) bool {
	if !m.step() || a.Kind != b.Kind || a.Raw != b.Raw || len(a.Children) != len(b.Children) {
		return m.err != nil // the document is refused anyway
	}
	for i, one := range a.Children {
		other := b.Children[i].Value
		if a.Kind == ast.ObjectValue {
			other = b.Children.ForName(one.Name)
		}
		if other == nil || !m.sameValue(one.Value, other) {
			return false
		}
	}
	return true
}

func (m *merger) refuse(a, b *ast.Field, why string) {
	m.err = invalid("Fields \""+a.Alias+"\" conflict because "+why+
		". Use different aliases on the fields to fetch both if this was intentional.", a.Position)
	m.err.Locations = append(m.err.Locations, invalid("", b.Position).Locations...)
}
