package httpd

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// defaultDeadline is how long an operation may take unless configured.
const defaultDeadline = 30 * time.Second

// answerTime is what an answer may take that is ready.
const answerTime = 30 * time.Second

// deadlines tell how long an operation of a caller may take.
type deadlines func(ctx context.Context) time.Duration

// deadlineOf is how long an operation of a role may take.
func (c Config) deadlineOf(role registry.Role) time.Duration {
	if c.Deadline != nil {
		if d := c.Deadline(role); d > 0 {
			return d
		}
	}
	return c.Timeouts.Operation
}

// longestDeadline is how long the most patient of all roles waits.
func (c Config) longestDeadline() time.Duration {
	longest := time.Duration(0)
	for _, role := range registry.Roles() {
		longest = max(longest, c.deadlineOf(role))
	}
	return longest
}

// callersDeadline is how long an operation of the context's actor may take.
func (c Config) callersDeadline(ctx context.Context) time.Duration {
	return c.deadlineOf(registry.ActorFrom(ctx).Role)
}

// timely gives requests of a handler the deadline of their caller's role, as a whole.
func (c Config) timely(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		limit := c.callersDeadline(r.Context())
		ctx, cancel := context.WithTimeout(r.Context(), limit)
		defer cancel()
		if limit+answerTime > writeTimeout {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + answerTime)) // else the server's holds
		}
		next(w, r.WithContext(ctx))
	}
}

// tookTooLong tells that something was given up: its time was over, or its caller has gone and reads no answer.
func tookTooLong(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// timedOut answers a request that was given up. limit is the deadline that it had.
func timedOut(w http.ResponseWriter, r *http.Request, limit time.Duration) {
	why := "this took longer than " + limit.String() + ", which is what the role of the token allows: try again"
	writeJSON(w, http.StatusServiceUnavailable, errorBody{errorInfo{
		Code: "TIMEOUT", Message: why, DeadlineSeconds: limit.Seconds(), RequestID: registry.ActorFrom(r.Context()).RequestID,
	}})
}

// pages reads for a file that is made while it is sent. The whole of it may take as long as somebody reads on; what it asks
// of the database, a page at a time, has the deadline of the caller's role.
type pages struct {
	service *registry.Service
	limit   deadlines
}

func within[T any](ctx context.Context, p pages, read func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, p.limit(ctx))
	defer cancel()
	return read(ctx)
}

// Job implements registry.FailureStore.
func (p pages) Job(ctx context.Context, id uuid.UUID) (registry.Job, error) {
	return within(ctx, p, func(ctx context.Context) (registry.Job, error) { return p.service.Job(ctx, id) })
}

// JobFailures implements registry.FailureStore.
func (p pages) JobFailures(ctx context.Context, ids []uuid.UUID, page registry.PageRequest) (map[uuid.UUID]registry.Page[registry.JobFailure], error) {
	return within(ctx, p, func(ctx context.Context) (map[uuid.UUID]registry.Page[registry.JobFailure], error) {
		return p.service.JobFailures(ctx, ids, page)
	})
}

// Import implements importer.QuarantineStore.
func (p pages) Import(ctx context.Context, id uuid.UUID) (registry.ImportBatch, error) {
	return within(ctx, p, func(ctx context.Context) (registry.ImportBatch, error) { return p.service.Import(ctx, id) })
}

// Quarantine implements importer.QuarantineStore.
func (p pages) Quarantine(ctx context.Context, imports []uuid.UUID, reason string, page registry.PageRequest) (map[uuid.UUID]registry.Page[registry.QuarantineEntry], error) {
	return within(ctx, p, func(ctx context.Context) (map[uuid.UUID]registry.Page[registry.QuarantineEntry], error) {
		return p.service.Quarantine(ctx, imports, reason, page)
	})
}
