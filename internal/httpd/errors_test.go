package httpd_test

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// documentedCodes are the codes that docs/api/errors.md explains.
func documentedCodes(t testing.TB) map[string]bool {
	t.Helper()
	page, err := os.ReadFile("../../docs/api/errors.md")
	must(t, err)
	codes := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z_]+)` \\| .+ \\| .+ \\|$").FindAllSubmatch(page, -1) {
		codes[string(row[1])] = true
	}
	return codes
}

var code = regexp.MustCompile(`^[A-Z]+(_[A-Z]+)*$`)

// TestEveryCodeIsDocumented: each constant that is a code, and each code that is written out, with its cause and remedy;
// and the page explains no other.
func TestEveryCodeIsDocumented(t *testing.T) {
	found := map[string]string{"GRAPHQL_PARSE_FAILED": "gqlgen", "GRAPHQL_VALIDATION_FAILED": "gqlgen"}
	for _, dir := range []string{"graph", "resolvers", "registry", "internal/httpd", "internal/auth", "internal/limit", "internal/accesslog"} {
		must(t, filepath.WalkDir("../../"+dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "generated") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err == nil {
				ast.Inspect(file, func(n ast.Node) bool { codesIn(n, func(code string) { found[code] = path }); return true })
			}
			return err
		}))
	}
	if len(found) < 20 {
		t.Fatalf("only %d codes are found: %v", len(found), found)
	}
	documented := documentedCodes(t)
	for code, where := range found {
		if !documented[code] {
			t.Errorf("%s of %s is not in docs/api/errors.md", code, where)
		}
	}
	for code := range documented {
		if found[code] == "" {
			t.Errorf("docs/api/errors.md explains %s, which nothing answers with", code)
		}
	}
	for _, v := range httpd.Schema().Types["UserErrorCode"].EnumValues {
		if !documented[v.Name] {
			t.Errorf("%s of the schema is not in docs/api/errors.md", v.Name)
		}
	}
}

// codesIn tells the codes that a node holds: constants called Code…, members "code" of maps, arguments of writeError.
func codesIn(n ast.Node, tell func(code string)) {
	text := func(e ast.Expr) {
		if lit, ok := e.(*ast.BasicLit); ok && lit.Kind == token.STRING {
			if s, err := strconv.Unquote(lit.Value); err == nil && code.MatchString(s) {
				tell(s)
			}
		}
	}
	switch n := n.(type) {
	case *ast.ValueSpec:
		for i, name := range n.Names {
			if strings.HasPrefix(strings.ToLower(name.Name), "code") && i < len(n.Values) {
				text(n.Values[i])
			}
		}
	case *ast.KeyValueExpr:
		if key, ok := n.Key.(*ast.BasicLit); ok && key.Value == `"code"` {
			text(n.Value)
		}
	case *ast.CallExpr:
		if f, ok := n.Fun.(*ast.Ident); ok && f.Name == "writeError" {
			for _, argument := range n.Args {
				text(argument)
			}
		}
	}
}

// TestEveryErrorNamesItsRequest and bears a code that is documented, whoever refuses.
func TestEveryErrorNamesItsRequest(t *testing.T) {
	a := newApp(t)
	documented := documentedCodes(t)
	check := func(name, id, body string) {
		t.Helper()
		var got struct {
			Errors []struct{ Extensions map[string]any }
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || len(got.Errors) == 0 {
			t.Errorf("%s: %v in %s", name, err, body)
		}
		for _, e := range got.Errors {
			code, _ := e.Extensions["code"].(string)
			if !documented[code] || e.Extensions["requestId"] != id {
				t.Errorf("%s: %v; want the id %s and a code that is documented", name, e.Extensions, id)
			}
		}
	}
	for name, c := range map[string]struct{ method, contentType, accept, body string }{
		"no JSON":         {http.MethodPost, asJSON, asJSON, `{`},
		"no query":        {http.MethodPost, asJSON, asJSON, `{}`},
		"several":         {http.MethodPost, asJSON, asResponse, `[]`},
		"media type":      {http.MethodPost, "text/plain", asJSON, `{"query":"{viewer{name}}"}`},
		"method":          {http.MethodPut, asJSON, asJSON, `{}`},
		"not acceptable":  {http.MethodPost, asJSON, "image/png", `{}`},
		"parser":          {http.MethodPost, asJSON, asJSON, `{"query":"{"}`},
		"validator":       {http.MethodPost, asJSON, asResponse, `{"query":"{nothing}"}`},
		"variables":       {http.MethodPost, asJSON, asResponse, `{"query":"query($n: Int!) { phones(first: $n) { totalCount } }"}`},
		"operation":       {http.MethodPost, asJSON, asResponse, `{"query":"query a {viewer{name}}","operationName":"b"}`},
		"guard":           {http.MethodPost, asJSON, asJSON, `{"query":"` + strings.Repeat("{a", 100) + strings.Repeat("}", 100) + `"}`},
		"access":          {http.MethodPost, asJSON, asJSON, `{"query":"{webhooks{totalCount}}"}`},
		"documents":       {http.MethodPost, asJSON, asJSON, `{"documentId":"sha256:none"}`},
		"a field":         {http.MethodPost, asJSON, asJSON, `{"query":"{phones(first: 501) { totalCount }}"}`},
		"a scalar":        {http.MethodPost, asJSON, asJSON, `{"query":"{phone(number: \"x\") { id }}"}`},
		"no stream":       {http.MethodPost, asJSON, asJSON, `{"query":"subscription { leadScoreChanged { total } }"}`},
		"purpose":         {http.MethodPost, asJSON, asJSON, `{"query":"{viewer{name}}","extensions":{"purpose":7}}`},
		"a stream's head": {http.MethodPut, asJSON, "text/event-stream", `{}`},
	} {
		id := "test-" + strings.ReplaceAll(strings.ReplaceAll(name, " ", "-"), "'", "")
		response := a.request(t, registry.RoleViewer, c.method, "/graphql", c.contentType, bytes.NewReader([]byte(c.body)), "Accept", c.accept, "X-Request-Id", id)
		check(name, id, readAll(t, response))
	}
	stream := readAll(t, a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", asJSON,
		strings.NewReader(`{"query":"subscription { nothing }"}`), "Accept", "text/event-stream", "X-Request-Id", "test-stream"))
	for name, data := range events(strings.NewReader(stream)) {
		if name == "next" {
			check("event stream", "test-stream", data)
		}
	}
	socket := a.dial(t, http.Header{"X-Request-Id": {"test-socket"}})
	socket.send(t, "", "connection_init", vars{"Authorization": "Bearer " + a.tokens[registry.RoleViewer]})
	for range 2 {
		if m := socket.next(t); m.Type == "connection_ack" {
			socket.send(t, "1", "subscribe", vars{"query": "{ webhooks { totalCount } }"})
		} else {
			check("socket", "test-socket", `{"errors":`+string(m.Payload)+`}`)
		}
	}
}

// TestNothingInternalLeaves when the database fails in any way: what is said is "internal error", and the log tells the
// rest under the same id.
func TestNothingInternalLeaves(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 1)
	a.try(t, registry.RoleAdmin, `{ viewer { name } }`, nil) // the token is known from now on
	exec := func(sql string) {
		_, err := a.pool.Exec(t.Context(), sql)
		must(t, err)
	}
	for name, c := range map[string]struct{ before, query string }{
		"a missing table":  {"ALTER TABLE customers RENAME TO secretly_renamed", `{ node(id: "` + a.customerID("x") + `") { id } }`},
		"a missing column": {"ALTER TABLE phones RENAME COLUMN region TO secretly_moved", `{ phone(number: "+573001000000") { region } }`},
		"a mutation":       {"ALTER TABLE audit_trail RENAME TO secretly_audited", `mutation { addPhone(input: {customerId: "c", number: "+573001000009", source: "web_forms"}) { created userErrors { code } } }`},
	} {
		exec(c.before)
		body, err := json.Marshal(vars{"query": c.query})
		must(t, err)
		text := readAll(t, a.request(t, registry.RoleAdmin, http.MethodPost, "/graphql", asJSON, bytes.NewReader(body), "X-Request-Id", "fault"))
		for _, internal := range []string{"secretly", "SQLSTATE", "relation", "column \\", "pgx", "audit_trail", "ERROR:", ".go"} {
			if strings.Contains(text, internal) {
				t.Errorf("%s: %s tells of %s", name, text, internal)
			}
		}
		if !strings.Contains(text, `"message":"internal error"`) || !strings.Contains(text, `"code":"INTERNAL"`) || !strings.Contains(text, `"requestId":"fault"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if log := a.log.String(); !strings.Contains(log, "SQLSTATE") || !strings.Contains(log, `"request_id":"fault"`) {
		t.Error("the log does not tell what happened")
	}
}

