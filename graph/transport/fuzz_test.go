package transport

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"phoneregistry/graph"
	"phoneregistry/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// handler carries the real schema, without anything behind it: what asks for data gets an error, the rest is answered.
func handler(t testing.TB, tune ...func(*Config)) *Handler {
	t.Helper()
	exec := executor.New(graph.NewExecutableSchema(graph.Config{}))
	exec.SetParserTokenLimit(200)
	exec.SetRecoverFunc(func(context.Context, any) error { return errors.New("there is no data") })
	c := Config{
		Exec: exec, Logger: slog.New(slog.DiscardHandler), MaxBody: 4 << 10, WriteTimeout: time.Minute,
		Authorize: func(ctx context.Context, authorization string) (context.Context, error) {
			if authorization != "Bearer good" {
				return nil, errors.New("no valid token")
			}
			return registry.WithActor(ctx, registry.Actor{Name: "fuzz", Role: registry.RoleViewer}), nil
		},
	}
	for _, f := range tune {
		f(&c)
	}
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// recorder is one that streams can be written to.
type recorder struct{ *httptest.ResponseRecorder }

func (recorder) SetWriteDeadline(time.Time) error { return nil }

// statuses are those that answers over HTTP may have here.
func statuses() []int { return []int{200, statusPartial, 400, 401, 405, 406, 413, 415} }

// FuzzHTTP sends requests of any kind. The answer must be of a status that is documented, and of the form that it says.
func FuzzHTTP(f *testing.F) {
	const asked = `{"query":"{__typename}"}`
	for _, seed := range []struct{ method, target, accept, contentType, body string }{
		{"POST", "", "", "application/json", asked},
		{"POST", "", "application/graphql-response+json", "application/json; charset=utf-8", asked},
		{"POST", "", "text/event-stream", "application/json", asked},
		{"POST", "", "text/event-stream;q=0.1,*/*", "application/json", `{"query":"{","variables":{"a":1}}`},
		{"POST", "", "*/*;q=2, a/b;;", "application/json; charset=latin1", asked},
		{"POST", "", "application/json", "application/json", `{"query":"subscription{importProgress(id:\"a\"){sequence}}"}`},
		{"POST", "", "text/event-stream", "application/json", `{"query":"subscription{importProgress(id:\"a\"){sequence}}"}`},
		{"POST", "", "", "application/json", `{"query":"query($a:Int!){viewer{role}}","variables":{"a":1e999}}`},
		{"POST", "", "", "application/json", `[` + asked + `]`},
		{"POST", "", "", "multipart/form-data; boundary=x", "--x--"},
		{"POST", "", "", "application/json", strings.Repeat(" ", 5000)},
		{"GET", "query=%7B__typename%7D", "", "", ""},
		{"GET", "query=mutation{addPhone(input:{}){phone{id}}}&operationName=", "application/graphql-response+json", "", ""},
		{"GET", "query=%zz&variables=[]", "", "", ""},
		{"GET", "query={a}&variables={\"a\":1}{}&extensions=7", "text/event-stream", "", ""},
		{"GET", "documentId=sha256:00&doc_id=x", "", "", ""},
		{"HEAD", "query={__typename}", "", "", ""},
		{"BREW", "", "image/png", "", ""},
	} {
		f.Add(seed.method, seed.target, seed.accept, seed.contentType, seed.body)
	}
	h := handler(f)
	f.Fuzz(func(t *testing.T, method, target, accept, contentType, body string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
		r.Method, r.URL = method, &url.URL{Path: "/graphql", RawQuery: target}
		r.Header = http.Header{"Accept": {accept}, "Content-Type": {contentType}, "Authorization": {"Bearer good"}}
		w := recorder{httptest.NewRecorder()}
		h.ServeHTTP(w, r)
		if !slices.Contains(statuses(), w.Code) {
			t.Fatalf("status %d", w.Code)
		}
		media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		switch media {
		case mediaJSON, mediaResponse:
			if !json.Valid(w.Body.Bytes()) {
				t.Errorf("no JSON: %q", w.Body)
			}
		case mediaStream:
			checkEvents(t, w.Body.Bytes())
		default:
			t.Errorf("an answer of the type %q", media)
		}
		if len(body) > 20 && w.Code >= 400 && w.Code != 400 && bytes.Contains(w.Body.Bytes(), []byte(body)) {
			t.Errorf("what was sent is said back: %q", w.Body)
		}
	})
}

// checkEvents reads an event stream as strictly as it is specified: results, then the end.
func checkEvents(t *testing.T, text []byte) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(text))
	event, ended := "", false
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case ended && lines.Text() != "" && name != "data":
			t.Errorf("behind the end: %q", text)
		case name == "event":
			event = value
			ended = value == "complete"
		case name == "data" && event == "next" && !json.Valid([]byte(value)):
			t.Errorf("no JSON: %q", value)
		case name != "data" && name != "":
			t.Errorf("no such field: %q", lines.Text())
		}
	}
	if !ended {
		t.Errorf("no end: %q", text)
	}
}

