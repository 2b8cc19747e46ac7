package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"phoneregistry/web"
)

// TestBrowserAccess clicks through what decides who may see what: API keys, a purpose for whole numbers, the access log,
// and what each role is offered. As in TestBrowser each part also runs alone.
func TestBrowserAccess(t *testing.T) {
	if _, built := web.Files(); !built {
		t.Fatal("the web interface is not built, so there is nothing to click: run `make web`")
	}
	dir := dataDir(t)
	s := &site{browser: startBrowser(t), process: serve(t, dir), dir: dir}
	for _, part := range []struct {
		name string
		run  func(*testing.T, *site)
	}{
		{"empty access log", emptyAccessLog},
		{"api keys", apiKeys},
		{"a purpose", givePurpose},
		{"a purpose in graphiql", graphiqlPurpose},
		{"the purpose of an administrator", adminPurpose},
		{"each role", eachRole},
		{"a restricted key", restrictedKey},
		{"access sizes", accessSizes},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, s.in(t)) })
	}
}

// as returns the site for a caller with a key of their own.
func (s *site) as(t *testing.T, name, role string, scopes ...string) *site {
	t.Helper()
	input := map[string]any{"name": name, "role": role}
	if len(scopes) > 0 {
		input["scopes"] = scopes
	}
	var d struct {
		Made struct {
			Token      string
			UserErrors []struct{ Message string }
		}
	}
	s.query(&d, `mutation($input: CreateApiKeyInput!) { made: createApiKey(input: $input) { token userErrors { message } } }`,
		map[string]any{"input": input})
	if d.Made.Token == "" {
		t.Fatalf("no key for %s: %+v", role, d.Made.UserErrors)
	}
	p := *s.process
	p.token = d.Made.Token
	return &site{process: &p, browser: s.browser, dir: s.dir}
}

// gone waits until there is no such element.
func (tb *tab) gone(selector string) {
	tb.t.Helper()
	until[bool](tb, `!`+query(selector))
}

func emptyAccessLog(t *testing.T, s *site) {
	tb := s.dashboard(t, "keys")
	tb.wait(id("empty"))
	tb.look("empty-keys", phone)
	tb.resize(desk)
	tb.click(id("section-access-log"))
	tb.wait(id("view-access-log") + " " + id("empty"))
	tb.look("empty-access-log", phone)
	s.quiet(t, tb)
}

// apiKeys makes a key, calls the API with it, changes it, and ends it.
func apiKeys(t *testing.T, s *site) {
	tb := s.dashboard(t, "keys")
	tb.click(id("new-key-link"))
	tb.click(id("key-submit"))
	tb.wait(id("user-error")) // it has no name
	tb.fill(id("key-name"), "crm-sync")
	tb.choose(id("key-role"), "ANALYST")
	tb.click(id("scope-EXPORT"))
	tb.choose(id("key-life"), "30")
	tb.shot("desktop-key-form")
	tb.click(id("key-submit"))
	token := strings.TrimSpace(tb.text(id("secret-value")))
	tb.shot("desktop-key-made")
	tb.click(id("secret-copy"))
	until[bool](tb, `["yes", "by hand"].includes(`+query(id("secret-copy"))+`?.dataset.copied)`)

	// call asks with the token what it may do, as a program would, and returns the status and the scopes.
	call := func() (int, string) {
		got := eval[struct {
			Status int
			Scopes string
		}](tb, `fetch("/graphql", { method: "POST", headers: { "Content-Type": "application/json", Authorization: "Bearer `+token+`" },
			body: JSON.stringify({ query: "{ viewer { name role scopes } }" }) }).then(async (r) => ({ Status: r.status,
			Scopes: r.ok ? ((v) => [v.name, v.role, ...v.scopes].join(" "))((await r.json()).data.viewer) : "" }))`)
		return got.Status, got.Scopes
	}
	if status, scopes := call(); status != http.StatusOK || scopes != "crm-sync ANALYST READ AGGREGATE" {
		t.Errorf("with the new token: %d, %q", status, scopes)
	}
	tb.click(id("key-made-link"))
	key := id("key") + `[data-name="crm-sync"]`
	tb.waitFor(key, "data-status", "ACTIVE")
	if kept := eval[string](tb, `document.body.innerText + location.href + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`); strings.Contains(kept, token) {
		t.Error("the token is still there after it was shown")
	}

	tb.click(key + " " + id("key-change"))
	tb.fill(key+" "+id("key-change-name"), "crm-nightly")
	tb.choose(key+" "+id("key-change-life"), "never")
	tb.click(key + " " + id("key-change-submit"))
	key = id("key") + `[data-name="crm-nightly"]`
	tb.wait(key)
	until[bool](tb, query(key)+`.innerText.includes("when revoked")`)

	tb.click(key + " " + id("key-revoke"))
	tb.wait(key + " " + id("key-revoke-dialog"))
	tb.shot("desktop-key-revoke")
	tb.click(key + " " + id("key-revoke-confirm"))
	tb.waitFor(key, "data-status", "REVOKED")
	tb.gone(key + " " + id("key-revoke"))
	until[bool](tb, `fetch("/graphql", { method: "POST", headers: { "Content-Type": "application/json", Authorization: "Bearer `+token+`" },
		body: JSON.stringify({ query: "{ viewer { name } }" }) }).then((r) => r.status === 401)`)
	tb.shot("desktop-keys")
	s.alone(t, tb)
}

