package httpd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry"
)

// entry is an entry of the access log as the API shows it.
type entry struct {
	ID, At, Actor, Role string
	Purpose, Operation  *string
	Fields              []string
	Revealed            int64
	RequestID           string
}

const accessLogQuery = `query ($filter: AccessLogFilter, $first: Int, $after: String) {
	accessLog(filter: $filter, first: $first, after: $after) {
		nodes { id at actor role purpose operation fields revealed requestId } pageInfo { hasNextPage endCursor } totalCount } }`

type accessLog struct {
	AccessLog struct {
		Nodes    []entry
		PageInfo struct {
			HasNextPage bool
			EndCursor   *string
		}
		TotalCount int
	}
}

// accessed returns the entries for which a purpose was told, newest first.
func (a *app) accessed(t testing.TB) []entry {
	t.Helper()
	all := ask[accessLog](t, a, registry.RoleAdmin, accessLogQuery, vars{"first": 500}).AccessLog.Nodes
	return slices.DeleteFunc(all, func(e entry) bool { return e.Purpose == nil })
}

// only checks that one entry was made since the last call, and returns it.
type accesses struct {
	a    *app
	seen int
}

func (s *accesses) none(t testing.TB, what string) {
	t.Helper()
	if all := s.a.accessed(t); len(all) != s.seen {
		t.Errorf("%s: recorded %+v", what, all[:len(all)-s.seen])
		s.seen = len(all)
	}
}

func (s *accesses) one(t testing.TB, what string, fields []string, values int64) entry {
	t.Helper()
	all := s.a.accessed(t)
	if len(all) != s.seen+1 {
		t.Fatalf("%s: %d entries instead of one: %+v", what, len(all)-s.seen, all[:max(0, len(all)-s.seen)])
	}
	s.seen++
	if e := all[0]; !slices.Equal(e.Fields, fields) || e.Revealed != values {
		t.Errorf("%s: %d values of %v are recorded; want %d of %v", what, e.Revealed, e.Fields, values, fields)
	}
	return all[0]
}

// post runs an operation with headers and extensions, and returns the status and the body.
func (a *app) post(t testing.TB, role registry.Role, request vars, header ...string) (int, string) {
	t.Helper()
	body, err := json.Marshal(request)
	must(t, err)
	response := a.request(t, role, http.MethodPost, "/graphql", "application/json", bytes.NewReader(body), header...)
	return response.StatusCode, readAll(t, response)
}

var phoneNumber = []string{"Phone.number"}

// TestEveryRevealIsRecorded: by every role, with what it was asked for, and nothing else.
func TestEveryRevealIsRecorded(t *testing.T) {
	a := newApp(t)
	number := a.addPhones(t, 1)[0]
	seen := &accesses{a: a}
	request := vars{"query": `query Lookup($n: E164!) { phone(number: $n) { number region } }`, "variables": vars{"n": number}}
	for _, role := range registry.Roles() {
		_, body := a.post(t, role, request)
		if whole := strings.Contains(body, number); whole != (role == registry.RoleAdmin) {
			t.Errorf("%s without a purpose: %s", role, body)
		}
		seen.none(t, string(role)+" without a purpose") // accessed leaves out those of administrators
		_, body = a.post(t, role, request, "X-Purpose", "claim 7", "X-Request-Id", "request-of-"+string(role))
		if !role.Scopes().Has(registry.ScopeReveal) {
			if strings.Contains(body, number) {
				t.Errorf("%s: %s", role, body)
			}
			seen.none(t, string(role))
			continue
		}
		if !strings.Contains(body, number) {
			t.Errorf("%s: %s", role, body)
		}
		e := seen.one(t, string(role), phoneNumber, 1)
		if e.Actor != strings.ToLower(string(role)) || e.Role != string(role) || *e.Purpose != "claim 7" || *e.Operation != "Lookup" ||
			e.RequestID != "request-of-"+string(role) {
			t.Errorf("%s: %+v", role, e)
		}
		if at, err := time.Parse(time.RFC3339Nano, e.At); err != nil || time.Since(at) > time.Hour {
			t.Errorf("at %s, %v", e.At, err)
		}
	}
	all := ask[accessLog](t, a, registry.RoleAdmin, accessLogQuery, vars{"filter": vars{"actor": "admin"}}).AccessLog
	if len(all.Nodes) != 2 || all.Nodes[1].Purpose != nil {
		t.Errorf("the administrator's reads: %+v", all.Nodes)
	}
	if nothing := a.try(t, registry.RoleSteward, accessLogQuery, nil); len(nothing.Errors) != 1 || nothing.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("a steward reads the access log: %s %+v", nothing.Data, nothing.Errors)
	}
}

