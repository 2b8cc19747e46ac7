package httpd_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"phoneregistry/graph/documents"
	"phoneregistry/graph/guard"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// persisted is the extension by which a request names the document with this text.
func persisted(text string) vars {
	sum := sha256.Sum256([]byte(text))
	return vars{"persistedQuery": vars{"version": 1, "sha256Hash": hex.EncodeToString(sum[:])}}
}

// asked sends a request with any members by POST, and returns the status and the body.
func (a *app) asked(t testing.TB, members vars, header ...string) (status int, body string) {
	t.Helper()
	text, err := json.Marshal(members)
	must(t, err)
	response := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", asJSON, bytes.NewReader(text), header...)
	return response.StatusCode, readAll(t, response)
}

// got sends a request with any members by GET.
func (a *app) got(t testing.TB, members vars, header ...string) (status int, body string) {
	t.Helper()
	values := url.Values{}
	for name, member := range members {
		if text, ok := member.(string); ok {
			values.Set(name, text)
			continue
		}
		text, err := json.Marshal(member)
		must(t, err)
		values.Set(name, string(text))
	}
	response := a.request(t, registry.RoleViewer, http.MethodGet, "/graphql?"+values.Encode(), "", nil, header...)
	return response.StatusCode, readAll(t, response)
}

// streamed sends a request for server-sent events, and returns the first event that holds a result.
func (a *app) streamed(t testing.TB, members vars) string {
	t.Helper()
	text, err := json.Marshal(members)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/graphql", bytes.NewReader(text))
	must(t, err)
	for name, value := range map[string]string{
		"Authorization": "Bearer " + a.tokens[registry.RoleViewer], "Content-Type": asJSON, "Accept": "text/event-stream",
	} {
		r.Header.Set(name, value)
	}
	response, err := a.client.Do(r)
	must(t, err)
	defer response.Body.Close() //nolint:errcheck // given up
	for name, data := range events(response.Body) {
		if name == "next" {
			return data
		}
	}
	t.Fatal("no result")
	return ""
}

func TestAutomaticPersistedQueries(t *testing.T) {
	a := newApp(t)
	const query = "query Who($x: Boolean = true) { viewer { role @include(if: $x) } }"
	byHash := vars{"extensions": persisted(query)}
	wholly := vars{"query": query, "extensions": persisted(query)}
	const found = `{"data":{"viewer":{"role":"VIEWER"}}}`
	const notFound = `{"errors":[{"message":"PersistedQueryNotFound","extensions":{"code":"PERSISTED_QUERY_NOT_FOUND","requestId":"`

	if status, body := a.asked(t, byHash); status != 200 || !strings.HasPrefix(body, notFound) {
		t.Errorf("unknown: %d %s", status, body)
	}
	if status, body := a.asked(t, byHash, "Accept", asResponse); status != 400 || !strings.HasPrefix(body, notFound) {
		t.Errorf("unknown, newer media type: %d %s", status, body)
	}
	if status, body := a.got(t, byHash); status != 200 || !strings.HasPrefix(body, notFound) {
		t.Errorf("unknown, by GET: %d %s", status, body)
	}
	if body := a.streamed(t, byHash); !strings.HasPrefix(body, notFound) {
		t.Errorf("unknown, as a stream: %s", body)
	}
	if status, body := a.asked(t, vars{"query": "{ viewer { name } }", "extensions": persisted(query)}, "Accept", asResponse); status != 400 ||
		!strings.Contains(body, "provided sha does not match query") {
		t.Errorf("of another document: %d %s", status, body)
	}
	if status, body := a.got(t, wholly); status != 200 || body != found {
		t.Errorf("sent along: %d %s", status, body)
	}
	for name, ask := range map[string]func(testing.TB, vars, ...string) (int, string){"POST": a.asked, "GET": a.got} {
		if status, body := ask(t, byHash); status != 200 || body != found {
			t.Errorf("by hash, %s: %d %s", name, status, body)
		}
		if status, body := ask(t, vars{"extensions": persisted(query), "variables": vars{"x": false}}); status != 200 || body != `{"data":{"viewer":{}}}` {
			t.Errorf("by hash with variables, %s: %d %s", name, status, body)
		}
	}
	if body := a.streamed(t, byHash); body != found {
		t.Errorf("as a stream: %s", body)
	}
	c := a.connect(t, registry.RoleAdmin)
	c.send(t, "1", "subscribe", byHash)
	if got := c.last(t); got != `{"data":{"viewer":{"role":"ADMIN"}}}` { // documents are for all, answers are not
		t.Errorf("over a WebSocket: %s", got)
	}
}

