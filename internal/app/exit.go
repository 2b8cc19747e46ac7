// Package app wires the parts together: it is the one place that knows them all.
package app

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"phoneregistry/internal/config"
	"phoneregistry/internal/natsembed"
	"phoneregistry/internal/pgembed"
	"phoneregistry/registry"
)

// Exit codes of the program.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2 // wrong usage or configuration
	ExitUnreachable = 3 // a dependency could not be reached
)

// UnreachableError says that something the program needs did not answer.
type UnreachableError struct {
	What string // PostgreSQL, NATS, PostgreSQL's programs
	Err  error
}

// Error is one line; an error of the PostgreSQL client has one for each address and way it tried.
func (e *UnreachableError) Error() string {
	var lines []string
	for line := range strings.Lines(e.Err.Error()) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return e.What + ": " + strings.Join(lines, " ")
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// ExitCode returns the exit code that tells err.
func ExitCode(err error) int {
	if err == nil || errors.Is(err, context.Canceled) {
		return ExitOK
	}
	if _, ok := errors.AsType[*config.Error](err); ok {
		return ExitUsage
	}
	for _, misplaced := range []error{
		pgembed.ErrForeignOwner, pgembed.ErrNotEnterable, pgembed.ErrVersion, pgembed.ErrNotACluster, pgembed.ErrInUse,
		natsembed.ErrInUse, natsembed.ErrStore,
	} {
		if errors.Is(err, misplaced) {
			return ExitUsage
		}
	}
	if e, ok := errors.AsType[*registry.Error](err); ok && e.Code == registry.CodeUnknownSource {
		return ExitUsage
	}
	if _, ok := errors.AsType[*UnreachableError](err); ok || errors.Is(err, pgembed.ErrNoBinaries) {
		return ExitUnreachable
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return ExitUnreachable
	}
	return ExitFailed
}
