package httpd_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

const (
	asJSON     = "application/json"
	asResponse = "application/graphql-response+json"
)

func TestGraphQLOverHTTP(t *testing.T) {
	a := newApp(t)
	good := `{"query":"{ viewer { role } }"}`
	for name, c := range map[string]struct {
		method, path, contentType, accept, body string
		status                                  int
		answer                                  string // media type
		want                                    string // in the body
	}{
		"POST":                        {"POST", "", asJSON, "", good, 200, asJSON, `{"data":{"viewer":{"role":"VIEWER"}}}`},
		"POST with charset":           {"POST", "", asJSON + "; charset=UTF-8", "", good, 200, asJSON, `VIEWER`},
		"newer media type":            {"POST", "", asJSON, asResponse, good, 200, asResponse, `VIEWER`},
		"the newer of both":           {"POST", "", asJSON, asJSON + ", " + asResponse, good, 200, asResponse, `VIEWER`},
		"by weight":                   {"POST", "", asJSON, asResponse + ";q=0.5, " + asJSON, good, 200, asJSON, `VIEWER`},
		"anything":                    {"POST", "", asJSON, "*/*", good, 200, asJSON, `VIEWER`},
		"a page":                      {"POST", "", asJSON, "text/html", good, 406, asJSON, `BAD_REQUEST`},
		"another charset":             {"POST", "", asJSON, asJSON + "; charset=latin1", good, 406, asJSON, `BAD_REQUEST`},
		"GET":                         {"GET", "?query=" + url.QueryEscape("query q($x: Boolean!) { viewer { role @include(if: $x) } }") + "&operationName=q&variables=" + url.QueryEscape(`{"x":true}`), "", "", "", 200, asJSON, `VIEWER`},
		"GET without query":           {"GET", "", "", "", "", 400, asJSON, `BAD_REQUEST`},
		"GET in Latin-1":              {"GET", "?query={viewer{role}}&variables={%22a%22:%22caf%e9%22}", "", "", "", 400, asJSON, "the query of the address is not UTF-8"},
		"in Latin-1":                  {"POST", "", asJSON, asJSON, "{\"query\":\"{viewer{role}}\",\"variables\":{\"a\":\"caf\xe9\"}}", 400, asJSON, "the body is not UTF-8"},
		"GET with bad variables":      {"GET", "?query={viewer{role}}&variables=7", "", "", "", 400, asJSON, "`variables` is not a JSON object"},
		"mutation by GET":             {"GET", "?query=" + url.QueryEscape(`mutation { upsertSource(input: {name: "x", priority: 1}) { source { name } } }`), "", "", "", 405, asJSON, `NOT_SUPPORTED_HERE`},
		"subscription by GET":         {"GET", "?query=" + url.QueryEscape(`subscription { leadScoreChanged { total } }`), "", asResponse, "", 400, asResponse, `NOT_SUPPORTED_HERE`},
		"subscription by POST":        {"POST", "", asJSON, "", `{"query":"subscription { leadScoreChanged { total } }"}`, 400, asJSON, `text/event-stream`},
		"mutation by GET, no input":   {"GET", "?query=" + url.QueryEscape(`mutation m($i: UpsertSourceInput!) { upsertSource(input: $i) { source { name } } } query q { viewer { role } }`) + "&operationName=m", "", asResponse, "", 405, asResponse, `NOT_SUPPORTED_HERE`},
		"mutation by GET, as stream":  {"GET", "?query=" + url.QueryEscape(`mutation m($i: UpsertSourceInput!) { upsertSource(input: $i) { source { name } } }`), "", "text/event-stream", "", 405, asJSON, `NOT_SUPPORTED_HERE`},
		"PUT, newer":                  {"PUT", "", asJSON, asResponse, good, 405, asResponse, `BAD_REQUEST`},
		"what is left of anything":    {"POST", "", asJSON, asJSON + ";q=0, */*", good, 200, asResponse, `VIEWER`},
		"PUT":                         {"PUT", "", asJSON, "", good, 405, asJSON, `BAD_REQUEST`},
		"text":                        {"POST", "", "text/plain", "", good, 415, asJSON, `BAD_REQUEST`},
		"form":                        {"POST", "", "application/x-www-form-urlencoded", "", "query={viewer{role}}", 415, asJSON, `BAD_REQUEST`},
		"multipart":                   {"POST", "", "multipart/form-data; boundary=x", "", "--x--", 415, asJSON, `BAD_REQUEST`},
		"no content type":             {"POST", "", "", "", good, 415, asJSON, `BAD_REQUEST`},
		"other charset":               {"POST", "", asJSON + "; charset=utf-16", "", good, 415, asJSON, `BAD_REQUEST`},
		"empty":                       {"POST", "", asJSON, "", "", 400, asJSON, `the body is empty`},
		"not JSON":                    {"POST", "", asJSON, "", "{", 400, asJSON, `BAD_REQUEST`},
		"tail":                        {"POST", "", asJSON, "", good + "x", 400, asJSON, `BAD_REQUEST`},
		"batch":                       {"POST", "", asJSON, "", "[" + good + "]", 400, asJSON, `several operations`},
		"query of the wrong type":     {"POST", "", asJSON, "", `{"query":573001234567}`, 400, asJSON, "`query` is of the wrong type"},
		"variables of wrong type":     {"POST", "", asJSON, "", `{"query":"{viewer{role}}","variables":"+573001234567"}`, 400, asJSON, "`variables` is of the wrong type"},
		"no query":                    {"POST", "", asJSON, "", `{"operationName":"x"}`, 400, asJSON, "want the operation in `query`"},
		"syntax":                      {"POST", "", asJSON, "", `{"query":"{"}`, 200, asJSON, `GRAPHQL_PARSE_FAILED`},
		"syntax, newer":               {"POST", "", asJSON, asResponse, `{"query":"{"}`, 400, asResponse, `GRAPHQL_PARSE_FAILED`},
		"unknown field, newer":        {"POST", "", asJSON, asResponse, `{"query":"{ nothing }"}`, 400, asResponse, `GRAPHQL_VALIDATION_FAILED`},
		"data and errors, newer":      {"POST", "", asJSON, asResponse, `{"query":"{ phone(number: \"1\") { id } viewer { role } }"}`, 294, asResponse, `INVALID_NUMBER`},
		"data and errors":             {"POST", "", asJSON, asJSON, `{"query":"{ phone(number: \"1\") { id } viewer { role } }"}`, 200, asJSON, `INVALID_NUMBER`},
		"unknown operation":           {"POST", "", asJSON, asResponse, `{"query":"query a { viewer { role } }","operationName":"b"}`, 400, asResponse, `GRAPHQL_VALIDATION_FAILED`},
		"no operation told":           {"POST", "", asJSON, asResponse, `{"query":"query a { viewer { role } } query b { viewer { name } }"}`, 400, asResponse, "tell by operationName which of them to run"},
		"operation told, not there":   {"POST", "", asJSON, asResponse, `{"query":"query a { viewer { role } }","operationName":"+573001234567"}`, 400, asResponse, "there is no operation of this name"},
		"too large":                   {"POST", "", asJSON, "", `{"query":"` + strings.Repeat(" ", 1<<20) + `"}`, 413, asJSON, `at most 1048576 bytes`},
		"nulls where values may be":   {"POST", "", asJSON, "", `{"query":"{viewer{role}}","variables":null,"operationName":null,"extensions":null}`, 200, asJSON, `VIEWER`},
		"what is not known is let by": {"POST", "", asJSON, "", `{"query":"{viewer{role}}","documentId":"x"}`, 200, asJSON, `VIEWER`},
	} {
		t.Run(name, func(t *testing.T) {
			var header []string
			if c.accept != "" {
				header = []string{"Accept", c.accept}
			}
			response := a.request(t, registry.RoleViewer, c.method, "/graphql"+c.path, c.contentType, strings.NewReader(c.body), header...)
			body := readAll(t, response)
			media, _, _ := strings.Cut(response.Header.Get("Content-Type"), ";")
			if response.StatusCode != c.status || media != c.answer || !strings.Contains(body, c.want) || !json.Valid([]byte(body)) {
				t.Errorf("%d %s %s; want %d %s %s", response.StatusCode, media, body, c.status, c.answer, c.want)
			}
			if strings.Contains(body, "573001234567") {
				t.Errorf("what was sent is repeated: %s", body)
			}
			if response.StatusCode == http.StatusMethodNotAllowed && response.Header.Get("Allow") == "" {
				t.Error("405 without Allow")
			}
			for header, want := range map[string]string{
				"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
			} {
				if got := response.Header.Get(header); got != want {
					t.Errorf("%s: %q; want %q", header, got, want)
				}
			}
		})
	}
}

