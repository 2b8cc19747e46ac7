package guard

import (
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"phoneregistry/graph"
)

// server is the executor with the guard in front, up to the point where an operation would be run.
type server struct {
	*executor.Executor
	documents   *Documents
	validations int // by the guard and by the executor
}

func newServer(t testing.TB, l Limits) *server {
	t.Helper()
	s := &server{Executor: executor.New(graph.NewExecutableSchema(graph.Config{})), documents: NewDocuments(theSchema, l, nil)}
	counted := func(of func() *rules.Rules) func() *rules.Rules {
		return func() *rules.Rules { s.validations++; return of() }
	}
	s.documents.guard.rules = counted(quickRules)
	s.SetDefaultRulesFn(counted(Rules))
	s.SetQueryCache(s.documents)
	s.SetParserTokenLimit(l.WithDefaults().Tokens)
	s.Use(s.documents)
	return s
}

// ask sends a request as far as the executor goes before it runs anything.
func (s *server) ask(t testing.TB, query string, variables map[string]any) (*graphql.OperationContext, gqlerror.List) {
	t.Helper()
	ctx := graphql.StartOperationTrace(t.Context())
	return s.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Variables: variables})
}

// fanOut is a document in which each fragment spreads the next one twice.
func fanOut(levels int) string {
	var b strings.Builder
	b.WriteString("{...f0}")
	for i := range levels {
		fmt.Fprintf(&b, " fragment f%d on Query {...f%d ...f%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Query {viewer{name}}", levels)
	return b.String()
}

// chain is a document in which each fragment spreads the next one, and all are validated from each of them.
func chain(fragments, fields int) string {
	var b strings.Builder
	b.WriteString("{...f0}")
	for i := range fragments {
		fmt.Fprintf(&b, " fragment f%d on Query {...f%d}", i, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Query {viewer{%s}}", fragments, many(fields, "name "))
	return b.String()
}

// attacks are documents that would be much work, by the limit that each of them meets.
var attacks = map[string]struct{ query, limit string }{
	"aliases":                  {"{" + many(31, "a#: viewer { name } ") + "}", limitRootFields},
	"aliases below":            {"{ viewer {" + many(31, "a#: name ") + "} }", limitAliases},
	"brute force by aliases":   {"{ node(id: \"0\") { id } ... on Query {" + many(30, "a#: node(id: \"#\") { id } ") + "} }", limitRootFields},
	"aliases by fragments":     {"{ viewer {" + many(8, "...f ") + "} } fragment f on Viewer {" + many(4, "a#: name ") + "}", limitAliases},
	"the same field":           {"{ viewer {" + many(1000, "name ") + "} }", limitFields},
	"three thousand fields":    {"{ viewer {" + many(3000, "name ") + "} }", limitTokens},
	"fan-out":                  {fanOut(12), limitRootFields},
	"fan-out beyond numbers":   {fanOut(100), limitRootFields},
	"fan-out below":            {"{ viewer" + strings.ReplaceAll(strings.ReplaceAll(fanOut(20), "Query", "Viewer"), "{viewer{name}}", "{name}")[:len("{...f0}")] + "}" + strings.ReplaceAll(strings.ReplaceAll(fanOut(20), "Query", "Viewer"), "{viewer{name}}", "{name}")[len("{...f0}"):], limitFields},
	"fragments in a circle":    {"{...f0}" + many(50, " fragment f# on Query {...f#x}") + " fragment f0x on Query {...f0}", ""},
	"directives":               {"{ viewer { name " + many(51, "@include(if: true) ") + "} }", limitDirectives},
	"directives nobody knows":  {"{ viewer { name " + many(900, "@x ") + "} }", limitDirectives},
	"directives on a fragment": {"{ ...f } fragment f on Query " + many(51, "@x ") + "{ viewer { name } }", limitDirectives},
	"depth":                    {"{ phone(number: \"+573001234567\") { leadScore { phone " + strings.Repeat("{ leadScore { phone ", 7) + "{ id }" + strings.Repeat("} }", 7) + "} } }", limitDepth},
	"depth beyond the parser":  {strings.Repeat("{a", 5000) + strings.Repeat("}", 5000), limitTokens},
	"depth by fragments":       {"{ ...f0 }" + chainDown(16), limitDepth},
	"first":                    {"{ phones(first: 1000000000) { nodes { id } } }", limitFirst},
	"pages in pages":           {"{ phones(first: 500) { nodes { customers(first: 500) { nodes { phone { customers(first: 500) { nodes { number } } } } } } } }", limitCost},
	"many operations":          {many(300, "query q# { viewer { name } } "), limitTokens},
	"operations that share":    {many(60, "query q# { ...f } ") + "fragment f on Query { viewer {" + many(10, "...g ") + "} } fragment g on Viewer { name }", ""},
	"fragments in a row":       {chain(120, 700), limitWork},
	"unknown operations":       {many(180, "query q# { ...f } ") + " fragment f on Query { " + many(20, "viewer { name role } ") + "}", limitFields},
	"a giant document":         {"{ viewer { name } } #" + strings.Repeat("x", 1<<20), limitBytes},
	"a giant string":           {`{ normalizePhone(input: "` + strings.Repeat("x", 1<<20) + `") { input } }`, limitBytes},
	"a giant name":             {"{ " + strings.Repeat("x", 60_000) + " }", limitName},
	"comments":                 {"{ viewer { name } }" + many(3000, "#\n"), limitTokens},
	"a list of ids":            {`{ phones(filter: {customerIds: [` + many(3000, `"c#" `) + `]}) { totalCount } }`, limitTokens},
	"lists in lists":           {`{ phones(filter: {customerIds: ` + strings.Repeat("[", 1500) + strings.Repeat("]", 1500) + `}) { totalCount } }`, limitTokens},
	"variables":                {"query(" + many(600, "$v#: Int ") + ") { viewer { name } }", limitTokens},
	"a variable many times":    {"query(" + many(300, "$v#: Int ") + ") { ...f " + " } " + many(40, "fragment f# on Query { ...f } ") + "fragment f on Query { phones(filter: {customerIds: [" + many(200, "$v299 ") + "]}) { totalCount } }", limitWork},
	"circular introspection":   {"{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } }", ""},
	"introspection at once":    {"{" + many(20, "a#: __schema { types { fields { args { type { ...t } } type { ...t } } } } ") + "} fragment t on __Type { name kind ofType { name kind ofType { name kind ofType { name kind ofType { name kind } } } }" + "}", limitCost},
}

// chainDown is fragments each of which goes one deeper.
func chainDown(n int) string {
	return " fragment f0 on Query { phone(number: \"+573001234567\") { ...f1 } }" +
		func() string {
			var b strings.Builder
			for i := 1; i < n; i++ {
				if i%2 == 1 {
					fmt.Fprintf(&b, " fragment f%d on Phone { leadScore { ...f%d } }", i, i+1)
				} else {
					fmt.Fprintf(&b, " fragment f%d on LeadScore { phone { ...f%d } }", i, i+1)
				}
			}
			return b.String()
		}() + fmt.Sprintf(" fragment f%d on LeadScore { total }", n)
}

// Every attack is refused after work in proportion to its text. What is too large is not validated, what costs too much is
// validated once, and nothing of it is kept but what is valid.
func TestAttacks(t *testing.T) {
	for name, attack := range attacks {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, Limits{})
			operation, errs := s.ask(t, attack.query, nil)
			if len(errs) == 0 {
				if attack.limit != "" {
					t.Fatalf("it would be run at the cost of %v", operation.Stats.GetExtension(StatCost))
				}
				return
			}
			if limit, _ := errs[0].Extensions["limit"].(string); limit != attack.limit {
				t.Fatalf("refused for %q: %.300v; want %q", limit, errs, attack.limit)
			}
			mayValidate := 0
			if attack.limit == limitCost || attack.limit == "" {
				mayValidate = 3
			}
			if s.validations > mayValidate {
				t.Errorf("validated %d times; want %d", s.validations, mayValidate)
			}
			if kept := s.documents.recent.Len(); kept > 0 && operation.Doc == nil {
				t.Errorf("%d documents are kept", kept)
			}
			for _, err := range errs {
				if len(err.Message) > 500 {
					t.Errorf("a message of %d bytes", len(err.Message))
				}
			}
			l := Limits{}.WithDefaults()
			doc, err := l.Parse(attack.query)
			if err != nil {
				return
			}
			w := newWalker(l, doc)
			w.document(doc)
			if nodes := countTokens(attack.query); w.visited > nodes {
				t.Errorf("%d steps for %d tokens", w.visited, nodes)
			}
		})
	}
}

