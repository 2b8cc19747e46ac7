// Package reveal looks after whole numbers: for what they are asked, which operations show them, and that each one that
// does is recorded before its answer leaves the server.
package reveal

import (
	"context"
	"errors"
	"log/slog"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Code is extensions.code of an answer that was held back because it could not be recorded.
const Code = "UNAVAILABLE"

// Executor is an executor that knows the purpose of each operation, and records those that show whole numbers. Everything
// else is done by the one that it wraps.
type Executor struct {
	graphql.GraphExecutor
	recorder registry.AccessRecorder
	log      *slog.Logger
}

// New wraps an executor.
func New(exec graphql.GraphExecutor, recorder registry.AccessRecorder, log *slog.Logger) (*Executor, error) {
	if exec == nil || recorder == nil || log == nil {
		return nil, errors.New("reveal: an executor, a recorder and a logger are needed")
	}
	return &Executor{exec, recorder, log}, nil
}

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

// DispatchOperation runs an operation under its purpose. What it shows whole is recorded before it is returned; when it
// cannot be, nothing of it is.
func (e *Executor) DispatchOperation(ctx context.Context, operation *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	if with, err := ofOperation(ctx, operation.Extensions, operation.Headers); err == nil { // else it was refused before
		ctx = with
	}
	ctx, shown := begin(ctx)
	if shown == nil {
		return e.GraphExecutor.DispatchOperation(ctx, operation)
	}
	if err := e.recorder.Ready(); err != nil && personal(operation.Operation.SelectionSet) {
		e.held(ctx, err) // not even begun: a mutation would be done, and its answer lost
		return graphql.OneShot(refused(ctx, "")), graphql.WithOperationContext(ctx, operation)
	}
	responses, ctx := e.GraphExecutor.DispatchOperation(ctx, operation)
	return func(ctx context.Context) *graphql.Response {
		response := responses(ctx)
		if response == nil {
			return nil
		}
		fields, values := shown.take()
		if values == 0 {
			return response
		}
		err := e.recorder.Record(registry.ActorFrom(ctx), registry.Shown{Operation: operation.Operation.Name, Fields: fields, Values: values})
		if err == nil {
			return response
		}
		e.held(ctx, err)
		return refused(ctx, operation.Operation.Operation)
	}, ctx
}

func (e *Executor) held(ctx context.Context, err error) {
	e.log.ErrorContext(ctx, "whole numbers held back: the access cannot be recorded", "error", err,
		"request_id", registry.ActorFrom(ctx).RequestID)
}

// refused is the answer in place of one that must not leave.
func refused(ctx context.Context, kind ast.Operation) *graphql.Response {
	message := "whole numbers cannot be shown right now, because that cannot be recorded: try again later, or without a purpose"
	if kind == ast.Mutation {
		message += "; the change itself was made"
	}
	return &graphql.Response{Errors: gqlerror.List{{Message: message, Extensions: map[string]any{
		"code": Code, "requestId": registry.ActorFrom(ctx).RequestID,
	}}}}
}

// personal reports whether a selection asks for anything that identifies a person.
func personal(set ast.SelectionSet) bool {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if s.ObjectDefinition != nil && fieldOf(s.ObjectDefinition.Name, s.Name) != 0 || personal(s.SelectionSet) {
				return true
			}
		case *ast.InlineFragment:
			if personal(s.SelectionSet) {
				return true
			}
		case *ast.FragmentSpread:
			if s.Definition != nil && personal(s.Definition.SelectionSet) {
				return true
			}
		}
	}
	return false
}