func TestNobodyComesInWithoutAToken(t *testing.T) {
	a := newApp(t)
	for _, c := range []struct{ method, path string }{
		{"POST", "/graphql"}, {"GET", "/graphql?query={viewer{role}}"}, {"GET", "/graphql"}, {"PUT", "/graphql"},
		{"POST", "/v1/imports?source=web_forms"}, {"GET", "/v1/imports/imp_00000000000000000000000000000000"},
		{"GET", "/v1/imports/imp_00000000000000000000000000000000/quarantine.csv"}, {"GET", "/v1/"}, {"DELETE", "/v1/anything"},
	} {
		response := a.request(t, "", c.method, c.path, asJSON, strings.NewReader(`{"query":"{viewer{role}}"}`))
		body := readAll(t, response)
		if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") == "" ||
			!strings.Contains(body, `"code":"UNAUTHENTICATED"`) {
			t.Errorf("%s %s: %d %s", c.method, c.path, response.StatusCode, body)
		}
		if form, graphQL := strings.HasPrefix(body, `{"errors":[{"`), strings.HasPrefix(c.path, "/graphql"); form != graphQL {
			t.Errorf("%s %s is answered in the form of the other interface: %s", c.method, c.path, body)
		}
	}
	for path, want := range map[string]string{"/": "the web UI", "/healthz": `"ok"`, "/readyz": `"ready"`} {
		response := a.request(t, "", http.MethodGet, path, "", nil)
		if body := readAll(t, response); response.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("GET %s: %d %s", path, response.StatusCode, body)
		}
	}
}

