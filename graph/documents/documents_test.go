package documents

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"phoneregistry/graph/guard"
)

const viewer, platforms = "{ viewer }", "query P { platforms }"

func trusted(t testing.TB, lists ...map[string]string) *Trusted {
	t.Helper()
	list, err := Trust(schema(), guard.Limits{}, lists...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func schema() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Input: "type Query { viewer: String platforms: String me: Query }"})
}

func byHash(hash string) map[string]any {
	return map[string]any{hashExtension: map[string]any{"version": json.Number("1"), "sha256Hash": hash}}
}

func byID(id any) map[string]any { return map[string]any{IDExtension: id} }

// ask sends a request as the executor would, and returns the document that is to run, or the code of the refusal.
func (d *Documents) ask(t testing.TB, query string, extensions map[string]any) (text, code string) {
	t.Helper()
	operation := &graphql.OperationContext{}
	params := &graphql.RawParams{Query: query, Extensions: extensions}
	if err := d.MutateOperationParameters(graphql.WithOperationContext(t.Context(), operation), params); err != nil {
		code, _ = err.Extensions["code"].(string)
		return "", code
	}
	operation.RawQuery = params.Query
	if err := d.MutateOperationContext(t.Context(), operation); err != nil {
		t.Fatal(err)
	}
	return params.Query, ""
}

func TestRequests(t *testing.T) {
	list := trusted(t, map[string]string{"viewer-1": viewer, "0cc175b9c0f1b6a831c399e269772661": platforms})
	all, only, off := Config{Trusted: list}, Config{Trusted: list, Only: true}, Config{Trusted: list, NoAutomatic: true}
	other := "{ me { viewer } }"
	for name, c := range map[string]struct {
		config     Config
		query      string
		extensions map[string]any
		text, code string
	}{
		"plain":                     {all, other, nil, other, ""},
		"id":                        {all, "", byID("viewer-1"), viewer, ""},
		"md5 as id":                 {all, "", byID("0cc175b9c0f1b6a831c399e269772661"), platforms, ""},
		"hash as id":                {all, "", byID(hashOf(viewer)), viewer, ""},
		"prefixed hash as id":       {all, "", byID(sha256Prefix + hashOf(viewer)), viewer, ""},
		"unknown id":                {all, "", byID("viewer-2"), "", CodeUnknownID},
		"bad id":                    {all, "", byID("a b"), "", CodeBadRequest},
		"long id":                   {all, "", byID(strings.Repeat("a", 129)), "", CodeBadRequest},
		"id of another kind":        {all, viewer, byID(7), "", CodeBadRequest},
		"id and document":           {all, viewer, byID("viewer-1"), viewer, ""},
		"id and another document":   {all, platforms, byID("viewer-1"), "", CodeBadRequest},
		"hash and another document": {all, other, byID(sha256Prefix + hashOf(viewer)), "", CodeBadRequest},
		"foreign hash and document": {all, other, byID(sha256Prefix + hashOf("x")), "", CodeBadRequest},
		"unknown id and document":   {all, other, byID("x"), other, ""},
		"trusted by hash":           {all, "", byHash(hashOf(platforms)), platforms, ""},
		"trusted by id as hash":     {all, "", byHash("viewer-1"), viewer, ""},
		"id as hash, and document":  {all, viewer, byHash("viewer-1"), viewer, ""},
		"unknown hash":              {all, "", byHash(hashOf(other)), "", CodeNotFound},
		"no hash":                   {all, "", byHash("xyz"), "", CodeBadRequest},
		"hash in capitals":          {all, "", byHash(strings.ToUpper(hashOf(other))), "", CodeBadRequest},
		"wrong hash":                {all, other, byHash(hashOf(viewer)), "", CodeBadRequest},
		"right hash":                {all, other, byHash(hashOf(other)), other, ""},
		"not an object":             {all, other, map[string]any{hashExtension: "x"}, "", CodeBadRequest},
		"another version":           {all, other, map[string]any{hashExtension: map[string]any{"version": json.Number("2"), "sha256Hash": hashOf(other)}}, "", CodeBadRequest},
		"nulls":                     {all, "", map[string]any{hashExtension: nil, IDExtension: nil}, "", CodeBadRequest},
		"automatic is off":          {off, "", byHash(hashOf(other)), "", CodeNotSupported},
		"off, with document":        {off, other, byHash(hashOf(other)), other, ""},
		"only, by id":               {only, "", byID("viewer-1"), viewer, ""},
		"only, by hash":             {only, "", byHash(hashOf(viewer)), viewer, ""},
		"only, by text":             {only, viewer, nil, viewer, ""},
		"only, other text":          {only, other, nil, "", CodeNotTrusted},
		"only, a space more":        {only, viewer + " ", nil, "", CodeNotTrusted},
		"only, other text as id":    {only, other, byID("viewer-1"), "", CodeNotTrusted},
		"only, other id":            {only, "", byID("viewer-2"), "", CodeNotTrusted},
		"only, other hash":          {only, "", byHash(hashOf(other)), "", CodeNotTrusted},
		"only, other with hash":     {only, other, byHash(hashOf(other)), "", CodeNotTrusted},
	} {
		t.Run(name, func(t *testing.T) {
			if text, code := New(c.config).ask(t, c.query, c.extensions); text != c.text || code != c.code {
				t.Errorf("%q %s; want %q %s", text, code, c.text, c.code)
			}
		})
	}
}

