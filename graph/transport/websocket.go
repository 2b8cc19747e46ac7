package transport

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"phoneregistry/graph/reveal"
)

// subprotocol is the one that is spoken:
// https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
const (
	subprotocol       = "graphql-transport-ws"
	subprotocolHeader = "Sec-Websocket-Protocol"
)

// Codes with which a socket is closed, of RFC 6455 and of the protocol.
const (
	closeGoingAway       = websocket.CloseGoingAway
	closeInternal        = websocket.CloseInternalServerErr
	closeTryAgain        = websocket.CloseTryAgainLater
	closeNoText          = websocket.CloseInvalidFramePayloadData
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

	writing sync.Mutex // a connection has one writer at a time; locked before mu
	closed  bool
	over    atomic.Bool // nothing more is read
}

func (h *Handler) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	place, no := h.Gate.Connect()
	if no != nil {
		refuse(w, mediaJSON, no)
		return
	}
	defer place.Leave()
	if offered := r.Header.Values(subprotocolHeader); len(offered) > 1 { // a list may be sent in several lines
		r.Header.Set(subprotocolHeader, strings.Join(offered, ", "))
	}
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
	conn.SetReadLimit(min(h.MaxBody, maxInit))
	s.countControls()
	closing := context.AfterFunc(r.Context(), func() { s.close(closeGoingAway, "Going away") })
	defer closing()
	init := time.AfterFunc(h.InitTimeout, func() { s.close(closeInitTimeout, "Connection initialisation timeout") })
	defer init.Stop()
	s.alive = time.AfterFunc(time.Hour, s.sign)
	s.alive.Reset(s.PingInterval)
	defer s.alive.Stop()
	s.read(r, init)
}

// maxInit is how many bytes a message may have before connection_init, as many as the headers of a request: whoever has not
// said yet who they are must not make the server keep megabytes of what never ends.
const maxInit = 32 << 10

// countControls counts the pings and pongs of WebSocket like messages: each costs a look, and a ping an answer.
func (s *socket) countControls() {
	answer := s.conn.PingHandler()
	s.conn.SetPongHandler(func(string) error { return s.counted() })
	s.conn.SetPingHandler(func(data string) error {
		if err := s.counted(); err != nil {
			return err
		}
		return answer(data)
	})
}

// counted counts something that the peer has sent, which is also a sign that it is alive.
func (s *socket) counted() error {
	if !s.place.Message() {
		s.close(closeTooManyRequests, "Too many messages")
		return net.ErrClosed
	}
	return s.heard()
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
		kind, text, err := s.readMessage()
		if err != nil {
			s.readFailed(err)
			return
		}
		if s.counted() != nil {
			return
		}
		if kind == websocket.TextMessage && !utf8.Valid(text) {
			s.close(closeNoText, "Invalid UTF-8")
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

// readMessage reads a message. A large one needs a place while it is on its way: what has come of it is in memory, and a peer
// that sends it in pieces may take any time.
func (s *socket) readMessage() (kind int, text []byte, err error) {
	kind, from, err := s.conn.NextReader()
	if err != nil {
		return kind, nil, err
	}
	text = make([]byte, 0, 512)
	for large := false; ; {
		if len(text) == cap(text) {
			text = slices.Grow(text, 1)
		}
		n, err := from.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case errors.Is(err, io.EOF):
			return kind, text, nil
		case err != nil:
			return kind, nil, err
		case len(text) > firstRoom && !large:
			if no := s.place.Receive(); no != nil {
				return kind, nil, &refusedError{no}
			}
			defer s.place.Received()
			large = true
		}
	}
}

// refusedError is a message that is not read to its end.
type refusedError struct{ no *Refusal }

func (e *refusedError) Error() string { return e.no.Message }

func (s *socket) readFailed(err error) {
	var network net.Error
	var closed *websocket.CloseError
	var refused *refusedError
	switch {
	case errors.As(err, &refused):
		s.close(closeTooManyRequests, refused.no.Message)
	case errors.As(err, &network):
		if network.Timeout() {
			s.close(closeGoingAway, "Peer does not answer")
		}
	case errors.As(err, &closed): // by the peer
	case errors.Is(err, websocket.ErrReadLimit):
		s.close(websocket.CloseMessageTooBig, "Message too large")
	default: // of which the library has told the peer
		s.close(websocket.CloseProtocolError, "Protocol error")
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
	if headers := r.Header["Authorization"]; sent.Authorization == "" && len(headers) == 1 { // of several, a proxy may have looked at any
		sent.Authorization = headers[0]
	}
	caller, err := s.Authorize(s.life, sent.Authorization)
	switch {
	case errors.Is(err, ErrUnavailable):
		s.close(closeTryAgain, "The token cannot be checked right now: try again")
		return false
	case err != nil:
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
	s.conn.SetReadLimit(s.MaxBody)
	context.AfterFunc(caller, func() {
		if s.life.Err() == nil { // clients come back after this code, and may have newer credentials then
			s.close(closeForbidden, "Forbidden: "+context.Cause(caller).Error())
		}
	})
	return s.send(message{Type: "connection_ack"}) == nil
}

// send writes a message.
func (s *socket) send(m message) error {
	return s.write(m.append, s.writeText)
}

// writeText writes a message.
func (s *socket) writeText(text []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.writeNow(text)
}

// writeNow writes a message. A reader that does not take it in time loses the connection. The caller holds writing.
func (s *socket) writeNow(text []byte) error {
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
	if len(reason) > 120 { // a control frame holds 125 bytes, and its text is UTF-8 to the end
		reason = strings.ToValidUTF8(reason[:120], "")
	}
	deadline := time.Now().Add(time.Second)
	_ = s.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), deadline)
	s.over.Store(true)
	_ = s.wake()
}
