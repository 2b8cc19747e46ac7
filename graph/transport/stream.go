package transport

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// serveStream answers with server-sent events in the manner of graphql-sse's distinct connections: an event `next`
// for each result, then `complete`.
func (h *Handler) serveStream(w http.ResponseWriter, r *http.Request, params *graphql.RawParams, visit Visit) {
	caller, stop := context.WithCancel(r.Context())
	defer stop()
	caller, err := h.Authorize(caller, r.Header.Get("Authorization")) // it was let in before; now it is held to it
	if err != nil {
		failVisit(w, visit, mediaJSON, http.StatusUnauthorized, CodeUnauthenticated, "the token is not valid")
		return
	}
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	opCtx, errs := h.Exec.CreateOperationContext(ctx, params)
	if changesByGet(r, opCtx) {
		refuseChange(w, mediaStream, visit)
		return
	}
	counted := opCtx
	if errs != nil {
		counted = nil
	}
	if !enter(w, onceMedia(mediaStream), visit, counted) {
		return
	}
	s := h.beginStream(w, r)
	if !s.write(":\n\n") { // the client learns at once that the stream stands
		return
	}
	if errs != nil {
		if s.next(h.Exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs)) {
			s.write(complete)
		}
		return
	}
	h.pump(ctx, cancel, opCtx, s)
}

// beginStream writes the headers of a stream.
func (h *Handler) beginStream(w http.ResponseWriter, r *http.Request) *stream {
	if conn, ok := r.Context().Value(connKey{}).(net.Conn); ok {
		bound(conn)
	}
	header := w.Header()
	header.Set("Content-Type", mediaStream+"; charset=utf-8")
	header.Set("Cache-Control", "no-store, no-transform") // nothing on the way packs events together to compress them
	header.Set("X-Accel-Buffering", "no")                 // proxies that read it do not hold events back
	return &stream{h: h, w: w, control: http.NewResponseController(w)}
}

// tell says why a stream ends that is not complete, where that is for the client to know, in a comment: no event, which
// would be taken for a result.
func (s *stream) tell(why error) {
	if why != nil && !errors.Is(why, context.Canceled) && !errors.Is(why, context.DeadlineExceeded) {
		s.write(": " + why.Error() + "\n\n")
	}
}

// complete has a data line, without which a browser's EventSource would not deliver it.
const complete = "event: complete\ndata:\n\n"

// pump sends responses as they come and signs of life in between. It returns when nothing runs any more.
func (h *Handler) pump(ctx context.Context, cancel context.CancelFunc, opCtx *graphql.OperationContext, s *stream) {
	defer func() {
		if cause := recover(); cause != nil { // resolvers recover by themselves; this is for everything around them
			h.panicked(ctx, cause)
		}
	}()
	defer s.end()
	s.begin(cancel)
	ctx, begun, end := h.limited(ctx, opCtx)
	defer end()
	responses, ctx := h.Exec.DispatchOperation(ctx, opCtx)
	begun()
	for {
		response := responses(ctx)
		if response == nil {
			switch {
			case tookTooLong(ctx):
				if s.next(&graphql.Response{Errors: timedOut(ctx, h.deadline(ctx))}) {
					s.write(complete)
				}
			case ctx.Err() == nil: // else the connection ends, not the stream
				s.write(complete)
			default:
				s.tell(context.Cause(ctx))
			}
			return
		}
		if !s.next(response) {
			return
		}
	}
}

// stream writes events. Between begin and end it writes a sign of life when nothing else was written for a while.
type stream struct {
	h       *Handler
	w       http.ResponseWriter
	control *http.ResponseController
	alive   *time.Timer

	mu    sync.Mutex // a response has one writer at a time
	ended bool
}

func (s *stream) begin(cancel context.CancelFunc) {
	s.alive = time.AfterFunc(time.Hour, func() {
		if !s.write(":\n\n") {
			cancel()
		}
	})
	s.alive.Reset(s.h.PingInterval)
}

// end returns when nothing is written any more: the response does not outlive its handler.
func (s *stream) end() {
	s.alive.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// next sends a result; false when the client cannot be reached any more.
func (s *stream) next(response *graphql.Response) bool {
	response = withID(response, s.w.Header())
	return s.h.write(func(b []byte) []byte {
		b = append(b, "event: next\ndata: "...)
		start := len(b)
		b = appendResponse(b, response)
		for i := start; i < len(b); i++ { // JSON has no line ends but between its tokens, where they mean nothing
			if b[i] == '\n' || b[i] == '\r' {
				b[i] = ' '
			}
		}
		return append(b, "\n\n"...)
	}, s.writeText) == nil
}

func (s *stream) write(text string) bool { return s.writeText([]byte(text)) == nil }

func (s *stream) writeText(text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return net.ErrClosed
	}
	if s.alive != nil {
		s.alive.Reset(s.h.PingInterval)
	}
	if err := s.control.SetWriteDeadline(time.Now().Add(s.h.WriteTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write(text); err != nil {
		return err
	}
	return s.control.Flush()
}
