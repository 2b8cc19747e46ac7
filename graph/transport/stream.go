package transport

import (
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// serveStream answers with server-sent events in the manner of graphql-sse's distinct connections: an event `next`
// for each result, then `complete`. Only this goroutine writes.
func (h *Handler) serveStream(w http.ResponseWriter, r *http.Request, params *graphql.RawParams) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	opCtx, errs := h.Exec.CreateOperationContext(ctx, params)
	if errs == nil && r.Method == http.MethodGet && opCtx.Operation.Operation == ast.Mutation {
		w.Header().Set("Allow", "POST")
		fail(w, mediaJSON, http.StatusMethodNotAllowed, CodeNotSupported, "a mutation is sent by POST")
		return
	}
	header := w.Header()
	header.Set("Content-Type", mediaStream+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // proxies that read it do not hold events back
	s := &stream{w: w, control: http.NewResponseController(w), timeout: h.WriteTimeout}
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

// complete has a data line, without which a browser's EventSource would not deliver it.
const complete = "event: complete\ndata:\n\n"

// pump sends responses as they come and signs of life in between. It returns when nothing runs any more.
func (h *Handler) pump(ctx context.Context, cancel context.CancelFunc, opCtx *graphql.OperationContext, s *stream) {
	responses, ctx := h.Exec.DispatchOperation(ctx, opCtx)
	results, taken := make(chan *graphql.Response), make(chan struct{})
	go func() {
		defer close(results)
		defer func() {
			if cause := recover(); cause != nil { // resolvers recover by themselves; this is for everything around them
				h.panicked(ctx, cause)
				cancel()
			}
		}()
		for {
			response := responses(ctx)
			if response == nil {
				return
			}
			select {
			case results <- response:
			case <-ctx.Done():
				return
			}
			select { // the executor writes the next response into the same memory
			case <-taken:
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() {
		cancel()
		for range results { // until the goroutine has ended
		}
	}()
	alive := time.NewTicker(h.PingInterval)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-alive.C:
			if !s.write(":\n\n") {
				return
			}
		case response, ok := <-results:
			if !ok {
				if ctx.Err() == nil { // else the connection ends, not the stream
					s.write(complete)
				}
				return
			}
			if !s.next(response) {
				return
			}
			alive.Reset(h.PingInterval)
			select {
			case taken <- struct{}{}:
			case <-ctx.Done():
			}
		}
	}
}

// stream writes events.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// next sends a result; false when the client cannot be reached any more.
func (s *stream) next(response *graphql.Response) bool {
	b := append(make([]byte, 0, len(response.Data)+256), "event: next\ndata: "...)
	start := len(b)
	b = appendObject(b, response)
	for i := start; i < len(b); i++ { // JSON has no line ends but between its tokens, where they mean nothing
		if b[i] == '\n' || b[i] == '\r' {
			b[i] = ' '
		}
	}
	return s.write(string(append(b, "\n\n"...)))
}

func (s *stream) write(text string) bool {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.timeout)); err != nil {
		return false
	}
	if _, err := s.w.Write([]byte(text)); err != nil { //nolint:gosec // events, and said to be
		return false
	}
	return s.control.Flush() == nil
}

// appendObject appends a response to what is already there.
func appendObject(b []byte, response *graphql.Response) []byte {
	return append(b, appendResponse(nil, response)...)
}
