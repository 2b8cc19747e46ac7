// Package reveal looks after whole numbers: for what they are asked, which operations show them, and that each one that
// does is recorded before its answer leaves the server.
package reveal

import (
	"context"
	"errors"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Where a purpose is told: in a header of the request, in the extensions of an operation, or in connection_init.
const (
	Header    = "X-Purpose"
	Extension = "purpose"
)

// WithPurpose returns a context whose actor asks for a purpose, as the caller tells it; "": none is told, and the one
// that was told before holds.
func WithPurpose(ctx context.Context, told string) (context.Context, error) {
	if told == "" {
		return ctx, nil
	}
	purpose, err := registry.ParsePurpose(told)
	if err != nil {
		return ctx, err
	}
	actor := registry.ActorFrom(ctx)
	if actor.Purpose == purpose {
		return ctx, nil
	}
	actor.Purpose = purpose
	return registry.WithActor(ctx, actor), nil
}

var errNoText = errors.New("extensions.purpose is no text")

// ofOperation returns a context with the purpose of an operation: that of its extensions, else that of its header.
func ofOperation(ctx context.Context, extensions map[string]any, header http.Header) (context.Context, error) {
	switch told := extensions[Extension].(type) {
	case nil:
		return WithPurpose(ctx, header.Get(Header))
	case string:
		if told == "" { // to tell an empty one is a mistake, and not to be taken for the one of the header
			told = " "
		}
		return WithPurpose(ctx, told)
	}
	return ctx, errNoText
}

// Executor is an executor that knows the purpose of each operation. Everything else is done by the one that it wraps.
type Executor struct{ graphql.GraphExecutor }

// New wraps an executor.
func New(exec graphql.GraphExecutor) *Executor { return &Executor{exec} }

// CreateOperationContext refuses an operation whose purpose cannot be read.
func (e *Executor) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	ctx, err := ofOperation(ctx, params.Extensions, params.Headers)
	if err != nil {
		return &graphql.OperationContext{}, gqlerror.List{{
			Message: err.Error(), Extensions: map[string]any{"code": "BAD_REQUEST"},
		}}
	}
	return e.GraphExecutor.CreateOperationContext(ctx, params)
}

// DispatchOperation runs an operation under its purpose.
func (e *Executor) DispatchOperation(ctx context.Context, operation *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	if with, err := ofOperation(ctx, operation.Extensions, operation.Headers); err == nil { // else it was refused before
		ctx = with
	}
	return e.GraphExecutor.DispatchOperation(ctx, operation)
}
