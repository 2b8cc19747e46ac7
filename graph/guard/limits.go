package guard

import (
	"strconv"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Code is extensions.code of an operation that was refused.
const Code = "LIMIT_EXCEEDED"

// Limits is how much an operation may hold. Zero means the default. docs/api/limits.md tells what each of them counts.
type Limits struct {
	Bytes      int // of the document's text; 65,536
	Tokens     int // of the document; 2,000
	Depth      int // of fields inside of fields; 15
	Aliases    int // with every fragment spread; 30
	Directives int // with every fragment spread; 50
	RootFields int // of one operation; 20
	Fields     int // with every fragment spread; 1,000
	Work       int // steps of validation; 20,000
	Entries    int // of all lists in the variables of a request; 20,000
	First      int // entries of a page; registry.MaxPageSize, which is also the most that can be set
	Cost       int // of the operation that is run; 250,000
}

// Names of limits, as they are in extensions.limit.
const (
	limitBytes      = "bytes"
	limitTokens     = "tokens"
	limitDepth      = "depth"
	limitAliases    = "aliases"
	limitDirectives = "directives"
	limitRootFields = "rootFields"
	limitFields     = "fields"
	limitWork       = "work"
	limitName       = "name"
	limitEntries    = "entries"
	limitFirst      = "first"
	limitCost       = "cost"
)

// maxName bounds the length of names in a document. The schema has none that is half as long, and the search for names
// that look alike takes the longer the longer a name is.
const maxName = 128

// advice says how to stay within a limit.
func advice(limit string) string {
	switch limit {
	case limitBytes:
		return "send long texts as variables"
	case limitTokens:
		return "send lists and input as variables, or ask in several operations"
	case limitDirectives:
		return "leave out what is not wanted in place of skipping it"
	case limitFields:
		return "ask for fewer fields, or in several operations"
	case limitWork:
		return "send only the operation that is to run, with the fragments that it needs"
	case limitName:
		return "use shorter names"
	case limitEntries:
		return "send shorter lists, in several requests"
	case limitFirst:
		return "ask for the next page with `after`"
	case limitCost:
		return "ask for smaller pages or fewer fields"
	}
	return "ask in several operations"
}

// WithDefaults fills in the defaults.
func (l Limits) WithDefaults() Limits {
	for _, d := range []struct {
		limit     *int
		otherwise int
	}{
		{&l.Bytes, 64 << 10},
		{&l.Tokens, 2000},
		{&l.Depth, 15},
		{&l.Aliases, 30},
		{&l.Directives, 50},
		{&l.RootFields, 20},
		{&l.Fields, 1000},
		{&l.Work, 20_000},
		{&l.Entries, 20_000},
		{&l.First, registry.MaxPageSize},
		{&l.Cost, 250_000},
	} {
		if *d.limit == 0 {
			*d.limit = d.otherwise
		}
	}
	return l
}

// saturated is where counting stops: fragments that double each other soon count beyond any integer.
const saturated = 1 << 30

func add(a, b int) int { return min(saturated, a+b) }

// times multiplies numbers from 0 to saturated.
func times(a, b int) int { return int(min(saturated, int64(a)*int64(b))) }

// exceeded is the refusal of an operation that holds more than it may.
func exceeded(limit string, value, maximum int) *gqlerror.Error {
	shown := strconv.Itoa(value)
	if value >= saturated {
		value, shown = saturated, "more than a billion"
	}
	return &gqlerror.Error{
		Message: "the operation is too large: " + limit + " is " + shown + ", at most " + strconv.Itoa(maximum) +
			" is allowed; " + advice(limit),
		Extensions: map[string]any{"code": Code, "limit": limit, "value": value, "maximum": maximum},
	}
}
