package httpd_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/gorilla/websocket"
)

// TestClosedSocketsAreNotReset sends more than the server reads. A reset would take the close frame from clients whose
// system forgets what it has received, and from those that are still writing.
func TestClosedSocketsAreNotReset(t *testing.T) {
	a := newApp(t)
	c := a.dial(t, nil)
	must(t, c.WriteMessage(websocket.TextMessage, bytes.Repeat([]byte("x"), 2<<20)))
	if code := c.closed(t); code != websocket.CloseMessageTooBig {
		t.Errorf("closed with %d", code)
	}
	if n, err := c.UnderlyingConn().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("behind the close frame: %d bytes, %v; want the end", n, err)
	}
}
