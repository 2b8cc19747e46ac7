package httpd

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// eachEvent gives what an event of a subscription reads the deadline of its caller's role. One that is given up is told
// with TIMEOUT, like a query, and the subscription goes on: the next event has its own time.
func (c Config) eachEvent(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	if operation.Operation.Operation != ast.Subscription {
		return next(ctx)
	}
	var current atomic.Pointer[event]
	resolve := operation.ResolverMiddleware
	operation.ResolverMiddleware = func(ctx context.Context, field graphql.Resolver) (any, error) {
		if e := current.Load(); e != nil {
			e.begin()
		}
		return resolve(ctx, field)
	}
	responses := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		ctx, cancel := context.WithCancelCause(ctx)
		e := &event{limit: func() time.Duration { return c.callersDeadline(ctx) }, cancel: cancel}
		current.Store(e)
		defer e.end()
		return responses(ctx)
	}
}

// event is one that a subscription waits for, and then tells. Its time begins with the first field that is resolved for it:
// to wait for it takes none, and nothing is read before.
type event struct {
	limit  func() time.Duration
	cancel context.CancelCauseFunc
	once   sync.Once // of begin
	late   *time.Timer
}

// begin is called by many goroutines at the same time, while end is not.
func (e *event) begin() {
	e.once.Do(func() { e.late = time.AfterFunc(e.limit(), func() { e.cancel(context.DeadlineExceeded) }) })
}

func (e *event) end() {
	if e.late != nil {
		e.late.Stop()
	}
	e.cancel(nil)
}
