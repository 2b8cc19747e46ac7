package httpd_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/httpd"
	"phoneregistry/internal/limit"
	"phoneregistry/registry"
)

// limited gives an app limits by a clock that stands still: nothing comes back during a test.
func limited(t testing.TB, limits limit.Config) (option, *limit.Limiter) {
	t.Helper()
	at := time.Unix(1_800_000_000, 0)
	limits.Now = func() time.Time { return at }
	l, err := limit.New(limits)
	must(t, err)
	return func(a *app, c *httpd.Config) { c.Rates = l }, l
}

const (
	askRole   = "{ viewer { role } }"
	changeAny = `mutation { pauseValidationJob(input: {id: "none"}) { userErrors { code } } }`
)

func post(query string) *strings.Reader {
	text, _ := json.Marshal(vars{"query": query})
	return strings.NewReader(string(text))
}

func TestRatesOverHTTP(t *testing.T) {
	with, _ := limited(t, limit.Config{Reads: 4, Writes: 1})
	a := newApp(t, with)
	ask := func(query string, header ...string) (*http.Response, answer) {
		response := a.request(t, registry.RoleOperator, http.MethodPost, "/graphql", "application/json", post(query), header...)
		var got answer
		text := readAll(t, response)
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		return response, got
	}
	for i, step := range []struct {
		query  string
		status int
		left   string
	}{
		{askRole, 200, `"reads";r=3;t=15, "writes";r=1;t=0`},
		{"{ nonsense", 200, `"reads";r=2;t=30, "writes";r=1;t=0`},
		{"", 400, `"reads";r=1;t=45, "writes";r=1;t=0`},
		{changeAny, 200, `"reads";r=1;t=45, "writes";r=0;t=60`},
		{changeAny, 429, `"reads";r=1;t=45, "writes";r=0;t=60`},
		{askRole, 200, `"reads";r=0;t=60, "writes";r=0;t=60`},
		{askRole, 429, `"reads";r=0;t=60, "writes";r=0;t=60`},
	} {
		response, got := ask(step.query)
		h := response.Header
		if response.StatusCode != step.status || h.Get("RateLimit") != step.left {
			t.Errorf("step %d: %d, %s; want %d, %s", i, response.StatusCode, h.Get("RateLimit"), step.status, step.left)
		}
		if want := `"reads";q=4;w=60, "writes";q=1;w=60`; h.Get("RateLimit-Policy") != want {
			t.Errorf("step %d: policy %s", i, h.Get("RateLimit-Policy"))
		}
		if refused := step.status == 429; refused {
			wait, err := strconv.Atoi(h.Get("Retry-After"))
			if err != nil || wait < 1 || got.Errors[0].Extensions["code"] != "RATE_LIMITED" ||
				got.Errors[0].Extensions["retryAfterSeconds"] != float64(wait) || got.Errors[0].Extensions["policy"] == nil {
				t.Errorf("step %d: Retry-After %q, %+v", i, h.Get("Retry-After"), got.Errors)
			}
		} else if h.Get("Retry-After") != "" {
			t.Errorf("step %d: told to wait", i)
		}
	}
	for accept, want := range map[string]string{
		"application/graphql-response+json": "application/graphql-response+json", "text/event-stream": "application/json",
	} {
		response, _ := ask(askRole, "Accept", accept)
		if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusTooManyRequests || !strings.HasPrefix(got, want) {
			t.Errorf("%s is answered with %d, %s", accept, response.StatusCode, got)
		}
	}
	if got := a.try(t, registry.RoleViewer, askRole, nil); len(got.Errors) > 0 {
		t.Errorf("another token is refused: %+v", got.Errors)
	}
}

// TestEachChangeIsAWrite: several changes in one mutation, in fragments too, are as many writes.
func TestEachChangeIsAWrite(t *testing.T) {
	with, _ := limited(t, limit.Config{Reads: 100, Writes: 5})
	a := newApp(t, with)
	const change = `pauseValidationJob(input: {id: "none"}) { userErrors { code } }`
	for i, step := range []struct {
		query  string
		status int
		left   string
	}{
		{`mutation { a: ` + change + ` b: ` + change + ` ... { c: ` + change + ` } }`, 200, `"writes";r=2;t=36`},
		{`mutation { ...both ...both } fragment both on Mutation { a: ` + change + ` b: ` + change + ` }`, 429, `"writes";r=2;t=36`},
		{`mutation { ...both __typename } fragment both on Mutation { a: ` + change + ` }`, 200, `"writes";r=0;t=60`},
	} {
		response := a.request(t, registry.RoleOperator, http.MethodPost, "/graphql", "application/json", post(step.query))
		text := readAll(t, response)
		if got := response.Header.Get("RateLimit"); response.StatusCode != step.status || !strings.HasSuffix(got, step.left) {
			t.Errorf("step %d: %d, %s, %s; want %d, %s", i, response.StatusCode, got, text, step.status, step.left)
		}
	}
}