// TestWhatIsCounted: each value that is written, wherever it stands, and under which field of the schema.
func TestWhatIsCounted(t *testing.T) {
	a := newApp(t)
	a.purpose = "claim 7"
	numbers := a.addPhones(t, 20)
	seen := &accesses{a: a}
	both := []string{"Phone.number", "CustomerPhone.number"}
	for _, c := range []struct {
		name, query string
		fields      []string
		values      int64
	}{
		{"a flat list", `{ phones(first: 15) { nodes { id number region } } }`, phoneNumber, 15},
		{"a short list", `{ phones(first: 3) { nodes { number } } }`, phoneNumber, 3},
		{"twice by aliases, flat", `{ phones(first: 10) { nodes { a: number b: number } } }`, phoneNumber, 20},
		{"twice by aliases", `{ phones(first: 2) { nodes { a: number b: number } } }`, phoneNumber, 4},
		{"two lists, one of them flat", `{ x: phones(first: 9) { nodes { number } } y: phones(first: 2) { nodes { number } } }`, phoneNumber, 11},
		{"edges", `{ phones(first: 12) { edges { node { number } } } }`, phoneNumber, 12},
		{"nested", `{ phones(first: 4) { nodes { number customers { nodes { number phone { number } } } } } }`, both, 12},
		{"in fragments", `{ phones(first: 2) { nodes { ...f } } } fragment f on Phone { ... on Node { ... on Phone { number } } }`, phoneNumber, 2},
		{"left out", `{ phones(first: 9) { nodes { id number @skip(if: true) } } }`, nil, 0},
		{"left out of a few", `{ phones(first: 2) { nodes { id number @include(if: false) } } }`, nil, 0},
		{"no number is asked for", `{ phones(first: 9) { nodes { id region } totalCount } }`, nil, 0},
		{"nothing is found", `{ phone(number: "+573009999999") { number } }`, nil, 0},
		{"one's own input", fmt.Sprintf(`{ normalizePhone(input: %q) { number } }`, numbers[0]), nil, 0},
		{"an object by its id", `query ($id: ID!) { node(id: $id) { ... on Phone { number } } }`, phoneNumber, 1},
	} {
		id := ask[struct{ Phone struct{ ID string } }](t, a, registry.RoleSteward, `query ($n: E164!) { phone(number: $n) { id } }`, vars{"n": numbers[0]})
		got := a.try(t, registry.RoleSteward, c.query, vars{"id": id.Phone.ID})
		if len(got.Errors) > 0 {
			t.Errorf("%s: %+v", c.name, got.Errors)
		}
		if shown := int64(strings.Count(string(got.Data), `"+57300`)); shown != c.values && c.name != "one's own input" {
			t.Errorf("%s: %d values are shown, want %d: %s", c.name, shown, c.values, got.Data)
		}
		if c.values == 0 {
			seen.none(t, c.name)
			continue
		}
		seen.one(t, c.name, c.fields, c.values)
	}
}

// TestOnesOwnInputIsWhole: what the numbering rules make of a text is whole for everyone, tells nothing of the registry,
// asks it nothing, is not recorded, and unmasks nothing beside it.
func TestOnesOwnInputIsWhole(t *testing.T) {
	a := newApp(t)
	known, unknown := a.addPhones(t, 1)[0], "+573009999999"
	seen := &accesses{a: a}
	const read = `query ($n: String!) { one: normalizePhone(input: $n) { number } all: normalizeCell(input: $n) { number } }`
	const beside = `query ($n: String!, $e: E164!) { own: normalizePhone(input: $n) { number } phone(number: $e) { number } }`
	for _, role := range append(maskedCallers(), registry.RoleAdmin) {
		for _, n := range []string{known, unknown} {
			var got answer
			sent := a.statements.ofRequests(func() { got = a.try(t, role, read, vars{"n": n}) })
			if want := fmt.Sprintf(`{"one":{"number":%q},"all":[{"number":%[1]q}]}`, n); string(got.Data) != want || len(got.Errors) > 0 || len(sent) > 0 {
				t.Errorf("%s: %s %+v and %q; want %s", role, got.Data, got.Errors, sent, want)
			}
		}
		if role == registry.RoleAdmin {
			continue
		}
		got := a.try(t, role, beside, vars{"n": known, "e": known})
		if want := fmt.Sprintf(`{"own":{"number":%q},"phone":{"number":%q}}`, known, masked); string(got.Data) != want {
			t.Errorf("%s: %s %+v; want %s", role, got.Data, got.Errors, want)
		}
	}
	const add = `mutation ($input: AddPhoneInput!) { addPhone(input: $input) { normalized { number } phone { number } customerPhone { number } } }`
	got := a.try(t, registry.RoleSteward, add, vars{"input": vars{"customerId": "c", "number": known, "source": "crm_salesforce"}})
	if want := fmt.Sprintf(`{"addPhone":{"normalized":{"number":%q},"phone":{"number":%q},"customerPhone":{"number":%[2]q}}}`, known, masked); string(got.Data) != want {
		t.Errorf("%s %+v; want %s", got.Data, got.Errors, want)
	}
	seen.none(t, "one's own input")
}

