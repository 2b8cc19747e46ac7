package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"
)

// byLibrary reads a request by encoding/json, which takes names of members in any capitalisation.
func byLibrary(body []byte) (*graphql.RawParams, string) {
	var read struct {
		Query         *string        `json:"query"`
		DocumentID    *string        `json:"documentId"`
		RelayID       *string        `json:"doc_id"`
		OperationName *string        `json:"operationName"`
		Variables     map[string]any `json:"variables"`
		Extensions    map[string]any `json:"extensions"`
	}
	switch trimmed := bytes.TrimLeft(body, " \t\r\n"); {
	case len(trimmed) == 0:
		return nil, "the body is empty: want a JSON object with `query`"
	case trimmed[0] == '[':
		return nil, "several operations in one request are not supported"
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&read); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
			return nil, "`" + wrong.Field + "` is of the wrong type"
		}
		return nil, "the body is not a JSON object with `query`"
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, "the body is not a JSON object with `query`"
	}
	if !utf8.Valid(body) { // which the library makes fit
		return nil, "the body is not UTF-8"
	}
	params := &graphql.RawParams{Variables: read.Variables, Extensions: read.Extensions}
	if read.Query != nil {
		params.Query = *read.Query
	}
	if read.OperationName != nil {
		params.OperationName = *read.OperationName
	}
	id := read.DocumentID
	if id == nil {
		id = read.RelayID
	}
	if id != nil && *id != "" {
		setID(params, *id)
	}
	return params, ""
}

// hasOtherCapitals tells that a member is there which encoding/json takes for one of ours, and we do not.
func hasOtherCapitals(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	for depth := 0; ; {
		token, err := dec.Token()
		if err != nil {
			return false
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				depth++
			} else {
				depth--
			}
		case string: // a value may be one of these as well, which leaves out a little
			for _, name := range []string{"query", "documentId", relayID, "operationName", "variables", "extensions"} {
				if depth == 1 && token != name && strings.EqualFold(token, name) {
					return true
				}
			}
		}
	}
}

// sameAsLibrary reads a request by both.
func sameAsLibrary(t rapid.TB, body []byte) {
	t.Helper()
	got, wrong := newBodies(Config{MaxBody: 1 << 20}).params(body)
	if hasOtherCapitals(body) || (wrong != nil && wrong.code == CodeTooLarge) {
		return
	}
	want, message := byLibrary(body)
	if wrong != nil {
		if wrong.message != message {
			t.Fatalf("%q: %s; want %q", body, wrong.message, message)
		}
		return
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q: %+v; want %+v, %s", body, got, want, message)
	}
	for i := range body { // buffers are used again
		body[i] = 'x'
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("what was read has changed with its buffer: %+v; want %+v", got, want)
	}
}

