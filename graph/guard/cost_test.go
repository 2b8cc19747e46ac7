package guard

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// introspection is the query of graphql-js 16, with all of its options, as GraphiQL and the code generators send it.
func introspection(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/introspection.graphql")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// read takes a document in that is within the limits.
func read(t testing.TB, g *Guard, text string) (*ast.QueryDocument, Size) {
	t.Helper()
	doc, size, errs := g.Read(text)
	if len(errs) > 0 {
		t.Fatalf("%v in %.500s", errs, text)
	}
	return doc, size
}

// cost counts the cost of the first operation of a document with variables as they are sent.
func cost(t testing.TB, g *Guard, text string, sent map[string]any) (int, *gqlerror.Error) {
	t.Helper()
	doc, _ := read(t, g, text)
	variables, err := validator.VariableValues(theSchema, doc.Operations[0], sent)
	if err != nil {
		t.Fatal(err)
	}
	return g.Cost(doc.Operations[0], variables)
}

func TestCost(t *testing.T) {
	g := New(theSchema, Limits{})
	page := `query($n: Int) { phones(first: $n) { nodes { id } } }`
	withDefault := `query($n: Int = 7) { phones(first: $n) { nodes { id } } }`
	numbers := `mutation($i: StartValidationJobInput!) { startValidationJob(input: $i) { created } }`
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		want      int
	}{
		"a value":                {`{ viewer { name } }`, nil, 2},
		"page of the usual size": {`{ phones { nodes { id } } }`, nil, 52},
		"page":                   {`{ phones(first: 10) { nodes { id } } }`, nil, 12},
		"by edges":               {`{ phones(first: 10) { edges { cursor node { id } } } }`, nil, 2 + 10*3},
		"beside the entries":     {`{ phones(first: 10) { pageInfo { endCursor } nodes { id } } }`, nil, 2 + 10 + 2},
		"count of a page":        {`{ phones(first: 10) { totalCount } }`, nil, 1 + 10},
		"both lists of a page":   {`{ phones(first: 10) { nodes { id } edges { node { id } } } }`, nil, 1 + 11 + 21},
		"page in a page":         {`{ phones(first: 10) { nodes { customers(first: 20) { nodes { number } } } } }`, nil, 2 + 10*(2+20)},
		"usual page in a page":   {`{ phones(first: 10) { nodes { customers { nodes { number } } } } }`, nil, 2 + 10*(2+50)},
		"list without first":     {`{ platforms { platform } }`, nil, 1 + 6},
		"list in a page":         {`{ phones(first: 10) { nodes { validations { status } } } }`, nil, 2 + 10*(1+6)},
		"list of values":         {`{ phones(first: 10) { nodes { timezones } } }`, nil, 2 + 10},
		"heavy field":            {`{ registryStats { phones } }`, nil, 51},
		"first in a variable":    {page, map[string]any{"n": 100}, 102},
		"as JSON":                {page, map[string]any{"n": json.Number("100")}, 102},
		"null":                   {page, map[string]any{"n": nil}, 52},
		"not sent":               {page, nil, 52},
		"default of a variable":  {withDefault, nil, 9},
		"over its default":       {withDefault, map[string]any{"n": 3}, 5},
		"no entries":             {`{ phones(first: 0) { nodes { id } } }`, nil, 2},
		"less than none":         {page, map[string]any{"n": math.MinInt32}, 2},
		"spread twice":           {`{ phones(first: 10) { ...p ...p } } fragment p on PhoneConnection { nodes { id } }`, nil, 1 + 2*11},
		"spread at two sizes": {
			`{ a: phones(first: 10) { ...p } b: phones(first: 20) { ...p } } fragment p on PhoneConnection { nodes { id } totalCount }`,
			nil, 12 + 10 + 22 + 10,
		},
		"inline":                {`{ phones(first: 10) { ... on PhoneConnection { nodes { ... { id } } } } }`, nil, 12},
		"of any type":           {`{ node(id: "x") { id ... on Phone { number region } ... on Customer { customerId } } }`, nil, 5},
		"skipped":               {`{ viewer { name @skip(if: true) } }`, nil, 2},
		"type names":            {`{ __typename phones(first: 10) { __typename nodes { __typename } } }`, nil, 2 + 2 + 10},
		"list of ids":           {`{ phones(first: 1, filter: {customerIds: ["a", "b", "c"], regions: ["CO"]}) { totalCount } }`, nil, 1 + 4 + 10},
		"ids in a variable":     {`query($f: PhoneFilter) { phones(filter: $f) { totalCount } }`, map[string]any{"f": map[string]any{"customerIds": []any{"a", "b"}}}, 13},
		"ids twice":             {`query($i: [String!]) { a: phones(filter: {customerIds: $i}) { totalCount } b: phones(filter: {customerIds: $i}) { totalCount } }`, map[string]any{"i": []any{"a", "b"}}, 26},
		"one id for a list":     {`query($i: [String!]) { phones(filter: {customerIds: $i}) { totalCount } }`, map[string]any{"i": "a"}, 11},
		"ten thousand numbers":  {numbers, map[string]any{"i": map[string]any{"name": "x", "platforms": []any{"WHATSAPP"}, "target": map[string]any{"numbers": texts(10_000)}}}, 2 + 10_001},
		"a subscription":        {`subscription { leadScoreChanged { total phone { number } } }`, nil, 4},
		"one customer's phones": {`{ customer(customerId: "c") { phones { number isPrimary } } }`, nil, 2 + 10*2},
		"five hundred phones":   {`{ phones(first: 500) { nodes { id number region lineType isValid planVersion createdAt updatedAt location } } }`, nil, 2 + 500*9},
		"500 with 50 customers": {`{ phones(first: 500) { nodes { number customers(first: 50) { nodes { customerId } } } } }`, nil, 2 + 500*(3+50)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cost(t, g, c.query, c.variables)
			if err != nil || got != c.want {
				t.Errorf("%d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func texts(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = "x"
	}
	return list
}

func TestCostsTooMuch(t *testing.T) {
	g := New(theSchema, Limits{})
	deep := `{ phones(first: 500) { nodes { customers(first: 500) { nodes { phone { customers(first: 500) { nodes { number } } } } } } } }`
	for name, c := range map[string]struct {
		query     string
		variables map[string]any
		limit     string
		value     int
	}{
		"pages in pages":         {deep, nil, limitCost, 2 + 500*(2+500*(3+500))},
		"the same by variables":  {strings.ReplaceAll("query($n: Int)"+deep, "500", "$n"), map[string]any{"n": 500}, limitCost, 2 + 500*(2+500*(3+500))},
		"first by variable":      {`query($n: Int) { phones(first: $n) { nodes { id } } }`, map[string]any{"n": 501}, limitFirst, 501},
		"first by default":       {`query($n: Int = 501) { phones(first: $n) { nodes { id } } }`, nil, limitFirst, 501},
		"first, nothing below":   {`query($n: Int) { phones(first: $n) { __typename } }`, map[string]any{"n": math.MaxInt32}, limitFirst, saturated},
		"first in a fragment":    {`query($n: Int) { ...f } fragment f on Query { phones(first: $n) { __typename } }`, map[string]any{"n": 1000}, limitFirst, 1000},
		"all types of all types": {`{ __schema { types { possibleTypes { interfaces { possibleTypes { interfaces { name } } } } } ` + many(19, "a#: __typename ") + `} }`, nil, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if c.limit == "" {
				if _, _, errs := g.Read(c.query); len(errs) == 0 {
					t.Error("let in")
				}
				return
			}
			_, err := cost(t, g, c.query, c.variables)
			if err == nil || err.Extensions["limit"] != c.limit || err.Extensions["value"] != min(c.value, saturated) {
				t.Errorf("%v %v; want %s %d", err, err.Extensions, c.limit, c.value)
			}
		})
	}
}

// The tools of others read the whole schema; nobody reads it many times over at once.
func TestIntrospection(t *testing.T) {
	g := New(theSchema, Limits{})
	whole, err := cost(t, g, introspection(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	if most := g.Limits().Cost; whole < most/2 || whole > most*4/5 {
		t.Errorf("the whole schema costs %d of %d: want it to be read once, and room for it to grow", whole, most)
	}
	t.Logf("the whole schema costs %d", whole)
	fragments := introspection(t)
	fragments = fragments[strings.Index(fragments, "fragment "):]
	often := "{" + many(5, "a#: __schema { types { ...FullType } directives { args { ...InputValue } } }") + "}" + fragments
	if _, _, errs := g.Read(often); len(errs) != 1 || errs[0].Extensions["limit"] != limitFields {
		t.Errorf("five times the whole schema: %v; want it refused", errs)
	}
	arguments := "{" + many(10, "a#: __schema { types { fields { args { type { ...TypeRef } } } } }") + "}" + fragments[strings.LastIndex(fragments, "fragment "):]
	if _, err := cost(t, g, arguments, nil); err == nil || err.Extensions["limit"] != limitCost {
		t.Errorf("ten times all arguments: %v; want it refused", err)
	}
	for _, circle := range []string{
		`{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } }`,
		`{ __type(name: "Query") { fields { type { fields { type { fields { type { fields { name } } } } } } } } }`,
		`{ __schema { types { ...t } } } fragment t on __Type { fields { type { fields { type { ...u } } } } } fragment u on __Type { inputFields { type { possibleTypes { name } } } }`,
	} {
		if _, _, errs := g.Read(circle); len(errs) == 0 {
			t.Errorf("let in: %s", circle)
		}
	}
}

func TestEveryListHasASize(t *testing.T) {
	known, sizes, weights := introspectionSizes(theSchema), listSizes(), weights()
	used := map[string]bool{}
	for _, def := range theSchema.Types {
		if def.Kind != ast.Object && def.Kind != ast.Interface {
			continue
		}
		for _, f := range def.Fields {
			name := def.Name + "." + f.Name
			_, heavy := weights[name]
			of := theSchema.Types[f.Type.Name()]
			entries := def.Fields.ForName("pageInfo") != nil
			if f.Type.Elem == nil || entries || !of.IsCompositeType() {
				used[name] = heavy
				continue
			}
			used[name] = true
			if known[name] == 0 && sizes[name] == 0 && f.Name != "userErrors" {
				t.Errorf("%s has no size in listSizes", name)
			}
		}
	}
	for name := range sizes {
		if !used[name] {
			t.Errorf("%s is no list of the schema", name)
		}
	}
	for name := range weights {
		if !used[name] {
			t.Errorf("%s is no field of the schema", name)
		}
	}
}

// A page size must not be something else to the one who counts than to the one who reads.
func TestSizeOfAPageThatIsAText(t *testing.T) {
	g := New(theSchema, Limits{})
	query := `query($n: Int) { phones(first: $n) { nodes { customers(first: $n) { nodes { number } } } } }`
	for text, want := range map[string]int{"10": 2 + 10*(2+10), "500": 2 + 500*(2+500)} {
		asText, _ := cost(t, g, query, map[string]any{"n": text})
		asNumber, _ := cost(t, g, query, map[string]any{"n": json.Number(text)})
		if asText != want || asNumber != want {
			t.Errorf("first: %s costs %d as a text and %d as a number: want %d", text, asText, asNumber, want)
		}
	}
	if _, err := cost(t, g, query, map[string]any{"n": "501"}); err == nil || err.Extensions["limit"] != limitFirst {
		t.Errorf("first: 501 as a text is refused as %v", err)
	}
}
