package e2e_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// receiver takes what webhooks are told, and answers with a status of its choice.
type receiver struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	taken  []http.Header
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.taken = append(r.taken, req.Header)
		w.WriteHeader(r.status)
	}))
	t.Cleanup(r.Close)
	return r
}

// answer sets the status of the answers from now on.
func (r *receiver) answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.taken)
}

// webhooks makes a webhook, tests it, sees deliveries fail and has them tried again, and deletes it.
func webhooks(t *testing.T, s *site) {
	to := newReceiver(t)
	tb := s.dashboard(t, "webhooks")
	tb.click(id("new-webhook-link"))
	tb.fill(id("webhook-url"), "ftp://example.com/")
	tb.click(id("webhook-submit"))
	tb.wait(id("user-error")) // in the server's words
	tb.fill(id("webhook-url"), to.URL+"/hook")
	tb.click(id("event-IMPORT_FINISHED"))
	tb.fill(id("webhook-description"), "For the tests")
	tb.shot("desktop-webhook-form")
	tb.click(id("webhook-submit"))
	secret := strings.TrimSpace(tb.text(id("secret-value")))
	if len(secret) < 20 {
		t.Errorf("the secret is %d characters long", len(secret))
	}
	tb.shot("desktop-webhook-secret")
	tb.click(id("secret-copy"))
	until[bool](tb, `["yes", "by hand"].includes(`+query(id("secret-copy"))+`?.dataset.copied)`)
	tb.click(id("webhook-made-link"))
	tb.waitFor(id("webhook-detail"), "data-status", "ACTIVE")
	if kept := eval[string](tb, `document.body.innerText + location.href + JSON.stringify(sessionStorage) + JSON.stringify(localStorage)`); strings.Contains(kept, secret) {
		t.Error("the secret is still there after it was shown")
	}

	tb.click(id("webhook-test"))
	tb.waitFor(id("test-outcome"), "data-status", "DELIVERED")
	tb.waitFor(id("delivery")+`[data-event="webhook.test"]`, "data-status", "DELIVERED")
	if to.count() != 1 {
		t.Errorf("the receiver was called %d times", to.count())
	}
	tb.shot("desktop-webhook-tested")

	// A receiver that is gone for good ends the delivery, and its webhook is held.
	to.answer(http.StatusGone)
	tb.click(id("webhook-test"))
	tb.waitFor(id("test-outcome"), "data-status", "DEAD")
	tb.waitFor(id("webhook-detail"), "data-status", "PAUSED")
	tb.click(id("delivery-filter") + ` [data-value="DEAD"]`)
	tb.waitFor(id("delivery"), "data-status", "DEAD")
	tb.shot("desktop-webhook-dead")
	to.answer(http.StatusNoContent)
	tb.click(id("webhook-resume"))
	tb.waitFor(id("webhook-detail"), "data-status", "ACTIVE")
	tb.click(id("delivery-retry"))
	until[bool](tb, `!`+query(id("delivery"))) // none is dead any more
	tb.click(id("delivery-filter") + ` [data-value="DELIVERED"]`)
	until[bool](tb, `document.querySelectorAll(`+quote(id("delivery"))+`).length === 2`)

	tb.click(id("webhook-rotate"))
	tb.click(id("webhook-rotate-confirm"))
	if again := strings.TrimSpace(tb.text(id("secret-value"))); again == secret {
		t.Error("the new secret is the old one")
	}
	tb.click(id("webhook-pause"))
	tb.waitFor(id("webhook-detail"), "data-status", "PAUSED")
	tb.click(id("webhook-delete"))
	tb.click(id("webhook-delete-confirm"))
	tb.wait(id("view-webhooks") + " " + id("empty"))
	s.quiet(t, tb)
}

// otherRole shows to an operator all but webhooks, and to a viewer what may be seen.
func otherRole(t *testing.T, s *site) {
	s.seed(t)
	as := *s.process
	for _, role := range []string{"OPERATOR", "VIEWER"} {
		stdout, stderr, code := command(t, "token", "create", "--data-dir", s.dir, "--name", "a test", "--role", role)
		if code != 0 {
			t.Fatalf("token: %s", stderr)
		}
		as.token = strings.TrimSpace(stdout)
		other := &site{process: &as, browser: s.browser, dir: s.dir}
		tb := other.dashboard(t, "webhooks")
		tb.waitFor(id("needs-scope"), "data-scope", "ADMINISTER")
		tb.visit("workers")
		tb.wait(id("fleet-platform"))
		if role == "OPERATOR" {
			tb.wait(id("workers"))
		}
		tb.visit("schedules")
		tb.wait(id("empty"))
		if shown := eval[bool](tb, `Boolean(`+query(id("new-schedule-link"))+`)`); shown != (role == "OPERATOR") {
			t.Errorf("a way to make schedules shows to %s: %t", role, shown)
		}
		if n := eval[int](tb, `document.querySelectorAll(`+quote(id("problem"))+`).length`); n > 0 {
			t.Errorf("%s sees %d problems", role, n)
		}
		other.quiet(t, tb)
	}
}

// engineSizes looks at every view of the engine on a phone and on a desk.
func engineSizes(t *testing.T, s *site) {
	s.seed(t)
	job := s.finishedJob(t, "engine sizes")
	to := newReceiver(t)
	var d struct {
		CreateValidationSchedule struct{ Schedule struct{ ID string } }
		CreateWebhook            struct{ Webhook struct{ ID string } }
		TestWebhook              struct{ Delivery struct{ ID string } }
	}
	s.query(&d, `mutation { createValidationSchedule(input: { name: "A schedule with a name that is rather long, as names are",
		platforms: [WHATSAPP, INSTAGRAM, GOOGLE], filter: { regions: ["CO", "MX"], numberPrefix: "+57300" }, every: "PT6H", budgetPerDay: 100000 })
		{ schedule { id } } }`, nil)
	s.query(&d, `mutation($url: String!) { createWebhook(input: { url: $url, events: [JOB_FINISHED, LEAD_TIER_CHANGED] }) { webhook { id } } }`,
		map[string]any{"url": to.URL + "/an/address/that/is/rather/long/and/has/no/place/to/break/ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"})
	webhook, schedule := d.CreateWebhook.Webhook.ID, d.CreateValidationSchedule.Schedule.ID
	s.query(&d, `mutation($id: ID!) { testWebhook(input: { id: $id }) { delivery { id } } }`, map[string]any{"id": webhook})

	tb := s.dashboard(t, "jobs")
	for _, view := range []struct{ name, place, shows string }{
		{"job-failed", "jobs/" + job, id("failure")},
		{"jobs-filtered", "jobs?state=completed", id("job")},
		{"schedules", "schedules", id("schedule")},
		{"schedule", "schedules/" + schedule, id("schedule-jobs") + " " + id("job")},
		{"schedule-form", "schedules/new", id("target-size")},
		{"schedule-edit", "schedules/" + schedule + "?edit=1", id("target-size")},
		{"workers", "workers", id("worker-platform")},
		{"webhooks", "webhooks", id("webhook")},
		{"webhook", "webhooks/" + webhook, id("delivery") + `[data-status="DELIVERED"]`},
		{"webhook-form", "webhooks/new", id("webhook-form")},
	} {
		tb.visit(view.place)
		tb.wait(view.shows)
		tb.look(view.name, phone)
		tb.look(view.name, desk)
	}
	s.quiet(t, tb)
}