func TestBodiesAreReadAsByTheLibrary(t *testing.T) {
	deep := func(n int) string {
		return `{"variables":` + strings.Repeat(`{"a":[`, n/2) + strings.Repeat("]}", n/2) + `}`
	}
	for _, body := range []string{
		"", " \t\r\n", "[", " [1]", "null", " null ", "nul", "nullx", "true", "7", `"x"`, "{", "}", "{}", " {} ", "{}{}", "{},", "{} x", "{}\x00", "\x00",
		"\ufeff{}", `{"query":"{a}"}`, `{"query":"{a}",}`, `{,"query":"{a}"}`, `{"query" "{a}"}`, `{"query":}`, `{query:"{a}"}`, `{'query':"a"}`,
		`{"query":null}`, `{"query":7}`, `{"query":[]}`, `{"query":{}}`, `{"query":true}`, `{"query":7`, `{"query":7}x`, `{"query":7,"variables":8}`,
		`{"variables":8,"query":7}`, `{"variables":[]}`, `{"variables":"x"}`, `{"variables":null,"extensions":null,"operationName":null}`, `{"extensions":1}`,
		`{"documentId":7}`, `{"doc_id":{}}`, `{"operationName":false}`, `{"documentId":"","doc_id":"b"}`, `{"documentId":null,"doc_id":"b"}`,
		`{"documentId":"a","doc_id":"b","extensions":{"documentId":"c","x":1}}`,
		`{"query":"a","query":"b"}`, `{"query":"a","query":null}`, `{"query":null,"query":"a"}`, `{"query":7,"query":"a"}`,
		`{"variables":{"a":{"x":1},"b":2},"variables":{"a":{"y":1},"c":3}}`, `{"variables":{"a":1},"variables":null,"variables":{"b":1}}`,
		`{"variables":{"a":1,"a":2,"a":null}}`, `{"variables":{}}`, `{"variables":{"":[],"x":[[],{},[{}]]}}`, `{ "variables" : { "a" : [ 1 , 2 ] } }`,
		`{"\u0071uery":"{a}"}`, `{"quer\u0079":7}`, `{"que\ry":1}`, `{"` + strings.Repeat(`\u0071`, 100) + `":1}`, `{"qu` + "\xff" + `":1}`,
		`{"query":"\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00"}`, `{"query":"\ud83d"}`, `{"query":"\ud83dx\ude00"}`, `{"query":"\ud83d\ud83d\ude00"}`,
		`{"query":"\ude00\ud83d"}`, `{"query":"\ud83d\n"}`, `{"query":"\ud83d\u0041"}`, `{"query":"\x41"}`, `{"query":"\u12"}`, `{"query":"\u12g4"}`,
		`{"query":"\`, `{"query":"\"`, `{"query":"\u`, `{"query":"\'"}`, "{\"query\":\"a\nb\"}", "{\"query\":\"a\x00b\"}", "{\"query\":\"a\x7fb\"}",
		"{\"query\":\"\xff\xfe é \xed\xa0\x80 \xf0\x9f\x98\"}", "{\"query\":\"1234567\x01\"}", "{\"query\":\"12345678\\n90\x1f\"}", "{\"query\":\"é\\u00e9\xff\"}",
		`{"variables":{"a":0,"b":-0,"c":1.50,"d":1e999,"e":-1E+2,"f":123456789012345678901234567890}}`,
		`{"variables":{"a":01}}`, `{"variables":{"a":1.}}`, `{"variables":{"a":.1}}`, `{"variables":{"a":+1}}`, `{"variables":{"a":-}}`, `{"variables":{"a":1e}}`,
		`{"variables":{"a":1e+}}`, `{"variables":{"a":NaN}}`, `{"variables":{"a":tru}}`, `{"variables":{"a":truee}}`, `{"variables":{"a":[1,]}}`,
		`{"variables":{"a":[1 2]}}`, `{"variables":{"a":[1}}`, `{"variables":{"a":[,1]}}`, `{"variables":{"a":1]}`, `{"variables":{"a":{"b":1]}}`,
		`{"variables":{"a":true,"b":false,"c":null,"d":"\u00e9","e":["x",["y"]]},"other":[1,{"a":"b"}],"extensions":{"persistedQuery":{"version":1}}}`,
		deep(9998), deep(10_000), deep(300) + " ",
		`{"query":"` + strings.Repeat("a\\n", 2000) + `"}`, `{"query":"` + strings.Repeat("é", 3000) + `","variables":{"a":"` + strings.Repeat("x", 3000) + `"}}`,
	} {
		sameAsLibrary(t, []byte(body))
	}
}

// What closes must be of the kind that has opened, at any depth.
func TestNesting(t *testing.T) {
	const depth = 200
	opened := strings.Repeat(`[{"a":[{"b":{"c":`, depth/5)
	closed := []byte(strings.Repeat(`}}]}]`, depth/5))
	sameAsLibrary(t, []byte(`{"variables":{"x":`+opened+"1"+string(closed)+`}}`))
	for i, c := range closed {
		other := bytes.Clone(closed)
		other[i] = '}' + ']' - c
		sameAsLibrary(t, []byte(`{"variables":{"x":`+opened+"1"+string(other)+`}}`))
	}
}

// jsonTexts are objects, and heaps of what JSON is made of.
func jsonTexts() *rapid.Generator[string] {
	word := rapid.SampledFrom([]string{
		"{", "}", "[", "]", ",", ":", " ", "\n", `"`, `"query"`, `"variables"`, `"extensions"`, `"documentId"`, `"a"`, `"a"`, `"\ud83d\ude00\n"`, `"\ud83d"`,
		"\"é\xff\"", "null", "true", "false", "0", "-1.5e3", "1e", "\\", "x",
	})
	value := rapid.SampledFrom([]string{`"a"`, `"\u00e9"`, "1", "null", "[]", "{}", `[1,"x",{"a":null}]`, `{"a":[{}],"b":"\n"}`, "true", "{"})
	member := rapid.Custom(func(t *rapid.T) string {
		name := rapid.SampledFrom([]string{"query", "variables", "extensions", "documentId", "doc_id", "operationName", "other", `\u0071uery`}).Draw(t, "name")
		return `"` + name + `":` + value.Draw(t, "value")
	})
	object := rapid.Custom(func(t *rapid.T) string {
		return "{" + strings.Join(rapid.SliceOfN(member, 0, 5).Draw(t, "members"), ",") + "}"
	})
	heap := rapid.Custom(func(t *rapid.T) string { return strings.Join(rapid.SliceOf(word).Draw(t, "words"), "") })
	return rapid.OneOf(object, object, heap)
}

func TestAnyBodyIsReadAsByTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) { sameAsLibrary(t, []byte(jsonTexts().Draw(t, "body"))) })
}

