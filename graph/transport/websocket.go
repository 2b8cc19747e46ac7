package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// subprotocol is the one that is spoken:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
const subprotocol = "graphql-transport-ws"

// Codes with which a socket is closed, of RFC 6455 and of the protocol.
const (
	closeGoingAway       = websocket.CloseGoingAway
	closeInternal        = websocket.CloseInternalServerErr
	closeBadMessage      = 4400
	closeUnauthorized    = 4401
	closeForbidden       = 4403
	closeBadSubprotocol  = 4406
	closeInitTimeout     = 4408
	closeDuplicate       = 4409
	closeTooManyRequests = 4429
)

// message is a message of the protocol, in both directions.
type message struct {
	ID      string          `json:"id,omitempty"`
	Type    string          `json:"type"`
	Payload json.RawMessage `json:"payload,omitempty"`
}

// socket is one connection. Its reader is the goroutine that serves the request; each operation has one of its own.
type socket struct {
	*Handler
	conn *websocket.Conn
	ctx  context.Context // of the operations; ends with the connection
	stop context.CancelFunc

	ready   bool // connection_init was accepted; only the reader looks
	running sync.WaitGroup

	mu         sync.Mutex // of operations
	operations map[string]context.CancelFunc

	writing sync.Mutex // a connection has one writer at a time
	closed  bool
}

func (h *Handler) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	ctx, stop := context.WithCancel(r.Context())
	s := &socket{Handler: h, conn: conn, ctx: ctx, stop: stop, operations: map[string]context.CancelFunc{}}
	defer s.end()
	if conn.Subprotocol() != subprotocol {
		s.close(closeBadSubprotocol, "Subprotocol not acceptable")
		return
	}
	conn.SetReadLimit(h.MaxBody)
	conn.SetPongHandler(func(string) error { return s.heard() })
	closing := context.AfterFunc(r.Context(), func() { s.close(closeGoingAway, "Going away") })
	defer closing()
	init := time.AfterFunc(h.InitTimeout, func() { s.close(closeInitTimeout, "Connection initialisation timeout") })
	defer init.Stop()
	s.running.Go(s.signs)
	s.read(r, init)
}

// end stops what still runs and waits for it.
func (s *socket) end() {
	s.stop()
	_ = s.conn.Close()
	s.running.Wait()
}

// heard notes that the peer is alive.
func (s *socket) heard() error { return s.conn.SetReadDeadline(time.Now().Add(3 * s.PingInterval)) }

// signs sends signs of life, so that a peer that has gone is noticed: a ping of WebSocket, which every library
// answers by itself, and one of the protocol, by which scripts in browsers notice that we are there.
func (s *socket) signs() {
	ticker := time.NewTicker(s.PingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticker.C:
			s.writing.Lock()
			err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.WriteTimeout))
			s.writing.Unlock()
			if err != nil || s.send(message{Type: "ping"}) != nil {
				_ = s.conn.Close()
				return
			}
		}
	}
}

func (s *socket) read(r *http.Request, init *time.Timer) {
	_ = s.heard()
	for {
		kind, text, err := s.conn.ReadMessage()
		if err != nil {
			s.readFailed(err)
			return
		}
		_ = s.heard()
		var m message
		if kind != websocket.TextMessage || json.Unmarshal(text, &m) != nil {
			s.close(closeBadMessage, "Invalid message received")
			return
		}
		if !s.handle(r, init, m) {
			return
		}
	}
}

func (s *socket) readFailed(err error) {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.close(closeGoingAway, "Peer does not answer")
	}
}

// handle handles a message; false when the connection was closed for it.
func (s *socket) handle(r *http.Request, init *time.Timer, m message) bool {
	switch m.Type {
	case "connection_init":
		return s.initialise(r, init, m.Payload)
	case "ping":
		return s.send(message{Type: "pong", Payload: m.Payload}) == nil
	case "pong":
		return true
	case "subscribe":
		return s.subscribe(m)
	case "complete":
		if m.ID == "" {
			s.close(closeBadMessage, "Invalid message received")
			return false
		}
		s.cancel(m.ID)
		return true
	}
	s.close(closeBadMessage, "Invalid message received")
	return false
}

