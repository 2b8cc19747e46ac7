package resolvers

import (
	"context"
	"errors"
	"log/slog"
	"maps"
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
	codeRate      = "RATE_LIMITED"
	codeAway      = "UNAVAILABLE"
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
	return wrap(es, func(e *registry.Error) registry.Error {
		return registry.Error{Code: e.Code, Message: withoutNumbers(e.Message), Path: e.Path}
	}), nil
}

// notFound turns absence into an error that says what is not there.
func notFound(err error, what string) error {
	if errors.Is(err, registry.ErrNotFound) {
		return registry.Errorf(registry.CodeNotFound, []string{"id"}, "there is no %s with this id", what)
	}
	return err
}

// PresentError makes of any error of a field what the caller may see of it. What the caller did not cause is logged, and
// shown as "internal error". Each error bears the id of its request.
func (r *Resolver) PresentError(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{Path: graphql.GetPath(ctx)}
	var known *gqlerror.Error
	if errors.As(err, &known) {
		shown.Locations, shown.Rule = known.Locations, known.Rule
		if known.Path != nil {
			shown.Path = known.Path
		}
	}
	r.explain(ctx, shown, known, err)
	name(shown, registry.ActorFrom(ctx).RequestID)
	return shown
}

// explain fills in message and extensions. The extensions are of this error alone.
func (r *Resolver) explain(ctx context.Context, shown, known *gqlerror.Error, err error) {
	es, isUser := registry.UserErrors(err)
	no, isForbidden := errors.AsType[*forbidden](err)
	spent, isSpent := errors.AsType[*registry.LookupsSpentError](err)
	switch {
	case isUser && len(es) > 0:
		shown.Message, shown.Extensions = withoutNumbers(es[0].Message), coded(string(es[0].Code))
		if len(es[0].Path) > 0 {
			shown.Extensions["argument"] = strings.Join(es[0].Path, ".")
		}
	case isForbidden:
		shown.Message, shown.Extensions = no.Error(), coded(codeForbidden)
		shown.Extensions["scope"] = string(no.scope)
	case isSpent:
		shown.Message, shown.Extensions = spent.Error(), coded(codeRate)
		maps.Copy(shown.Extensions, map[string]any{
			"policy": "lookups", "of": "token", "limit": spent.Limit, "remaining": 0, "retryAfterSeconds": spent.Seconds(),
		})
	case errors.Is(err, registry.ErrNotFound):
		shown.Message, shown.Extensions = "there is no such thing any more", coded(string(registry.CodeNotFound))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		shown.Message, shown.Extensions = "it took too long, or was given up: ask for less at once, such as shorter pages", coded(codeTimeout)
	case known != nil && known.Err == nil: // of the parser, the validator or the guard: about the operation itself
		shown.Message, shown.Extensions = known.Message, maps.Clone(known.Extensions)
		if shown.Extensions["code"] == nil {
			shown.Extensions = coded(codeBadInput)
		}
	case r.away(err):
		r.logFault(ctx, err)
		shown.Message, shown.Extensions = "something that the answer needs cannot be reached right now: try again", coded(codeAway)
	default:
		r.logFault(ctx, err)
		shown.Message, shown.Extensions = "internal error", coded(codeInternal)
	}
}

func coded(code string) map[string]any { return map[string]any{"code": code} }

// name writes the id of the request into an error. Its extensions must be of this error alone.
func name(err *gqlerror.Error, requestID string) {
	if requestID != "" {
		err.Extensions["requestId"] = requestID
	}
}

func (r *Resolver) logFault(ctx context.Context, err error) {
	field := "" // by its name in the schema: an alias may hold anything
	if fc := graphql.GetFieldContext(ctx); fc != nil && fc.Field.Field != nil {
		field = fc.Object + "." + fc.Field.Name
	}
	r.log.ErrorContext(ctx, "graphql field failed", slog.String("field", field),
		slog.String("request_id", registry.ActorFrom(ctx).RequestID), slog.Any("error", err))
}

// Recover turns a panic in a resolver into an error that PresentError hides.
func (r *Resolver) Recover(ctx context.Context, cause any) error {
	id := registry.ActorFrom(ctx).RequestID
	r.log.ErrorContext(ctx, "panic in a resolver", slog.String("request_id", id), slog.Any("panic", cause),
		slog.String("stack", string(debug.Stack())))
	return errors.New("panic in a resolver")
}