// TestRevealsOfMutations: their answers are recorded like others; an operation with an error somewhere is for what it shows.
func TestRevealsOfMutations(t *testing.T) {
	a := newApp(t)
	a.purpose = "claim 7"
	numbers := a.addPhones(t, 3)
	seen := &accesses{a: a}
	const add = `mutation Add($input: AddPhoneInput!) { addPhone(input: $input) { phone { number } customerPhone { number } userErrors { code } } }`
	ask[any](t, a, registry.RoleSteward, add, vars{"input": vars{"customerId": "new", "number": "+573005550000", "source": "crm_salesforce"}})
	if e := seen.one(t, "a mutation", []string{"Phone.number", "CustomerPhone.number"}, 2); *e.Operation != "Add" {
		t.Errorf("%+v", e)
	}
	ask[any](t, a, registry.RoleSteward, add, vars{"input": vars{"customerId": "new", "number": "12", "source": "crm_salesforce"}})
	seen.none(t, "a mutation that was refused")
	partly := a.try(t, registry.RoleSteward, `query ($a: E164!) { good: phone(number: $a) { number }
		bad: phone(number: $a) { number customers(after: "x") { nodes { number } } } }`, vars{"a": numbers[0]})
	if len(partly.Errors) != 1 || string(partly.Data) != `{"good":{"number":"`+numbers[0]+`"},"bad":null}` {
		t.Errorf("%s %+v", partly.Data, partly.Errors)
	}
	seen.one(t, "beside an error", phoneNumber, 1)
	nothing := a.try(t, registry.RoleSteward, `query ($a: E164!) { phone(number: $a) { number } phones(after: "x") { nodes { number } } }`, vars{"a": numbers[0]})
	if len(nothing.Errors) != 1 || string(nothing.Data) != "null" {
		t.Errorf("%s %+v", nothing.Data, nothing.Errors)
	}
	seen.none(t, "an answer that is null")
}

// TestNamesOfOperationsHoldNoNumbers: they are what callers write.
func TestNamesOfOperationsHoldNoNumbers(t *testing.T) {
	a := newApp(t)
	a.purpose = "claim 7"
	number := a.addPhones(t, 1)[0]
	seen := &accesses{a: a}
	for name, want := range map[string]string{
		"Of" + number[1:]: "Of#", "a573001234567b5730012345678": "a#b#", "Year2026": "Year2026", strings.Repeat("x", 128): strings.Repeat("x", 64),
	} {
		ask[any](t, a, registry.RoleSteward, `query `+name+` ($n: E164!) { phone(number: $n) { number } }`, vars{"n": number})
		if e := seen.one(t, name, phoneNumber, 1); *e.Operation != want {
			t.Errorf("%s is recorded as %s", name, *e.Operation)
		}
	}
	ask[any](t, a, registry.RoleSteward, `query ($n: E164!) { phone(number: $n) { number } }`, vars{"n": number})
	if e := seen.one(t, "no name", phoneNumber, 1); e.Operation != nil {
		t.Errorf("no name is recorded as %s", *e.Operation)
	}
}

