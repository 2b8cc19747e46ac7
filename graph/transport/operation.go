package transport

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/graph/documents"
	"phoneregistry/registry"
)

// operation is one that runs.
type operation struct {
	id   string
	stop context.CancelFunc
}

// maxID is how many bytes the id of an operation may have: it is kept for as long as that runs, and sent with each result.
const maxID = 1 << 10

func (s *socket) subscribe(m message) bool {
	if s.caller == nil {
		s.close(closeUnauthorized, "Unauthorized")
		return false
	}
	params, wrong := s.bodies.params(m.Payload)
	switch {
	case m.ID == "" || len(m.ID) > maxID:
		s.close(closeBadMessage, "Invalid message received: want an id of 1 to "+strconv.Itoa(maxID)+" bytes")
		return false
	case wrong != nil && wrong.status == http.StatusRequestEntityTooLarge: // it is well-formed, and there is too much of it
		return s.sendErrors(m.ID, gqlerror.List{{Message: wrong.message, Extensions: map[string]any{"code": wrong.code}}}) == nil
	case wrong != nil || params.Query == "" && !documents.Named(params):
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

// runs reports whether an operation is the one that its id stands for: the id of one that was cancelled may belong to
// another by now. One that is over is forgotten, and its id is free.
func (s *socket) runs(op *operation, over bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.operations[op.id] != op {
		return false
	}
	if over {
		delete(s.operations, op.id)
	}
	return true
}

// run runs an operation and sends its results and its end.
func (s *socket) run(ctx context.Context, op *operation, params *graphql.RawParams) {
	defer op.stop()
	defer func() {
		if cause := recover(); cause != nil { // resolvers recover by themselves; this is for everything around them
			s.panicked(ctx, cause)
			s.close(closeInternal, "Internal server error")
		}
	}()
	errs := s.visit(ctx, op, params)
	switch {
	case s.caller.Err() != nil: // the connection ends, not the stream: who was told that it is complete would not come back
		s.runs(op, true)
	case errs != nil:
		if last, err := s.errorOf(op.id, errs); err == nil {
			_ = s.tell(op, true, last.append)
		}
	default:
		_ = s.tell(op, true, message{ID: op.id, Type: "complete"}.append)
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
		if s.next(op, response) != nil {
			return nil
		}
	}
}

func (s *socket) sendErrors(id string, errs gqlerror.List) error {
	m, err := s.errorOf(id, errs)
	if err != nil {
		return err
	}
	return s.send(m)
}

func (s *socket) errorOf(id string, errs gqlerror.List) (message, error) {
	payload, err := json.Marshal(named(errs, registry.ActorFrom(s.life).RequestID))
	return message{ID: id, Type: "error", Payload: payload}, err
}

// next writes a result of an operation.
func (s *socket) next(op *operation, response *graphql.Response) error {
	return s.tell(op, false, func(b []byte) []byte {
		b = appendMember(append(b, '{'), "id", op.id)
		b = appendName(appendMember(b, "type", "next"), "payload")
		return append(appendResponse(b, response), '}')
	})
}

var errCompleted = errors.New("the client has completed the operation")

// tell writes a message of an operation, unless the client has completed it: what the client sends behind that is answered
// behind all that comes of the operation. over: it is the last message.
func (s *socket) tell(op *operation, over bool, text func(b []byte) []byte) error {
	return s.write(text, func(text []byte) error {
		s.writing.Lock()
		defer s.writing.Unlock()
		if !s.runs(op, over) {
			return errCompleted
		}
		return s.writeNow(text)
	})
}
