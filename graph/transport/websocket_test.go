package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
)

// peer is the other end of a WebSocket.
type peer struct{ *websocket.Conn }

// dialed opens a WebSocket of a handler.
func dialed(t *testing.T, h *Handler, header http.Header) peer {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	if header == nil {
		header = http.Header{subprotocolHeader: {subprotocol}}
	}
	conn, response, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), header)
	must(t, err)
	_ = response.Body.Close() // there is none
	t.Cleanup(func() { _ = conn.Close() })
	must(t, conn.SetReadDeadline(time.Now().Add(time.Minute))) // only a hanging test reaches it
	return peer{conn}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (p peer) send(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		must(t, p.WriteMessage(websocket.TextMessage, []byte(text)))
	}
}

// receives reads the next messages, which must begin so.
func (p peer) receives(t *testing.T, want ...string) {
	t.Helper()
	for _, begin := range want {
		_, text, err := p.ReadMessage()
		must(t, err)
		if !strings.HasPrefix(string(text), begin) {
			t.Fatalf("received %.300s; want %s", text, begin)
		}
	}
}

// closes reads up to the close frame, which must have this code.
func (p peer) closes(t *testing.T, code int) {
	t.Helper()
	for {
		_, _, err := p.ReadMessage()
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			if closed.Code != code {
				t.Fatalf("closed with %d %s; want %d", closed.Code, closed.Text, code)
			}
			return
		}
		if err != nil {
			t.Fatalf("not closed by a close frame: %v", err)
		}
	}
}

const (
	hello        = `{"type":"connection_init","payload":{"Authorization":"Bearer good"}}`
	acknowledged = `{"type":"connection_ack"}`
	pingpong     = `{"type":"pong"}`
)

// held is an executor whose operations have the results that come over a channel, whatever becomes of who asked.
type held struct {
	graphql.GraphExecutor
	results chan string // closed: the end
}

func (e held) DispatchOperation(ctx context.Context, _ *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	return func(context.Context) *graphql.Response {
		if data, ok := <-e.results; ok {
			return &graphql.Response{Data: json.RawMessage(data)}
		}
		return nil
	}, ctx
}

// holding returns a handler with such an executor.
func holding(t *testing.T) (h *Handler, results chan string) {
	t.Helper()
	results = make(chan string)
	t.Cleanup(func() { close(results) })
	return handler(t, func(c *Config) { c.Exec = held{c.Exec, results} }), results
}

func subscribe(id string) string {
	text, err := json.Marshal(map[string]any{"id": id, "type": "subscribe", "payload": map[string]any{"query": "{__typename}"}})
	if err != nil {
		panic(err) // texts can be written
	}
	return string(text)
}

// TestNothingFollowsComplete: a result that is ready when the client completes its operation is not sent behind what is
// answered later, also where the id stands for another operation by then.
func TestNothingFollowsComplete(t *testing.T) {
	h, results := holding(t)
	p := dialed(t, h, nil)
	p.send(t, hello, subscribe("a"))
	results <- `"first"`
	p.receives(t, acknowledged, `{"id":"a","type":"next","payload":{"data":"first"}}`)
	p.send(t, `{"id":"a","type":"complete"}`, `{"type":"ping"}`)
	p.receives(t, pingpong)
	results <- `"late"`
	p.send(t, `{"type":"ping"}`)
	p.receives(t, pingpong)

	p.send(t, subscribe("a"))
	results <- `"of the next"`
	p.receives(t, `{"id":"a","type":"next","payload":{"data":"of the next"}}`)
}

func TestCloseReasonsAreText(t *testing.T) {
	h, results := holding(t)
	p := dialed(t, h, nil)
	p.send(t, hello, subscribe(strings.Repeat("é", 100)))
	results <- `{}`
	p.send(t, subscribe(strings.Repeat("é", 100)))
	p.closes(t, closeDuplicate)
}

func TestIDsAreBounded(t *testing.T) {
	p := dialed(t, handler(t), nil)
	long := strings.Repeat("i", maxID)
	p.send(t, hello, subscribe(long))
	p.receives(t, acknowledged, `{"id":"`+long+`","type":"next"`, `{"id":"`+long+`","type":"complete"}`)
	p.send(t, subscribe(long+"i"))
	p.closes(t, closeBadMessage)
}