// numbersShown is what the page shows as numbers.
const numbersShown = `[...document.querySelectorAll(".lead .number")].map((e) => e.innerText)`

// givePurpose sees masked numbers, gives a purpose, sees them whole, and has them masked again. An administrator finds the
// read in the access log.
func givePurpose(t *testing.T, s *site) {
	s.seed(t)
	s.finishedJob(t, "purpose")
	steward := s.as(t, "steward-1", "STEWARD")
	tb := steward.dashboard(t, "leads")
	masked := `((all) => all.length > 0 && all.every((n) => n.includes("*")))(` + numbersShown + `)`
	whole := `((all) => all.length > 0 && all.every((n) => /^\+\d{7,15}$/.test(n)))(` + numbersShown + `)`
	until[bool](tb, masked)
	tb.waitFor(id("purpose"), "data-state", "masked")
	tb.waitPurpose("")
	tb.look("masked", phone)
	tb.resize(desk)

	tb.click(id("purpose-open"))
	tb.click(id("purpose-submit"))
	tb.wait(id("purpose-wrong")) // nothing was said
	tb.fill(id("purpose-input"), "calling +57 300 123 4567 back")
	tb.click(id("purpose-submit"))
	until[bool](tb, query(id("purpose-wrong"))+`?.innerText.includes("phone number")`) // in the server's words
	tb.waitFor(id("purpose"), "data-state", "masked")
	const words = "Reclamación 17: devolver la llamada"
	tb.fill(id("purpose-input"), words)
	tb.shot("desktop-purpose-dialog")
	tb.click(id("purpose-submit"))
	tb.waitFor(id("purpose"), "data-state", "told")
	until[bool](tb, whole)
	tb.waitFor(id("viewer"), "data-whole", "true")
	tb.waitPurpose(words)
	tb.look("whole", phone)
	tb.look("whole", desk)
	tb.visit("jobs")
	tb.visit("leads")
	until[bool](tb, whole)

	tb.click(id("purpose-end"))
	tb.waitFor(id("purpose"), "data-state", "masked")
	until[bool](tb, masked)
	tb.waitFor(id("viewer"), "data-whole", "false")
	tb.waitPurpose("")
	if kept := eval[string](tb, `JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`); strings.Contains(kept, words) {
		t.Error("the purpose is kept after it was taken back")
	}
	steward.alone(t, tb)

	admin := s.dashboard(t, "keys")
	admin.click(id("key") + `[data-name="steward-1"] ` + id("key-reads"))
	access := id("access") + `[data-actor="steward-1"]`
	until[bool](admin, fmt.Sprintf(`((rows) => rows.length > 0 && rows.every((r) => r.dataset.actor === "steward-1" && r.dataset.role === "STEWARD"
		&& r.dataset.purpose === %s && Number(r.dataset.revealed) > 0 && r.innerText.includes("Phone.number")))([...document.querySelectorAll(%s)])`,
		quote(words), quote(id("access"))))
	shown := admin.count(access, "data-revealed")
	admin.fill(id("log-least"), fmt.Sprint(shown+1_000_000))
	admin.wait(id("empty"))
	admin.fill(id("log-least"), "some")
	admin.wait(id("user-error"))
	admin.click(id("log-clear"))
	admin.wait(access)
	admin.fill(id("log-actor"), "nobody")
	admin.wait(id("empty"))
	s.quiet(t, admin)
}