func TestWhatIsSentWithItsHashIsKept(t *testing.T) {
	text := "{ viewer platforms }"
	for name, c := range map[string]struct {
		config Config
		kept   bool
	}{"automatic": {Config{}, true}, "off": {Config{NoAutomatic: true}, false}} {
		d := New(c.config)
		if _, code := d.ask(t, text, byHash(hashOf(text))); code != "" {
			t.Fatalf("%s: %s", name, code)
		}
		for _, extensions := range []map[string]any{byHash(hashOf(text)), byID(sha256Prefix + hashOf(text))} {
			if got, _ := d.ask(t, "", extensions); (got == text) != c.kept {
				t.Errorf("%s: %q; want it kept: %t", name, got, c.kept)
			}
		}
	}
	if d := New(Config{}); d.sent.bytes != 0 {
		t.Error("a new cache is not empty")
	}
}

func TestWhatIsRefusedLaterIsNotKept(t *testing.T) {
	d := New(Config{})
	params := &graphql.RawParams{Query: "{", Extensions: byHash(hashOf("{"))}
	ctx := graphql.WithOperationContext(t.Context(), &graphql.OperationContext{})
	if err := d.MutateOperationParameters(ctx, params); err != nil {
		t.Fatal(err)
	}
	// The executor goes no further with a document that does not parse.
	if _, code := d.ask(t, "", byHash(hashOf("{"))); code != CodeNotFound {
		t.Errorf("%s; want %s", code, CodeNotFound)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newCache()
		for i := range rapid.IntRange(0, 400).Draw(t, "texts") {
			text := fmt.Sprint(i) + strings.Repeat(" ", rapid.IntRange(0, 2*maxTextBytes).Draw(t, "size"))
			c.add(hashOf(text), text)
		}
		sum := 0
		for hash, e := range c.byHash {
			text := e.Value.(*sentText).text
			if sum += len(hash) + len(text); len(text) > maxTextBytes {
				t.Fatalf("a text of %d bytes was kept", len(text))
			}
		}
		if sum != c.bytes || sum > maxSentBytes || c.recent.Len() != len(c.byHash) {
			t.Fatalf("%d in order, %d by hash, %d bytes counted, %d held", c.recent.Len(), len(c.byHash), c.bytes, sum)
		}
	})
}

func TestTheCacheForgetsTheOldest(t *testing.T) {
	c := newCache()
	for i := range maxSent + 1 {
		c.add(fmt.Sprint(i), "x")
		c.add("0", "x")
	}
	if _, ok := c.get("0"); !ok || len(c.byHash) != maxSent {
		t.Errorf("what was used last was forgotten, or %d are kept", len(c.byHash))
	}
	if _, ok := c.get("1"); ok {
		t.Error("what was not used for longest was kept")
	}
}

