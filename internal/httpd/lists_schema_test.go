package httpd_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// deepest is how many fields below a list of the root are followed.
const deepest = 3

// shape is what a field leads to.
type shape struct {
	object     *ast.Definition // of the entries
	list       bool
	connection bool
}

// shapeOf returns what a field leads to; false for plain values and for interfaces.
func shapeOf(schema *ast.Schema, f *ast.FieldDefinition) (shape, bool) {
	def := schema.Types[f.Type.Name()]
	if def.Kind != ast.Object {
		return shape{}, false
	}
	if nodes := def.Fields.ForName("nodes"); nodes != nil {
		return shape{schema.Types[nodes.Type.Name()], true, true}, true
	}
	return shape{def, f.Type.Elem != nil, false}, true
}

// plain are the fields of an object that are values.
func plain(schema *ast.Schema, def *ast.Definition) []string {
	var names []string
	for _, f := range def.Fields {
		if kind := schema.Types[f.Type.Name()].Kind; (kind == ast.Scalar || kind == ast.Enum) && !strings.HasPrefix(f.Name, "__") {
			names = append(names, f.Name)
		}
	}
	return names
}

// route is a way from the root to a field, and how it is asked.
type route struct {
	names []string
	open  string // what stands before the last selection, with %d for the number of parents
	close string
	shape shape
	lists int // connections and lists on it
}

func (r route) String() string { return strings.Join(r.names, ".") }

// step follows a field, of a connection the first entry.
func (r route) step(f *ast.FieldDefinition, arguments string, s shape) route {
	next := route{names: append(slices.Clone(r.names), f.Name), shape: s, lists: r.lists}
	if s.list {
		next.lists++
	}
	inside := "{ "
	if s.connection {
		inside, next.close = "{ totalCount pageInfo { hasNextPage endCursor } nodes { ", " }"
	}
	next.open, next.close = r.open+f.Name+arguments+" "+inside, next.close+" }"+r.close
	return next
}

// oneObject is how the fields of the root that lead to one object, below which there are lists without pages, are asked
// so that those have one entry, and many.
func oneObject() map[string][2]string {
	return map[string][2]string{
		"customer":      {`(customerId: "single")`, `(customerId: "collector")`},
		"registryStats": {"", ""},
	}
}

// roots are the lists of the root: as they are asked for one parent, and for seven.
func roots(t *testing.T, schema *ast.Schema) map[string][2]route {
	t.Helper()
	all := map[string][2]route{}
	for _, f := range schema.Query.Fields {
		s, ok := shapeOf(schema, f)
		switch {
		case !ok || strings.HasPrefix(f.Name, "__"):
		case s.connection:
			of := func(first int) route {
				r := route{shape: s, names: []string{f.Name}, close: " } } }", lists: 1}
				r.open = fmt.Sprintf("{ %s(first: %d) { nodes { ", f.Name, first)
				return r
			}
			all[f.Name] = [2]route{of(1), of(7)}
		case s.list && len(f.Arguments) == 0:
			r := route{open: "{ "}.step(f, "", s)
			r.close += " }"
			all[f.Name] = [2]route{r, r}
		case !s.list && hangsListsOn(schema, s.object):
			arguments, known := oneObject()[f.Name]
			if !known {
				t.Errorf("Query.%s leads to a list whose entries have objects: tell in oneObject how it is asked for one entry and for many", f.Name)
				continue
			}
			of := func(arguments string) route {
				r := route{open: "{ "}.step(f, arguments, s)
				r.close += " }"
				return r
			}
			all[f.Name] = [2]route{of(arguments[0]), of(arguments[1])}
		}
	}
	return all
}

// hangsListsOn reports whether an object has a list without pages whose entries have objects.
func hangsListsOn(schema *ast.Schema, def *ast.Definition) bool {
	return slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool {
		s, ok := shapeOf(schema, f)
		return ok && s.list && !s.connection && slices.ContainsFunc(s.object.Fields, func(below *ast.FieldDefinition) bool {
			_, ok := shapeOf(schema, below)
			return ok
		})
	})
}

// routes are all ways below a pair of roots.
func routes(schema *ast.Schema, pair [2]route, depth int, visit func(few, many route)) {
	for _, f := range pair[0].shape.object.Fields {
		s, ok := shapeOf(schema, f)
		if !ok || depth == deepest {
			continue
		}
		arguments := ""
		if s.connection {
			arguments = "(first: 1)"
		}
		below := [2]route{pair[0].step(f, arguments, s), pair[1].step(f, arguments, s)}
		visit(below[0], below[1])
		routes(schema, below, depth+1, visit)
	}
}

// whole is the query of a route that asks for all values at its end.
func (r route) whole(schema *ast.Schema) string {
	return r.open + "__typename " + strings.Join(plain(schema, r.shape.object), " ") + r.close
}

// reads returns the statements that read for a query. What runs in the background may come in between: the least of a
// few attempts counts.
func (a *app) reads(t *testing.T, role registry.Role, query string) (least []string, got answer) {
	t.Helper()
	return a.readsOf(t, role, query, nil)
}

func (a *app) readsOf(t *testing.T, role registry.Role, query string, variables vars) (least []string, got answer) {
	t.Helper()
	for attempt := range 3 {
		var read []string
		for _, sql := range a.statements.during(func() { got = a.try(t, role, query, variables) }) {
			if sql = strings.TrimSpace(sql); strings.HasPrefix(sql, "SELECT") || strings.HasPrefix(sql, "WITH") || strings.HasPrefix(sql, "(") {
				read = append(read, sql)
			}
		}
		if attempt == 0 || len(read) < len(least) {
			least = read
		}
	}
	if len(got.Errors) > 0 {
		t.Fatalf("%+v to\n%s", got.Errors, query)
	}
	return least, got
}

// TestNoStatementForEachEntry follows every field of the schema below every list: what hangs on seven entries costs as many
// statements as what hangs on one. A list that is added to the schema is found here by itself; the rig must have data for
// it.
func TestNoStatementForEachEntry(t *testing.T) {
	a := newFullApp(t)
	schema := httpd.Schema()
	checked := 0
	for name, pair := range roots(t, schema) {
		t.Run(name, func(t *testing.T) {
			routes(schema, pair, 0, func(few, many route) {
				checked++
				ofFew, small := a.reads(t, registry.RoleAdmin, few.whole(schema))
				ofMany, large := a.reads(t, registry.RoleAdmin, many.whole(schema))
				if len(ofMany) != len(ofFew) {
					t.Errorf("%s: %d statements below one entry, %d below many:\n%s", many, len(ofFew), len(ofMany), strings.Join(ofMany, "\n---\n"))
				}
				if most := 1 + len(many.names) + many.lists; len(ofMany) > most {
					t.Errorf("%s: %d statements, more than %d, which is one for each field and count:\n%s", many, len(ofMany), most, strings.Join(ofMany, "\n---\n"))
				}
				n, m := leaves(small.Data, few.names), leaves(large.Data, many.names)
				if n == 0 || m < 2 || few.open != many.open && m <= n {
					t.Errorf("%s: the rig has %d entries below one, %d below many: it has no data that would show", many, n, m)
				}
			})
		})
	}
	t.Logf("%d fields", checked)
	if checked < 40 {
		t.Errorf("only %d fields were checked", checked)
	}
}
