package httpd_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// wsMessage is a message of graphql-transport-ws.
type wsMessage struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// wsClient is one end of a WebSocket.
type wsClient struct{ *websocket.Conn }

// dial opens a WebSocket that speaks graphql-transport-ws.
func (a *app) dial(t testing.TB, header http.Header) *wsClient {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(a.url, "http")+"/graphql", header)
	must(t, err)
	must(t, response.Body.Close())
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute))) // only a hanging test reaches it
	return &wsClient{conn}
}

func (c *wsClient) send(t testing.TB, id, kind string, payload any) {
	t.Helper()
	m := wsMessage{ID: id, Type: kind}
	if payload != nil {
		text, err := json.Marshal(payload)
		must(t, err)
		m.Payload = text
	}
	must(t, c.WriteJSON(m))
}

// next returns the next message that is not a ping of the protocol.
func (c *wsClient) next(t testing.TB) wsMessage {
	t.Helper()
	for {
		var m wsMessage
		if err := c.ReadJSON(&m); err != nil {
			t.Fatalf("no message: %v", err)
		}
		if m.Type != "ping" {
			return m
		}
	}
}

// closed returns the code with which the server closes.
func (c *wsClient) closed(t testing.TB) int {
	t.Helper()
	for {
		_, _, err := c.ReadMessage()
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			return closed.Code
		}
		if err != nil {
			t.Fatalf("not closed by a close frame: %v", err)
		}
	}
}

// connect opens a WebSocket and initialises it with the token of a role.
func (a *app) connect(t testing.TB, role registry.Role) *wsClient {
	t.Helper()
	c := a.dial(t, nil)
	init := vars{"Authorization": "Bearer " + a.tokens[role]}
	if a.purpose != "" {
		init["purpose"] = a.purpose
	}
	c.send(t, "", "connection_init", init)
	if m := c.next(t); m.Type != "connection_ack" {
		t.Fatalf("%+v; want connection_ack", m)
	}
	return c
}

// subscribe runs an operation over a WebSocket of its own.
func (a *app) subscribe(t testing.TB, role registry.Role, query string, variables vars) *wsClient {
	t.Helper()
	c := a.connect(t, role)
	c.send(t, "1", "subscribe", vars{"query": query, "variables": variables})
	return c
}

// last returns the payload of the last result before complete.
func (c *wsClient) last(t testing.TB) (payload string) {
	t.Helper()
	for {
		switch m := c.next(t); m.Type {
		case "next":
			payload = string(m.Payload)
		case "complete":
			return payload
		default:
			t.Fatalf("%+v", m)
		}
	}
}

const jobProgress = `subscription($id: ID!) { validationJobProgress(id: $id) {
	sequence status total processed succeeded failed percent ratePerSecond etaSeconds
	job { id status processed progress { platform processed } } platforms { platform total processed succeeded failed }
} }`

type progress struct {
	Data struct {
		ValidationJobProgress struct {
			Sequence, Total, Processed int64
			Status                     string
			Percent                    float64
			EtaSeconds                 *float64
			Job                        struct {
				ID        string
				Processed int64
			}
			Platforms []struct{ Total, Processed int64 }
		}
	}
}

func TestJobProgressOverWebSocket(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 20)
	id := a.startJob(t, numbers, 2, "WHATSAPP", "GOOGLE")
	c := a.subscribe(t, registry.RoleViewer, jobProgress, vars{"id": id})
	var seen []progress
	read := func() bool {
		m := c.next(t)
		if m.Type == "complete" {
			return false
		}
		var p progress
		if err := json.Unmarshal(m.Payload, &p); err != nil || m.Type != "next" || m.ID != "1" {
			t.Fatalf("%+v: %v", m, err)
		}
		seen = append(seen, p)
		return true
	}
	read() // the snapshot comes before anything happens
	for a.work(t, 3, active) > 0 {
	}
	for read() {
	}
	first, last := seen[0].Data.ValidationJobProgress, seen[len(seen)-1].Data.ValidationJobProgress
	if first.Processed != 0 || first.Total != 40 || first.Status != "QUEUED" || first.Job.ID != id {
		t.Errorf("first: %+v", first)
	}
	if last.Status != "COMPLETED" || last.Processed != 40 || last.Percent != 100 || last.EtaSeconds == nil || *last.EtaSeconds != 0 ||
		last.Job.Processed != 40 || len(last.Platforms) != 2 || last.Platforms[0].Processed != 20 {
		t.Errorf("last: %+v", last)
	}
	for i := 1; i < len(seen); i++ {
		if seen[i].Data.ValidationJobProgress.Sequence <= seen[i-1].Data.ValidationJobProgress.Sequence {
			t.Errorf("sequences do not grow: %+v", seen)
		}
	}
	late := a.subscribe(t, registry.RoleViewer, jobProgress, vars{"id": id}).last(t)
	if !strings.Contains(late, `"status":"COMPLETED"`) {
		t.Errorf("after the end: %s", late)
	}
}