func TestNothingBadIsKept(t *testing.T) {
	a := newApp(t)
	for query, code := range map[string]string{
		"{": "GRAPHQL_PARSE_FAILED", "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
		strings.Repeat("{node(id:\"x\"){...on Phone{leadScore{phone", 6) + "{id}" + strings.Repeat("}}}}", 6): "LIMIT_EXCEEDED",
	} {
		if _, body := a.asked(t, vars{"query": query, "extensions": persisted(query)}); !strings.Contains(body, code) {
			t.Errorf("%s: %s; want %s", query, body, code)
		}
		if _, body := a.asked(t, vars{"extensions": persisted(query)}); !strings.Contains(body, "PERSISTED_QUERY_NOT_FOUND") {
			t.Errorf("%s was kept: %s", query, body)
		}
	}
}

func TestPersistedOverWebSocket(t *testing.T) {
	a := newApp(t)
	const mutation = `mutation { upsertSource(input: {name: "x", priority: 1}) { source { name } } }`
	c := a.connect(t, registry.RoleAdmin)
	c.send(t, "1", "subscribe", vars{"extensions": persisted(mutation)})
	if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "PERSISTED_QUERY_NOT_FOUND") {
		t.Fatalf("%+v", m)
	}
	c.send(t, "2", "subscribe", vars{"query": mutation, "extensions": persisted(mutation)})
	if got := c.last(t); !strings.Contains(got, `"name":"x"`) {
		t.Errorf("sent along: %s", got)
	}
	c.send(t, "3", "subscribe", vars{"query": "", "extensions": persisted(mutation)})
	if got := c.last(t); !strings.Contains(got, `"name":"x"`) {
		t.Errorf("by hash: %s", got)
	}
	if status, body := a.got(t, vars{"extensions": persisted(mutation)}); status != 405 || !strings.Contains(body, "NOT_SUPPORTED_HERE") {
		t.Errorf("a mutation by GET: %d %s", status, body)
	}
	if status, body := a.asked(t, vars{"extensions": persisted(mutation)}); status != 200 || !strings.Contains(body, "FORBIDDEN") {
		t.Errorf("a mutation by who may not: %d %s", status, body)
	}
}

// trusting is the option that trusts these documents, and nothing else where told.
func trusting(t testing.TB, only bool, list map[string]string) option {
	t.Helper()
	trusted, err := documents.Trust(httpd.Schema(), guard.Limits{}, list)
	must(t, err)
	return func(_ *app, c *httpd.Config) { c.Documents = documents.Config{Trusted: trusted, Only: only} }
}

func TestTrustedDocuments(t *testing.T) {
	const query, watch = "{ viewer { role } }", `subscription($id: ID!) { validationJobProgress(id: $id) { status } }`
	list := map[string]string{"who": query, "x-app:watch": watch, "add": `mutation { upsertSource(input: {name: "x", priority: 1}) { source { name } } }`}
	const found = `{"data":{"viewer":{"role":"VIEWER"}}}`
	for name, only := range map[string]bool{"beside others": false, "only": true} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, trusting(t, only, list))
			sum := sha256.Sum256([]byte(query))
			for name, members := range map[string]vars{
				"documentId": {"documentId": "who"}, "doc_id": {"doc_id": "who"}, "hash": {"extensions": persisted(query)},
				"prefixed": {"documentId": "sha256:" + hex.EncodeToString(sum[:])}, "in extensions": {"extensions": vars{"documentId": "who"}},
				"text": {"query": query}, "both": {"query": query, "documentId": "who"},
			} {
				for method, ask := range map[string]func(testing.TB, vars, ...string) (int, string){"POST": a.asked, "GET": a.got} {
					if status, body := ask(t, members); status != 200 || body != found {
						t.Errorf("%s by %s: %d %s", method, name, status, body)
					}
				}
				if body := a.streamed(t, members); body != found {
					t.Errorf("a stream by %s: %s", name, body)
				}
			}
			if status, body := a.got(t, vars{"documentId": "add"}); status != 405 || !strings.Contains(body, "NOT_SUPPORTED_HERE") {
				t.Errorf("a mutation by GET: %d %s", status, body)
			}
			// That there is no such job shows that the document was found and run.
			job := "job_00000000000000000000000000000000"
			c := a.connect(t, registry.RoleViewer)
			c.send(t, "1", "subscribe", vars{"documentId": "x-app:watch", "variables": vars{"id": job}})
			if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "NOT_FOUND") {
				t.Errorf("a subscription: %+v", m)
			}
		})
	}
}