// FuzzAccept weighs what clients accept. What is chosen must be among what is offered, and never refused by name.
func FuzzAccept(f *testing.F) {
	for _, seed := range []string{
		"", "*/*", "text/event-stream", "application/json;q=0, */*", "application/*;q=0.5;q=1", `a/b;c="d,e"`, ",,,;q=", "text/event-stream,*/*;q=0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		got := negotiate([]string{accept})
		if !slices.Contains([]string{"", mediaJSON, mediaResponse, mediaStream}, got) {
			t.Errorf("%q is chosen", got)
		}
		if got == mediaStream && !strings.Contains(strings.ToLower(accept), mediaStream) {
			t.Errorf("a stream to one who did not ask for it: %q", accept)
		}
	})
}

// closings are the codes with which a socket may be closed here. That of an internal error is not among them.
func closings() []int {
	return []int{
		websocket.CloseNormalClosure, websocket.CloseMessageTooBig, closeNoText, closeBadMessage, closeUnauthorized, closeForbidden, closeDuplicate,
		closeTooManyRequests,
	}
}

// FuzzWebSocket sends messages, one a line. What comes back must be messages of the protocol, and the end of a code that
// is documented.
func FuzzWebSocket(f *testing.F) {
	const hello = `{"type":"connection_init","payload":{"Authorization":"Bearer good"}}` + "\n"
	for _, seed := range []string{
		"", hello, hello + hello, `{"type":"connection_init","payload":7}`, `{"type":"connection_init"}`, `{"type":"subscribe","id":"1"}`,
		hello + `{"type":"subscribe","id":"1","payload":{"query":"{__typename}"}}`,
		hello + `{"type":"subscribe","id":"1","payload":{"query":"{viewer{role}}"}}` + "\n" + `{"type":"complete","id":"1"}`,
		hello + `{"type":"subscribe","id":"1","payload":{"query":"subscription{importProgress(id:\"a\"){sequence}}"}}`,
		hello + `{"type":"subscribe","id":"\u0000\"","payload":{"query":"{"}}`,
		hello + `{"type":"subscribe","payload":{"query":"{__typename}"}}`, hello + `{"type":"subscribe","id":"1","payload":[]}`,
		hello + `{"type":"subscribe","id":"1","payload":{"query":"{__typename}","variables":[]}}`,
		`{"type":"ping"}` + "\n" + `{"type":"ping","payload":{"a":1}}` + "\n" + `{"type":"ping","payload":1}`, `{"type":"pong","payload":null}`,
		`{"type":"complete"}`, `{"type":"complete","id":"9"}`, `{"type":"next","id":"1"}`, `null`, `[]`, `{"type":7}`, "{", "\xff",
		`{"type":"ping","payload":{"a":"` + "\xff" + `"}}`, `{"type":"ping","payload":{"a":"\ud800"}}`,
		strings.Repeat("x", 5000),
	} {
		f.Add(seed)
	}
	server := httptest.NewServer(handler(f))
	f.Cleanup(server.Close)
	dialer := websocket.Dialer{Subprotocols: []string{subprotocol}}
	f.Fuzz(func(t *testing.T, script string) {
		conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()        //nolint:errcheck // it is closed already
		_ = response.Body.Close() // there is none
		for line := range strings.SplitSeq(script, "\n") {
			if conn.WriteMessage(websocket.TextMessage, []byte(line)) != nil {
				break // closed by the server, which is read below
			}
		}
		_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Minute))
		for {
			_, text, err := conn.ReadMessage()
			if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
				if !slices.Contains(closings(), closed.Code) {
					t.Errorf("closed with %d %s", closed.Code, closed.Text)
				}
				return
			}
			if err != nil {
				t.Fatalf("not closed by a close frame: %v", err)
			}
			checkMessage(t, text)
		}
	})
}

func checkMessage(t *testing.T, text []byte) {
	t.Helper()
	var m message
	if err := json.Unmarshal(text, &m); err != nil {
		t.Errorf("%v in %q", err, text)
	}
	switch m.Type {
	case "connection_ack", "ping", "pong":
	case "next", "error", "complete":
		if m.ID == "" {
			t.Errorf("of which operation: %q", text)
		}
	default:
		t.Errorf("no such message: %q", text)
	}
}