// TestWhatIsNotThereIsNoFault: while something cannot be reached, who asks is told to try again, and nothing of why.
func TestWhatIsNotThereIsNoFault(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) {
		c.Away = func(err error) bool { return strings.Contains(err.Error(), "SQLSTATE 42P01") } // a table that is not there
	})
	job := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	a.try(t, registry.RoleAdmin, `{ viewer { name } }`, nil) // the token is known from now on
	for _, table := range []string{"phones", "import_batches", "validation_jobs"} {
		_, err := a.pool.Exec(t.Context(), "ALTER TABLE "+table+" RENAME TO moved_"+table)
		must(t, err)
	}
	for address, body := range map[string]string{
		"/graphql": `{"query":"{ phone(number: \"+573001000000\") { region } }"}`, "/v1/jobs/" + job + "/failures.csv": "",
		"/v1/imports/imp_00000000000040008000000000000000": "", "/v1/imports?source=web_forms": "id,tel\n1,3001234567\n",
	} {
		method, contentType, want := http.MethodPost, asJSON, http.StatusServiceUnavailable
		switch {
		case body == "":
			method = http.MethodGet
		case address == "/graphql":
			want = http.StatusOK
		default:
			contentType = "text/csv"
		}
		response := a.request(t, registry.RoleAdmin, method, address, contentType, strings.NewReader(body), "X-Request-Id", "away")
		text := readAll(t, response)
		if response.StatusCode != want || !strings.Contains(text, `"code":"UNAVAILABLE"`) || !strings.Contains(text, `"requestId":"away"`) ||
			!strings.Contains(text, "cannot be reached right now") || strings.Contains(text, "SQLSTATE") {
			t.Errorf("%s: %d %s", address, response.StatusCode, text)
		}
	}
}