func TestTextIsUTF8(t *testing.T) {
	for name, text := range map[string]string{
		"in a payload": `{"type":"ping","payload":{"a":"` + "\xff" + `"}}`,
		"a surrogate":  `{"type":"ping","payload":{"a":"` + "\xed\xa0\x80" + `"}}`,
		"no JSON":      "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			p := dialed(t, handler(t), nil)
			p.send(t, text)
			p.closes(t, websocket.CloseInvalidFramePayloadData)
		})
	}
	t.Run("in parts", func(t *testing.T) { // a character that is sent in two frames is one
		p := dialed(t, handler(t, func(c *Config) { c.MaxBody = 1 << 20 }), nil)
		frame, err := p.NextWriter(websocket.TextMessage)
		must(t, err)
		text := []byte(`{"type":"ping","payload":{"a":"é` + strings.Repeat("é", 3000) + `"}}`) // more than the buffer of the client
		_, err = frame.Write(text)
		must(t, err)
		must(t, frame.Close())
		p.receives(t, `{"type":"pong","payload":{"a":"é`)
	})
}

// TestStrangersSendLittle: who has not said who they are cannot make the server keep a large message.
func TestStrangersSendLittle(t *testing.T) {
	large := `{"type":"ping","payload":{"a":"` + strings.Repeat("x", maxInit) + `"}}`
	h := handler(t, func(c *Config) { c.MaxBody = 1 << 20 })
	p := dialed(t, h, nil)
	p.send(t, hello, large)
	p.receives(t, acknowledged, `{"type":"pong","payload":{"a":"xx`)
	p = dialed(t, h, nil)
	p.send(t, large)
	p.closes(t, websocket.CloseMessageTooBig)
}

// few is a gate that lets few messages in.
type few struct {
	open
	left *int // only the reader of the socket counts
}

func (g few) Connect() (Place, *Refusal) { return g, nil }

func (g few) Message() bool {
	*g.left--
	return *g.left >= 0
}

// TestPingsOfWebSocketCount as messages do: each is answered.
func TestPingsOfWebSocketCount(t *testing.T) {
	for _, kind := range []int{websocket.PingMessage, websocket.PongMessage} {
		left := 10
		p := dialed(t, handler(t, func(c *Config) { c.Gate = few{left: &left} }), nil)
		pongs := 0
		p.SetPongHandler(func(string) error { pongs++; return nil })
		for range 11 {
			must(t, p.WriteControl(kind, []byte("x"), time.Now().Add(time.Minute)))
		}
		p.closes(t, closeTooManyRequests)
		if kind == websocket.PingMessage && pongs != 10 {
			t.Errorf("%d pings are answered; want 10", pongs)
		}
	}
}

// TestTokensThatCannotBeChecked are not told to be wrong: the client is to come back with them.
func TestTokensThatCannotBeChecked(t *testing.T) {
	p := dialed(t, handler(t, func(c *Config) {
		c.Authorize = func(context.Context, string) (context.Context, error) { return nil, ErrUnavailable }
	}), nil)
	p.send(t, hello)
	p.closes(t, websocket.CloseTryAgainLater)
}

func TestSubprotocolsInSeveralLines(t *testing.T) {
	p := dialed(t, handler(t), http.Header{subprotocolHeader: {"graphql-ws, mqtt", subprotocol}})
	if p.Subprotocol() != subprotocol {
		t.Errorf("%q is spoken", p.Subprotocol())
	}
	p.send(t, hello)
	p.receives(t, acknowledged)
}

// TestTooMuchInOneOperation ends that operation, not those beside it.
func TestTooMuchInOneOperation(t *testing.T) {
	p := dialed(t, handler(t, func(c *Config) { c.MaxBody = 1 << 20 }), nil)
	p.send(t, hello, `{"id":"a","type":"subscribe","payload":{"query":"{__typename}","extensions":{"a":[`+strings.Repeat("1,", maxExtensions)+`1]}}}`)
	p.receives(t, acknowledged, `{"id":"a","type":"error","payload":[{"message":"there is too much in `+"`extensions`")
	p.send(t, subscribe("b"))
	p.receives(t, `{"id":"b","type":"next"`)
}

// TestBrokenFramesAreNotReset: whoever breaks the rules of WebSocket is told so, also when there is more behind it.
func TestBrokenFramesAreNotReset(t *testing.T) {
	p := dialed(t, handler(t), nil)
	_, err := p.UnderlyingConn().Write(append([]byte{0x83, 0x80, 0, 0, 0, 0}, bytes.Repeat([]byte("x"), 2<<20)...))
	must(t, err)
	p.closes(t, websocket.CloseProtocolError)
	if n, err := p.UnderlyingConn().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("behind the close frame: %d bytes, %v; want the end", n, err)
	}
}
