package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
)

// codeQueryCanceled is what PostgreSQL says when it gave a statement up. PostgreSQL manual, appendix A.
const codeQueryCanceled = "57014"

// cancelWithin is how long PostgreSQL has to give a statement up, before its connection is.
const cancelWithin = 3 * time.Second

// cancel has a statement given up in PostgreSQL when the context of its caller ends, and keeps the connection: who asks and
// goes away should cost neither a statement that runs for nobody nor a new connection.
func cancel(conn *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: cancelWithin}
}

// givenUpError is the error of a statement that PostgreSQL gave up: its caller has gone, its time was over, or it ran into the
// statement_timeout. The code is the same for all of them.
type givenUpError struct{ error }

// Is makes it one of those with which contexts end.
func (givenUpError) Is(target error) bool {
	return target == context.DeadlineExceeded || target == context.Canceled
}

func (g givenUpError) Unwrap() error { return g.error }

// ended marks an error that says that a statement was given up.
func ended(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || e.Code != codeQueryCanceled {
		return err
	}
	if _, marked := errors.AsType[givenUpError](err); marked {
		return err
	}
	return givenUpError{err}
}