func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"query":"{a}","variables":{"x":[1,{"y":null}]},"operationName":"o","extensions":{}}`, `{"query":"\ud83d\ude00\ud83d\u0041\n"}`,
		`{"variables":{"a":1},"variables":{"b":-0.5E+7},"variables":null}`, "{\"query\":\"\xff\xed\xa0\x80\"}", ` {"\u0071uery" : "x" } x`, `[]`, `null`,
		`{"a":[[[[{}]]]],"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}`, "{\"query\":\"1234567\x1f\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) { sameAsLibrary(t, body) })
}

// FuzzMessage reads messages of a WebSocket as encoding/json does.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		`{"type":"ping"}`, `{"id":"1","type":"subscribe","payload":{"query":"{a}"}}`, `{"id":7}`, `{"type":null,"payload": null }`, `{"id":"a","id":null}`,
		`null`, `{"payload":[1,"\ud83d"]} `, `{"type":"a"}{}`, `[]`, "{\"id\":\"\xff\\n\"}", ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) { // the socket is closed before it is looked at
			return
		}
		got, ok := messageOf(text)
		var want message
		err := json.Unmarshal(text, &want)
		if dec := json.NewDecoder(bytes.NewReader(text)); err == nil {
			if token, _ := dec.Token(); token == nil { // null says nothing
				err = errors.New("no message")
			}
			for dec.More() {
				if name, _ := dec.Token(); name != nil {
					for _, ours := range []string{"id", "type", "payload"} {
						if name != ours && strings.EqualFold(name.(string), ours) {
							return
						}
					}
				}
				_ = dec.Decode(new(json.RawMessage))
			}
		}
		if ok != (err == nil) && bytes.Count(text, []byte{','}) < maxValues/2 {
			t.Fatalf("%q: %+v %t; want %+v, %v", text, got, ok, want, err)
		}
		if ok && !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %+v; want %+v", text, got, want)
		}
	})
}

func TestTooManyValues(t *testing.T) {
	b := newBodies(Config{MaxBody: 1 << 20})
	body := func(values int) []byte {
		return []byte(`{"variables":{"f":[` + strings.Repeat("1,", values-4) + `1]}}`) // and two objects and the list
	}
	for values, refused := range map[int]bool{maxValues: false, maxValues + 1: true} {
		_, wrong := b.params(body(values))
		if (wrong != nil) != refused || refused && (wrong.status != http.StatusRequestEntityTooLarge || !strings.HasPrefix(wrong.message, "there is too much")) {
			t.Errorf("%d values: %+v", values, wrong)
		}
	}
	// What follows is not looked at, and nothing was made.
	long := append(body(maxValues+1), strings.Repeat("x", 1<<20)...)
	if _, wrong := b.params(long); wrong == nil || wrong.code != CodeTooLarge {
		t.Errorf("%+v", wrong)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = b.params(long) }); n > 10 {
		t.Errorf("%.0f allocations for a refusal", n)
	}
	if _, wrong := b.params([]byte(`{"query":"` + strings.Repeat(",", 2*maxValues) + `"}`)); wrong != nil {
		t.Errorf("commas in a text: %+v", wrong)
	}
}

