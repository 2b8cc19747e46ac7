package httpd_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"phoneregistry/registry"
)

// ticket makes a ticket with the token of a role.
func (a *app) ticket(t testing.TB, role registry.Role, header ...string) string {
	t.Helper()
	response := a.request(t, role, http.MethodPost, "/v1/stream-tickets", "", nil, header...)
	text := readAll(t, response)
	var made struct {
		Ticket    string
		ExpiresAt time.Time
	}
	if err := json.Unmarshal([]byte(text), &made); err != nil || response.StatusCode != http.StatusCreated ||
		!strings.HasPrefix(made.Ticket, "prt_") || time.Until(made.ExpiresAt) > 30*time.Second {
		t.Fatalf("%d %s: %v", response.StatusCode, text, err)
	}
	if response.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("a ticket may be kept: %v", response.Header)
	}
	return made.Ticket
}

// byTicket asks as a browser's EventSource does.
func (a *app) byTicket(t testing.TB, ticket, query string, variables vars, header ...string) *http.Response {
	t.Helper()
	text, err := json.Marshal(variables)
	must(t, err)
	address := "/graphql?" + url.Values{"query": {query}, "variables": {string(text)}, "ticket": {ticket}}.Encode()
	return a.request(t, "", http.MethodGet, address, "", nil, append([]string{"Accept", "text/event-stream"}, header...)...)
}

func TestATicketOpensAStream(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 1)
	id := a.startJob(t, numbers, 1, "WHATSAPP")
	response := a.byTicket(t, a.ticket(t, registry.RoleViewer), jobProgress, vars{"id": id})
	defer response.Body.Close() //nolint:errcheck // it is read
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %v", response.StatusCode, response.Header)
	}
	var last string
	seen := 0
	for event := range events(response.Body) {
		if seen++; seen == 1 {
			a.work(t, 1, active)
		}
		last = event
	}
	if seen < 2 || last != "complete" {
		t.Errorf("%d events, the last is %s", seen, last)
	}
	if strings.Contains(a.log.String(), "prt_") {
		t.Error("a ticket is in the log")
	}
}

// TestATicketIsItsBearer: with the role, the restrictions and the purpose for which it was made.
func TestATicketIsItsBearer(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 1)
	const who = `{ viewer { name role scopes purpose seesWholeNumbers } phones(first: 1) { nodes { number } } }`
	first := func(response *http.Response) string {
		t.Helper()
		defer response.Body.Close() //nolint:errcheck // it is read
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return data
			}
		}
		t.Fatalf("%d: no data", response.StatusCode)
		return ""
	}
	if got := first(a.byTicket(t, a.ticket(t, registry.RoleSteward, "X-Purpose", "claim 7"), who, nil)); !strings.Contains(got, `"purpose":"claim 7"`) ||
		!strings.Contains(got, `"role":"STEWARD"`) || !strings.Contains(got, `"number":"+573001000000"`) {
		t.Errorf("a steward with a purpose: %s", got)
	}
	if got := first(a.byTicket(t, a.ticket(t, registry.RoleSteward), who, nil)); !strings.Contains(got, `"purpose":null`) || !strings.Contains(got, "****") {
		t.Errorf("a steward without one: %s", got)
	}
	if got := first(a.byTicket(t, a.ticket(t, registry.RoleViewer), `{ apiKeys { nodes { name } } }`, nil)); !strings.Contains(got, "FORBIDDEN") {
		t.Errorf("a viewer: %s", got)
	}
}

// TestTicketsAreForOneStreamOnly tries all that a ticket must not be good for.
func TestTicketsAreForOneStreamOnly(t *testing.T) {
	a := newApp(t)
	const query = `{ viewer { role } }`
	wrong := func(name string, response *http.Response, status int) {
		t.Helper()
		if text := readAll(t, response); response.StatusCode != status || strings.Contains(text, "prt_") {
			t.Errorf("%s: %d %s; want %d", name, response.StatusCode, text, status)
		}
	}
	used := a.ticket(t, registry.RoleViewer)
	if got := readAll(t, a.byTicket(t, used, query, nil)); !strings.Contains(got, "VIEWER") {
		t.Fatal(got)
	}
	wrong("used before", a.byTicket(t, used, query, nil), http.StatusUnauthorized)
	address := func() string {
		return "/graphql?query=" + url.QueryEscape(query) + "&ticket=" + a.ticket(t, registry.RoleViewer)
	}
	wrong("as JSON", a.request(t, "", http.MethodGet, address(), "", nil), http.StatusUnauthorized)
	wrong("as JSON or a stream", a.request(t, "", http.MethodGet, address(), "", nil, "Accept", "text/event-stream, application/json"), http.StatusUnauthorized)
	wrong("by POST", a.request(t, "", http.MethodPost, address(), "application/json", strings.NewReader(`{"query":"{ viewer { role } }"}`),
		"Accept", "text/event-stream"), http.StatusUnauthorized)
	wrong("as a token", a.request(t, "", http.MethodGet, "/graphql?query="+url.QueryEscape(query), "", nil,
		"Authorization", "Bearer "+a.ticket(t, registry.RoleViewer)), http.StatusUnauthorized)
	wrong("elsewhere", a.request(t, "", http.MethodGet, "/v1/imports/imp_1?ticket="+a.ticket(t, registry.RoleViewer), "", nil,
		"Accept", "text/event-stream"), http.StatusUnauthorized)
	wrong("a mutation", a.byTicket(t, a.ticket(t, registry.RoleAdmin), `mutation { upsertSource(input: {name: "x", priority: 1}) { userErrors { code } } }`, nil),
		http.StatusMethodNotAllowed)
	wrong("nothing", a.byTicket(t, "", query, nil), http.StatusUnauthorized)
	wrong("cut", a.byTicket(t, used[:len(used)-1], query, nil), http.StatusUnauthorized)
	wrong("without a token", a.request(t, "", http.MethodPost, "/v1/stream-tickets", "", nil), http.StatusUnauthorized)
	wrong("of another site", a.request(t, registry.RoleViewer, http.MethodPost, "/v1/stream-tickets", "", nil,
		"Sec-Fetch-Site", "cross-site"), http.StatusForbidden)
	if strings.Contains(a.log.String(), "prt_") {
		t.Error("a ticket is in the log")
	}
}

// TestStreamsByTicketEndWithTheToken: the ticket of a token that is revoked opens nothing, and what it opened ends.
func TestStreamsByTicketEndWithTheToken(t *testing.T) {
	a := newApp(t)
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	key := a.newKey(t, registry.RoleViewer, time.Time{})
	late := a.ticket(t, registry.RoleViewer)
	response := a.byTicket(t, a.ticket(t, registry.RoleViewer), jobProgress, vars{"id": id})
	defer response.Body.Close() //nolint:errcheck // it is read
	seen := 0
	for event := range events(response.Body) {
		if event != "next" {
			t.Errorf("event %s", event)
		}
		if seen++; seen == 1 {
			a.revoke(t, key)
		}
	}
	if seen == 0 {
		t.Error("nothing came")
	}
	if refused := a.byTicket(t, late, jobProgress, vars{"id": id}); refused.StatusCode != http.StatusUnauthorized {
		t.Errorf("the ticket of a revoked token: %d %s", refused.StatusCode, readAll(t, refused))
	} else {
		_ = refused.Body.Close()
	}
}