func TestSubscriptionsThatCannotBe(t *testing.T) {
	a := newApp(t)
	c := a.connect(t, registry.RoleViewer)
	for _, id := range []string{"job_00000000000000000000000000000000", "nonsense"} {
		c.send(t, id, "subscribe", vars{"query": jobProgress, "variables": vars{"id": id}})
		m := c.next(t)
		if m.Type != "error" || m.ID != id || !strings.Contains(string(m.Payload), `"code":"NOT_FOUND"`) || !strings.HasPrefix(string(m.Payload), "[") {
			t.Errorf("%s: %s %s", id, m.Type, m.Payload)
		}
	}
	c.send(t, "x", "subscribe", vars{"query": "subscription { nothing }"})
	if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "GRAPHQL_VALIDATION_FAILED") {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
	c.send(t, "y", "subscribe", vars{"query": "{ viewer { role } }"}) // the socket is none the worse, and carries queries too
	if m := c.next(t); m.Type != "next" || string(m.Payload) != `{"data":{"viewer":{"role":"VIEWER"}}}` {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
	if m := c.next(t); m.Type != "complete" || m.ID != "y" {
		t.Errorf("%+v", m)
	}
	c.send(t, "z", "subscribe", vars{"query": `mutation { upsertSource(input: {name: "a", priority: 1}) { userErrors { code } } }`})
	if m := c.next(t); m.Type != "error" || m.ID != "z" || !strings.Contains(string(m.Payload), `"code":"FORBIDDEN"`) {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
}

func TestWebSocketWaitsForInitOnlySoLong(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Timeouts.Init = 200 * time.Millisecond })
	if code := a.dial(t, nil).closed(t); code != 4408 {
		t.Errorf("closed with %d; want 4408", code)
	}
}

func TestWebSocketClosesWithTheRightCode(t *testing.T) {
	a := newApp(t)
	auth := vars{"Authorization": "Bearer " + a.tokens[registry.RoleViewer]}
	query := vars{"query": jobProgress, "variables": vars{"id": a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")}}
	for name, c := range map[string]struct {
		do   func(*testing.T, *wsClient)
		code int
	}{
		"wrong token":     {func(t *testing.T, c *wsClient) { c.send(t, "", "connection_init", vars{"Authorization": "Bearer x"}) }, 4403},
		"no token":        {func(t *testing.T, c *wsClient) { c.send(t, "", "connection_init", nil) }, 4403},
		"subscribe first": {func(t *testing.T, c *wsClient) { c.send(t, "1", "subscribe", query) }, 4401},
		"init twice": {func(t *testing.T, c *wsClient) {
			c.send(t, "", "connection_init", auth)
			c.send(t, "", "connection_init", auth)
		}, 4429},
		"ping payload":    {func(t *testing.T, c *wsClient) { c.send(t, "", "ping", "x") }, 4400},
		"pong payload":    {func(t *testing.T, c *wsClient) { c.send(t, "", "pong", []int{1}) }, 4400},
		"not JSON":        {func(t *testing.T, c *wsClient) { must(t, c.WriteMessage(websocket.TextMessage, []byte("{"))) }, 4400},
		"binary":          {func(t *testing.T, c *wsClient) { must(t, c.WriteMessage(websocket.BinaryMessage, []byte("{}"))) }, 4400},
		"unknown type":    {func(t *testing.T, c *wsClient) { c.send(t, "", "start", nil) }, 4400},
		"init payload":    {func(t *testing.T, c *wsClient) { c.send(t, "", "connection_init", []int{1}) }, 4400},
		"complete no one": {func(t *testing.T, c *wsClient) { c.send(t, "", "complete", nil) }, 4400},
		"subscribe no id": {func(t *testing.T, c *wsClient) {
			c.send(t, "", "connection_init", auth)
			c.send(t, "", "subscribe", query)
		}, 4400},
		"subscribe no doc": {func(t *testing.T, c *wsClient) {
			c.send(t, "", "connection_init", auth)
			c.send(t, "1", "subscribe", vars{})
		}, 4400},
		"id twice": {func(t *testing.T, c *wsClient) {
			c.send(t, "", "connection_init", auth)
			c.send(t, "1", "subscribe", query)
			c.send(t, "1", "subscribe", query)
		}, 4409},
		"large frame": {func(t *testing.T, c *wsClient) {
			must(t, c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 1<<20+1)))
		}, websocket.CloseMessageTooBig},
	} {
		t.Run(name, func(t *testing.T) {
			client := a.dial(t, nil)
			c.do(t, client)
			if code := client.closed(t); code != c.code {
				t.Errorf("closed with %d; want %d", code, c.code)
			}
		})
	}
}