// TestWherePurposesAreTold: in a header, in connection_init, in the extensions, which win.
func TestWherePurposesAreTold(t *testing.T) {
	a := newApp(t)
	number := a.addPhones(t, 1)[0]
	seen := &accesses{a: a}
	query := `{ phone(number: "` + number + `") { number } viewer { purpose seesWholeNumbers } }`
	request := vars{"query": query, "extensions": vars{"purpose": "of the extensions"}}
	purpose := func(what, want string) {
		t.Helper()
		if e := seen.one(t, what, phoneNumber, 1); *e.Purpose != want {
			t.Errorf("%s: the purpose is %q", what, *e.Purpose)
		}
	}
	if _, body := a.post(t, registry.RoleSteward, request, "X-Purpose", "of the header"); !strings.Contains(body, `{"purpose":"of the extensions","seesWholeNumbers":true}`) {
		t.Error(body)
	}
	purpose("extensions and header", "of the extensions")
	get := "/graphql?query=" + url.QueryEscape(query) + "&extensions=" + url.QueryEscape(`{"purpose":"of the address"}`)
	readAll(t, a.request(t, registry.RoleSteward, http.MethodGet, get, "", nil))
	purpose("GET", "of the address")
	body, err := json.Marshal(vars{"query": query})
	must(t, err)
	events := readAll(t, a.request(t, registry.RoleSteward, http.MethodPost, "/graphql", "application/json", bytes.NewReader(body),
		"Accept", "text/event-stream", "X-Purpose", "of an event stream"))
	if !strings.Contains(events, number) {
		t.Error(events)
	}
	purpose("an event stream", "of an event stream")

	c := a.dial(t, nil)
	c.send(t, "", "connection_init", vars{"Authorization": "Bearer " + a.tokens[registry.RoleSteward], "purpose": "of the socket"})
	c.next(t)
	c.send(t, "1", "subscribe", vars{"query": query})
	if got := c.last(t); !strings.Contains(got, number) {
		t.Error(got)
	}
	purpose("a socket", "of the socket")
	c.send(t, "2", "subscribe", request)
	c.last(t)
	purpose("extensions on a socket", "of the extensions")
	c.send(t, "3", "subscribe", vars{"query": query})
	c.last(t)
	purpose("the socket again", "of the socket")
}

// TestWrongPurposesAreRefused: nothing is run, and what was told is not repeated.
func TestWrongPurposesAreRefused(t *testing.T) {
	a := newApp(t)
	const query = `{ viewer { name } }`
	for _, wrong := range []any{"call +57 300 123 45 67", strings.Repeat("x", 201), "two\nlines", "", 7, []string{"a"}, vars{}} {
		status, body := a.post(t, registry.RoleSteward, vars{"query": query, "extensions": vars{"purpose": wrong}})
		if status != http.StatusBadRequest || !strings.Contains(body, "BAD_REQUEST") || strings.Contains(body, "steward") || strings.Contains(body, "300 123") {
			t.Errorf("%v: %d %s", wrong, status, body)
		}
	}
	status, body := a.post(t, registry.RoleSteward, vars{"query": query}, "X-Purpose", "3001234567")
	if status != http.StatusBadRequest || !strings.Contains(body, "BAD_REQUEST") || strings.Contains(body, "3001234567") {
		t.Errorf("in the header: %d %s", status, body)
	}
	response := a.request(t, registry.RoleAdmin, http.MethodGet, "/v1/jobs/x/failures.csv", "", nil, "X-Purpose", "3001234567")
	if body := readAll(t, response); response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "BAD_REQUEST") {
		t.Errorf("of a download: %d %s", response.StatusCode, body)
	}
	for _, wrong := range []any{"call +57 300 123 45 67", 7} {
		c := a.dial(t, nil)
		c.send(t, "", "connection_init", vars{"Authorization": "Bearer " + a.tokens[registry.RoleSteward], "purpose": wrong})
		if code := c.closed(t); code != 4400 {
			t.Errorf("a socket is closed with %d", code)
		}
	}
}

// TestTheLogTellsKeysOfOneNameApart, also when one of them is renamed.
func TestTheLogTellsKeysOfOneNameApart(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 1)
	const query = `{ phones { nodes { number } } }`
	keys := map[registry.Role]string{}
	for _, name := range []registry.Role{"first", "second"} {
		made := a.createKey(t, registry.RoleAdmin, vars{"name": "claims desk", "role": "STEWARD"})
		a.tokens[name], keys[name] = made.Token, made.APIKey.ID
	}
	a.changeKey(t, registry.RoleAdmin, "updateApiKey", "UpdateApiKeyInput", vars{"id": keys["second"], "name": "others"})
	for _, name := range []registry.Role{"first", "second"} {
		if got := a.forPurpose("claim 7").try(t, name, query, nil); len(got.Errors) > 0 || !strings.Contains(string(got.Data), whole) {
			t.Fatalf("%s: %s %+v", name, got.Data, got.Errors)
		}
		last := ask[struct {
			AccessLog struct{ Nodes []struct{ Token string } }
		}](t, a, registry.RoleAdmin,
			`{ accessLog(filter: {minRevealed: 1}, first: 2) { nodes { token } } }`, nil).AccessLog.Nodes
		if len(last) == 0 || last[0].Token != keys[name] {
			t.Errorf("%s: %+v; want %s", name, last, keys[name])
		}
	}
}