// Fragments that double each other, level by level: the work of each step grows with the text, not with what it stands for.
func TestWorkIsLinear(t *testing.T) {
	for name, written := range map[string]func(n int) string{
		"fan-out": fanOut,
		"chain":   func(n int) string { return chain(n, 3) },
		"wide": func(n int) string {
			return "{" + many(n, "...f ") + "} fragment f on Query {" + many(n, "viewer { name } ") + "}"
		},
		"nested inline": func(n int) string {
			return strings.Repeat("{ ... on Query ", n) + "{ viewer { name } }" + strings.Repeat("}", n)
		},
		"ids": func(n int) string {
			return `{ phones(filter: {customerIds: [` + many(n, `"c#" `) + `]}) { totalCount } }`
		},
	} {
		l := Limits{Tokens: 100_000, Fields: saturated, RootFields: saturated, Work: saturated - 1, Bytes: 1 << 30}.WithDefaults()
		for _, n := range []int{10, 50, 200} {
			text := written(n)
			doc, err := l.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			tokens := countTokens(text)
			w := newWalker(l, doc)
			w.document(doc)
			if w.visited > tokens {
				t.Errorf("%s of %d: the guard takes %d steps for %d tokens", name, n, w.visited, tokens)
			}
			if errs := New(theSchema, l).validate(doc); len(errs) > 0 {
				t.Fatalf("%s: %v", name, errs)
			}
			c := counter{costs: NewCosts(theSchema, l)}
			c.selections(doc.Operations[0].SelectionSet)
			for _, a := range doc.Operations[0].SelectionSet {
				if f, ok := a.(*ast.Field); ok {
					for _, arg := range f.Arguments {
						c.entries(arg.Value)
					}
				}
			}
			if c.visited > 2*tokens {
				t.Errorf("%s of %d: the cost takes %d steps for %d tokens", name, n, c.visited, tokens)
			}
		}
	}
}

