package resolvers

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Codes in extensions.code of GraphQL errors, beside those of registry.Code and of gqlgen's errcode package.
const (
	codeForbidden = "FORBIDDEN"
	codeInternal  = "INTERNAL"
	codeTimeout   = "TIMEOUT"
	codeBadInput  = "BAD_REQUEST"
)

// forbidden is returned to callers who may not do something that no field of the schema tells.
type forbidden struct{ scope registry.Scope }

func (f *forbidden) Error() string {
	return "the token may not do this: it needs the scope " + string(f.scope)
}

// userErrors takes from err what the caller can correct, to be returned as data. path is where a thing that was not
// found is named in the input. What is left of err is for the presenter.
func userErrors(err error, path ...string) ([]registry.Error, error) {
	if errors.Is(err, registry.ErrNotFound) {
		err = registry.Errorf(registry.CodeNotFound, path, "there is nothing with this id")
	}
	es, ok := registry.UserErrors(err)
	if !ok {
		return []registry.Error{}, err
	}
	return wrap(es, func(e *registry.Error) registry.Error { return *e }), nil
}

// notFound turns absence into an error that says what is not there.
func notFound(err error, what string) error {
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Errorf(registry.CodeNotFound, []string{"id"}, "there is no %s with this id", what)
	}
	return err
}

// PresentError makes of any error what the caller may see of it. What the caller did not cause is logged, and shown
// as "internal error" with the id of the request.
func (r *Resolver) PresentError(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	var known *gqlerror.Error
	if errors.As(err, &known) {
		shown.Locations, shown.Rule = known.Locations, known.Rule
		if known.Path != nil {
			shown.Path = known.Path
		}
	}
	var no *forbidden
	switch es, isUser := registry.UserErrors(err); {
	case isUser && len(es) > 0:
		shown.Message = es[0].Message
		shown.Extensions = map[string]any{"code": string(es[0].Code)}
		if len(es[0].Path) > 0 {
			shown.Extensions["argument"] = strings.Join(es[0].Path, ".")
		}
	case errors.As(err, &no):
		shown.Message = no.Error()
		shown.Extensions = map[string]any{"code": codeForbidden}
	case errors.Is(err, registry.ErrNotFound):
		shown.Message = "there is no such thing any more"
		shown.Extensions = map[string]any{"code": string(registry.CodeNotFound)}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		shown.Message = "it took too long, or was given up"
		shown.Extensions = map[string]any{"code": codeTimeout}
	case known != nil && known.Err == nil: // of the parser, the validator or the guard: about the operation itself
		shown.Message = known.Message
		shown.Extensions = known.Extensions
		if shown.Extensions["code"] == nil {
			shown.Extensions = map[string]any{"code": codeBadInput}
		}
	default:
		r.internal(ctx, shown, err)
	}
	return shown
}

func (r *Resolver) internal(ctx context.Context, shown *gqlerror.Error, err error) {
	id := registry.ActorFrom(ctx).RequestID
	shown.Message = "internal error"
	shown.Extensions = map[string]any{"code": codeInternal, "requestId": id}
	field := "" // by its name in the schema: an alias may hold anything
	if fc := graphql.GetFieldContext(ctx); fc != nil && fc.Field.Field != nil {
		field = fc.Object + "." + fc.Field.Name
	}
	r.log.ErrorContext(ctx, "graphql field failed", slog.String("field", field), slog.String("request_id", id),
		slog.Any("error", err))
}

// Recover turns a panic in a resolver into an error that PresentError hides.
func (r *Resolver) Recover(ctx context.Context, cause any) error {
	id := registry.ActorFrom(ctx).RequestID
	r.log.ErrorContext(ctx, "panic in a resolver", slog.String("request_id", id), slog.Any("panic", cause),
		slog.String("stack", string(debug.Stack())))
	return errors.New("panic in a resolver")
}
