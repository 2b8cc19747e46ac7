package httpd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"phoneregistry/graph/guard"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// repeated repeats a text with the number of each in place of #.
func repeated(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
	}
	return b.String()
}

// jsonText is a text of n bytes or more as a JSON string.
func jsonText(n int) string { return `"` + strings.Repeat("x", n) + `"` }

// Attacks, as a stranger would send them, reach neither a resolver nor the database, and what comes back is small and says
// which limit it is about.
func TestAttacksDoNothing(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 3)
	a.try(t, registry.RoleAdmin, `{ viewer { name } }`, nil) // the token is known from now on
	document := func(text string) string {
		body, err := json.Marshal(map[string]string{"query": text})
		must(t, err)
		return string(body)
	}
	for name, c := range map[string]struct {
		body, code, limit string
	}{
		"root fields":            {document("{" + repeated(21, "a#: phones { totalCount } ") + "}"), guard.Code, "rootFields"},
		"aliases":                {document("{ phones { nodes {" + repeated(31, "a#: number ") + "} } }"), guard.Code, "aliases"},
		"fields":                 {document("{ phones { nodes {" + strings.Repeat("number ", 1000) + "} } }"), guard.Code, "fields"},
		"tokens":                 {document("{ phones { nodes {" + strings.Repeat("number ", 3000) + "} } }"), guard.Code, "tokens"},
		"directives":             {document("{ phones { nodes { id " + strings.Repeat("@include(if: true) ", 51) + "} } }"), guard.Code, "directives"},
		"depth":                  {document("{ phones { nodes { leadScore { phone " + strings.Repeat("{ leadScore { phone ", 6) + "{ id }" + strings.Repeat("} }", 6) + "} } } }"), guard.Code, "depth"},
		"fan-out":                {document("{ phones { nodes { ...f0 } } }" + fanOutOfPhones(40)), guard.Code, "fields"},
		"a circle of fragments":  {document("{ ...f } fragment f on Query { phones { nodes { id } } ...f }"), "GRAPHQL_VALIDATION_FAILED", ""},
		"first":                  {document("{ phones(first: 1000000000) { nodes { id } } }"), guard.Code, "first"},
		"first by variable":      {`{"query":"query($n: Int) { phones(first: $n) { nodes { id } } }","variables":{"n":1000000000}}`, guard.Code, "first"},
		"first beyond Int":       {`{"query":"query($n: Int) { phones(first: $n) { nodes { id } } }","variables":{"n":1e400}}`, "GRAPHQL_VALIDATION_FAILED", ""},
		"pages in pages":         {document("{ phones(first: 500) { nodes { customers(first: 500) { nodes { phone { number } } } } } }"), guard.Code, "cost"},
		"ids":                    {`{"query":"query($f: PhoneFilter) {` + repeated(20, "a#: phones(filter: $f) { totalCount } ") + `}","variables":{"f":{"customerIds":[` + strings.Repeat(`"c",`, 18_000) + `"c"]}}}`, guard.Code, "cost"},
		"more ids":               {`{"query":"query($f: PhoneFilter) {` + repeated(20, "a#: phones(filter: $f) { totalCount } ") + `}","variables":{"f":{"customerIds":[` + strings.Repeat(`"c",`, 20_000) + `"c"]}}}`, guard.Code, "entries"},
		"a million values":       {`{"query":"{ viewer { name } }","variables":{"f":[` + strings.Repeat(`1,`, 400_000) + `1]}}`, guard.Code, ""},
		"lists in lists":         {`{"query":"query($f: PhoneFilter) { phones(filter: $f) { totalCount } }","variables":{"f":{"customerIds":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}}}`, "GRAPHQL_VALIDATION_FAILED", ""},
		"deeper than JSON goes":  {`{"query":"{ viewer { name } }","variables":{"f":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}}`, "BAD_REQUEST", ""},
		"deep extensions":        {`{"query":"{ viewer { name } }","extensions":` + strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000) + `}`, "BAD_REQUEST", ""},
		"many operations":        {document(repeated(300, "query q# { phones { totalCount } } ")), guard.Code, "tokens"},
		"several in one request": {"[" + strings.Repeat(document("{ phones { totalCount } }")+",", 100) + document("{ phones { totalCount } }") + "]", "BAD_REQUEST", ""},
		"a giant document":       {document("{ phones { totalCount } } #" + strings.Repeat("x", 500_000)), guard.Code, "bytes"},
		"a giant name":           {document("{ " + strings.Repeat("x", 60_000) + " }"), guard.Code, "name"},
		"a giant string":         {`{"query":"query($n: String!) { normalizePhone(input: $n) { input } }","variables":{"n":` + jsonText(900_000) + `}}`, "INVALID_INPUT", ""},
		"a giant id":             {`{"query":"query($n: ID!) { node(id: $n) { id } }","variables":{"n":` + jsonText(900_000) + `}}`, "", ""},
		"a giant cursor":         {`{"query":"query($n: String!) { phones(after: $n) { nodes { id } } }","variables":{"n":` + jsonText(900_000) + `}}`, "INVALID_INPUT", ""},
		"a giant operation name": {`{"query":"query a { viewer { name } }","operationName":` + jsonText(900_000) + `}`, guard.Code, "name"},
		"a giant body":           {document("{ viewer { name } }" + strings.Repeat(" ", 2<<20)), guard.Code, ""},
		"circular introspection": {document("{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"), "GRAPHQL_VALIDATION_FAILED", ""},
		"many faults":            {document("{ phones { nodes {" + strings.Repeat("numbre ", 990) + "} } }"), "GRAPHQL_VALIDATION_FAILED", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var response *http.Response
			var text string
			sent := a.statements.during(func() {
				response = a.request(t, registry.RoleAdmin, http.MethodPost, "/graphql", "application/json", strings.NewReader(c.body))
				text = readAll(t, response)
			})
			sent = slices.DeleteFunc(sent, func(s string) bool { return strings.Contains(s, "FROM api_keys") }) // looked at now and then
			if len(sent) > 0 {
				t.Errorf("statements were run: %v", sent)
			}
			if len(text) > 4000 {
				t.Errorf("%d bytes came back: %.500s", len(text), text)
			}
			var got answer
			if err := json.Unmarshal([]byte(text), &got); err != nil {
				t.Fatalf("%v in %.500s", err, text)
			}
			if c.code == "" {
				return
			}
			if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != c.code {
				t.Fatalf("%.500s; want %s", text, c.code)
			}
			if limit, _ := got.Errors[0].Extensions["limit"].(string); limit != c.limit {
				t.Errorf("%s; want the limit %q", text, c.limit)
			}
			if c.limit == "" {
				return
			}
			value, _ := got.Errors[0].Extensions["value"].(float64)
			maximum, _ := got.Errors[0].Extensions["maximum"].(float64)
			if value <= maximum || maximum == 0 || !strings.Contains(got.Errors[0].Message, c.limit) {
				t.Errorf("%s; want the limit, the value and the maximum", text)
			}
		})
	}
	if strings.Contains(a.log.String(), "panic") {
		t.Errorf("something panicked: %s", a.log.String())
	}
}