func TestTheBootstrapTokenIsAnAdmin(t *testing.T) {
	a := newApp(t)
	a.tokens["BOOTSTRAP"] = "bootstrap-token"
	got := ask[struct{ Viewer struct{ Name, Role string } }](t, a, "BOOTSTRAP", `{ viewer { name role } }`, nil)
	if got.Viewer.Name != "bootstrap" || got.Viewer.Role != "ADMIN" {
		t.Errorf("%+v", got)
	}
}

func TestOtherSitesPagesAreRefused(t *testing.T) {
	a := newApp(t)
	for name, header := range map[string][]string{
		"by Sec-Fetch-Site": {"Sec-Fetch-Site", "cross-site"},
		"by Origin":         {"Origin", "https://evil.example"},
	} {
		response := a.request(t, registry.RoleOperator, http.MethodPost, "/graphql", asJSON,
			strings.NewReader(`{"query":"{viewer{role}}"}`), header...)
		if body := readAll(t, response); response.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d %s", name, response.StatusCode, body)
		}
	}
	response := a.request(t, registry.RoleOperator, http.MethodPost, "/graphql", asJSON,
		strings.NewReader(`{"query":"{viewer{role}}"}`), "Sec-Fetch-Site", "same-origin")
	if body := readAll(t, response); response.StatusCode != http.StatusOK {
		t.Errorf("own pages: %d %s", response.StatusCode, body)
	}
}