func TestOnlyTrustedDocuments(t *testing.T) {
	a := newApp(t, trusting(t, true, map[string]string{"who": "{ viewer { role } }"}))
	const other = "{ viewer { name } }"
	for name, members := range map[string]vars{
		"text": {"query": other}, "id": {"documentId": "other"}, "hash": {"extensions": persisted(other)},
		"text and hash": {"query": other, "extensions": persisted(other)}, "text and id": {"query": other, "documentId": "who"},
		"introspection": {"query": "{ __schema { queryType { name } } }"}, "not GraphQL": {"query": "{"},
	} {
		status, body := a.asked(t, members)
		if again, _ := a.got(t, members); status != 400 || again != 400 || !strings.Contains(body, `"code":"DOCUMENT_NOT_TRUSTED"`) {
			t.Errorf("%s: %d, by GET %d, %s", name, status, again, body)
		}
		if body := a.streamed(t, members); !strings.Contains(body, "DOCUMENT_NOT_TRUSTED") {
			t.Errorf("%s as a stream: %s", name, body)
		}
		c := a.connect(t, registry.RoleAdmin)
		c.send(t, "1", "subscribe", members)
		if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "DOCUMENT_NOT_TRUSTED") {
			t.Errorf("%s over a WebSocket: %+v", name, m)
		}
	}
}

// TestExamplesOfDocumentsRun: what docs/api/documents.md shows is what the API takes.
func TestExamplesOfDocumentsRun(t *testing.T) {
	page, err := os.ReadFile("../../docs/api/documents.md")
	must(t, err)
	blocks := func(kind string, want int) []string {
		var texts []string
		for _, match := range regexp.MustCompile("(?s)```json "+kind+"\n(.*?)```").FindAllSubmatch(page, -1) {
			texts = append(texts, string(match[1]))
		}
		if len(texts) != want {
			t.Fatalf("%d examples: %s; want %d", len(texts), kind, want)
		}
		return texts
	}
	list, err := documents.Read(strings.NewReader(blocks("trusted", 1)[0]))
	must(t, err)
	a := newApp(t, trusting(t, false, list))
	ask := func(text string) string {
		var members vars
		must(t, json.Unmarshal([]byte(text), &members))
		_, body := a.asked(t, members)
		return body
	}
	for _, text := range blocks("request", 4) {
		if body := ask(text); strings.Contains(body, "errors") || !strings.Contains(body, `"data":{"`) {
			t.Errorf("%s: %s", text, body)
		}
	}
	automatic := blocks("automatic", 1)[0]
	if body := ask(automatic); !strings.Contains(body, "PERSISTED_QUERY_NOT_FOUND") {
		t.Errorf("%s: %s", automatic, body)
	}
	a.asked(t, vars{"query": "{ viewer { role } }", "extensions": persisted("{ viewer { role } }")})
	if body := ask(automatic); body != `{"data":{"viewer":{"role":"VIEWER"}}}` {
		t.Errorf("%s: %s", automatic, body)
	}
}

func TestRequestsThatNameNothingWell(t *testing.T) {
	a := newApp(t)
	for name, c := range map[string]struct {
		members vars
		want    string
	}{
		"unknown id":       {vars{"documentId": "x"}, "DOCUMENT_NOT_FOUND"},
		"bad id":           {vars{"documentId": "+573001234567"}, "documentId must be"},
		"number as id":     {vars{"documentId": 573001234567}, "`documentId` is of the wrong type"},
		"no document":      {vars{"documentId": "", "extensions": vars{}}, "want the operation in `query`"},
		"nulls":            {vars{"documentId": nil, "extensions": vars{"persistedQuery": nil}}, "want the operation in `query`"},
		"not an object":    {vars{"extensions": vars{"persistedQuery": "573001234567"}}, "must be an object"},
		"other version":    {vars{"extensions": vars{"persistedQuery": vars{"version": 2, "sha256Hash": "x"}}}, "version"},
		"hash that is not": {vars{"extensions": vars{"persistedQuery": vars{"version": 1, "sha256Hash": "573001234567"}}}, "64 hexadecimal digits"},
	} {
		status, body := a.asked(t, c.members)
		if status != 400 || !strings.Contains(body, c.want) || strings.Contains(body, "573001234567") {
			t.Errorf("%s: %d %s; want 400 and %s", name, status, body, c.want)
		}
	}
}