// The steps that validation takes are counted without taking them.
func TestWorkIsCountedWithinItsLimit(t *testing.T) {
	l := Limits{Tokens: 100_000, Fields: saturated, Bytes: 1 << 30}.WithDefaults()
	doc, err := l.Parse(chain(5000, 10))
	if err != nil {
		t.Fatal(err)
	}
	size, refusal := l.Check(doc)
	if refusal == nil || refusal.Extensions["limit"] != limitWork || size.Work > l.Work+100 {
		t.Errorf("counted to %d: %v; want it refused soon after %d", size.Work, refusal, l.Work)
	}
}

// Documents with very many faults are told of some, and not looked at again for what may have been meant.
func TestManyFaults(t *testing.T) {
	s := newServer(t, Limits{})
	_, errs := s.ask(t, "{ viewer {"+many(900, "nam ")+"} }", nil)
	if len(errs) != 1 || !strings.Contains(errs[0].Message, "and 899 other errors") || strings.Contains(errs[0].Message, "Did you mean") {
		t.Errorf("%d errors: %.300v", len(errs), errs)
	}
	if s.validations != 1 {
		t.Errorf("validated %d times; want once", s.validations)
	}
	if _, errs = s.ask(t, "{ viewer { nam rol } }", nil); len(errs) != 2 || !strings.Contains(errs[1].Message, `Did you mean "role"`) {
		t.Errorf("two faults: %v; want both, with what may have been meant", errs)
	}
	if _, errs = s.ask(t, "{ viewer { nam } }", nil); len(errs) != 1 || !strings.Contains(errs[0].Message, `Did you mean "name"`) || errs[0].Extensions["code"] != "GRAPHQL_VALIDATION_FAILED" {
		t.Errorf("one fault: %v; want it with what may have been meant", errs)
	}
	if _, errs = s.ask(t, "{ viewer { x: name x: role } }", nil); len(errs) != 1 || !strings.Contains(errs[0].Message, "conflict") {
		t.Errorf("fields in conflict: %v", errs)
	}
	if kept := s.documents.recent.Len(); kept != 0 {
		t.Errorf("%d documents are kept; want none", kept)
	}
}

// Variables are as large as the body is; what is in them is looked at once, and no further than is allowed.
func TestGiantVariables(t *testing.T) {
	s := newServer(t, Limits{})
	query := "query($f: PhoneFilter) {" + many(20, "a#: phones(filter: $f) { totalCount } ") + "}"
	filter := func(n int) map[string]any { return map[string]any{"f": map[string]any{"customerIds": texts(n)}} }
	var deep any = "c"
	for range 5000 {
		deep = []any{deep}
	}
	wide := map[string]any{}
	for i := range 20_001 {
		wide[strings.Repeat("x", i%7)+string(rune(i))] = nil
	}
	for name, c := range map[string]struct {
		variables map[string]any
		limit     string
	}{
		"a list at many places": {filter(19_000), limitCost},
		"a long list":           {filter(20_001), limitEntries},
		"lists in lists":        {map[string]any{"f": map[string]any{"customerIds": deep}}, ""},
		"many members":          {map[string]any{"f": wide}, limitEntries},
		"what nobody asks for":  {map[string]any{"g": texts(100_000)}, limitEntries},
	} {
		_, errs := s.ask(t, query, c.variables)
		if len(errs) != 1 {
			t.Fatalf("%s: %.300v; want it refused", name, errs)
		}
		if limit, _ := errs[0].Extensions["limit"].(string); limit != c.limit {
			t.Errorf("%s: %v; want %q", name, errs, c.limit)
		}
	}
	doc, _ := read(t, s.documents.guard, query)
	c := counter{costs: s.documents.guard.costs, variables: filter(19_000)}
	c.selections(doc.Operations[0].SelectionSet)
	if c.visited > 19_100 {
		t.Errorf("%d steps for 19,000 entries that are used 20 times", c.visited)
	}
}
