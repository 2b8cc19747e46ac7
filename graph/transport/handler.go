// Package transport carries GraphQL over HTTP, server-sent events and WebSockets. It exists beside gqlgen's own
// transports because those read bodies without bound and echo them in errors, run subscriptions and mutations where
// they do not belong, write into requests that have ended, and depart from the codes of graphql-transport-ws.
package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/gorilla/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Codes in extensions.code of errors of the transport.
const (
	CodeBadRequest      = "BAD_REQUEST"
	CodeTooLarge        = "LIMIT_EXCEEDED"
	CodeNotSupported    = "NOT_SUPPORTED_HERE"
	CodeTimeout         = "TIMEOUT"
	CodeUnauthenticated = "UNAUTHENTICATED"
)

// ErrUnavailable is an error of Authorize that says nothing of the credentials: they cannot be checked right now.
var ErrUnavailable = errors.New("credentials cannot be checked right now")

// Config says how GraphQL is carried. Zero values mean the defaults.
type Config struct {
	Exec   graphql.GraphExecutor
	Logger *slog.Logger
	// Authorize takes the credentials of connection_init or of an event stream, the value of an Authorization header,
	// and returns the context in which the operations of the connection run. An error refuses the connection; with
	// ErrUnavailable the client is told to try again. When the context ends before the one it was made of, so does the connection; the text of the cause is shown to the client.
	Authorize func(ctx context.Context, authorization string) (context.Context, error)

	// Gate bounds how much callers ask; nil: nothing does.
	Gate Gate
	// Deadline tells how long a query or mutation of the caller may take, and the start of a subscription. nil or 0: Timeout.
	Deadline func(ctx context.Context) time.Duration

	// MaxDocument and MaxEntries are beyond how many bytes of a document, and how many entries of all lists and objects in
	// variables, Exec refuses a request for these numbers, whatever it says. Then it is not made what was sent, but given
	// something else of that size. 0: everything is made.
	MaxDocument, MaxEntries int

	MaxBody       int64         // bytes of a request or of a WebSocket message; 1 MiB
	Timeout       time.Duration // of a query or mutation; 30 s
	InitTimeout   time.Duration // from the opening of a WebSocket to connection_init; 10 s
	PingInterval  time.Duration // between signs of life on a stream; 15 s
	WriteTimeout  time.Duration // of one write to a slow reader; 10 s
	MaxOperations int           // at the same time on one WebSocket; 100
}

// Handler serves GraphQL on one path, by whichever way the request asks for.
type Handler struct {
	Config
	upgrader websocket.Upgrader
	bodies   *bodies
	buffers  sync.Pool // of *[]byte, for what is written to streams
}

// write makes a text with the help of a buffer that is used again, and writes it. The text must not be kept.
func (h *Handler) write(text func(b []byte) []byte, write func(text []byte) error) error {
	buffer, ok := h.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	*buffer = text((*buffer)[:0])
	err := write(*buffer)
	if cap(*buffer) <= maxBuffer {
		h.buffers.Put(buffer)
	}
	return err
}

// maxBuffer is the largest buffer that is kept for the next text.
const maxBuffer = 64 << 10

// New makes a handler.
func New(c Config) (*Handler, error) {
	if c.Exec == nil || c.Logger == nil || c.Authorize == nil {
		return nil, errors.New("transport: an executor, a logger and an authorizer are needed")
	}
	if c.Gate == nil {
		c.Gate = open{}
	}
	defaultTo(&c.MaxBody, 1<<20)
	defaultTo(&c.Timeout, 30*time.Second)
	defaultTo(&c.InitTimeout, 10*time.Second)
	defaultTo(&c.PingInterval, 15*time.Second)
	defaultTo(&c.WriteTimeout, 10*time.Second)
	defaultTo(&c.MaxOperations, 100)
	return &Handler{Config: c, bodies: newBodies(c), upgrader: websocket.Upgrader{
		HandshakeTimeout: 10 * time.Second, Subprotocols: []string{subprotocol}, CheckOrigin: sameOrigin,
		// Most sockets are silent most of the time: what they hold meanwhile counts.
		ReadBufferSize: 1 << 10, WriteBufferSize: 4 << 10, WriteBufferPool: &sync.Pool{},
	}}, nil
}

type connKey struct{}

// WithConn is the ConnContext of a server on which a Handler runs: it lets streams bound what waits in the system.
func WithConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// streamBuffer is how much of a stream may wait in the system for a client that does not read; the system doubles it.
// Left to itself it would take megabytes, and a client that is stalled would be noticed after hours.
const streamBuffer = 32 << 10

// bound bounds what waits for a client. A connection that cannot be bounded is served as it is.
func bound(c net.Conn) {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	if t, ok := c.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = t.SetWriteBuffer(streamBuffer)
	}
}

func defaultTo[T comparable](v *T, otherwise T) {
	var zero T
	if *v == zero {
		*v = otherwise
	}
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(graphql.StartOperationTrace(r.Context()))
	if websocket.IsWebSocketUpgrade(r) {
		h.serveWebSocket(w, r)
		return
	}
	w.Header().Add("Vary", "Accept")
	media := negotiate(r.Header.Values("Accept"))
	visit, no := h.Gate.Visit(r.Context())
	defer visit.Leave()
	if no != nil {
		visit.Sign(w.Header())
		refuse(w, onceMedia(media), no)
		return
	}
	h.serve(w, r, media, visit)
}