// initialise checks who connects, by the payload or by the header of the request.
func (s *socket) initialise(r *http.Request, init *time.Timer, payload json.RawMessage) bool {
	if s.ready {
		s.close(closeTooManyRequests, "Too many initialisation requests")
		return false
	}
	init.Stop()
	var sent struct {
		Authorization string `json:"Authorization"` // encoding/json takes any capitalisation
	}
	if len(payload) > 0 && json.Unmarshal(payload, &sent) != nil {
		s.close(closeBadMessage, "Invalid message received")
		return false
	}
	if sent.Authorization == "" {
		sent.Authorization = r.Header.Get("Authorization")
	}
	ctx, err := s.Authorize(s.ctx, sent.Authorization)
	if err != nil {
		s.close(closeForbidden, "Forbidden")
		return false
	}
	s.ctx, s.ready = ctx, true
	return s.send(message{Type: "connection_ack"}) == nil
}

func (s *socket) subscribe(m message) bool {
	if !s.ready {
		s.close(closeUnauthorized, "Unauthorized")
		return false
	}
	params, wrong := paramsOfJSON(m.Payload)
	if m.ID == "" || wrong != nil || params.Query == "" {
		s.close(closeBadMessage, "Invalid message received")
		return false
	}
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(s.ctx))
	now := graphql.Now()
	params.ReadTime = graphql.TraceTiming{Start: now, End: now}
	params.Headers = http.Header{}
	s.mu.Lock()
	_, taken := s.operations[m.ID]
	full := len(s.operations) >= s.MaxOperations
	if !taken && !full {
		s.operations[m.ID] = cancel
	}
	s.mu.Unlock()
	switch {
	case taken:
		cancel()
		s.close(closeDuplicate, "Subscriber for "+m.ID+" already exists")
		return false
	case full:
		cancel()
		return s.sendErrors(m.ID, gqlerror.List{{
			Message: "too many operations at the same time on one connection", Extensions: map[string]any{"code": CodeTooLarge},
		}}) == nil
	}
	s.running.Go(func() { s.run(ctx, m.ID, params) })
	return true
}

// cancel ends an operation that the client no longer wants.
func (s *socket) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel := s.operations[id]; cancel != nil {
		cancel()
		delete(s.operations, id)
	}
}

// finish forgets an operation, and reports whether the client still expects it to complete.
func (s *socket) finish(ctx context.Context, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return false // cancelled; the id may belong to another operation by now
	}
	s.operations[id]()
	delete(s.operations, id)
	return true
}

// run runs an operation and sends its results.
func (s *socket) run(ctx context.Context, id string, params *graphql.RawParams) {
	opCtx, errs := s.Exec.CreateOperationContext(ctx, params)
	if errs != nil {
		response := s.Exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs)
		if s.finish(ctx, id) {
			_ = s.sendErrors(id, response.Errors)
		}
		return
	}
	if opCtx.Operation.Operation != "subscription" {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.Timeout)
		defer cancel()
	}
	responses, runCtx := s.Exec.DispatchOperation(ctx, opCtx)
	for {
		response := responses(runCtx)
		if response == nil {
			break
		}
		if response.Data == nil && len(response.Errors) > 0 { // the stream could not be made
			if s.finish(ctx, id) {
				_ = s.sendErrors(id, response.Errors)
			}
			return
		}
		if s.send(message{ID: id, Type: "next", Payload: appendResponse(nil, response)}) != nil {
			s.cancel(id)
			return
		}
	}
	if s.finish(ctx, id) {
		_ = s.send(message{ID: id, Type: "complete"})
	}
}

func (s *socket) sendErrors(id string, errs gqlerror.List) error {
	payload, err := json.Marshal(errs)
	if err != nil {
		return err
	}
	return s.send(message{ID: id, Type: "error", Payload: payload})
}

// send writes a message. A reader that does not take it in time loses the connection.
func (s *socket) send(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if err = s.conn.SetWriteDeadline(time.Now().Add(s.WriteTimeout)); err == nil {
		err = s.conn.WriteMessage(websocket.TextMessage, text)
	}
	if err != nil {
		s.closed = true
		_ = s.conn.Close() // ends the reader
	}
	return err
}

// close says why and closes the connection. Only the first reason counts.
func (s *socket) close(code int, reason string) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return
	}
	s.closed = true
	if len(reason) > 120 { // a control frame holds 125 bytes
		reason = reason[:120]
	}
	deadline := time.Now().Add(time.Second)
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline)
	_ = s.conn.Close()
}