// fanOutOfPhones is fragments each of which spreads the next one twice.
func fanOutOfPhones(levels int) string {
	var b strings.Builder
	for i := range levels {
		fmt.Fprintf(&b, " fragment f%d on Phone { ...f%d ...f%d }", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment f%d on Phone { number }", levels)
	return b.String()
}

func TestLimitsAreSet(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Limits = guard.Limits{Depth: 3, First: 20, Cost: 100} })
	for query, limit := range map[string]string{
		`{ viewer { name } }`:                                         "",
		`{ phones(first: 20) { nodes { number } } }`:                  "",
		`{ phones(first: 21) { nodes { number } } }`:                  "first",
		`{ phones { nodes { id number } } }`:                          "cost",
		`{ phones(first: 1) { nodes { customers { totalCount } } } }`: "depth",
	} {
		got := a.try(t, registry.RoleViewer, query, nil)
		var refused string
		if len(got.Errors) > 0 {
			refused, _ = got.Errors[0].Extensions["limit"].(string)
		}
		if refused != limit {
			t.Errorf("%s: %+v; want %q", query, got.Errors, limit)
		}
	}
}

// An answer tells what the operation costs where the request asks for it, also where it is refused for that.
func TestCostOnRequest(t *testing.T) {
	a := newApp(t)
	type told struct {
		Extensions struct {
			Cost map[string]guard.Count
		}
		Errors []any
	}
	ask := func(body string, header ...string) (got told) {
		t.Helper()
		text := readAll(t, a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", "application/json", strings.NewReader(body), header...))
		must(t, json.NewDecoder(bytes.NewReader([]byte(text))).Decode(&got))
		return got
	}
	query := `"query":"{ phones(first: 10) { nodes { number } } }"`
	if got := ask(`{` + query + `}`); got.Extensions.Cost != nil || len(got.Errors) > 0 {
		t.Errorf("%+v; want nothing that was not asked for", got)
	}
	for name, got := range map[string]told{
		"by extension": ask(`{` + query + `,"extensions":{"cost":true}}`), "by header": ask(`{`+query+`}`, "X-Cost", "true"),
	} {
		if cost := got.Extensions.Cost; len(got.Errors) > 0 || cost["cost"] != (guard.Count{Value: 12, Maximum: 250_000}) ||
			cost["depth"] != (guard.Count{Value: 3, Maximum: 15}) || cost["fields"].Value != 3 || cost["tokens"].Value != 14 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	got := ask(`{"query":"{ phones(first: 500) { nodes { customers(first: 500) { nodes { number } } } } }","extensions":{"cost":true}}`)
	if got.Extensions.Cost["cost"] != (guard.Count{Value: 251_002, Maximum: 250_000}) || len(got.Errors) != 1 {
		t.Errorf("%+v; want the cost of what is refused", got)
	}
}
