package httpd_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// TestEveryEventIsRecorded: each score that a subscription shows, under the name of who sees it.
func TestEveryEventIsRecorded(t *testing.T) {
	a := newApp(t)
	a.purpose = "claim 7"
	numbers := a.addPhones(t, 3)
	seen := &accesses{a: a}
	a.startJob(t, numbers[:1], 1, "WHATSAPP")
	a.work(t, 10, active)
	c := a.subscribe(t, registry.RoleSteward, `subscription Watch($filter: LeadFilter) { leadScoreChanged(filter: $filter) {
		total phone { number } } }`, vars{"filter": vars{"numbers": numbers}})
	for next := range 2 {
		if m := c.next(t); m.Type != "next" || strings.Count(string(m.Payload), "+5730010000") != 1 {
			t.Errorf("%s %s", m.Type, m.Payload)
		}
		if e := seen.one(t, fmt.Sprint("event ", next), phoneNumber, 1); *e.Operation != "Watch" || e.Actor != "steward" {
			t.Errorf("%+v", e)
		}
		a.startJob(t, numbers[1:2], 10, "GOOGLE")
		a.work(t, 10, active)
	}
}

// TestSharedStreamsShowNothing: those who watch the same progress share one execution, which belongs to none of them, so
// that whoever asks for more than progress runs alone.
func TestSharedStreamsShowNothing(t *testing.T) {
	a := newApp(t)
	a.purpose = "claim 7"
	numbers := a.addPhones(t, 1)
	id := a.startJob(t, numbers, 1, "WHATSAPP")
	seen := &accesses{a: a}
	a.work(t, 10, refused)
	const query = `subscription ($id: ID!) { validationJobProgress(id: $id) { status job { failures(first: 5) { nodes { number } } } } }`
	for range 2 {
		if got := a.subscribe(t, registry.RoleSteward, query, vars{"id": id}).last(t); !strings.Contains(got, numbers[0]) {
			t.Errorf("%s", got)
		}
		seen.one(t, "the failures of a job", []string{"ValidationFailure.number"}, 1)
	}
	a.subscribe(t, registry.RoleSteward, jobProgress, vars{"id": id}).last(t)
	seen.none(t, "progress alone")
}

// recorder is one that takes nothing while it is broken.
type recorder struct {
	mu       sync.Mutex
	notReady error // and says so before
	broken   error
	entries  []registry.Shown
}

func (r *recorder) set(notReady, broken error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notReady, r.broken = notReady, broken
}

func (r *recorder) Ready() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.notReady
}

func (r *recorder) Record(_ registry.Actor, what registry.Shown) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.broken == nil {
		r.entries = append(r.entries, what)
	}
	return r.broken
}

// TestNothingWholeLeavesUnrecorded: when it cannot be recorded, answers with whole numbers are held back, and no others.
func TestNothingWholeLeavesUnrecorded(t *testing.T) {
	r := &recorder{}
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Accesses = r })
	a.purpose = "claim 7"
	numbers := a.addPhones(t, 10)
	full := errors.New("full")
	const add = `mutation ($input: AddPhoneInput!) { addPhone(input: $input) { phone { number } userErrors { code } } }`
	for name, c := range map[string]struct {
		notReady, broken error
		begun            bool
	}{"full": {full, full, false}, "fails just then": {nil, full, true}} {
		r.set(c.notReady, c.broken)
		for what, query := range map[string]string{
			"one":    `{ phone(number: "` + numbers[0] + `") { number } }`,
			"a list": `{ phones(first: 9) { nodes { number } } }`,
			"edges":  `{ phones(first: 3) { edges { node { ...f } } } } fragment f on Phone { ... on Phone { number } }`,
		} {
			got := a.try(t, registry.RoleSteward, query, nil)
			if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "UNAVAILABLE" || got.Errors[0].Extensions["requestId"] == "" || strings.Contains(string(got.Data), "+57") {
				t.Errorf("%s, %s: %s %+v", name, what, got.Data, got.Errors)
			}
		}
		status, _ := a.post(t, registry.RoleSteward, vars{"query": `{ phones { nodes { number } } }`}, "X-Purpose", "x", "Accept", "application/graphql-response+json")
		if status != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d", name, status)
		}
		customer := "new, " + name
		done := a.try(t, registry.RoleSteward, add, vars{"input": vars{"customerId": customer, "number": "+573005550000", "source": "crm_salesforce"}})
		if len(done.Errors) != 1 || strings.Contains(done.Errors[0].Message, "was made") != c.begun {
			t.Errorf("%s, a mutation: %+v", name, done.Errors)
		}
		if _, err := a.service.Customer(asSystem(t), customer); (err == nil) != c.begun {
			t.Errorf("%s: the customer is there: %v", name, err)
		}
		for what, role := range map[string]registry.Role{"masked": registry.RoleAnalyst, "without numbers": registry.RoleSteward} {
			query := map[string]string{"masked": `{ phones { nodes { number } } }`, "without numbers": `{ phones { nodes { region } } }`}[what]
			if got := a.try(t, role, query, nil); len(got.Errors) > 0 {
				t.Errorf("%s, %s: %+v", name, what, got.Errors)
			}
		}
		events := a.subscribe(t, registry.RoleSteward, `{ phones(first: 2) { nodes { number } } }`, nil)
		if m := events.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "UNAVAILABLE") {
			t.Errorf("%s, on a socket: %+v", name, m)
		}
	}
	r.set(nil, nil)
	if got := a.try(t, registry.RoleSteward, `{ phones(first: 9) { nodes { number } } }`, nil); len(got.Errors) > 0 || len(r.entries) != 1 {
		t.Errorf("when it works again: %+v, %d entries", got.Errors, len(r.entries))
	}
	if log := a.log.String(); !strings.Contains(log, "held back") || strings.Contains(log, numbers[0]) {
		t.Errorf("the log: %.2000s", log)
	}
}