func TestReadinessTellsWhichPartButNotWhy(t *testing.T) {
	a := newApp(t)
	a.ready = func() []httpd.Check {
		return []httpd.Check{{Name: "postgres"}, {Name: "nats", Err: errors.New("dial 10.1.2.3: refused")}}
	}
	response := a.request(t, "", http.MethodGet, "/readyz", "", nil)
	want := `{"status":"not ready","checks":[{"name":"postgres","ready":true},{"name":"nats","ready":false}]}` + "\n"
	if body := readAll(t, response); response.StatusCode != http.StatusServiceUnavailable || body != want {
		t.Errorf("%d %s; want 503 %s", response.StatusCode, body, want)
	}
	if !strings.Contains(a.log.String(), "10.1.2.3") {
		t.Error("the log does not say why")
	}
}

func TestRequestIDs(t *testing.T) {
	a := newApp(t)
	for sent, kept := range map[string]bool{
		"trace-1.a_B": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "+573001234567": false, "573001234567": false, "a b": false, `a"b`: false,
	} {
		response := a.request(t, registry.RoleViewer, http.MethodGet, "/graphql?query={nothing}", "", nil, "X-Request-Id", sent)
		_ = readAll(t, response)
		got := response.Header.Get("X-Request-Id")
		if (got == sent) != kept || len(got) < 8 {
			t.Errorf("sent %q: %q", sent, got)
		}
		if !strings.Contains(a.log.String(), `"request_id":"`+got+`"`) {
			t.Errorf("%q is not in the log", got)
		}
	}
	if strings.Contains(a.log.String(), "nothing") {
		t.Error("the log holds the operation")
	}
}

func TestPanicsAreCaught(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) {
		c.UI = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("secret cause") })
	})
	response := a.request(t, "", http.MethodGet, "/", "", nil)
	body := readAll(t, response)
	if response.StatusCode != http.StatusInternalServerError || strings.Contains(body, "secret") {
		t.Errorf("%d %s", response.StatusCode, body)
	}
	if log := a.log.String(); !strings.Contains(log, "secret cause") || !strings.Contains(log, `"status":500`) {
		t.Error("the cause is not in the log")
	}
}

func TestMetrics(t *testing.T) {
	a := newApp(t)
	a.try(t, registry.RoleViewer, `{ viewer { role } }`, nil)
	a.try(t, registry.RoleViewer, `{ phone(number: "1") { id } }`, nil)
	_ = readAll(t, a.request(t, "", http.MethodGet, "/graphql", "", nil))
	_ = readAll(t, a.request(t, "", "BREW", "/pot/573001234567", "", nil))
	admin := httpd.Admin(a.metrics)
	w := recorded(admin, "/metrics")
	for _, want := range []string{
		`graphql_operations_total{outcome="ok",type="query"} 1`, `graphql_operations_total{outcome="errors",type="query"} 1`,
		`http_requests_total{method="POST",route="/graphql",status="200"} 2`,
		`http_requests_total{method="GET",route="/graphql",status="401"} 1`,
		`http_requests_total{method="other",route="/",status="404"} 1`, `http_requests_in_flight 0`,
	} {
		if !strings.Contains(w, want) {
			t.Errorf("want %s in\n%s", want, w)
		}
	}
	if strings.Contains(w, "573001234567") {
		t.Error("an address is in the metrics")
	}
	if text := recorded(admin, "/debug/pprof/goroutine?debug=1"); !strings.Contains(text, "goroutine profile") {
		t.Errorf("profile: %.100s", text)
	}
}

func recorded(h http.Handler, path string) string {
	w := &writer{header: http.Header{}}
	r, err := http.NewRequest(http.MethodGet, path, nil)
	if err != nil {
		return err.Error()
	}
	h.ServeHTTP(w, r)
	return w.body.String()
}

type writer struct {
	header http.Header
	body   bytes.Buffer
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) WriteHeader(int)             {}
func (w *writer) Write(b []byte) (int, error) { return w.body.Write(b) }

var _ io.Writer = (*writer)(nil)