// serve serves a visit. What cannot be run counts as well.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, media string, visit Visit) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		failVisit(w, visit, onceMedia(media), http.StatusMethodNotAllowed, CodeBadRequest, "GraphQL is asked for by GET or POST")
	case media == "":
		failVisit(w, visit, mediaJSON, http.StatusNotAcceptable, CodeBadRequest,
			"want an Accept header that allows "+mediaResponse+", "+mediaJSON+" or "+mediaStream)
	default:
		h.serveRequest(w, r, media, visit)
	}
}

func (h *Handler) serveRequest(w http.ResponseWriter, r *http.Request, media string, visit Visit) {
	if isLarge(r) {
		if no := visit.Receive(); no != nil {
			visit.Sign(w.Header())
			refuse(w, onceMedia(media), no)
			return
		}
	}
	params, bad := h.readParams(w, r)
	if bad != nil {
		failVisit(w, visit, onceMedia(media), bad.status, bad.code, bad.message)
		return
	}
	if media == mediaStream {
		h.serveStream(w, r, params, visit)
		return
	}
	h.serveOnce(w, r, params, media, visit)
}

// onceMedia is the media type of an answer that is no stream, also to one who asked for a stream: EventSource and
// graphql-sse read errors of the request from the status.
func onceMedia(media string) string {
	if media == mediaResponse {
		return mediaResponse
	}
	return mediaJSON
}

// Media types of answers.
const (
	mediaJSON     = "application/json"
	mediaResponse = "application/graphql-response+json"
	mediaStream   = "text/event-stream"
)

// negotiate chooses the media type of the answer; "" when none is acceptable. Of those that are equally welcome the one
// that is named wins over the one that is only covered, then a stream that is named before all others, then the newer one
// of the specification; without any wish it is application/json, which every client reads.
func negotiate(accept []string) string {
	if len(accept) == 1 { // what nearly all say
		switch accept[0] {
		case mediaJSON, mediaResponse, mediaStream:
			return accept[0]
		case "*/*":
			return mediaJSON
		}
	}
	ranges := acceptRanges(accept)
	if len(ranges) == 0 {
		return mediaJSON
	}
	best, bestQ := "", 0.0
	offers := []string{mediaResponse, mediaJSON, mediaStream}
	if strings.HasPrefix(strings.TrimSpace(accept[0]), mediaStream) {
		offers = []string{mediaStream, mediaResponse, mediaJSON}
	}
	for _, offer := range offers {
		if q := welcome(ranges, offer); q > bestQ {
			best, bestQ = offer, q
		}
	}
	return best
}

// maxAccept is how many bytes of wishes are read. Browsers send some 150; to read as many as a header may have would take
// longer than most operations, also where the request is refused next.
const maxAccept = 2 << 10

// acceptRanges reads the media ranges of Accept, as they are written, with their q. Nothing is read from a header that
// is empty; a range that cannot be met is read as one that covers nothing, and so is a header that is too long.
func acceptRanges(accept []string) map[string]float64 {
	ranges := map[string]float64{"": 0}
	length := 0
	for _, line := range accept {
		if length += len(line) + 1; length > maxAccept {
			return ranges
		}
	}
	all := strings.Join(accept, ",")
	if strings.Trim(all, ", \t") == "" {
		return nil
	}
	for part := range strings.SplitSeq(all, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
			continue
		}
		ranges[media] = max(quality(params), ranges[media])
	}
	return ranges
}

// covered is how much less one is welcome that is not named: less than the least step of q, and less for application/json,
// which comes first of those that are not named.
const covered = 0.0001

// welcome tells how much a media type is wanted. The range that fits best counts, as RFC 9110 has it: one that is named
// with q=0 is not wanted, whatever covers it.
func welcome(ranges map[string]float64, media string) float64 {
	if q, ok := ranges[media]; ok || media == mediaStream { // a stream is for those who ask for it
		return q
	}
	less := covered
	if media != mediaJSON {
		less *= 2
	}
	for _, wild := range []string{"application/*", "*/*"} {
		if q, ok := ranges[wild]; ok {
			return q - less
		}
	}
	return 0
}

// fail answers with an error of the request, before anything of it was run.
func fail(w http.ResponseWriter, media string, status int, code, message string) {
	writeResponse(w, media, status, &graphql.Response{Errors: gqlerror.List{{
		Message: message, Extensions: map[string]any{"code": code},
	}}})
}

// failVisit is fail for a request that counts.
func failVisit(w http.ResponseWriter, visit Visit, media string, status int, code, message string) {
	if enter(w, media, visit, nil) {
		fail(w, media, status, code, message)
	}
}

// panicked logs a panic outside of resolvers.
func (h *Handler) panicked(ctx context.Context, cause any) {
	h.Logger.ErrorContext(ctx, "panic in a GraphQL operation", "request_id", registry.ActorFrom(ctx).RequestID,
		"panic", cause, "stack", string(debug.Stack()))
}

// sameOrigin lets programs in, which send no Origin, and pages of this server, but no page of another site.
func sameOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	_, host, ok := strings.Cut(origin, "://")
	return ok && strings.EqualFold(host, r.Host)
}