// TestDownloadsAreRecorded: with what was written, and not at all where everything is masked.
func TestDownloadsAreRecorded(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 40)
	id := a.startJob(t, numbers, 500, "WHATSAPP")
	for a.work(t, 50, refused) > 0 {
	}
	seen := &accesses{a: a}
	path := "/v1/jobs/" + id + "/failures.csv"
	if body := readAll(t, a.request(t, registry.RoleAnalyst, http.MethodGet, path, "", nil, "X-Purpose", "claim 7")); strings.Contains(body, numbers[0]) {
		t.Error(body)
	}
	seen.none(t, "a masked download")
	body := readAll(t, a.request(t, registry.RoleSteward, http.MethodGet, path, "", nil, "X-Purpose", "claim 7", "X-Request-Id", "download"))
	if strings.Count(body, "+57300") != 40 {
		t.Error(body)
	}
	e := seen.one(t, "a download", []string{"ValidationFailure.number"}, 40)
	if *e.Operation != "GET /v1/jobs/{id}/failures.csv" || *e.Purpose != "claim 7" || e.RequestID != "download" {
		t.Errorf("%+v", e)
	}
}

// TestDownloadsThatCannotBeRecorded: not a byte of them leaves.
func TestDownloadsThatCannotBeRecorded(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Accesses = &recorder{broken: errors.New("full")} })
	numbers := a.addPhones(t, 2)
	id := a.startJob(t, numbers, 500, "WHATSAPP")
	for a.work(t, 50, refused) > 0 {
	}
	response := a.request(t, registry.RoleSteward, http.MethodGet, "/v1/jobs/"+id+"/failures.csv", "", nil, "X-Purpose", "claim 7")
	body := readAll(t, response)
	if response.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "UNAVAILABLE") || strings.Contains(body, numbers[0]) ||
		response.Header.Get("Content-Disposition") != "" {
		t.Errorf("%d %v %s", response.StatusCode, response.Header, body)
	}
}

// TestAccessLogPages: newest first, each entry once, found by its id, and by filters.
func TestAccessLogPages(t *testing.T) {
	a := newApp(t)
	a.purpose = "claim 7"
	a.addPhones(t, 10)
	for i := range 12 {
		ask[any](t, a, registry.RoleSteward, fmt.Sprintf(`query Read%d { phones(first: %d) { nodes { number } } }`, i, 1+i%10), nil)
	}
	var names []string
	var after *string
	for {
		page := ask[accessLog](t, a, registry.RoleAdmin, accessLogQuery, vars{"first": 5, "after": after}).AccessLog
		for _, e := range page.Nodes {
			names = append(names, *e.Operation)
			one := ask[struct{ Node *struct{ Operation string } }](t, a, registry.RoleAdmin,
				`query ($id: ID!) { node(id: $id) { ... on AccessLogEntry { operation } } }`, vars{"id": e.ID})
			if one.Node == nil || one.Node.Operation != *e.Operation {
				t.Errorf("%s is found as %+v", e.ID, one.Node)
			}
			if hidden := a.try(t, registry.RoleSteward, `query ($id: ID!) { node(id: $id) { id } }`, vars{"id": e.ID}); strings.Contains(string(hidden.Data), e.ID) {
				t.Errorf("a steward finds %s", hidden.Data)
			}
		}
		if page.TotalCount != 12 {
			t.Errorf("%d in all", page.TotalCount)
		}
		if !page.PageInfo.HasNextPage {
			break
		}
		after = page.PageInfo.EndCursor
	}
	var want []string
	for i := range 12 {
		want = append(want, fmt.Sprint("Read", 11-i))
	}
	if !slices.Equal(names, want) {
		t.Errorf("%q; want %q", names, want)
	}
	if got := ask[accessLog](t, a, registry.RoleAdmin, accessLogQuery, vars{"filter": vars{"minRevealed": 10}}).AccessLog; len(got.Nodes) != 1 || got.TotalCount != 1 {
		t.Errorf("ten or more: %+v", got)
	}
	for _, wrong := range []vars{{"minRevealed": -1}, {"since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}} {
		if got := a.try(t, registry.RoleAdmin, accessLogQuery, vars{"filter": wrong}); len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "INVALID_INPUT" {
			t.Errorf("%v: %s %+v", wrong, got.Data, got.Errors)
		}
	}
	statements := a.statements.during(func() {
		ask[any](t, a, registry.RoleAdmin, `{ accessLog(first: 5) { nodes { operation } } }`, nil)
	})
	reads := slices.DeleteFunc(statements, func(sql string) bool { return !strings.Contains(sql, "FROM access_log") })
	if len(reads) != 1 || strings.Contains(reads[0], "count(") {
		t.Errorf("a page without totalCount takes %q", reads)
	}
}