// graphiqlPurpose gives a purpose in GraphiQL, over HTTP and over the WebSocket.
func graphiqlPurpose(t *testing.T, s *site) {
	s.seed(t)
	steward := s.as(t, "steward-2", "STEWARD")
	tb := steward.graphiqlPage(t, desk)
	tb.waitFor(id("purpose"), "data-state", "masked")
	tb.example("viewer", "Viewer")
	tb.result(`"purpose": null`, `"seesWholeNumbers": false`)
	tb.click(id("purpose-open"))
	tb.fill(id("purpose-input"), "Trying it out")
	tb.click(id("purpose-submit"))
	tb.waitFor(id("purpose"), "data-state", "told")
	tb.click(runButton)
	tb.result(`"purpose": "Trying it out"`, `"seesWholeNumbers": true`)
	tb.shot("desktop-graphiql-purpose")
	if shown := eval[bool](tb, `Boolean(`+query(id("graphiql-example-start-job"))+`)`); shown {
		t.Error("a steward is offered to start jobs")
	}

	// The socket tells it in connection_init.
	tb.example("lead-changes", "LeadScoreChanged")
	tb.waitPurpose("Trying it out")
	steward.quiet(t, tb)

	small := steward.graphiqlPage(t, phone)
	small.click(id("purpose-open"))
	small.fill(id("purpose-input"), "Trying it out on the way, with rather many words that have no room there")
	small.shot("phone-graphiql-dialog")
	small.click(id("purpose-submit"))
	small.waitFor(id("purpose"), "data-state", "told")
	small.fits("graphiql with a purpose", phone)
	small.shot("phone-graphiql-purpose")
}

// adminPurpose shows that an administrator sees whole numbers anyway, and may say what for.
func adminPurpose(t *testing.T, s *site) {
	tb := s.dashboard(t, "overview")
	tb.waitFor(id("purpose"), "data-state", "whole")
	tb.look("admin-whole", phone)
	tb.resize(desk)
	tb.click(id("purpose-open"))
	tb.fill(id("purpose-input"), "A look around")
	tb.click(id("purpose-submit"))
	tb.waitFor(id("purpose"), "data-state", "told")
	tb.do("reload", chromedp.Reload())
	tb.waitFor(id("purpose"), "data-state", "told") // it holds for the tab
	tb.click(id("purpose-end"))
	tb.waitFor(id("purpose"), "data-state", "whole")
	s.quiet(t, tb)
}

// places are all places of the dashboard, and the scope of those that need more than READ.
var places = []struct{ place, scope string }{
	{"overview", ""}, {"leads", ""}, {"jobs", ""}, {"imports", ""}, {"check", ""}, {"schedules", ""}, {"workers", ""},
	{"jobs/new", "JOBS"}, {"schedules/new", "JOBS"},
	{"webhooks", "ADMINISTER"}, {"webhooks/new", "ADMINISTER"}, {"keys", "ADMINISTER"}, {"keys/new", "ADMINISTER"}, {"access-log", "ADMINISTER"},
}

// eachRole goes to every place in every role. What a role may not use is not offered to it; who goes there by a link is
// told what it needs; and nothing is asked that the server would refuse.
func eachRole(t *testing.T, s *site) {
	s.seed(t)
	job := s.finishedJob(t, "for each role")
	for _, c := range []struct {
		role, scopes string
	}{
		{"VIEWER", "READ"},
		{"ANALYST", "READ AGGREGATE EXPORT"},
		{"STEWARD", "READ AGGREGATE EXPORT REVEAL EDIT"},
		{"OPERATOR", "READ AGGREGATE EXPORT JOBS IMPORTS"},
		{"ADMIN", "READ AGGREGATE EXPORT REVEAL EDIT JOBS IMPORTS ADMINISTER"},
	} {
		as := s.as(t, "role "+c.role, c.role)
		holds := func(scope string) bool { return slices.Contains(strings.Fields(c.scopes), scope) }
		tb := as.dashboard(t, "overview")
		for hook, scope := range map[string]string{"nav-keys": "ADMINISTER", "purpose": "REVEAL", "totals": "AGGREGATE", "card-regions": "AGGREGATE"} {
			offered(tb, c.role, hook, holds(scope))
		}
		tb.shot("desktop-role-" + c.role)
		for _, p := range places {
			tb.visit(p.place)
			if p.scope != "" && !holds(p.scope) {
				tb.waitFor(id("needs-scope"), "data-scope", p.scope)
				continue
			}
			tb.gone(id("loading"))
			tb.gone(id("needs-scope"))
			if n := eval[int](tb, `document.querySelectorAll(`+quote(id("problem"))+`).length`); n > 0 {
				t.Errorf("%s sees %d problems at %s: %s", c.role, n, p.place, tb.text(id("problem")))
			}
			switch p.place {
			case "jobs":
				offered(tb, c.role, "start-job-link", holds("JOBS"))
				offered(tb, c.role, "section-webhooks", holds("ADMINISTER"))
			case "schedules":
				offered(tb, c.role, "new-schedule-link", holds("JOBS"))
			case "workers":
				offered(tb, c.role, "workers", holds("JOBS"))
			case "imports":
				offered(tb, c.role, "upload-form", holds("IMPORTS"))
			case "leads":
				until[bool](tb, `((all) => all.length > 0 && all.every((n) => n.includes("*") === `+fmt.Sprint(c.role != "ADMIN")+`))(`+numbersShown+`)`)
			}
		}
		tb.visit("jobs/" + job)
		tb.wait(id("job-detail"))
		offered(tb, c.role, "job-retry", holds("JOBS") && eval[bool](tb, `Boolean(`+query(id("job-failures"))+`)`))
		as.quiet(t, tb)
	}
}

