package transport

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Gate bounds how much callers ask. Its methods are called by many goroutines at the same time; contexts bear the caller.
type Gate interface {
	// Visit begins one request or operation. It may be refused before anything is read of it; it is left in any case.
	Visit(ctx context.Context) (Visit, *Refusal)
	// Connect takes a place for a WebSocket, before it is known whose it is.
	Connect() (Place, *Refusal)
}

// Visit is one request or operation.
type Visit interface {
	// Receive takes the place of a request with a large body that is on its way, until Enter or Leave.
	Receive() *Refusal
	// Enter counts the operation, and takes the places that it holds until Leave. Without an operation it counts what
	// cannot be run.
	Enter(operation *graphql.OperationContext) *Refusal
	// Sign tells in the headers of an answer what is left to the caller.
	Sign(header http.Header)
	Leave()
}

// Place is that of a WebSocket.
type Place interface {
	// Join says whose the socket is.
	Join(ctx context.Context) *Refusal
	// Message counts a message of the client; false when there are too many.
	Message() bool
	// Receive takes the place of a large message that is on its way, until Received or Leave.
	Receive() *Refusal
	Received()
	Leave()
}

// Refusal says why something is not done now.
type Refusal struct {
	Status     int    // of an answer over HTTP: 429 or 503
	Message    string // what is too much, and when to try again
	Extensions map[string]any
	RetryAfter int // seconds
}

func (no *Refusal) errors() gqlerror.List {
	return gqlerror.List{{Message: no.Message, Extensions: no.Extensions}}
}

// refuse answers a request that is not done now.
func refuse(w http.ResponseWriter, media string, no *Refusal) {
	w.Header().Set("Retry-After", strconv.Itoa(no.RetryAfter))
	writeResponse(w, media, no.Status, &graphql.Response{Errors: no.errors()})
}

// enter counts what is asked over HTTP and says in the headers of the answer what is left; false: it was refused, and
// that is answered.
func enter(w http.ResponseWriter, media string, v Visit, operation *graphql.OperationContext) bool {
	no := v.Enter(operation)
	v.Sign(w.Header())
	if no != nil {
		refuse(w, media, no)
	}
	return no == nil
}

// open is the gate that lets everything in.
type open struct{}

func (open) Visit(context.Context) (Visit, *Refusal)       { return open{}, nil }
func (open) Connect() (Place, *Refusal)                    { return open{}, nil }
func (open) Receive() (no *Refusal)                        { return no }
func (open) Enter(*graphql.OperationContext) (no *Refusal) { return no }
func (open) Sign(http.Header)                              {}
func (open) Join(context.Context) (no *Refusal)            { return no }
func (open) Received()                                     {}
func (open) Message() bool                                 { return true }
func (open) Leave()                                        {}

// deadline is how long an operation of the caller may take.
func (h *Handler) deadline(ctx context.Context) time.Duration {
	if h.Deadline != nil {
		if d := h.Deadline(ctx); d > 0 {
			return d
		}
	}
	return h.Timeout
}

// limited gives an operation its deadline: a query or mutation as a whole, a subscription until begun is called. end ends
// it all.
func (h *Handler) limited(ctx context.Context, operation *graphql.OperationContext) (limited context.Context, begun, end func()) {
	limit := h.deadline(ctx)
	if operation.Operation.Operation != ast.Subscription {
		ctx, cancel := context.WithTimeout(ctx, limit)
		return ctx, func() {}, cancel
	}
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { late.Stop() }, func() { late.Stop(); cancel(nil) }
}

// tookTooLong tells that an operation has ended for its deadline.
func tookTooLong(ctx context.Context) bool {
	return errors.Is(context.Cause(ctx), context.DeadlineExceeded)
}

// timedOut is told when an operation was given up.
func timedOut(ctx context.Context, limit time.Duration) gqlerror.List {
	if !tookTooLong(ctx) {
		return gqlerror.List{{Message: "the operation was given up", Extensions: map[string]any{"code": CodeTimeout}}}
	}
	return gqlerror.List{{
		Message: "the operation took longer than " + limit.String() +
			", which is what the role of the token allows: ask for less at once, such as shorter pages",
		Extensions: map[string]any{"code": CodeTimeout, "deadlineSeconds": limit.Seconds()},
	}}
}
