package postgres

import (
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// tooManyConnections is the SQLSTATE of a server that takes no more of them.
const tooManyConnections = "53300"

// Away reports whether err says that the database cannot be reached, or that it stops or starts right now. Nothing is wrong
// then with what it was asked.
func Away(err error) bool {
	if said, ok := errors.AsType[*pgconn.PgError](err); ok {
		// Class 08 is about connections, 57P about the server stopping and starting.
		return strings.HasPrefix(said.Code, "08") || strings.HasPrefix(said.Code, "57P") || said.Code == tooManyConnections
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	_, broken := errors.AsType[*net.OpError](err)
	return broken || errors.Is(err, io.ErrUnexpectedEOF) || pgconn.SafeToRetry(err)
}
