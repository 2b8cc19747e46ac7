package access

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/registry"
)

// ownInput is the type that gives a caller's own input back. It shows nobody's data.
const ownInput = "NormalizedPhone"

// Problems returns what a schema leaves open about who may see what, in the order of names; none when all is declared.
func Problems(schema *ast.Schema) []string {
	var l lint
	l.enum(schema, "Scope", wordsOf(registry.AllScopes()))
	l.enum(schema, "Role", wordsOf(registry.Roles()))
	for _, def := range outputs(schema) {
		l.object(schema, def)
	}
	return l.found
}

// outputs are the objects and interfaces of a schema, by name.
func outputs(schema *ast.Schema) []*ast.Definition {
	var all []*ast.Definition
	for _, def := range schema.Types {
		if !def.BuiltIn && (def.Kind == ast.Object || def.Kind == ast.Interface) {
			all = append(all, def)
		}
	}
	slices.SortFunc(all, func(a, b *ast.Definition) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

type lint struct{ found []string }

func (l *lint) add(format string, args ...any) {
	l.found = append(l.found, fmt.Sprintf(format, args...))
}

func (l *lint) enum(schema *ast.Schema, name string, want []string) {
	var have []string
	if def := schema.Types[name]; def != nil {
		for _, v := range def.EnumValues {
			have = append(have, v.Name)
		}
	}
	if !slices.Equal(have, want) {
		l.add("enum %s: has %s; want %s, as the server knows them", name, strings.Join(have, ", "), strings.Join(want, ", "))
	}
}

func (l *lint) object(schema *ast.Schema, def *ast.Definition) {
	own, declared := scopeOf(def.Directives)
	if def.Kind == ast.Object && slices.Contains(def.Interfaces, "Node") && !declared {
		l.add("type %s: implements Node and has no @access: want @access(scope: …) on the type, which node(id) asks before it looks", def.Name)
	}
	for _, f := range def.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		scope, ok := scopeOf(f.Directives)
		switch {
		case !ok:
			l.add("field %s.%s: has no @access: want @access(scope: …) with the scope that its callers need", def.Name, f.Name)
		case declared && own != registry.ScopeRead && scope == registry.ScopeRead:
			l.add("field %s.%s: needs less than its type: want @access(scope: %s)", def.Name, f.Name, own)
		case def == schema.Mutation && !changes(scope):
			l.add("field %s.%s: is a change for which %s is enough: want EDIT, JOBS, IMPORTS or ADMINISTER", def.Name, f.Name, scope)
		}
		if f.Type.Name() == "E164" && def.Name != ownInput && f.Directives.ForName("personal") == nil {
			l.add("field %s.%s: shows a phone number and has no @personal: want @personal, by which what is shown is recorded", def.Name, f.Name)
		}
	}
}

func changes(scope registry.Scope) bool {
	switch scope {
	case registry.ScopeEdit, registry.ScopeJobs, registry.ScopeImports, registry.ScopeAdmin:
		return true
	}
	return false
}

func wordsOf[T ~string](all []T) []string {
	words := make([]string, len(all))
	for i, v := range all {
		words[i] = string(v)
	}
	return words
}
