package pgembed

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// URL connects to the database phoneregistry as its owner, for pgx and libpq. It stays the same over restarts of
// PostgreSQL by this Server. It holds the password: never log it.
func (s *Server) URL() string {
	return connectURL(role, s.password, s.socketDir, database)
}

// AdminURL connects to the database postgres as superuser: for maintenance and fault tests. Never log it.
func (s *Server) AdminURL() string {
	return connectURL(superuser, s.password, s.socketDir, "postgres")
}

// PID is the process id of the postmaster at this moment.
func (s *Server) PID() int { return s.current.Load().pid }

// Version is that of the server programs, such as "15.18 (Debian 15.18-0+deb12u1)".
func (s *Server) Version() string { return s.binaries.Version }

// Done is closed when PostgreSQL is stopped for good: by Stop, or because it died and could not be restarted.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err tells, once Done is closed, why PostgreSQL ended; nil after Stop.
func (s *Server) Err() error {
	select {
	case <-s.done:
		return s.err
	default:
		return nil
	}
}

// Stop ends all sessions, flushes and stops PostgreSQL, and waits for its end. When ctx ends before that, PostgreSQL
// is stopped at once, which loses nothing that was committed but makes the next start replay the log. Stop may be
// called more than once and from several goroutines; each call waits.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopCtx = ctx
		close(s.stopping)
	})
	<-s.done
	return s.err
}

// relaunch starts PostgreSQL again after its death. It gives up when the attempts are used up or Stop is called.
func (s *Server) relaunch(failures *int) (*postmaster, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	var last error
	for *failures < len(s.config.restartDelays) {
		select {
		case <-time.After(s.config.restartDelays[*failures]):
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // stopped: nothing runs and nothing failed
		}
		*failures++
		p, err := s.launch(ctx)
		if err == nil {
			s.log.Info("postgres restarted", "pid", p.pid)
			return p, nil
		}
		if ctx.Err() != nil {
			return nil, nil //nolint:nilnil // as above
		}
		s.log.Error("postgres could not be restarted", "error", err)
		last = err
	}
	if last == nil {
		last = errors.New("it died too often")
	}
	return nil, fmt.Errorf("restart PostgreSQL: %w", last)
}

// RunningURL returns the URL of the PostgreSQL that a server runs on a data directory at this moment, for commands
// that work beside it; ErrNotRunning when there is none. It needs the right to read the password file.
func RunningURL(dataDir string) (string, error) {
	l, err := existingLayout(dataDir)
	if err != nil {
		return "", err
	}
	file, err := readPIDFile(l.pidFile())
	if err != nil || !isPostmasterOf(file.pid, l.cluster()) {
		return "", fmt.Errorf("%w: %s", ErrNotRunning, l.root)
	}
	password, err := l.readPassword()
	if err != nil {
		return "", err
	}
	return connectURL(role, password, file.socketDir, database), nil
}
