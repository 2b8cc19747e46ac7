package config

import (
	"fmt"
	"strconv"
)

// Limits bound what one GraphQL operation may hold. docs/api/limits.md tells how each of them counts.
type Limits struct {
	MaxDocumentBytes int `help:"Largest GraphQL document, in bytes, without its variables." default:"65536"`
	MaxTokens        int `help:"Most tokens of a GraphQL document." default:"2000"`
	MaxDepth         int `help:"Deepest that the fields of an operation may lie inside of each other. The introspection of usual tools needs 15." default:"15"`
	MaxAliases       int `help:"Most aliases of a document, with all fragments spread." default:"30"`
	MaxDirectives    int `help:"Most directives of a document, with all fragments spread." default:"50"`
	MaxRootFields    int `help:"Most fields that an operation may ask of Query, Mutation or Subscription." default:"20"`
	MaxFields        int `help:"Most fields of a document, with all fragments spread." default:"1000"`
	MaxWork          int `help:"Most steps that the validation of a document may take." default:"20000"`
	MaxEntries       int `help:"Most entries of all lists, and members of all objects, in the variables of a GraphQL request." default:"20000"`
	MaxPage          int `help:"Most entries of a page (the argument first)." default:"500"`
	MaxCost          int `help:"Most that an operation may cost: fields, times the entries of the lists around them." default:"250000"`
}

// check reports a limit that is out of bounds. Zero is the default.
func (l *Limits) check() error {
	for _, c := range []struct {
		field              string
		value, least, most int
	}{
		{"--max-document-bytes", l.MaxDocumentBytes, 1 << 10, 1 << 20},
		{"--max-tokens", l.MaxTokens, 100, 20_000},
		{"--max-depth", l.MaxDepth, 3, 50},
		{"--max-aliases", l.MaxAliases, 1, 1000},
		{"--max-directives", l.MaxDirectives, 1, 1000},
		{"--max-root-fields", l.MaxRootFields, 1, 1000},
		{"--max-fields", l.MaxFields, 10, 10_000},
		{"--max-work", l.MaxWork, 1000, 1_000_000},
		{"--max-entries", l.MaxEntries, 1000, 50_000},
		{"--max-page", l.MaxPage, 1, 500},
		{"--max-cost", l.MaxCost, 100, 100_000_000},
	} {
		if c.value != 0 && (c.value < c.least || c.value > c.most) {
			return &Error{c.field, strconv.Itoa(c.value), fmt.Sprintf("must be %d to %d", c.least, c.most)}
		}
	}
	return nil
}