func TestWebSocketHandshakes(t *testing.T) {
	a := newApp(t)
	byHeader := a.dial(t, http.Header{"Authorization": {"Bearer " + a.tokens[registry.RoleViewer]}})
	byHeader.send(t, "", "connection_init", nil)
	if m := byHeader.next(t); m.Type != "connection_ack" {
		t.Errorf("token in the header: %+v", m)
	}
	byHeader.send(t, "", "ping", vars{"a": 1})
	if m := byHeader.next(t); m.Type != "pong" || string(m.Payload) != `{"a":1}` {
		t.Errorf("ping: %+v", m)
	}
	address := "ws" + strings.TrimPrefix(a.url, "http") + "/graphql"
	none, response, err := websocket.DefaultDialer.DialContext(t.Context(), address, nil)
	must(t, err)
	must(t, response.Body.Close())
	if code := (&wsClient{none}).closed(t); code != 4406 {
		t.Errorf("without the subprotocol: closed with %d; want 4406", code)
	}
	must(t, none.Close())
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	_, response, err = dialer.DialContext(t.Context(), address, http.Header{"Origin": {"https://evil.example"}})
	if err == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("another site's page: %v, %v", response, err)
	}
	if response != nil {
		must(t, response.Body.Close())
	}
	a.dial(t, http.Header{"Origin": {a.url}}) // own pages
}

func TestACompletedOperationIsOver(t *testing.T) {
	a := newApp(t)
	id := a.startJob(t, a.addPhones(t, 2), 1, "WHATSAPP")
	c := a.subscribe(t, registry.RoleViewer, jobProgress, vars{"id": id})
	if m := c.next(t); m.Type != "next" {
		t.Fatalf("%+v", m)
	}
	c.send(t, "1", "complete", nil)
	c.send(t, "1", "subscribe", vars{"query": "{ viewer { role } }"}) // the id is free again
	if m := c.next(t); m.Type != "next" || !strings.Contains(string(m.Payload), "viewer") {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
	if m := c.next(t); m.Type != "complete" {
		t.Errorf("%+v", m)
	}
	a.eventually(t, func() bool { return a.gauge(t, `live_subscribers{kind="job"} 0`) }, "the subscription is not over")
}

func TestTooManyOperationsOnOneSocket(t *testing.T) {
	a := newApp(t)
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	c := a.connect(t, registry.RoleViewer)
	for i := range 101 {
		c.send(t, strings.Repeat("i", i+1), "subscribe", vars{"query": jobProgress, "variables": vars{"id": id}})
	}
	for {
		if m := c.next(t); m.Type == "error" {
			if len(m.ID) != 101 || !strings.Contains(string(m.Payload), "LIMIT_EXCEEDED") {
				t.Errorf("%s %s", m.ID, m.Payload)
			}
			return
		}
	}
}

// gauge tells whether the metrics hold a line.
func (a *app) gauge(t testing.TB, line string) bool {
	t.Helper()
	return slices.Contains(strings.Split(recorded(httpd.Admin(a.metrics), "/metrics"), "\n"), line)
}

// eventually waits for a condition that is sure to come.
func (a *app) eventually(t testing.TB, holds func() bool, otherwise string) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(time.Minute)
	for !holds() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal(otherwise)
		}
	}
}

// stream asks for server-sent events.
func (a *app) stream(ctx context.Context, t testing.TB, role registry.Role, query string, variables vars) *http.Response {
	t.Helper()
	body, err := json.Marshal(vars{"query": query, "variables": variables})
	must(t, err)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/graphql", bytes.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer "+a.tokens[role])
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "text/event-stream")
	response, err := a.client.Do(r)
	must(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// events yields the events of a stream as name and data.
func events(r io.Reader) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		lines := bufio.NewScanner(r)
		var name, data string
		hasData := false
		for lines.Scan() {
			field, value, _ := strings.Cut(lines.Text(), ":")
			switch {
			case lines.Text() == "":
				if hasData && !yield(name, data) {
					return
				}
				name, data, hasData = "", "", false
			case field == "event":
				name = strings.TrimPrefix(value, " ")
			case field == "data":
				data, hasData = strings.TrimPrefix(value, " "), true
			}
		}
	}
}

