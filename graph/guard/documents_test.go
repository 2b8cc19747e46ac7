package guard

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"
)

func TestDocumentsAreBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewDocuments(theSchema, Limits{}, nil)
		for i := range rapid.IntRange(0, 300).Draw(t, "documents") {
			memory := rapid.IntRange(0, 2*maxKeptBytes).Draw(t, "memory")
			text := fmt.Sprint(i) + strings.Repeat(" ", rapid.IntRange(0, 1000).Draw(t, "text"))
			d.add(&document{text: text, size: Size{memory: memory}})
		}
		sum := 0
		for text, e := range d.byText {
			kept := e.Value.(*document)
			if sum += kept.bytes(); kept.text != text || kept.bytes() < len(text)+kept.size.memory {
				t.Fatalf("%q is kept for %q as %d bytes", kept.text, text, kept.bytes())
			}
		}
		if sum != d.bytes || sum > maxDocumentBytes || d.recent.Len() != len(d.byText) {
			t.Fatalf("%d documents in order, %d by text, %d bytes counted, %d held",
				d.recent.Len(), len(d.byText), d.bytes, sum)
		}
	})
}

func TestDocumentsForgetTheOldest(t *testing.T) {
	d := NewDocuments(theSchema, Limits{}, nil)
	for i := range maxDocuments + 1 {
		d.add(&document{text: fmt.Sprint(i)})
		d.get("0")
	}
	if d.get("0") == nil {
		t.Error("the document used last was forgotten")
	}
	if d.get("1") != nil {
		t.Error("the document not used for longest was kept")
	}
}

// What the cache counts is what it holds: within a factor, as the collector of memory sees it.
func TestDocumentsCountTheirMemory(t *testing.T) {
	g := New(theSchema, Limits{})
	for name, text := range map[string]string{
		"fields":     "query q# { viewer {" + many(900, "name ") + "} }",
		"arguments":  "query q# { phones(first: 5, after: \"x\") { nodes {" + many(100, "customers(first: 1, after: \"y\") { nodes { number } } ") + "} } }",
		"values":     "query q# { phones(filter: {customerIds: [" + many(900, `"c" `) + "]}) { totalCount } }",
		"fragments":  "query q# {" + many(90, "...f# ") + "}" + many(90, " fragment f# on Query { viewer { name } }"),
		"inline":     "query q# { viewer {" + many(400, "...{name} ") + "} }",
		"directives": "query q# { viewer {" + many(45, "name @include(if: true) ") + "} }",
		"type names": "query q# { viewer {" + many(900, "__typename ") + "} }",
		"variables":  "query q#(" + many(150, "$v#: [Int!] = [1] ") + ") { phones(filter: {customerIds: [" + many(150, "$v# ") + "]}) { totalCount } }",
		"comments":   "query q# { viewer {" + strings.Repeat("name #xxxxx\n ", 450) + "} }",
		"small":      "query q# { viewer { name } }",
		"long":       "query q# { viewer { name } } #" + strings.Repeat("x", 20_000),
	} {
		t.Run(name, func(t *testing.T) {
			const copies = 60
			kept := make([]*document, copies)
			before := heap()
			counted := 0
			for i := range kept {
				text := strings.ReplaceAll(text, "q#", fmt.Sprint("q", i))
				doc, err := g.limits.Parse(text)
				if err != nil {
					t.Fatal(err)
				}
				size, err := g.limits.Check(doc)
				if err != nil && name != "fragments" {
					t.Fatal(err)
				}
				_ = g.validate(doc) // of no matter here: what it adds to the document is
				kept[i] = &document{text: text, doc: doc, size: size}
				counted += kept[i].bytes()
			}
			held := heap() - before
			if counted < held || counted > 3*held {
				t.Errorf("%d bytes are counted, %d are held", counted/copies, held/copies)
			}
			runtime.KeepAlive(kept)
		})
	}
}

