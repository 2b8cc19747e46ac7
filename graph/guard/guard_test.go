package guard

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"
)

func check(t testing.TB, query string) (limit string) {
	t.Helper()
	l := Limits{}.WithDefaults()
	doc, err := l.Parse(query)
	if err == nil {
		err = l.Check(doc)
	}
	if err == nil {
		return ""
	}
	if limit, ok := err.Extensions["limit"].(string); ok {
		return limit
	}
	return err.Extensions["code"].(string)
}

func nested(depth int) string {
	return strings.Repeat("{a", depth) + strings.Repeat("}", depth)
}

func TestLimits(t *testing.T) {
	for name, c := range map[string]struct{ query, want string }{
		"small":              {"{viewer{name}}", ""},
		"depth at the limit": {nested(15), ""},
		"depth beyond":       {nested(16), "depth"},
		"depth by fragments": {"{...f} fragment f on Q" + nested(16), "depth"},
		"fields at limit":    {"{" + strings.Repeat("a ", 1000) + "}", ""},
		"fields beyond":      {"{" + strings.Repeat("a ", 1001) + "}", "fields"},
		"fields of several operations": {
			"query x{" + strings.Repeat("a ", 600) + "} query y{" + strings.Repeat("a ", 600) + "}", "fields",
		},
		"tokens beyond":            {"{" + strings.Repeat("a ", 2100) + "}", "tokens"},
		"tokens of directives":     {"{a " + strings.Repeat("@x ", 1100) + "}", "tokens"},
		"first at limit":           {"{phones(first: 500){nodes{id}}}", ""},
		"first beyond":             {"{phones(first: 501){nodes{id}}}", "first"},
		"first beyond any integer": {"{phones(first: 1" + strings.Repeat("0", 60) + "){nodes{id}}}", "first"},
		"first deep inside":        {"{a{...f}} fragment f on Q {b{c(first:1000000000)}}", "first"},
		"a fragment of itself":     {"{...f} fragment f on Q {a{...f}}", "GRAPHQL_VALIDATION_FAILED"},
		"fragments in a circle":    {"{...f} fragment f on Q {...g} fragment g on Q {...f}", "GRAPHQL_VALIDATION_FAILED"},
		"unknown fragment":         {"{...f}", ""},
		"not GraphQL":              {"{", "GRAPHQL_PARSE_FAILED"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := check(t, c.query); got != c.want {
				t.Errorf("refused for %q; want %q", got, c.want)
			}
		})
	}
}

// fanOut is a document in which each fragment spreads the next one twice.
func fanOut(levels int) string {
	var b strings.Builder
	b.WriteString("{...f0}")
	for i := range levels {
		fmt.Fprintf(&b, " fragment f%d on Q {...f%d ...f%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Q {a}", levels)
	return b.String()
}

func TestFragmentFanOutCostsNoMoreThanItsText(t *testing.T) {
	for _, levels := range []int{5, 20, 100} {
		l := Limits{}.WithDefaults()
		doc, parseErr := l.Parse(fanOut(levels))
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		w := walker{definitions: map[string]*ast.FragmentDefinition{}, fragments: map[string]*measure{}, limits: l}
		for _, f := range doc.Fragments {
			w.definitions[f.Name] = f
		}
		w.selections(doc.Operations[0].SelectionSet)
		if most := 2*levels + 2; w.visited > most {
			t.Errorf("%d levels: %d selections looked at; want at most %d", levels, w.visited, most)
		}
		if err := l.Check(doc); levels > 9 && (err == nil || err.Extensions["limit"] != "fields") {
			t.Errorf("%d levels: %v; want refused for fields", levels, err)
		}
	}
}

func TestDocumentsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDocuments(Limits{})
		for i := range rapid.IntRange(0, 300).Draw(t, "documents") {
			size := rapid.IntRange(0, 2*maxTextBytes).Draw(t, "size")
			d.Add(context.Background(), fmt.Sprint(i)+strings.Repeat(" ", size), &ast.QueryDocument{})
		}
		sum := 0
		for text := range d.byText {
			sum += len(text)
		}
		if sum != d.bytes || sum > maxDocumentBytes || d.recent.Len() != len(d.byText) {
			t.Fatalf("%d documents in order, %d by text, %d bytes counted, %d held",
				d.recent.Len(), len(d.byText), d.bytes, sum)
		}
	})
}

func TestDocumentsForgetTheOldest(t *testing.T) {
	d, ctx := NewDocuments(Limits{}), t.Context()
	for i := range maxDocuments + 1 {
		d.Add(ctx, fmt.Sprint(i), &ast.QueryDocument{})
		d.Get(ctx, "0")
	}
	if _, ok := d.Get(ctx, "0"); !ok {
		t.Error("the document used last was forgotten")
	}
	if _, ok := d.Get(ctx, "1"); ok {
		t.Error("the document not used for longest was kept")
	}
}

func TestWhatIsKeptIsNotCheckedAgain(t *testing.T) {
	d, ctx := NewDocuments(Limits{}), t.Context()
	params := &graphql.RawParams{Query: nested(16)}
	if err := d.MutateOperationParameters(ctx, params); err == nil {
		t.Fatal("too deep a document passed")
	}
	params.Query = nested(3)
	if err := d.MutateOperationParameters(ctx, params); err != nil {
		t.Fatal(err)
	}
}

func FuzzGuard(f *testing.F) {
	f.Add("{viewer{name}}")
	f.Add(nested(20))
	f.Add(fanOut(12))
	f.Add("query($f:Int=501){a(first:$f) ...on Q{b} ...c} fragment c on Q{d}")
	f.Add("{phones(first:99999999999999999999999){edges{node{id}}}}")
	f.Fuzz(func(t *testing.T, query string) {
		l := Limits{}.WithDefaults()
		doc, err := l.Parse(query)
		if err != nil {
			return
		}
		if err := l.Check(doc); err != nil && err.Extensions["code"] == nil {
			t.Errorf("refused without a code: %v", err)
		}
	})
}
