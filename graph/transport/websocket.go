package transport

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/graph/documents"
	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
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

// socket is one connection. Its reader is the goroutine that serves the request; each operation has one of its own.
type socket struct {
	*Handler
	conn    *websocket.Conn
	life    context.Context //nolint:containedctx // of the connection, and ends with it
	stop    context.CancelFunc
	running sync.WaitGroup
	alive   *time.Timer

	place  Place
	caller context.Context //nolint:containedctx // of the operations; set by connection_init, before there are any

	mu         sync.Mutex // of operations
	operations map[string]*operation

	writing sync.Mutex // a connection has one writer at a time
	closed  bool
	over    atomic.Bool // nothing more is read
}

// operation is one that runs.
type operation struct {
	id   string
	stop context.CancelFunc
}

func (h *Handler) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	place, no := h.Gate.Connect()
	if no != nil {
		refuse(w, mediaJSON, no)
		return
	}
	defer place.Leave()
	conn, err := h.upgrader.Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	bound(conn.NetConn())
	life, stop := context.WithCancel(r.Context())
	s := &socket{Handler: h, conn: conn, life: life, stop: stop, place: place, operations: map[string]*operation{}}
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
	s.alive = time.AfterFunc(time.Hour, s.sign)
	s.alive.Reset(s.PingInterval)
	defer s.alive.Stop()
	s.read(r, init)
}

// end stops what still runs and waits for it.
func (s *socket) end() {
	s.stop()
	if s.over.Load() {
		s.linger()
	}
	_ = s.conn.Close()
	s.running.Wait()
}

// What is read of a peer that was told that its connection ends, at most.
const (
	lingerTime  = time.Second
	lingerBytes = 8 << 20
)

// linger waits for the peer to close, and reads away what it still sends. A connection that is closed with something
// unread is reset, and the peer would lose the frame that says why.
func (s *socket) linger() {
	conn := s.conn.NetConn()
	half, ok := conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, conn, lingerBytes)
}

// heard notes that the peer is alive. It is given up when it misses two signs of life, and the time to write them.
func (s *socket) heard() error {
	err := s.conn.SetReadDeadline(time.Now().Add(2*s.PingInterval + s.WriteTimeout))
	if s.over.Load() {
		return s.wake()
	}
	return err
}

// wake ends the reading that is under way.
func (s *socket) wake() error { return s.conn.SetReadDeadline(time.Unix(1, 0)) }

// sign sends signs of life, so that a peer that has gone is noticed: a ping of WebSocket, which every library answers by
// itself, and one of the protocol, by which scripts in browsers notice that we are there. A timer and no goroutine runs
// it: there are many sockets, and most of them wait.
func (s *socket) sign() {
	err := s.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(s.WriteTimeout))
	if err != nil || s.send(message{Type: "ping"}) != nil {
		_ = s.conn.Close()
		return
	}
	if s.life.Err() == nil {
		s.alive.Reset(s.PingInterval)
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
		if !s.place.Message() {
			s.close(closeTooManyRequests, "Too many messages")
			return
		}
		m, ok := messageOf(text)
		if kind != websocket.TextMessage || !ok {
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
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		s.close(closeGoingAway, "Peer does not answer")
	case errors.Is(err, websocket.ErrReadLimit):
		s.close(websocket.CloseMessageTooBig, "Message too large")
	}
}