func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// What was let in is neither parsed nor validated again, by nobody.
func TestWhatIsKeptIsNotLookedAtAgain(t *testing.T) {
	s := newServer(t, Limits{})
	first, errs := s.ask(t, "{ viewer { name } }", nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	second, errs := s.ask(t, "{ viewer { name } }", nil)
	if len(errs) > 0 || s.validations != 1 || first.Doc != second.Doc {
		t.Errorf("validated %d times, %v", s.validations, errs)
	}
	if cost := second.Stats.GetExtension(StatCost); cost != 2 {
		t.Errorf("its cost is noted as %v; want 2", cost)
	}
}

// A document that is too large to be kept is validated once all the same.
func TestWhatIsTooLargeToKeepIsValidatedOnce(t *testing.T) {
	s := newServer(t, Limits{Bytes: 4 << 20})
	query := "{ viewer { name } } #" + strings.Repeat("x", maxKeptBytes)
	for want := 1; want <= 2; want++ {
		if _, errs := s.ask(t, query, nil); len(errs) > 0 || s.validations != want || s.documents.recent.Len() != 0 {
			t.Errorf("validated %d times, %d kept, %v", s.validations, s.documents.recent.Len(), errs)
		}
	}
}

// Floods of documents that differ in a name, a space or a comment take no more memory than is meant for documents, put
// nothing in the place of another, and nothing that was refused is kept.
func TestPoisoning(t *testing.T) {
	s := newServer(t, Limits{})
	used := "query Used { viewer { name } }"
	if _, errs := s.ask(t, used, nil); len(errs) > 0 {
		t.Fatal(errs)
	}
	for i := range 2000 {
		for _, poison := range []string{
			fmt.Sprintf("query Used { viewer { name } } #%d%s", i, strings.Repeat("x", 8000)),
			fmt.Sprintf("query Used { viewer { name%d } }", i),
			"query Used { viewer { role }" + strings.Repeat(" ", i),
			"query Used { viewer { role } }" + strings.Repeat("}", i%3+1),
		} {
			_, _ = s.ask(t, poison, nil)
		}
		operation, errs := s.ask(t, used, nil)
		if len(errs) > 0 || operation.RawQuery != used || operation.Stats.GetExtension(StatCost) != 2 {
			t.Fatalf("%v of %s", errs, operation.RawQuery)
		}
	}
	if s.documents.bytes > maxDocumentBytes || s.documents.recent.Len() > maxDocuments {
		t.Errorf("%d documents, %d bytes are kept", s.documents.recent.Len(), s.documents.bytes)
	}
	for text := range s.documents.byText {
		if _, _, errs := s.documents.guard.Read(text); len(errs) > 0 {
			t.Errorf("%.100q is kept, and refused: %v", text, errs)
		}
	}
	if s.validations > 2000*6 {
		t.Errorf("validated %d times: what is used all the time was forgotten", s.validations)
	}
}

func TestAnswersTellTheCostWhereAsked(t *testing.T) {
	for name, c := range map[string]struct {
		request graphql.RawParams
		told    bool
	}{
		"not asked":     {graphql.RawParams{}, false},
		"by extension":  {graphql.RawParams{Extensions: map[string]any{"cost": true}}, true},
		"by header":     {graphql.RawParams{Headers: map[string][]string{"X-Cost": {"true"}}}, true},
		"another value": {graphql.RawParams{Extensions: map[string]any{"cost": "yes"}, Headers: map[string][]string{"X-Cost": {"1"}}}, false},
	} {
		s := newServer(t, Limits{})
		c.request.Query = "{ a: viewer { name } }"
		ctx := graphql.StartOperationTrace(t.Context())
		operation, errs := s.CreateOperationContext(ctx, &c.request)
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		answer := s.documents.InterceptResponse(graphql.WithOperationContext(ctx, operation), func(context.Context) *graphql.Response { return &graphql.Response{} })
		got, told := answer.Extensions["cost"].(map[string]Count)
		if told != c.told {
			t.Errorf("%s: %v; want it told: %t", name, answer.Extensions, c.told)
		}
		want := map[string]Count{
			"cost": {2, 250_000}, "bytes": {22, 65_536}, "tokens": {8, 2000}, "depth": {2, 15}, "aliases": {1, 30},
			"directives": {0, 50}, "rootFields": {1, 20}, "fields": {2, 1000}, "work": {2, 20_000},
		}
		if told && fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v; want %v", name, got, want)
		}
	}
}
