package httpd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/httpd"
	"phoneregistry/internal/limit"
	"phoneregistry/registry"
)

// Sizes of the storm.
const (
	stormClients = 200
	stormRounds  = 5
	stormTokens  = 5
)

// storm is many clients that come and go as they please.
type storm struct {
	*app
	job    string
	http   *http.Client
	mu     sync.Mutex
	tokens [stormTokens]stormToken
	wrong  []string
	ways   [stormWays]int // how often each was gone
	told   map[string]int // kinds of messages, codes of closing and statuses
}

type stormToken struct {
	id     uuid.UUID
	secret string
}

// TestStorm has hundreds of clients connect, subscribe, complete, disconnect and drop dead over WebSockets and event
// streams at once, while a job makes progress and tokens are revoked under them. In the end nothing of it may be left.
func TestStorm(t *testing.T) {
	limits, err := limit.New(limit.Config{
		Reads: 3000, Writes: 10, Messages: 60, Connections: limit.Bound{Own: 25, Total: 200},
		Subscriptions: limit.Bound{Own: 20, Total: 80}, Operations: limit.Bound{Own: 8, Total: 20}, Pending: limit.Bound{Own: 2, Total: 4},
	})
	must(t, err)
	a := newApp(t, func(_ *app, c *httpd.Config) {
		c.Rates, c.Timeouts.Ping = limits, 100*time.Millisecond
	})
	s := &storm{app: a, http: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, told: map[string]int{}}
	s.job = a.startJob(t, a.addPhones(t, 60), 1, "WHATSAPP", "GOOGLE")
	for i := range s.tokens {
		must(t, s.renew(t.Context(), i))
	}
	before := runtime.NumGoroutine()
	var clients sync.WaitGroup
	for i := range stormClients {
		clients.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(i)))
			for range stormRounds {
				s.round(t.Context(), r)
			}
		})
	}
	over := make(chan struct{})
	go func() { clients.Wait(); close(over) }()
	revoked := s.weather(t, over)
	if revoked == 0 || slices.Contains(s.ways[:], 0) {
		t.Errorf("%d tokens were revoked, and clients went %v ways: not everything happened", revoked, s.ways)
	}
	for _, kind := range []string{"next", "complete", "4403", "200"} {
		if s.told[kind] == 0 {
			t.Errorf("nobody was told %s: %v", kind, s.told)
		}
	}
	if s.told["429"]+s.told["503"]+s.told["error"]+s.told["4429"] == 0 {
		t.Errorf("nobody met a limit: %v", s.told)
	}
	if len(s.wrong) > 0 {
		t.Errorf("%d clients were told what they should not be, such as %s", len(s.wrong), s.wrong[0])
	}
	a.client.CloseIdleConnections()
	a.eventually(t, func() bool { return limits.InUse() == limit.InUse{Tokens: limits.InUse().Tokens} },
		fmt.Sprintf("held by nobody: %+v", limits.InUse()))
	for _, line := range []string{`live_subscribers{kind="job"} 0`, `live_subscribers{kind="lead"} 0`, `http_requests_in_flight 0`} {
		a.eventually(t, func() bool { return a.gauge(t, line) }, "not reached: "+line)
	}
	a.eventually(t, func() bool { return runtime.NumGoroutine() <= before }, "goroutines are left over")
	t.Logf("told: %v; %d tokens were revoked", s.told, revoked)
	if text := a.log.String(); strings.Contains(text, "panic") {
		t.Errorf("a panic: %.3000s", text[strings.Index(text, "panic"):])
	}
}

// weather does the work of the job and revokes tokens until the clients are through.
func (s *storm) weather(t *testing.T, over <-chan struct{}) (revoked int) {
	t.Helper()
	for {
		select {
		case <-over:
			return revoked
		default:
		}
		s.work(t, 1, active)
		must(t, s.renew(t.Context(), revoked%stormTokens))
		revoked++
	}
}

// renew replaces a token by a new one, and revokes the old one under those who use it.
func (s *storm) renew(ctx context.Context, i int) error {
	ctx = registry.WithActor(ctx, registry.Actor{Name: "system:test", Role: registry.RoleAdmin})
	fresh := stormToken{uuid.New(), auth.NewToken()}
	if _, err := s.store.CreateAPIKey(ctx, registry.APIKey{
		ID: fresh.id, Name: "storm", Role: registry.RoleAnalyst, CreatedBy: "test", CreatedAt: time.Now(),
	}, auth.Hash(fresh.secret)); err != nil {
		return err
	}
	s.mu.Lock()
	old := s.tokens[i]
	s.tokens[i] = fresh
	s.mu.Unlock()
	if old.id == uuid.Nil {
		return nil
	}
	_, err := s.store.RevokeAPIKey(ctx, old.id)
	return err
}

// The ways of clients.
const (
	waySocket      = iota
	waySocketStays // until its token is revoked
	waySocketDropsDead
	waySocketSaysNothing
	wayStream
	wayStreamDropsDead
	wayRequest
	wayRequestGivesUp
	stormWays
)

func (s *storm) round(ctx context.Context, r *rand.Rand) {
	way := r.IntN(stormWays)
	s.mu.Lock()
	token := s.tokens[r.IntN(stormTokens)].secret
	s.ways[way]++
	s.mu.Unlock()
	switch way {
	case waySocket, waySocketStays, waySocketDropsDead, waySocketSaysNothing:
		s.socket(ctx, r, token, way)
	case wayStream, wayStreamDropsDead:
		s.watch(ctx, r, token, way)
	default:
		s.request(ctx, r, token, way)
	}
}

