package httpd_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"phoneregistry/registry"
)

// A document that is longer than it may be is refused for its length, to the byte, and for nothing else that comes first,
// although its text is not made.
func TestLongDocuments(t *testing.T) {
	a := newApp(t)
	only := newApp(t, trusting(t, true, map[string]string{"who": "{ viewer { role } }"}))
	some := newApp(t, trusting(t, false, map[string]string{"who": "{ viewer { role } }"}))
	long := "{ viewer { name } } #" + strings.Repeat("x\n", 50_000) + "é\xff"
	told := strings.ToValidUTF8(long, "\ufffd")
	tooLong := fmt.Sprintf("bytes is %d, at most 65536 is allowed; send long texts as variables", len(told))
	exact := "{ viewer { role } } #" + strings.Repeat("x", 64<<10-21)
	id, name := strings.Repeat("x", 100_000), strings.Repeat("y", 200_000)
	for what, c := range map[string]struct {
		app     *app
		members vars
		status  int
		want    string
	}{
		"by text":                        {a, vars{"query": long}, 400, tooLong},
		"as long as may be":              {a, vars{"query": exact}, 200, `{"data":{"viewer":{"role":"VIEWER"}}}`},
		"one longer":                     {a, vars{"query": exact + " "}, 400, "bytes is 65537, at most 65536"},
		"with its hash":                  {a, vars{"query": long, "extensions": persisted(told)}, 400, tooLong},
		"with another hash":              {a, vars{"query": long, "extensions": persisted("x")}, 400, "provided sha does not match query"},
		"with another hash as id":        {a, vars{"query": long, "documentId": "sha256:" + strings.Repeat("0", 64)}, 400, "documentId names another document"},
		"with an unknown id":             {a, vars{"query": long, "documentId": "x"}, 400, tooLong},
		"with the id of another":         {some, vars{"query": long, "documentId": "who"}, 400, "documentId names another document"},
		"where only some are trusted":    {only, vars{"query": long}, 400, "only trusted documents are run here"},
		"with a long id":                 {a, vars{"query": long, "documentId": id}, 400, "documentId must be 1 to 128"},
		"a long id alone":                {a, vars{"documentId": id}, 400, "documentId must be 1 to 128"},
		"with a long name":               {a, vars{"query": long, "operationName": name}, 400, "name is 200000, at most 128"},
		"with too many entries":          {a, vars{"query": long, "variables": vars{"x": make([]int, 20_001)}}, 400, "entries is 20001, at most 20000"},
		"with variables of a wrong type": {a, vars{"query": long, "variables": 7}, 400, "`variables` is of the wrong type"},
	} {
		status, body := c.app.asked(t, c.members, "Accept", asResponse)
		if status != c.status || !strings.Contains(body, c.want) || len(body) > 1000 {
			t.Errorf("%s: %d %.300s; want %d %s", what, status, body, c.status, c.want)
		}
		if status == 400 && strings.Contains(body, tooLong) && !strings.Contains(body, `"limit":"bytes","maximum":65536,`) {
			t.Errorf("%s: %s; want the limit and the maximum", what, body)
		}
	}
	c := a.connect(t, registry.RoleViewer)
	c.send(t, "1", "subscribe", vars{"query": long})
	if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), tooLong) {
		t.Errorf("over a WebSocket: %s %s", m.Type, m.Payload)
	}
}

// What is announced to be too large is refused before any of it has come, and the connection is not used again.
func TestAnnouncedBodiesAreNotWaitedFor(t *testing.T) {
	a := newApp(t)
	never, end := io.Pipe()
	defer end.Close() //nolint:errcheck // nothing was written
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.url+"/graphql", never)
	must(t, err)
	r.ContentLength = 1<<20 + 1
	r.Header.Set("Authorization", "Bearer "+a.tokens[registry.RoleViewer])
	r.Header.Set("Content-Type", asJSON)
	response, err := a.client.Do(r)
	must(t, err)
	body := readAll(t, response)
	if response.StatusCode != http.StatusRequestEntityTooLarge || !response.Close || !json.Valid([]byte(body)) ||
		!strings.Contains(body, "the body is too large: at most 1048576 bytes are allowed") {
		t.Errorf("%d, to be closed: %t, %s", response.StatusCode, response.Close, body)
	}
}