// offered checks that something is on the page, or not. What is there comes with the rest of the page, so it is waited
// for; what is not is looked for once the caller is known.
func offered(tb *tab, who, hook string, want bool) {
	tb.t.Helper()
	if want {
		tb.wait(id(hook))
		return
	}
	tb.wait(id("viewer"))
	if eval[bool](tb, `Boolean(`+query(id(hook))+`)`) {
		tb.t.Errorf("%s is offered %s", who, hook)
	}
}

// restrictedKey shows forms to a key that may run jobs and not see totals, and tells why a page is closed to it.
func restrictedKey(t *testing.T, s *site) {
	s.seed(t)
	as := s.as(t, "restricted", "OPERATOR", "READ", "JOBS")
	tb := as.dashboard(t, "jobs/new")
	tb.fill(id("region-codes"), "co, mx")
	numbers := func() int64 { return tb.count(id("target-size"), "data-count") }
	both := numbers()
	tb.fill(id("region-codes"), "CO")
	until[bool](tb, fmt.Sprintf(`Number(%s?.dataset.count) < %d`, query(id("target-size")), both))
	tb.visit("schedules/new")
	tb.wait(id("region-codes"))
	tb.wait(id("target-size"))
	tb.look("restricted-schedule", phone)
	tb.resize(desk)
	tb.visit("imports")
	tb.gone(id("loading"))
	offered(tb, "a restricted key", "upload-form", false)
	as.quiet(t, tb)

	admin := s.as(t, "half an admin", "ADMIN", "READ", "JOBS")
	tb = admin.dashboard(t, "access-log")
	tb.wait(id("needs-scope"))
	until[bool](tb, query(id("needs-scope"))+`.innerText.includes("restricted")`)
	tb.look("needs-scope", phone)
	admin.quiet(t, tb)
}

// accessSizes looks at the pages about access on a phone and on a desk.
func accessSizes(t *testing.T, s *site) {
	s.seed(t)
	s.as(t, "a key with a name that is rather long, as names of keys of programs of other departments are", "ANALYST", "READ", "AGGREGATE")
	res, body := s.request(http.MethodPost, "/graphql", "application/json",
		bytes.NewReader([]byte(`{"query":"query AQueryWithAVeryLongNameThatHasNoPlaceToBreakIt { phones(first: 100) { nodes { number } } }"}`)),
		"X-Purpose", "A purpose that is told at some length, because somebody wanted to be very exact about it, as one should be")
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%d: %s", res.StatusCode, body)
	}
	tb := s.dashboard(t, "keys")
	for _, view := range []struct {
		name, place, shows string
		first              func()
	}{
		{"keys", "keys", id("key"), nil},
		{"key-form", "keys/new", id("scope-ADMINISTER"), func() {
			tb.choose(id("key-role"), "ADMIN")
			tb.choose(id("key-life"), "date")
		}},
		{"access-log", "access-log", id("access") + `[data-revealed="100"]`, nil},
	} {
		tb.visit(view.place)
		if view.first != nil {
			view.first()
		}
		tb.wait(view.shows)
		tb.look(view.name, phone)
		tb.look(view.name, desk)
	}
	s.quiet(t, tb)
}