// customerID is the global id of a customer.
func (a *app) customerID(id string) string { return "cus_" + a.codec.Seal("cus", []byte(id)) }

// TestWithoutNATSNothingInternalLeaves: changes do not need it, and progress says what it can.
func TestWithoutNATSNothingInternalLeaves(t *testing.T) {
	a := newApp(t)
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	a.conn.Close()
	for _, query := range []string{`{ platforms { platform workers { workerId } } workers { id } }`, `{ validationJob(id: "` + id + `") { status } }`,
		`mutation { cancelValidationJob(input: {id: "` + id + `"}) { job { status } userErrors { code } } }`} {
		got := a.try(t, registry.RoleOperator, query, nil)
		for _, e := range got.Errors {
			if strings.Contains(strings.ToLower(e.Message), "nats") || e.Extensions["code"] != "INTERNAL" && e.Extensions["code"] != "UNAVAILABLE" {
				t.Errorf("%s: %+v", query, e)
			}
		}
	}
}

// TestSuggestionsAreForThoseWhoMayIntrospect, like the schema itself.
func TestSuggestionsAreForThoseWhoMayIntrospect(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Introspection = []registry.Role{registry.RoleAdmin} })
	for role := range a.tokens {
		for _, query := range []string{
			`{ viewr { name } }`, `{ viewer { nam } }`, `{ phones(frist: 1) { totalCount } }`,
			`{ phones(orderBy: {field: CREATED_AR}) { totalCount } }`,
		} {
			got := a.try(t, role, query, nil)
			if len(got.Errors) == 0 || strings.Contains(got.Errors[0].Message, "Did you mean") != (role == registry.RoleAdmin) {
				t.Errorf("%s, %s: %+v", role, query, got.Errors)
			}
		}
		got := a.try(t, role, `{ __schema { types { name } } __type(name: "Phone") { name } }`, nil)
		if role == registry.RoleAdmin && len(got.Errors) > 0 || role != registry.RoleAdmin && (len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "FORBIDDEN") {
			t.Errorf("%s introspects: %+v", role, got.Errors)
		}
		if got := a.try(t, role, `{ __typename viewer { __typename name } }`, nil); len(got.Errors) > 0 {
			t.Errorf("%s: %+v", role, got.Errors)
		}
	}
}