func TestServerSentEvents(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 4)
	id := a.startJob(t, numbers, 1, "WHATSAPP")
	response := a.stream(t.Context(), t, registry.RoleViewer, jobProgress, vars{"id": id})
	if media := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(media, "text/event-stream") {
		t.Fatalf("%d %s", response.StatusCode, media)
	}
	var got []string
	for name, data := range events(response.Body) {
		got = append(got, name+" "+data)
		if len(got) == 1 { // the snapshot is there: go on
			for a.work(t, 1, active) > 0 {
			}
		}
	}
	if len(got) < 3 || !strings.Contains(got[0], `"status":"QUEUED"`) || got[len(got)-1] != "complete " ||
		!strings.Contains(got[len(got)-2], `"status":"COMPLETED"`) || !strings.HasPrefix(got[0], `next {"data":`) {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	for query, want := range map[string]string{
		`{ viewer { role } }`: `next {"data":{"viewer":{"role":"VIEWER"}}}|complete `,
		`subscription { validationJobProgress(id: "x") { sequence } }`: `NOT_FOUND`,
		`{ nothing }`: `GRAPHQL_VALIDATION_FAILED`,
	} {
		var got []string
		for name, data := range events(a.stream(t.Context(), t, registry.RoleViewer, query, nil).Body) {
			got = append(got, name+" "+data)
		}
		if all := strings.Join(got, "|"); !strings.Contains(all, want) || len(got) != 2 || got[1] != "complete " {
			t.Errorf("%s: %s", query, all)
		}
	}
	refused := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", "text/plain", strings.NewReader("x"), "Accept", "text/event-stream")
	if body := readAll(t, refused); refused.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("%d %s", refused.StatusCode, body)
	}
}

func TestStreamsOutliveTheDeadlinesOfRequests(t *testing.T) {
	a := newApp(t, func(a *app, c *httpd.Config) {
		c.Timeouts.Ping = 50 * time.Millisecond
		a.tune = func(s *http.Server) { s.ReadTimeout, s.WriteTimeout = 150*time.Millisecond, 150*time.Millisecond }
	})
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	response := a.stream(t.Context(), t, registry.RoleViewer, jobProgress, vars{"id": id})
	signs, last := 0, ""
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		switch line := lines.Text(); {
		case line == ":":
			if signs++; signs == 10 { // both deadlines have passed twice
				a.work(t, 1, active)
			}
		case line != "":
			last = line
		}
	}
	if signs < 10 || last != "data:" {
		t.Errorf("the stream ended after %d signs of life with %q", signs, last)
	}
}

func TestLeadScoreChanged(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 3)
	a.startJob(t, numbers[:1], 1, "WHATSAPP")
	a.work(t, 10, active)
	response := a.stream(t.Context(), t, registry.RoleViewer, `subscription($filter: LeadFilter) { leadScoreChanged(filter: $filter) {
		total tier phone { number customers { totalCount } } components { platform points }
	} }`, vars{"filter": vars{"minScore": 50, "numbers": numbers}})
	next := 0
	for _, data := range events(response.Body) {
		next++
		if !strings.Contains(data, `"total":100`) || !strings.Contains(data, `"customers":{"totalCount":1}`) || strings.Contains(data, "57300100000") {
			t.Errorf("%s", data)
		}
		if next == 1 {
			a.startJob(t, numbers[1:], 10, "GOOGLE")
			a.work(t, 10, active)
		}
		if next == 3 {
			break
		}
	}
	if next != 3 {
		t.Errorf("%d scores; want the latest, and two that changed", next)
	}
}

func TestClientsThatGoAwayLeaveNothing(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Timeouts.Ping = time.Millisecond })
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	for range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		response := a.stream(ctx, t, registry.RoleViewer, jobProgress, vars{"id": id})
		for range events(response.Body) {
			break
		}
		cancel() // in the middle of signs of life
		leads := a.subscribe(t, registry.RoleViewer, `subscription { leadScoreChanged { total } }`, nil)
		c := a.subscribe(t, registry.RoleViewer, jobProgress, vars{"id": id})
		c.next(t)
		must(t, c.UnderlyingConn().Close()) // without a word
		must(t, leads.UnderlyingConn().Close())
	}
	for _, line := range []string{`live_subscribers{kind="job"} 0`, `live_subscribers{kind="lead"} 0`, `http_requests_in_flight 0`} {
		a.eventually(t, func() bool { return a.gauge(t, line) }, "not reached: "+line)
	}
}
