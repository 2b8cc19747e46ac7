package variables_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"phoneregistry/graph"
	"phoneregistry/graph/scalar"
	"phoneregistry/graph/variables"
)

const text = `
scalar E164 scalar Time
enum Tier { HIGH LOW }
input Filter { tiers: [Tier!] since: Time min: Int share: Float inner: Filter numbers: [E164!] grid: [[Int]] }
input Add { id: ID! name: String! primary: Boolean tier: Tier! = LOW filter: Filter }
type Mutation { add(a: Add, n: E164, l: [E164!]): Int }
type Query { f(a: Add, n: E164, i: Int, l: [String!]): Int }`

// inside stands for the executor: it knows one operation, and looks at variables as gqlgen's does.
type inside struct {
	graphql.GraphExecutor
	schema *ast.Schema
}

func (i inside) CreateOperationContext(_ context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	doc := gqlparser.MustLoadQueryWithRules(i.schema, params.Query, rules.NewDefaultRules())
	opCtx := &graphql.OperationContext{Operation: doc.Operations[0]}
	if _, err := validator.VariableValues(i.schema, opCtx.Operation, params.Variables); err != nil {
		return opCtx, gqlerror.List{err.(*gqlerror.Error)} //nolint:errorlint // it is made right there
	}
	return opCtx, nil
}

func ask(t *testing.T, query, sent string) gqlerror.List {
	t.Helper()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: text})
	read := json.NewDecoder(strings.NewReader(sent))
	read.UseNumber()
	params := &graphql.RawParams{Query: query}
	if err := read.Decode(&params.Variables); err != nil {
		t.Fatal(err)
	}
	_, errs := variables.New(inside{schema: schema}, schema, scalar.Check).CreateOperationContext(t.Context(), params)
	return errs
}

const (
	ofAdd    = `query($a: Add) { f(a: $a) }`
	ofNumber = `query($n: E164!) { f(n: $n) }`
	ofInt    = `query($i: Int = 3) { f(i: $i) }`
	ofList   = `query($l: [String!]) { f(l: $l) }`
)

// TestRightVariables are let through, among them values that stand for lists of themselves.
func TestRightVariables(t *testing.T) {
	for _, c := range [...]struct{ query, sent string }{
		{ofAdd, `{}`},
		{ofAdd, `{"a": null, "unknown": 7}`},
		{ofAdd, `{"a": {"id": 7, "name": ""}}`},
		{ofAdd, `{"a": {"id": "7", "name": "x", "primary": null, "tier": "HIGH", "filter": {"tiers": "LOW", "min": -2147483648, "share": 1}}}`},
		{ofAdd, `{"a": {"id": "7", "name": "x", "filter": {"tiers": [], "inner": {"inner": {"share": 0.5e-3, "since": "2026-11-21T15:04:05Z"}}}}}`},
		{ofAdd, `{"a": {"id": "7", "name": "x", "filter": {"numbers": "+573001234567", "grid": [[1, null], 2, null]}}}`},
		{ofNumber, `{"n": "+573001234567"}`},
		{ofInt, `{}`},
		{ofInt, `{"i": 2147483647}`},
		{ofList, `{"l": "one"}`},
		{ofList, `{"l": ["one", "two"]}`},
	} {
		if errs := ask(t, c.query, c.sent); len(errs) > 0 {
			t.Errorf("%s: %v", c.sent, errs)
		}
	}
}