func TestTooManyExtensions(t *testing.T) {
	b := newBodies(Config{MaxBody: 1 << 20})
	list := func(values int) string { return `{"f":[` + strings.Repeat("1,", values-3) + `1]}` } // and the object and the list
	for body, refused := range map[string]bool{
		`{"extensions":` + list(maxExtensions) + `}`:                                     false,
		`{"extensions":` + list(maxExtensions+1) + `}`:                                   true,
		`{"extensions":` + list(maxExtensions) + `,"extensions":{}}`:                     true,
		`{"extensions":` + list(maxExtensions) + `,"variables":` + list(50_000) + `}`:    false,
		`{"extensions":{"f":"` + strings.Repeat(",", 2*maxExtensions) + `"},"query":""}`: false,
	} {
		_, wrong := b.params([]byte(body))
		if (wrong != nil) != refused || refused && (wrong.status != http.StatusRequestEntityTooLarge || wrong.code != CodeTooLarge ||
			!strings.Contains(wrong.message, "`extensions`: at most 1000 values")) {
			t.Errorf("%.30s…: %+v", body, wrong)
		}
	}
	for values, refused := range map[int]bool{maxExtensions: false, maxExtensions + 1: true} {
		_, wrong := paramsOfQuery("query=x&extensions=" + url.QueryEscape(list(values)))
		if (wrong != nil) != refused || refused && wrong.code != CodeTooLarge {
			t.Errorf("%d values by GET: %+v", values, wrong)
		}
	}
}

// What has the length of the text is given in place of a text that is refused for its length, unless the text is named.
func TestLongTextsAreCounted(t *testing.T) {
	const most = 8 << 10
	b := newBodies(Config{MaxBody: 1 << 20, MaxDocument: most})
	for name, c := range map[string]struct {
		text  string // as JSON
		more  string
		blank bool
	}{
		"short":                         {`{a}`, "", false},
		"as long as it may be":          {strings.Repeat("x", most), "", false},
		"longer":                        {strings.Repeat("x", most+1), "", true},
		"much longer":                   {strings.Repeat("x", 900_000), "", true},
		"longer, with escapes":          {strings.Repeat(`\u00e9\n`, most), "", true},
		"as JSON only":                  {strings.Repeat(`\u0041`, most), "", false},
		"longer, by hash":               {strings.Repeat("x", most+1), `,"extensions":{"persistedQuery":{}}`, false},
		"longer, by id":                 {strings.Repeat("x", most+1), `,"documentId":"a"`, false},
		"longer, with other extensions": {strings.Repeat("x", most+1), `,"extensions":{"a":{}}`, true},
	} {
		body := []byte(`{"query":"` + c.text + `"` + c.more + `}`)
		got, wrong := b.params(body)
		want, _ := byLibrary(body)
		switch {
		case wrong != nil:
			t.Errorf("%s: %+v", name, wrong)
		case len(got.Query) != len(want.Query):
			t.Errorf("%s: %d bytes; want %d", name, len(got.Query), len(want.Query))
		case (got.Query != want.Query) != c.blank:
			t.Errorf("%s: the text is made: %t", name, c.blank)
		}
	}
	long := []byte(`{"query":"` + strings.Repeat(`x\n`, 300_000) + `"}`)
	if n := testing.AllocsPerRun(10, func() { _, _ = b.params(long) }); n > 10 {
		t.Errorf("%.0f allocations for a text that is only counted", n)
	}
}

