package httpd_test

import (
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

func TestAReaderThatStandsStillIsDropped(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) {
		c.Timeouts.Ping, c.Timeouts.Write = 50*time.Millisecond, 100*time.Millisecond
	})
	a.addPhones(t, 500)
	c := a.connect(t, registry.RoleViewer)
	must(t, c.UnderlyingConn().(*net.TCPConn).SetReadBuffer(1024))
	query, err := json.Marshal(vars{"query": `{ phones(first: 500) { nodes { id number lineType planVersion createdAt updatedAt timezones location } } }`})
	must(t, err)
	for i := range 60 { // more than all buffers hold, and nobody reads
		if c.WriteJSON(wsMessage{ID: strings.Repeat("i", i+1), Type: "subscribe", Payload: query}) != nil {
			break // given up already
		}
	}
	a.eventually(t, func() bool { return a.gauge(t, `http_requests_in_flight 0`) }, "the connection is not given up")
	fresh := a.subscribe(t, registry.RoleViewer, "{ viewer { role } }", nil) // others are served as ever
	if last := fresh.last(t); !strings.Contains(last, "VIEWER") {
		t.Errorf("%s", last)
	}
}

// TestStreamsEndWithTheServer also checks that nobody is told that a stream is complete: a client would not come back
// to it when the server does.
func TestStreamsEndWithTheServer(t *testing.T) {
	const streams = 8
	a := newApp(t)
	id := a.startJob(t, a.addPhones(t, 1), 1, "WHATSAPP")
	c := a.connect(t, registry.RoleViewer)
	for i := range streams {
		c.send(t, strconv.Itoa(i), "subscribe", vars{"query": jobProgress, "variables": vars{"id": id}})
	}
	for range streams {
		c.next(t)
	}
	response := a.stream(t.Context(), t, registry.RoleViewer, jobProgress, vars{"id": id})
	seen := 0
	for event := range events(response.Body) {
		if seen++; seen == 1 {
			a.stop()
		}
		if event == "complete" {
			t.Error("an event stream was completed")
		}
	}
	for {
		var m wsMessage
		err := c.ReadJSON(&m)
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			if closed.Code != websocket.CloseGoingAway {
				t.Errorf("the socket is closed with %d; want %d", closed.Code, websocket.CloseGoingAway)
			}
			return
		}
		if err != nil {
			t.Fatalf("not closed by a close frame: %v", err)
		}
		if m.Type == "complete" {
			t.Errorf("subscription %s was completed", m.ID)
		}
	}
}