func (s *storm) blame(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

func (s *storm) hear(what any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told[fmt.Sprint(what)]++
}

// socket opens a WebSocket, subscribes, completes some of it, reads a little, and leaves.
func (s *storm) socket(ctx context.Context, r *rand.Rand, token string, way int) {
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, response, err := dialer.DialContext(ctx, "ws"+strings.TrimPrefix(s.url, "http")+"/graphql", nil)
	if err != nil {
		if response == nil || response.StatusCode != http.StatusServiceUnavailable {
			s.blame("no socket: %v", err)
		} else {
			s.hear(response.StatusCode)
		}
		return
	}
	_ = response.Body.Close()
	defer conn.Close()                                    //nolint:errcheck // it may be gone
	_ = conn.SetReadDeadline(time.Now().Add(time.Minute)) // only a hanging test reaches it
	if way == waySocketSaysNothing {
		return
	}
	say := func(id, kind string, payload any) {
		m := wsMessage{ID: id, Type: kind}
		m.Payload, _ = json.Marshal(payload)
		_ = conn.WriteJSON(m)
	}
	say("", "connection_init", vars{"Authorization": "Bearer " + token})
	ids := 1 + r.IntN(4)
	for i := range ids {
		query, variables := jobProgress, vars{"id": s.job}
		switch r.IntN(4) {
		case 0:
			query, variables = "{ viewer { role } }", nil
		case 1:
			query, variables = "subscription { leadScoreChanged { total } }", nil
		}
		say(fmt.Sprint(i), "subscribe", vars{"query": query, "variables": variables})
		if r.IntN(2) == 0 {
			say(fmt.Sprint(i), "complete", nil)
		}
		if r.IntN(20) == 0 {
			for range 100 {
				say("", "ping", nil)
			}
		}
	}
	for left := r.IntN(6); left > 0 || way == waySocketStays; left-- {
		if !s.heard(conn) {
			return
		}
	}
	if way == waySocket {
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	}
}

// heard reads a message; false when there are no more. What is read must be of the protocol.
func (s *storm) heard(conn *websocket.Conn) bool {
	kind, text, err := conn.ReadMessage()
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		s.hear(closed.Code)
		if !slices.Contains([]int{4403, 4409, 4429, websocket.CloseAbnormalClosure}, closed.Code) {
			s.blame("closed with %d %s", closed.Code, closed.Text)
		}
		return false
	}
	if err != nil {
		if _, ok := errors.AsType[net.Error](err); !ok && !errors.Is(err, io.ErrUnexpectedEOF) {
			s.blame("read: %v", err)
		}
		return false
	}
	var m wsMessage
	if kind != websocket.TextMessage || json.Unmarshal(text, &m) != nil ||
		!slices.Contains([]string{"connection_ack", "next", "error", "complete", "ping", "pong"}, m.Type) {
		s.blame("said %q", text)
	}
	s.hear(m.Type)
	return true
}

// watch reads some of an event stream.
func (s *storm) watch(ctx context.Context, r *rand.Rand, token string, way int) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	response := s.post(ctx, token, vars{"query": jobProgress, "variables": vars{"id": s.job}}, "text/event-stream")
	if response == nil {
		return
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if response.StatusCode != http.StatusOK {
		s.refused(response)
		return
	}
	if way == wayStreamDropsDead {
		return
	}
	left := 1 + r.IntN(3)
	for event, data := range events(response.Body) {
		if event == "next" && !json.Valid([]byte(data)) {
			s.blame("said %q", data)
		}
		if left--; left == 0 {
			return
		}
	}
}

func (s *storm) request(ctx context.Context, r *rand.Rand, token string, way int) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	query := "{ viewer { role } phones(first: 5) { nodes { number } } }"
	if r.IntN(4) == 0 {
		query = changeAny
	}
	if way == wayRequestGivesUp {
		timer := time.AfterFunc(time.Duration(r.IntN(int(10*time.Millisecond))), leave)
		defer timer.Stop()
	}
	response := s.post(ctx, token, vars{"query": query}, "application/json")
	if response == nil {
		return
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	if response.StatusCode != http.StatusOK {
		s.refused(response)
		return
	}
	if text, err := io.ReadAll(response.Body); err == nil && !json.Valid(text) {
		s.blame("answered %q", text)
	}
}

// refused finds that an answer is one of those that say when to come back, or that the token is gone.
func (s *storm) refused(response *http.Response) {
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return // given up
	}
	switch response.StatusCode {
	case http.StatusUnauthorized:
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if response.Header.Get("Retry-After") == "" && !bytes.Contains(text, []byte("TIMEOUT")) {
			s.blame("%d without Retry-After: %s", response.StatusCode, text)
		}
	default:
		s.blame("%d %s", response.StatusCode, text)
	}
}

// post sends an operation; nil when there is no answer.
func (s *storm) post(ctx context.Context, token string, operation vars, accept string) *http.Response {
	body, _ := json.Marshal(operation)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.blame("%v", err)
		return nil
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", accept)
	response, err := s.http.Do(r)
	if err != nil {
		if ctx.Err() == nil {
			s.blame("no answer: %v", err)
		}
		return nil
	}
	s.hear(response.StatusCode)
	return response
}
