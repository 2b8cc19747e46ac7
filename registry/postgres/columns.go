package postgres

import (
	"fmt"
	"slices"
	"strings"

	"phoneregistry/registry"
)

// column is one that rows of a list have. Where none of its fields is wanted, none stands in its place, so that rows
// always have the same shape and PostgreSQL reads no more of them than it must.
type column struct {
	sql    string
	none   string   // of the same type
	fields []string // the fields that are made of it; none: it is always read
}

type columns []column

// always is a column that tells rows apart or puts them in order.
func always() column { return column{} }

// forFields is a column of which fields are made, with what stands in its place without them.
func forFields(none string, fields ...string) column { return column{none: none, fields: fields} }

// columnsOf makes a list of columns of their SQL and of what each is for.
func columnsOf(sql string, uses ...column) columns {
	parts := splitColumns(sql)
	if len(parts) != len(uses) {
		panic(fmt.Sprintf("%d columns, of which %d are told what they are for: %s", len(parts), len(uses), sql))
	}
	for i, part := range parts {
		uses[i].sql = part
	}
	return uses
}

// splitColumns cuts at the commas that are not within parentheses.
func splitColumns(sql string) []string {
	var parts []string
	depth, begun := 0, 0
	for i, c := range sql {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			parts, begun = append(parts, strings.TrimSpace(sql[begun:i])), i+1
		}
	}
	return append(parts, strings.TrimSpace(sql[begun:]))
}

// of is the columns for what is wanted, as they stand behind SELECT. also is wanted too.
func (c columns) of(wanted registry.Fields, also ...string) string {
	var text strings.Builder
	text.Grow(512)
	for i, column := range c {
		if i > 0 {
			text.WriteString(", ")
		}
		if column.isWanted(wanted) || slices.ContainsFunc(column.fields, func(f string) bool { return slices.Contains(also, f) }) {
			text.WriteString(column.sql)
		} else {
			text.WriteString(column.none)
		}
	}
	return text.String()
}

func (c column) isWanted(wanted registry.Fields) bool {
	return len(c.fields) == 0 || slices.ContainsFunc(c.fields, wanted.Has)
}
