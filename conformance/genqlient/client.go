// How a Go program connects with genqlient, as docs/api/clients.md shows it.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"

	"github.com/Khan/genqlient/graphql"
	"github.com/gorilla/websocket"
)

// bearer adds the token, and the purpose if there is one, to each request.
type bearer struct{ token, purpose string }

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	if b.purpose != "" {
		r.Header.Set("X-Purpose", b.purpose)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func connect(url, token, purpose string) graphql.Client {
	return graphql.NewClient(url, &http.Client{Transport: bearer{token, purpose}})
}

// connectSocket is for subscriptions. Start it, and read the channel of errors that Start returns.
func connectSocket(url, token string) graphql.WebSocketClient {
	return graphql.NewClientUsingWebSocket("ws"+strings.TrimPrefix(url, "http"), dialer{},
		graphql.WithConnectionParams(map[string]any{"Authorization": "Bearer " + token}))
}

// dialer opens sockets that answer pings. genqlient 0.8.1 does not know them, and would end with the first.
type dialer struct{}

// DialContext implements graphql.Dialer.
func (dialer) DialContext(ctx context.Context, url string, header http.Header) (graphql.WSConn, error) {
	conn, response, err := websocket.DefaultDialer.DialContext(ctx, url, header)
	if err != nil {
		return nil, err
	}
	return &socket{Conn: conn}, response.Body.Close()
}

type socket struct {
	*websocket.Conn
	writing sync.Mutex
}

// WriteMessage implements graphql.WSConn.
func (s *socket) WriteMessage(kind int, data []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.Conn.WriteMessage(kind, data)
}

// ReadMessage implements graphql.WSConn.
func (s *socket) ReadMessage() (int, []byte, error) {
	for {
		kind, data, err := s.Conn.ReadMessage()
		var message struct{ Type string }
		if err != nil || !bytes.Contains(data, []byte(`"ping"`)) || json.Unmarshal(data, &message) != nil || message.Type != "ping" {
			return kind, data, err
		}
		if err := s.WriteMessage(websocket.TextMessage, []byte(`{"type":"pong"}`)); err != nil {
			return 0, nil, err
		}
	}
}

// end of connect