// TestWrongVariables are refused with the place, what would be right and a code, and without the value.
func TestWrongVariables(t *testing.T) {
	const invalid = "GRAPHQL_VALIDATION_FAILED"
	for _, c := range [...]struct{ query, sent, argument, code, message string }{
		{ofNumber, `{}`, "n", invalid, "variable $n is missing: want E164!"},
		{ofNumber, `{"n": null}`, "n", invalid, "variable $n is null: want E164!"},
		{ofNumber, `{"n": "3001234567"}`, "n", "INVALID_NUMBER", "variable $n is not an E.164 number"},
		{ofNumber, `{"n": 573001234567}`, "n", "INVALID_NUMBER", ""},
		{ofInt, `{"i": 2147483648}`, "i", invalid, "variable $i is no Int: want a whole number of 32 bits"},
		{ofInt, `{"i": 1.5}`, "i", invalid, ""},
		{ofInt, `{"i": 1e400}`, "i", invalid, ""},
		{ofInt, `{"i": "7"}`, "i", invalid, ""},
		{ofInt, `{"i": true}`, "i", invalid, ""},
		{ofInt, `{"i": [7]}`, "i", invalid, ""},
		{ofList, `{"l": 7}`, "l", invalid, "variable $l is no String: want a text"},
		{ofList, `{"l": ["a", null]}`, "l.1", invalid, "variable $l.1 is null: want String!"},
		{ofList, `{"l": ["a", ["b"]]}`, "l.1", invalid, ""},
		{ofAdd, `{"a": 7}`, "a", invalid, "variable $a is no Add: want an object"},
		{ofAdd, `{"a": []}`, "a", invalid, ""},
		{ofAdd, `{"a": {"name": "x"}}`, "a.id", invalid, "variable $a.id is missing: want ID!"},
		{ofAdd, `{"a": {"id": 1.5, "name": "x"}}`, "a.id", invalid, "variable $a.id is no ID"},
		{ofAdd, `{"a": {"id": "1", "name": 5}}`, "a.name", invalid, ""},
		{ofAdd, `{"a": {"id": "1", "name": "x", "primary": "true"}}`, "a.primary", invalid, "variable $a.primary is no Boolean: want true or false"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "tier": null}}`, "a.tier", invalid, "variable $a.tier is null: want Tier!"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "tier": "low"}}`, "a.tier", invalid, "variable $a.tier is no Tier. Did you mean one of HIGH, LOW?"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "nam": 1}}`, "a", invalid, "variable $a holds nam, which Add does not have"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "+573001234567": 1}}`, "a", invalid, "variable $a holds a member, which Add does not have"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "__typename": "Add"}}`, "a", invalid, ""},
		{ofAdd, `{"a": {"id": "1", "name": "x", "filter": {"share": "0.5"}}}`, "a.filter.share", invalid, "variable $a.filter.share is no Float"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "filter": {"inner": {"since": "yesterday"}}}}`, "a.filter.inner.since", "INVALID_INPUT", "variable $a.filter.inner.since is not a moment in RFC 3339 form"},
		{ofAdd, `{"a": {"id": "1", "name": "x", "filter": {"numbers": ["+573001234567", "7"]}}}`, "a.filter.numbers.1", "INVALID_NUMBER", ""},
		{ofAdd, `{"a": {"id": "1", "name": "x", "filter": {"numbers": "7"}}}`, "a.filter.numbers.0", "INVALID_NUMBER", ""},
	} {
		errs := ask(t, c.query, c.sent)
		if len(errs) != 1 {
			t.Errorf("%s: %v", c.sent, errs)
			continue
		}
		err := errs[0]
		if err.Extensions["argument"] != c.argument || err.Extensions["code"] != c.code || !strings.HasPrefix(err.Message, c.message) ||
			err.Path != nil || len(err.Locations) != 1 {
			t.Errorf("%s: %q %v %v %v", c.sent, err.Message, err.Extensions, err.Path, err.Locations)
		}
		if strings.Contains(err.Message, "3001234567") {
			t.Errorf("%s: %q repeats the value", c.sent, err.Message)
		}
	}
}

