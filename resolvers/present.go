package resolvers

import (
	"context"
	"maps"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/registry"
)

// Presenting wraps the outermost executor: whatever refuses an operation or answers in its place, its errors leave like
// all others, with the id of their request and without what the caller may not know.
func (r *Resolver) Presenting(exec graphql.GraphExecutor) graphql.GraphExecutor {
	return presenting{exec, r}
}

type presenting struct {
	graphql.GraphExecutor
	*Resolver
}

// CreateOperationContext presents the errors of what is no operation, or none that the caller may run.
func (p presenting) CreateOperationContext(ctx context.Context, params *graphql.RawParams) (*graphql.OperationContext, gqlerror.List) {
	opCtx, errs := p.GraphExecutor.CreateOperationContext(ctx, params)
	return opCtx, p.presentRequest(ctx, errs)
}

// DispatchOperation names the request in errors of answers that were made outside of it: by those who refused to run it,
// or ran it for several clients.
func (p presenting) DispatchOperation(ctx context.Context, operation *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	responses, ctx := p.GraphExecutor.DispatchOperation(ctx, operation)
	return func(ctx context.Context) *graphql.Response {
		response := responses(ctx)
		if response == nil || len(response.Errors) == 0 {
			return response
		}
		own := *response // others may read it too
		own.Errors = named(registry.ActorFrom(ctx).RequestID, response.Errors)
		return &own
	}, ctx
}

// named returns the errors with the id of a request, copying those that lack it.
func named(requestID string, errs gqlerror.List) gqlerror.List {
	all := make(gqlerror.List, len(errs))
	for i, err := range errs {
		all[i] = err
		if err.Extensions["requestId"] == nil {
			all[i] = copyOf(err)
			name(all[i], requestID)
		}
	}
	return all
}

func copyOf(err *gqlerror.Error) *gqlerror.Error {
	own := *err
	own.Extensions = maps.Clone(err.Extensions)
	if own.Extensions == nil {
		own.Extensions = coded(codeBadInput)
	}
	return &own
}

// presentRequest makes of the errors of a request what its caller may see.
func (r *Resolver) presentRequest(ctx context.Context, errs gqlerror.List) gqlerror.List {
	if len(errs) == 0 {
		return errs
	}
	actor := registry.ActorFrom(ctx)
	all := named(actor.RequestID, errs)
	for i, err := range all {
		if code, _ := err.Extensions["code"].(string); !repeats(code) {
			continue
		}
		if err == errs[i] {
			all[i] = copyOf(err)
		}
		if !r.access.MayIntrospect(actor) {
			all[i].Message, _, _ = strings.Cut(err.Message, " Did you mean")
		}
		all[i].Message = withoutNumbers(all[i].Message)
		if argument, ok := all[i].Extensions["argument"].(string); ok {
			all[i].Extensions["argument"] = withoutNumbers(argument)
		}
	}
	return all
}

// repeats reports whether errors of a code may repeat what was sent, and what was perhaps meant.
func repeats(code string) bool {
	switch code {
	case errcode.ParseFailed, errcode.ValidationFailed, string(registry.CodeInvalidNumber), string(registry.CodeInvalidInput):
		return true
	}
	return false
}

// shortestNumber is how many digits in a row may be a phone number.
const shortestNumber = 7

// withoutNumbers hides what may be a phone number in the text of an error: the parser and the validator repeat what was
// sent, and errors are written to logs of clients.
func withoutNumbers(text string) string {
	if strings.Count(text, "") <= shortestNumber {
		return text
	}
	var b strings.Builder
	run := 0 // digits at the end of what was looked at
	flush := func(upTo int) {
		if run >= shortestNumber {
			b.WriteString("…")
		} else {
			b.WriteString(text[upTo-run : upTo])
		}
		run = 0
	}
	for i := range len(text) {
		if c := text[i]; c >= '0' && c <= '9' {
			run++
			continue
		}
		flush(i)
		b.WriteByte(text[i])
	}
	flush(len(text))
	return b.String()
}
