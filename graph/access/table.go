package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/registry"
)

// Table writes for people what a schema declares, as Markdown: which role holds which scopes, what each root field and
// each type needs, and which fields show what identifies a person.
func Table(schema *ast.Schema) string {
	var b strings.Builder
	b.WriteString(`<!-- Written by internal/tools/access from schema.graphqls. Do not edit: make generate. -->
# Who may ask for what

Each field of the schema names one scope (` + "`@access`" + `). An operation that asks for a field without its scope is refused
as a whole, before anything of it is run: code ` + "`FORBIDDEN`" + `, status 403 (200 to those who accept only
` + "`application/json`" + `). A field that ` + "`@skip`" + ` or ` + "`@include`" + ` leaves out needs no scope. API keys may hold fewer scopes than
their role.

## Roles and scopes

`)
	roles(&b)
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		fmt.Fprintf(&b, "\n## %s\n\n| Field | Scope | Roles |\n|---|---|---|\n", root.Name)
		for _, f := range root.Fields {
			if scope, ok := scopeOf(f.Directives); ok {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Name, scope, strings.Join(holders(scope), ", "))
			}
		}
	}
	types(&b, schema)
	personal(&b, schema)
	return b.String()
}

func roles(b *strings.Builder) {
	b.WriteString("| Scope |")
	for _, role := range registry.Roles() {
		fmt.Fprintf(b, " %s |", role)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(registry.Roles())) + "\n")
	for _, scope := range registry.AllScopes() {
		fmt.Fprintf(b, "| %s |", scope)
		for _, role := range registry.Roles() {
			if role.Scopes().Has(scope) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteByte('\n')
	}
}

func holders(scope registry.Scope) []string {
	var names []string
	for _, role := range registry.Roles() {
		if role.Scopes().Has(scope) {
			names = append(names, string(role))
		}
	}
	return names
}

// types lists what the fields of each type need. A type all of whose fields need the same is one line.
func types(b *strings.Builder, schema *ast.Schema) {
	b.WriteString("\n## Types\n\nTypes with a global id are also asked for by `node(id)`, which answers null where the scope is missing, as for an id that\nnothing has.\n\n| Type | Global id | Scope of its fields |\n|---|---|---|\n")
	for _, def := range outputs(schema) {
		if def == schema.Query || def == schema.Mutation || def == schema.Subscription {
			continue
		}
		node := ""
		if _, ok := scopeOf(def.Directives); ok {
			node = "yes"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", def.Name, node, scopesOf(def))
	}
}

func scopesOf(def *ast.Definition) string {
	var order []registry.Scope
	fields := map[registry.Scope][]string{}
	for _, f := range def.Fields {
		scope, _ := scopeOf(f.Directives)
		if !slices.Contains(order, scope) {
			order = append(order, scope)
		}
		fields[scope] = append(fields[scope], "`"+f.Name+"`")
	}
	if len(order) == 1 {
		return string(order[0])
	}
	var parts []string
	for _, scope := range order {
		parts = append(parts, string(scope)+": "+strings.Join(fields[scope], ", "))
	}
	return strings.Join(parts, "; ")
}

func personal(b *strings.Builder, schema *ast.Schema) {
	b.WriteString("\n## What identifies a person\n\nThese fields (`@personal`) are masked, or null, unless the caller holds REVEAL and has told a purpose; an ADMIN need not\ntell one. What is shown whole is recorded in the access log.\n\n")
	for _, def := range outputs(schema) {
		for _, f := range def.Fields {
			if f.Directives.ForName("personal") != nil {
				fmt.Fprintf(b, "- `%s.%s`\n", def.Name, f.Name)
			}
		}
	}
}