// TestHeavySubscriptionsTakeMorePlaces: one that asks for much with each event leaves less to others of its token.
func TestHeavySubscriptionsTakeMorePlaces(t *testing.T) {
	with, l := limited(t, limit.Config{Subscriptions: limit.Bound{Own: 4}})
	a := newApp(t, with)
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	const heavy = `subscription($id: ID!) { validationJobProgress(id: $id) { job { failures(first: 100) { nodes { platform attempts } } } } }`
	first := a.subscribe(t, registry.RoleAnalyst, heavy, vars{"id": id})
	if m := first.next(t); m.Type != "next" || l.InUse().Subscriptions != 3 {
		t.Errorf("%s %s, held: %+v", m.Type, m.Payload, l.InUse())
	}
	if m := a.subscribe(t, registry.RoleAnalyst, heavy, vars{"id": id}).next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "TOO_MANY_SUBSCRIPTIONS") {
		t.Errorf("a second one: %s %s", m.Type, m.Payload)
	}
	if m := a.subscribe(t, registry.RoleAnalyst, jobProgress, vars{"id": id}).next(t); m.Type != "next" {
		t.Errorf("a small one: %s %s", m.Type, m.Payload)
	}
}

func TestRatesOverREST(t *testing.T) {
	with, l := limited(t, limit.Config{Reads: 1, Writes: 1})
	a := newApp(t, with)
	for i, step := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/v1/nothing", 404},
		{http.MethodGet, "/v1/imports/x", 429},
		{http.MethodPost, "/v1/imports", 400}, // nothing is sent: refused by the import itself
		{http.MethodPost, "/v1/imports", 429},
	} {
		response := a.request(t, registry.RoleOperator, step.method, step.path, "", nil)
		text := readAll(t, response)
		if response.StatusCode/100 != step.status/100 || (response.StatusCode == http.StatusTooManyRequests) != (step.status == http.StatusTooManyRequests) || response.Header.Get("RateLimit") == "" {
			t.Errorf("step %d: %d, %s, %v", i, response.StatusCode, text, response.Header)
		}
		if step.status == 429 && (!strings.Contains(text, "RATE_LIMITED") || response.Header.Get("Retry-After") == "") {
			t.Errorf("step %d: %s", i, text)
		}
	}
	if u := l.InUse(); u.Operations != 0 || u.Pending != 0 {
		t.Errorf("held: %+v", u)
	}
}

// TestHeavyOperationsWeighMore asks for a page whose cost is more than one of tens of thousands.
func TestHeavyOperationsWeighMore(t *testing.T) {
	with, _ := limited(t, limit.Config{Reads: 100})
	a := newApp(t, with)
	left := func(query string) int {
		response := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", "application/json", post(query))
		text := readAll(t, response)
		if response.StatusCode != http.StatusOK || strings.Contains(text, `"errors"`) {
			t.Fatalf("%d %s", response.StatusCode, text)
		}
		var r, reset int
		if _, err := fmt.Sscanf(response.Header.Get("RateLimit"), `"reads";r=%d;t=%d`, &r, &reset); err != nil {
			t.Fatalf("%v in %s", err, response.Header.Get("RateLimit"))
		}
		return r
	}
	if r := left(askRole); r != 99 {
		t.Errorf("a light one leaves %d of 100", r)
	}
	if r := left(`{ phones(first: 100) { nodes { number customers(first: 100) { nodes { customerId confidence } } } } }`); r >= 98 {
		t.Errorf("a heavy one leaves %d of 99", r)
	}
}