// TestWhatMutationsWriteOut is held to custom scalars before anything is run; what queries write out is for their fields.
func TestWhatMutationsWriteOut(t *testing.T) {
	for query, argument := range map[string]string{
		`mutation { add(n: "+573001234567") }`:                                                "",
		`mutation { add(n: null, l: "+573001234567") b: add(l: []) }`:                         "",
		`mutation { add(a: {id: 1, name: "x", filter: {since: "2026-11-21T15:04:05Z"}}) }`:    "",
		`query { f(n: "3001234567") }`:                                                        "",
		`mutation { add(n: "3001234567") }`:                                                   "n",
		`mutation { add(n: 573001234567) }`:                                                   "n",
		`mutation { add b: add(l: ["+573001234567", "3001234567"]) }`:                         "l.1",
		`mutation { add(l: "3001234567") }`:                                                   "l",
		`mutation { add b: add(a: {id: 1, name: "x", filter: {inner: {since: "now"}}}) }`:     "a.filter.inner.since",
		`mutation { ...f } fragment f on Mutation { ... { add(n: "3001234567") } }`:           "n",
		`mutation($n: E164 = "3001234567") { add(n: $n) }`:                                    "n",
		`mutation($a: Add) { add(a: $a) b: add(l: [99999999999999999999]) }`:                  "l.0",
		`mutation($f: Filter = {numbers: ["+1"]}) { add(a: {id: 1, name: "x", filter: $f}) }`: "f.numbers.0",
	} {
		errs := ask(t, query, `{}`)
		switch {
		case argument == "" && len(errs) > 0, argument != "" && len(errs) != 1:
			t.Errorf("%s: %v", query, errs)
		case argument != "" && (errs[0].Extensions["argument"] != argument || len(errs[0].Locations) != 1 || strings.Contains(errs[0].Message, "3001234567")):
			t.Errorf("%s: %q %v %v; want %s", query, errs[0].Message, errs[0].Extensions, errs[0].Locations, argument)
		}
	}
}

// TestAllThatIsWrongIsTold at once, up to a bound.
func TestAllThatIsWrongIsTold(t *testing.T) {
	if errs := ask(t, ofAdd, `{"a": {"name": 1, "primary": 2, "x": 3}}`); len(errs) != 4 {
		t.Errorf("%v; want what is missing, what is wrong twice, and what is not known", errs)
	}
	many := `{"l": [` + strings.Repeat("7,", 1000) + `7]}`
	if errs := ask(t, ofList, many); len(errs) != 20 {
		t.Errorf("%d errors", len(errs))
	}
}

// TestEveryScalarIsKnown: a custom scalar without a check would have no right value.
func TestEveryScalarIsKnown(t *testing.T) {
	right := map[string]any{
		"E164": "+573001234567", "Time": "2026-11-21T15:04:05Z", "Duration": "P1D", "JSON": map[string]any{}, "Int64": json.Number("9007199254740993"),
	}
	for name, def := range graph.NewExecutableSchema(graph.Config{}).Schema().Types {
		if def.Kind != ast.Scalar || def.BuiltIn {
			continue
		}
		if err := scalar.Check(name, right[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if scalar.Check("Color", "red") == nil {
		t.Error("a scalar that is not known has a right value")
	}
}

// BenchmarkCheck is what an operation with a few variables pays.
func BenchmarkCheck(b *testing.B) {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: text})
	doc := gqlparser.MustLoadQueryWithRules(schema, ofAdd, rules.NewDefaultRules())
	params := &graphql.RawParams{Variables: map[string]any{"a": map[string]any{
		"id": "7", "name": "x", "tier": "HIGH", "filter": map[string]any{"min": json.Number("5"), "numbers": []any{"+573001234567", "+573001234568"}},
	}}}
	exec := variables.New(known{opCtx: &graphql.OperationContext{Operation: doc.Operations[0]}}, schema, scalar.Check)
	b.ReportAllocs()
	for b.Loop() {
		if _, errs := exec.CreateOperationContext(b.Context(), params); len(errs) > 0 {
			b.Fatal(errs)
		}
	}
}

// known stands for the executor where it has nothing to do.
type known struct {
	graphql.GraphExecutor
	opCtx *graphql.OperationContext
}

func (k known) CreateOperationContext(context.Context, *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	return k.opCtx, nil
}
