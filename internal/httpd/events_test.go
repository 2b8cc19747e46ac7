package httpd_test

import (
	"bufio"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// patience is how long operations of all roles may take, which changes while a test runs.
type patience struct{ atomic.Int64 }

func (p *patience) set(limit time.Duration) { p.Store(int64(limit)) }

func (p *patience) option(_ *app, c *httpd.Config) {
	c.Deadline = func(registry.Role) time.Duration { return time.Duration(p.Load()) }
}

// givenUpEvent reports whether what was sent for an event tells that it was given up, and returns the id of its request.
func givenUpEvent(t *testing.T, text string) (request string) {
	t.Helper()
	var got answer
	must(t, json.Unmarshal([]byte(text), &got))
	if len(got.Errors) == 0 {
		t.Fatalf("it took as long as it liked: %s", text)
	}
	for _, err := range got.Errors {
		if err.Extensions["code"] != "TIMEOUT" || len(err.Path) == 0 {
			t.Errorf("%+v", err)
		}
	}
	request, _ = got.Errors[0].Extensions["requestId"].(string)
	return request
}

// TestEventsHaveDeadlines: what an event reads waits in the database. It is given up there, its client is told so, and
// later events come.
func TestEventsHaveDeadlines(t *testing.T) {
	limit := &patience{}
	limit.set(time.Hour)
	a := newApp(t, limit.option)
	numbers := a.addPhones(t, 1)
	a.startJob(t, numbers, 1, "WHATSAPP")
	a.work(t, 10, active)
	number, err := numbering.ParseE164(numbers[0])
	must(t, err)
	c := a.subscribe(t, registry.RoleViewer, `subscription ($n: [E164!]) { leadScoreChanged(filter: {numbers: $n}) {
		total phone { customers(first: 1) { nodes { customerId } } } } }`, vars{"n": numbers})
	next := func() string {
		t.Helper()
		m := c.next(t)
		if m.Type != "next" {
			t.Fatalf("%s %s", m.Type, m.Payload)
		}
		return string(m.Payload)
	}
	const whole = `{"data":{"leadScoreChanged":{"total":100,"phone":{"customers":{"nodes":[{"customerId":"customer-0"}]}}}}}`
	if got := next(); got != whole {
		t.Errorf("%s", got)
	}
	change := func() {
		_, err := a.pool.Exec(t.Context(), `UPDATE lead_scores SET updated_at = clock_timestamp()`)
		must(t, err)
		a.notifier.LeadsChanged([]registry.Number{number})
	}
	release := a.slow(t, "customer_phones")
	limit.set(100 * time.Millisecond)
	a.givenUp(t, "FROM customer_phones", func() string {
		change()
		return givenUpEvent(t, next())
	})
	a.eventually(t, func() bool { return a.waiters(t) == 0 }, "PostgreSQL works on for an event that was given up")
	limit.set(time.Hour)
	change()
	a.eventually(t, func() bool { return a.waiters(t) == 1 }, "who has time does not wait")
	release()
	if got := next(); got != whole {
		t.Errorf("%s", got)
	}
}

// TestToWaitForAnEventTakesNoTime: between two events there is more time than either may take.
func TestToWaitForAnEventTakesNoTime(t *testing.T) {
	const sign = 10 * time.Millisecond
	limit := &patience{}
	limit.set(time.Hour)
	a := newApp(t, limit.option, func(_ *app, c *httpd.Config) { c.Timeouts.Ping = sign })
	id := a.startJob(t, a.addPhones(t, 3), 1, "WHATSAPP")
	response := a.stream(t.Context(), t, registry.RoleAnalyst, `subscription ($id: ID!) { validationJobProgress(id: $id) {
		processed job { failures(first: 1) { nodes { reason } } } } }`, vars{"id": id})
	lines := bufio.NewScanner(response.Body)
	signs, told := 0, 0
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case lines.Text() == ":":
			signs++
		case !ok:
			continue
		case strings.Contains(data, `"processed":3`):
			if strings.Contains(data, `"errors"`) {
				t.Errorf("%s", data)
			}
			return
		default: // those in the middle have little time, which may be over
			signs = 0
			told++
		}
		switch {
		case told == 1 && signs == 0:
			limit.set(5 * sign)
			a.work(t, 1, active)
		case told > 1 && signs == 20:
			limit.set(time.Hour)
			a.work(t, 2, active)
		}
	}
	t.Errorf("the stream ended after %d events: %v", told, lines.Err())
}
