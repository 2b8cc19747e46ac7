package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// TestASocketAnswersPings: genqlient sees what comes behind a ping, and the server its pong.
func TestASocketAnswersPings(t *testing.T) {
	answers := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close() //nolint:errcheck // the test is over
		for _, text := range []string{`{"type":"ping"}`, `{"type":"next","id":"1","payload":"ping"}`} {
			if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
				t.Error(err)
			}
		}
		_, text, err := conn.ReadMessage()
		if err != nil {
			t.Error(err)
		}
		answers <- string(text)
	}))
	defer server.Close()
	conn, err := dialer{}.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the test is over
	if _, text, err := conn.ReadMessage(); err != nil || !strings.Contains(string(text), `"next"`) {
		t.Errorf("%s, %v", text, err)
	}
	if got := <-answers; got != `{"type":"pong"}` {
		t.Errorf("answered %s", got)
	}
}