// handle handles a message; false when the connection was closed for it.
func (s *socket) handle(r *http.Request, init *time.Timer, m message) bool {
	switch m.Type {
	case "connection_init":
		return s.initialise(r, init, m.Payload)
	case "ping", "pong":
		if !isObject(m.Payload) {
			break
		}
		return m.Type == "pong" || s.send(message{Type: "pong", Payload: m.Payload}) == nil
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

// isObject tells that an optional payload is there as an object, or not at all.
func isObject(payload json.RawMessage) bool {
	return len(payload) == 0 || payload[0] == '{' || string(payload) == "null"
}

// initialise checks who connects, by the payload or by the header of the request.
func (s *socket) initialise(r *http.Request, init *time.Timer, payload json.RawMessage) bool {
	if s.caller != nil {
		s.close(closeTooManyRequests, "Too many initialisation requests")
		return false
	}
	init.Stop()
	var sent struct {
		Authorization string `json:"Authorization"` // encoding/json takes any capitalisation
		Purpose       string `json:"purpose"`
	}
	if len(payload) > 0 && json.Unmarshal(payload, &sent) != nil {
		s.close(closeBadMessage, "Invalid message received")
		return false
	}
	if sent.Authorization == "" {
		sent.Authorization = r.Header.Get("Authorization")
	}
	caller, err := s.Authorize(s.life, sent.Authorization)
	if err != nil {
		s.close(closeForbidden, "Forbidden")
		return false
	}
	if s.caller, err = reveal.WithPurpose(caller, cmp.Or(sent.Purpose, r.Header.Get(reveal.Header))); err != nil {
		s.close(closeBadMessage, "Invalid message received: "+err.Error())
		return false
	}
	if no := s.place.Join(caller); no != nil {
		s.close(closeTooManyRequests, no.Message)
		return false
	}
	context.AfterFunc(caller, func() {
		if s.life.Err() == nil { // clients come back after this code, and may have newer credentials then
			s.close(closeForbidden, "Forbidden: "+context.Cause(caller).Error())
		}
	})
	return s.send(message{Type: "connection_ack"}) == nil
}

func (s *socket) subscribe(m message) bool {
	if s.caller == nil {
		s.close(closeUnauthorized, "Unauthorized")
		return false
	}
	params, wrong := s.bodies.params(m.Payload)
	if m.ID == "" || wrong != nil || (params.Query == "" && !documents.Named(params)) {
		s.close(closeBadMessage, "Invalid message received")
		return false
	}
	now := graphql.Now()
	params.ReadTime = graphql.TraceTiming{Start: now, End: now}
	params.Headers = http.Header{}
	ctx, stop := context.WithCancel(graphql.StartOperationTrace(s.caller))
	op := &operation{id: m.ID, stop: stop}
	switch s.admit(op) {
	case admitted:
		s.running.Go(func() { s.run(ctx, op, params) })
		return true
	case duplicate:
		stop()
		s.close(closeDuplicate, "Subscriber for "+m.ID+" already exists")
		return false
	default:
		stop()
		return s.sendErrors(m.ID, tooMany()) == nil
	}
}

func tooMany() gqlerror.List {
	return gqlerror.List{{
		Message: "too many operations at the same time on one connection", Extensions: map[string]any{"code": CodeTooLarge},
	}}
}

// Outcomes of admit.
const (
	admitted = iota
	duplicate
	full
)

func (s *socket) admit(op *operation) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.operations[op.id] != nil {
		return duplicate
	}
	if len(s.operations) >= s.MaxOperations {
		return full
	}
	s.operations[op.id] = op
	return admitted
}

// cancel ends an operation that the client no longer wants.
func (s *socket) cancel(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if op := s.operations[id]; op != nil {
		op.stop()
		delete(s.operations, id)
	}
}

// finish forgets an operation, and reports whether the client still waits for its end. The id of one that was
// cancelled may belong to another by now.
func (s *socket) finish(op *operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	op.stop()
	if s.operations[op.id] != op {
		return false
	}
	delete(s.operations, op.id)
	return true
}

// run runs an operation and sends its results and its end.
func (s *socket) run(ctx context.Context, op *operation, params *graphql.RawParams) {
	defer func() {
		if cause := recover(); cause != nil { // resolvers recover by themselves; this is for everything around them
			s.panicked(ctx, cause)
			s.close(closeInternal, "Internal server error")
		}
	}()
	errs := s.visit(ctx, op, params)
	switch waiting := s.finish(op); {
	case !waiting:
	case s.caller.Err() != nil: // the connection ends, not the stream: who was told that it is complete would not come back
	case errs != nil:
		_ = s.sendErrors(op.id, errs)
	default:
		_ = s.send(message{ID: op.id, Type: "complete"})
	}
}

// visit runs an operation if it is let in, and returns the errors for which there are no results.
func (s *socket) visit(ctx context.Context, op *operation, params *graphql.RawParams) gqlerror.List {
	visit, no := s.Gate.Visit(ctx)
	defer visit.Leave()
	if no != nil {
		return no.errors()
	}
	opCtx, errs := s.Exec.CreateOperationContext(ctx, params)
	if errs != nil {
		if no := visit.Enter(nil); no != nil {
			return no.errors()
		}
		return s.Exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs).Errors
	}
	if no := visit.Enter(opCtx); no != nil {
		return no.errors()
	}
	return s.results(ctx, op, opCtx)
}

// results sends the results of an operation, and returns the errors for which there were none.
func (s *socket) results(ctx context.Context, op *operation, opCtx *graphql.OperationContext) gqlerror.List {
	stream := opCtx.Operation.Operation == ast.Subscription
	ctx, begun, end := s.limited(ctx, opCtx)
	defer end()
	responses, ctx := s.Exec.DispatchOperation(ctx, opCtx)
	begun()
	for sent := 0; ; sent++ {
		response := responses(ctx)
		switch {
		case response == nil && sent == 0 && (!stream || tookTooLong(ctx)):
			return timedOut(ctx, s.deadline(ctx))
		case response == nil:
			return nil
		case response.Data == nil && len(response.Errors) > 0: // the stream could not be made
			return response.Errors
		}
		if s.next(op.id, response) != nil {
			s.cancel(op.id)
			return nil
		}
	}
}

func (s *socket) sendErrors(id string, errs gqlerror.List) error {
	payload, err := json.Marshal(named(errs, registry.ActorFrom(s.life).RequestID))
	if err != nil {
		return err
	}
	return s.send(message{ID: id, Type: "error", Payload: payload})
}

// send writes a message.
func (s *socket) send(m message) error {
	return s.write(m.append, s.writeText)
}

// next writes a result of an operation.
func (s *socket) next(id string, response *graphql.Response) error {
	return s.write(func(b []byte) []byte {
		b = appendMember(append(b, '{'), "id", id)
		b = appendName(appendMember(b, "type", "next"), "payload")
		return append(appendResponse(b, response), '}')
	}, s.writeText)
}

// writeText writes a message. A reader that does not take it in time loses the connection.
func (s *socket) writeText(text []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	err := s.conn.SetWriteDeadline(time.Now().Add(s.WriteTimeout))
	if err == nil {
		err = s.conn.WriteMessage(websocket.TextMessage, text)
	}
	if err != nil {
		s.closed = true
		_ = s.conn.Close() // ends the reader
	}
	return err
}

// close says why the connection ends and ends its reading, after which it is closed. Only the first reason counts.
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
	s.over.Store(true)
	_ = s.wake()
}
