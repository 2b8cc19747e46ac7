package guard

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
)

// FuzzGuard takes any text in: the guard does not fail, takes no more steps than the text has tokens, and what it lets
// through is within the limits, counted in another way: by writing every fragment out.
func FuzzGuard(f *testing.F) {
	f.Add(usual, `{"id":"c"}`)
	f.Add(introspection(f), ``)
	f.Add("{viewer{name}}", `{}`)
	f.Add(nestedFields(20), `null`)
	f.Add("query($f:Int=501){phones(first:$f){nodes{id}} ...c} fragment c on Query{viewer{name}}", `{"f":499}`)
	f.Add("{phones(first:99999999999999999999999){edges{node{id}}}}", ``)
	f.Add(`query($f: PhoneFilter) { phones(filter: $f) { totalCount } }`, `{"f":{"customerIds":[["a"],"b"]}}`)
	for _, attack := range attacks {
		if len(attack.query) < 10_000 {
			f.Add(attack.query, ``)
		}
	}
	g := New(theSchema, Limits{})
	l := g.limits
	f.Fuzz(func(t *testing.T, text, sent string) {
		doc, parseErr := l.Parse(text)
		if parseErr != nil {
			if parseErr.Extensions["code"] == nil {
				t.Fatalf("refused without a code: %v", parseErr)
			}
			return
		}
		w := newWalker(l, doc)
		w.document(doc)
		if tokens := countTokens(text); w.visited > tokens {
			t.Fatalf("%d steps for %d tokens", w.visited, tokens)
		}
		if _, err := l.Check(doc); err != nil {
			if err.Extensions["code"] == nil {
				t.Fatalf("refused without a code: %v", err)
			}
			return
		}
		doc, size, errs := g.Read(text)
		if len(errs) > 0 {
			for _, err := range errs {
				if err.Extensions["code"] == nil {
					t.Fatalf("refused without a code: %v", err)
				}
			}
			return
		}
		var variables map[string]any
		dec := json.NewDecoder(strings.NewReader(sent))
		dec.UseNumber()
		_ = dec.Decode(&variables) // without them, the operation is one that lacks what it needs
		total := 0
		for _, op := range doc.Operations {
			n := expanded{limits: l}
			n.set(op.SelectionSet, 1)
			total += n.fields
			if n.depth > l.Depth || total > l.Fields || n.aliases > l.Aliases || n.roots > l.RootFields || n.depth > size.Depth {
				t.Fatalf("%+v was let in as %+v", n, size)
			}
			known, err := validator.VariableValues(theSchema, op, variables)
			if err != nil {
				continue
			}
			if cost, err := g.Cost(op, known); err == nil && (cost > l.Cost || cost < n.fields) {
				t.Fatalf("%d fields are let in at the cost of %d", n.fields, cost)
			}
		}
	})
}

// expanded counts what is in a selection set by writing all fragments out.
type expanded struct {
	limits                        Limits
	fields, depth, aliases, roots int
}

func (n *expanded) set(set ast.SelectionSet, depth int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			n.fields++
			n.depth = max(n.depth, depth)
			if s.Alias != s.Name {
				n.aliases++
			}
			if depth == 1 {
				n.roots++
			}
			n.set(s.SelectionSet, depth+1)
		case *ast.InlineFragment:
			n.set(s.SelectionSet, depth)
		case *ast.FragmentSpread:
			n.set(s.Definition.SelectionSet, depth)
		}
		if n.fields > n.limits.Fields {
			return
		}
	}
}