func TestLimitsOverWebSocket(t *testing.T) {
	with, _ := limited(t, limit.Config{Reads: 2, Writes: 5, Messages: 8, Connections: limit.Bound{Own: 2, Total: 3}, Subscriptions: limit.Bound{Own: 1}})
	a := newApp(t, with)
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	c := a.connect(t, registry.RoleViewer)
	codes := func(m wsMessage) string {
		var errs []struct{ Extensions map[string]any }
		must(t, json.Unmarshal(m.Payload, &errs))
		return fmt.Sprint(errs[0].Extensions["code"], " ", errs[0].Extensions["policy"])
	}
	c.send(t, "1", "subscribe", vars{"query": jobProgress, "variables": vars{"id": id}})
	if m := c.next(t); m.Type != "next" {
		t.Fatalf("%+v", m)
	}
	c.send(t, "2", "subscribe", vars{"query": jobProgress, "variables": vars{"id": id}})
	if m := c.next(t); m.Type != "error" || m.ID != "2" || codes(m) != "TOO_MANY_SUBSCRIPTIONS subscriptions" {
		t.Errorf("a second subscription: %s", m.Payload)
	}
	c.send(t, "3", "subscribe", vars{"query": askRole})
	if m := c.next(t); m.Type != "error" || m.ID != "3" || codes(m) != "RATE_LIMITED reads" {
		t.Errorf("a third read: %s", m.Payload)
	}
	second := a.connect(t, registry.RoleViewer)
	third := a.dial(t, nil)
	third.send(t, "", "connection_init", vars{"Authorization": "Bearer " + a.tokens[registry.RoleViewer]})
	if code := third.closed(t); code != 4429 {
		t.Errorf("a third socket of one token is closed with %d", code)
	}
	a.eventually(t, func() bool { return a.gauge(t, `http_requests_in_flight 2`) }, "the third socket is not given up")
	a.connect(t, registry.RoleOperator)
	a.refusedUpgrade(t)
	for range 10 {
		if second.WriteJSON(wsMessage{Type: "pong"}) != nil {
			break
		}
	}
	if code := second.closed(t); code != 4429 {
		t.Errorf("a flood of messages is closed with %d", code)
	}
}

// refusedUpgrade finds that the server takes no more sockets.
func (a *app) refusedUpgrade(t *testing.T) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(a.url, "http")+"/graphql", nil)
	if err == nil {
		_ = conn.Close()
		t.Error("one socket more than there may be was opened")
		return
	}
	defer response.Body.Close() //nolint:errcheck // nothing of it is needed
	if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}

// slow makes what is asked of a table wait, as long as the test wants.
func (a *app) slow(t *testing.T, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), a.pool.Config().ConnString())
	must(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE")
	must(t, err)
	return func() { must(t, tx.Rollback(context.Background())) }
}