func TestTrust(t *testing.T) {
	if list := trusted(t, map[string]string{"a": viewer, "b": viewer}, map[string]string{"a": viewer, "c": platforms}); list.Len() != 2 {
		t.Errorf("%d documents; want 2", list.Len())
	}
	for id, c := range map[string]struct{ text, want string }{
		"no-parse":                    {"{", "Expected Name"},
		"no-field":                    {"{ nothing }", "Cannot query field"},
		"no-operation":                {"fragment f on Query { viewer }", "no operation"},
		"empty":                       {"", "no operation"},
		"too-deep":                    {strings.Repeat("{me", 16) + "{viewer" + strings.Repeat("}", 17), "depth is 17, at most 15"},
		sha256Prefix + hashOf(viewer): {platforms, "not the SHA-256"},
		"taken":                       {platforms, "another document"},
	} {
		_, err := Trust(schema(), guard.Limits{}, map[string]string{"taken": viewer}, map[string]string{id: c.text})
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), id) {
			t.Errorf("%s: %v; want %s, and the id", id, err, c.want)
		}
	}
}

func TestRead(t *testing.T) {
	got, err := Read(strings.NewReader(` {"a": "{ viewer }", "x-app:b.1~c": "\u007b}"} `))
	if err != nil || len(got) != 2 || got["x-app:b.1~c"] != "{}" {
		t.Errorf("%v %v", got, err)
	}
	for text, want := range map[string]string{
		``: "not a JSON object", `[]`: "not a JSON object", `"a"`: "not a JSON object", `{"a":1}`: "not a text",
		`{"a":null}`: "not a text", `{"a":"b","a":"b"}`: "there twice", `{"a":"b"`: "not JSON", `{"a":"b"}{}`: "follows",
		`{"a b":"c"}`: "is not 1 to 128", `{"":"c"}`: "is not 1 to 128", `{"a":{"b":"c"}}`: "not a text", `{a`: "not JSON",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", text, err, want)
		}
	}
	if _, err := Read(strings.NewReader(`{"a":"` + strings.Repeat(" ", maxFileBytes))); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a huge file: %v", err)
	}
}

func FuzzRequests(f *testing.F) {
	list := trusted(f, map[string]string{"viewer-1": viewer})
	for _, seed := range [][2]string{
		{"", `{"documentId":"viewer-1"}`}, {viewer, `{"documentId":"sha256:x"}`}, {"", `{"documentId":7}`}, {"", `null`},
		{"", `{"persistedQuery":{"version":1,"sha256Hash":"` + hashOf(viewer) + `"}}`}, {"{me}", `{"persistedQuery":{}}`},
		{"{me}", `{"persistedQuery":{"version":1.0,"sha256Hash":"` + hashOf("{me}") + `"},"documentId":"a"}`},
		{"", `{"persistedQuery":[{"version":1e0}]}`}, {"{me}", `{"persistedQuery":null,"documentId":null}`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, query, text string) {
		var extensions map[string]any
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if dec.Decode(&extensions) != nil {
			return
		}
		for _, c := range []Config{{Trusted: list}, {Trusted: list, Only: true}, {NoAutomatic: true}} {
			got, code := New(c).ask(t, query, extensions)
			switch {
			case (got == "") == (code == ""):
				t.Fatalf("%+v: %q %q; want a document or a code", c, got, code)
			case c.Only && code == "" && got != viewer:
				t.Fatalf("%q is not trusted, and would run", got)
			case code == "" && query != "" && got != query:
				t.Fatalf("%q was sent, and %q would run", query, got)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"a":"{ viewer }"}`, `{"a":"b","a":"c"}`, `{"a":"b"}{}`, `[]`, `{"a":{}}`, `{"a":"b",}`, ``} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		documents, err := Read(strings.NewReader(text))
		if err != nil {
			return
		}
		var again map[string]string
		if json.Unmarshal([]byte(text), &again) != nil || len(again) != len(documents) {
			t.Fatalf("%q was read as %v", text, documents)
		}
	})
}