// Entries of variables are counted as the guard counts them, but for members of one name in one object, which count each.
func TestEntriesAreCounted(t *testing.T) {
	const most = 2000
	b := newBodies(Config{MaxBody: 1 << 20, MaxEntries: most})
	list := func(n int) string { return "[" + strings.Repeat("1,", n-1) + "1]" }
	for variables, want := range map[string]int{
		`{"a":` + list(most) + `}`:                                               0,
		`{"a":` + list(most+1) + `}`:                                             most + 1,
		`{"a":` + list(1000) + `,"b":1,"c":{"d":` + list(998) + `,"e":{}}}`:      0,
		`{"a":` + list(1000) + `,"b":1,"c":{"d":` + list(998) + `,"e":{"f":1}}}`: most + 1,
		`{"a":1` + strings.Repeat(`,"x":1`, 5000) + `}`:                          0, // these are variables, and no entries
		`{"a":{"b":1` + strings.Repeat(`,"b":1`, 3000) + `}}`:                    3001,
		`{"a":` + list(5000) + `},"variables":null,"variables":{"a":[1]}`:        0,
		`{"a":` + list(1500) + `},"variables":{"b":` + list(1500) + `}`:          3000,
	} {
		body := []byte(`{"query":"{a}","variables":` + variables + `}`)
		got, wrong := b.params(body)
		if wrong != nil {
			t.Errorf("%.50s: %+v", variables, wrong)
			continue
		}
		expected, _ := byLibrary(body)
		if want > 0 {
			expected.Variables = map[string]any{"": make([]any, want)}
		}
		if !reflect.DeepEqual(got.Variables, expected.Variables) {
			t.Errorf("%.50s: other variables", variables)
		}
	}
	long := []byte(`{"query":"{a}","variables":{"a":` + list(60_000) + `}}`)
	if n := testing.AllocsPerRun(10, func() { _, _ = b.params(long) }); n > 15 {
		t.Errorf("%.0f allocations for entries that are only counted", n)
	}
}

// ask has a request read that comes as it is told.
func ask(t testing.TB, b *bodies, body io.Reader, length int64) (*graphql.RawParams, *badRequest, http.Header) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", body)
	r.ContentLength = length
	w := httptest.NewRecorder()
	params, wrong := b.read(w, r)
	return params, wrong, w.Header()
}

func TestBodiesOfAnyLength(t *testing.T) {
	b := newBodies(Config{MaxBody: 1 << 20})
	for _, n := range []int{15, 100, firstRoom - 1, firstRoom, firstRoom + 1, largeRoom - 1, largeRoom, largeRoom + 1, 300_000, 1<<20 - 1, 1 << 20} {
		body := `{"query":"` + strings.Repeat("é", (n-12)/2) + strings.Repeat("x", n%2) + `"}`
		for name, from := range map[string]io.Reader{
			"at once": strings.NewReader(body), "by halves": iotest.HalfReader(strings.NewReader(body)),
			"with its end": iotest.DataErrReader(strings.NewReader(body)),
		} {
			length := int64(len(body))
			if name == "by halves" {
				length = -1
			}
			want, _ := byLibrary([]byte(body))
			if got, wrong, _ := ask(t, b, from, length); wrong != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d bytes %s: %+v", n, name, wrong)
			}
		}
	}
}

// unread is a body that is not to be read.
type unread struct{ t testing.TB }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("it is read")
	return 0, io.EOF
}

func TestBodiesThatAreNotRead(t *testing.T) {
	b := newBodies(Config{MaxBody: 1000})
	for name, c := range map[string]struct {
		body   io.Reader
		length int64
		status int
		closes bool
	}{
		"announced too large": {unread{t}, 1001, 413, true},
		"too large":           {strings.NewReader(strings.Repeat(" ", 5000)), -1, 413, true},
		"one too large":       {strings.NewReader(strings.Repeat(" ", 1001)), -1, 413, true},
		"as large as may be":  {strings.NewReader(`{"query":"{a}"}` + strings.Repeat(" ", 985)), -1, 0, false},
		"broken off":          {strings.NewReader(`{"query":"{a}"}`), 16, 400, false},
		"failing":             {iotest.ErrReader(errors.New("gone")), -1, 400, false},
		"empty":               {http.NoBody, 0, 400, false},
		"empty, no length":    {strings.NewReader(""), -1, 400, false},
	} {
		_, wrong, header := ask(t, b, c.body, c.length)
		status := 0
		if wrong != nil {
			status = wrong.status
		}
		if status != c.status || (header.Get("Connection") == "close") != c.closes {
			t.Errorf("%s: %+v %v; want %d", name, wrong, header, c.status)
		}
	}
}