// waiters is how many sessions wait for a lock.
func (a *app) waiters(t *testing.T) (n int) {
	t.Helper()
	must(t, a.pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'phoneregistry' AND wait_event_type = 'Lock'`).Scan(&n))
	return n
}

const (
	askPhones = "{ phones(first: 1) { nodes { id } } }"
	addOne    = `mutation { addPhone(input: {customerId: "c", number: "+573001234567", source: "manual"}) { userErrors { code } } }`
)

// TestDeadlines asks what takes for ever. One role has little time, another much.
func TestDeadlines(t *testing.T) {
	with, l := limited(t, limit.Config{Operations: limit.Bound{Own: 10}, Pending: limit.Bound{Own: 10}})
	a := newApp(t, with, func(_ *app, c *httpd.Config) {
		c.Deadline = func(role registry.Role) time.Duration {
			if role == registry.RoleAnalyst {
				return 0 // as configured for all
			}
			return 100 * time.Millisecond
		}
		c.Timeouts.Operation = time.Hour
	})
	watch := vars{
		"query":     `subscription($id: ID!) { validationJobProgress(id: $id) { job { failures(first: 1) { nodes { number } } } } }`,
		"variables": vars{"id": a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")},
	}
	release := a.slow(t, "phones, customers, validation_jobs")
	timedOut := func(t *testing.T, text string) {
		t.Helper()
		if !strings.Contains(text, `"TIMEOUT"`) || strings.Contains(text, "INTERNAL") {
			t.Errorf("%s", text)
		}
	}
	slower := make(chan answer, 1)
	go func() { slower <- a.try(t, registry.RoleAnalyst, askPhones, nil) }()
	t.Run("HTTP", func(t *testing.T) {
		timedOut(t, readAll(t, a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", "application/json", post(askPhones))))
		timedOut(t, readAll(t, a.request(t, registry.RoleSteward, http.MethodPost, "/graphql", "application/json", post(addOne))))
	})
	t.Run("event stream", func(t *testing.T) {
		response := a.stream(t.Context(), t, registry.RoleViewer, askPhones, nil)
		defer response.Body.Close() //nolint:errcheck // it is read to its end
		var all string
		for event, data := range events(response.Body) {
			all += event + data
		}
		timedOut(t, all)
		if !strings.Contains(all, "complete") {
			t.Errorf("the stream is not completed: %s", all)
		}
	})
	t.Run("WebSocket", func(t *testing.T) {
		c := a.connect(t, registry.RoleViewer)
		c.send(t, "1", "subscribe", vars{"query": askPhones})
		c.send(t, "2", "subscribe", watch) // has no deadline, but its start has
		told := map[string]string{}
		for ended := 0; ended < 2; {
			m := c.next(t)
			told[m.ID] += string(m.Payload)
			if m.Type != "next" { // which holds what the query found until then
				ended++
			}
		}
		timedOut(t, told["1"])
		timedOut(t, told["2"])
	})
	a.eventually(t, func() bool { return a.waiters(t) == 1 }, "statements of those who were told TIMEOUT go on")
	release()
	if got := <-slower; len(got.Errors) > 0 {
		t.Errorf("who has time is not waited for: %+v", got.Errors)
	}
	a.eventually(t, func() bool { return l.InUse() == limit.InUse{Tokens: l.InUse().Tokens} }, "places are held")
}

// TestWhoGoesAwayIsNotWorkedFor hangs up while a statement runs.
func TestWhoGoesAwayIsNotWorkedFor(t *testing.T) {
	with, l := limited(t, limit.Config{Operations: limit.Bound{Own: 10}})
	a := newApp(t, with)
	release := a.slow(t, "phones")
	defer release()
	gone, leave := context.WithCancel(t.Context())
	for range 2 {
		r, err := http.NewRequestWithContext(gone, http.MethodPost, a.url+"/graphql", post(askPhones))
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+a.tokens[registry.RoleViewer])
		r.Header.Set("Content-Type", "application/json")
		go func() {
			if response, err := a.client.Do(r); err == nil {
				_ = response.Body.Close()
			}
		}()
	}
	c := a.subscribe(t, registry.RoleViewer, askPhones, nil)
	a.eventually(t, func() bool { return a.waiters(t) == 3 }, "the statements do not run")
	if u := l.InUse(); u.Operations != 3 {
		t.Errorf("%+v", u)
	}
	leave()
	must(t, c.UnderlyingConn().Close())
	a.eventually(t, func() bool { return a.waiters(t) == 0 }, "PostgreSQL works for those who have gone")
	a.eventually(t, func() bool { return l.InUse().Operations == 0 }, "places are held by those who have gone")
}

// TestTooMuchAtOnce fills the places for operations and for writes.
func TestTooMuchAtOnce(t *testing.T) {
	with, l := limited(t, limit.Config{Operations: limit.Bound{Own: 2, Total: 3}, Pending: limit.Bound{Own: 1}})
	a := newApp(t, with)
	release := a.slow(t, "phones, customers")
	held := make(chan answer, 3)
	hold := func(role registry.Role, query string, operations int) {
		t.Helper()
		go func() { held <- a.try(t, role, query, nil) }()
		a.eventually(t, func() bool { return l.InUse().Operations == operations }, "it does not run")
	}
	refused := func(role registry.Role, query string, status int, code string) {
		t.Helper()
		response := a.request(t, role, http.MethodPost, "/graphql", "application/json", post(query))
		text := readAll(t, response)
		if response.StatusCode != status || !strings.Contains(text, code) || response.Header.Get("Retry-After") != "1" {
			t.Errorf("%d %s; want %d %s", response.StatusCode, text, status, code)
		}
	}
	hold(registry.RoleSteward, addOne, 1)
	refused(registry.RoleSteward, addOne, 429, "TOO_MANY_PENDING_WRITES")
	hold(registry.RoleSteward, askPhones, 2)
	refused(registry.RoleSteward, askRole, 429, "TOO_MANY_OPERATIONS")
	hold(registry.RoleViewer, askPhones, 3)
	refused(registry.RoleViewer, askRole, 503, "TOO_MANY_OPERATIONS")
	release()
	for range 3 {
		if got := <-held; len(got.Errors) > 0 {
			t.Errorf("%+v", got.Errors)
		}
	}
	if got := a.try(t, registry.RoleViewer, askRole, nil); len(got.Errors) > 0 {
		t.Errorf("%+v", got.Errors)
	}
}
