// Package guard refuses operations that would be too much work before they are validated or run. It looks at the
// parsed document once and remembers what it found of each fragment, so that its own work grows linearly with the
// document, however often fragments spread each other.
package guard

import (
	"strconv"

	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/lexer"
	"github.com/vektah/gqlparser/v2/parser"

	"phoneregistry/registry"
)

// Code is extensions.code of an operation that was refused.
const Code = "LIMIT_EXCEEDED"

// Limits is how much an operation may hold. Zero means the default.
type Limits struct {
	Tokens int // of the document; 2,000
	Depth  int // of fields inside of fields; 15
	Fields int // with every fragment spread; 1,000
	First  int // page size where it is written out; registry.MaxPageSize
}

// WithDefaults fills in the defaults.
func (l Limits) WithDefaults() Limits {
	l.Tokens = orDefault(l.Tokens, 2000)
	l.Depth = orDefault(l.Depth, 15)
	l.Fields = orDefault(l.Fields, 1000)
	l.First = orDefault(l.First, registry.MaxPageSize)
	return l
}

func orDefault(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

// Parse parses a document of bounded size.
func (l Limits) Parse(query string) (*ast.QueryDocument, *gqlerror.Error) {
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, l.Tokens)
	if err == nil {
		return doc, nil
	}
	if hasMoreTokens(query, l.Tokens) {
		return nil, exceeded("tokens", "more than "+strconv.Itoa(l.Tokens), l.Tokens)
	}
	gqlErr := gqlerror.WrapIfUnwrapped(err)
	errcode.Set(gqlErr, errcode.ParseFailed)
	return nil, gqlErr
}

// hasMoreTokens reports whether the readable part of a document holds more tokens.
func hasMoreTokens(query string, limit int) bool {
	lex := lexer.New(&ast.Source{Input: query})
	for n := 0; n <= limit; n++ {
		if token, err := lex.ReadToken(); err != nil || token.Kind == lexer.EOF {
			return false
		}
	}
	return true
}

// Check refuses a document whose operations together are beyond the limits. It takes documents that have not been
// validated: unknown fragments are left to the validator, fragments that spread themselves are refused.
func (l Limits) Check(doc *ast.QueryDocument) *gqlerror.Error {
	w := walker{limits: l, fragments: make(map[string]*measure, len(doc.Fragments))}
	for _, f := range doc.Fragments {
		if w.definitions == nil {
			w.definitions = make(map[string]*ast.FragmentDefinition, len(doc.Fragments))
		}
		w.definitions[f.Name] = f
	}
	var total measure
	for _, op := range doc.Operations {
		m := w.selections(op.SelectionSet)
		total.fields += m.fields
		total.depth = max(total.depth, m.depth)
	}
	switch {
	case w.err != nil:
		return w.err
	case total.depth > l.Depth:
		return exceeded("depth", strconv.Itoa(total.depth), l.Depth)
	case total.fields > l.Fields:
		return exceeded("fields", atLeast(total.fields), l.Fields)
	}
	return nil
}

// saturated is where counting stops: fragments that double each other soon count beyond any integer.
const saturated = 1 << 30

func atLeast(n int) string {
	if n >= saturated {
		return "more than a billion"
	}
	return strconv.Itoa(n)
}

// measure is the size of a selection set with all its fragments spread.
type measure struct {
	depth, fields int
	done          bool // false while a fragment is being measured
}

type walker struct {
	limits      Limits
	definitions map[string]*ast.FragmentDefinition
	fragments   map[string]*measure
	visited     int // selections looked at: the work done
	err         *gqlerror.Error
}

func (w *walker) selections(set ast.SelectionSet) measure {
	var m measure
	for _, s := range set {
		if w.err != nil {
			return m
		}
		w.visited++
		var part measure
		switch s := s.(type) {
		case *ast.Field:
			w.checkFirst(s.Arguments)
			part = w.selections(s.SelectionSet)
			part.depth++
			part.fields++
		case *ast.InlineFragment:
			part = w.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			part = w.spread(s.Name)
		}
		m.depth = min(saturated, max(m.depth, part.depth))
		m.fields = min(saturated, m.fields+part.fields)
	}
	return m
}

func (w *walker) spread(name string) measure {
	if m := w.fragments[name]; m != nil {
		if !m.done {
			w.err = gqlerror.Errorf("a fragment spreads itself")
			errcode.Set(w.err, errcode.ValidationFailed)
		}
		return *m
	}
	def := w.definitions[name]
	if def == nil {
		return measure{} // the validator tells
	}
	m := &measure{}
	w.fragments[name] = m
	*m = w.selections(def.SelectionSet)
	m.done = true
	return *m
}

// checkFirst refuses a page size that is written out. One in a variable is refused by the registry.
func (w *walker) checkFirst(arguments ast.ArgumentList) {
	for _, a := range arguments {
		if a.Name != "first" || a.Value == nil || a.Value.Kind != ast.IntValue {
			continue
		}
		if n, err := strconv.Atoi(a.Value.Raw); err != nil || n > w.limits.First {
			w.err = exceeded("first", a.Value.Raw, w.limits.First)
		}
	}
}

func exceeded(limit, value string, maximum int) *gqlerror.Error {
	if len(value) > 40 {
		value = "a number of " + strconv.Itoa(len(value)) + " digits"
	}
	return &gqlerror.Error{
		Message:    "the operation is too large: " + limit + " is " + value + ", at most " + strconv.Itoa(maximum) + " is allowed",
		Extensions: map[string]any{"code": Code, "limit": limit, "maximum": maximum},
	}
}
