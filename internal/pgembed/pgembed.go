// Package pgembed runs a private PostgreSQL: the real server programs found on the machine, on a data directory of
// its own, reachable through one Unix socket only, by password.
//
// The data directory holds
//
//	lock               held (flock) by the server that uses the directory
//	postgres/          the cluster
//	postgres.password  password of the roles phoneregistry and postgres, mode 0600
//	postgres.conf      settings of the operator, optional, read last
//	postgres.log       log, moved to postgres.log.1 when it has grown
//	run/               the socket
//
// Whatever dies, the next Start recovers: a PostgreSQL left running by a killed server is taken over, a killed one is
// started again, a cluster half made is made anew. A PostgreSQL that dies while the server lives is restarted.
package pgembed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"phoneregistry/internal/dirlock"
)

// Config says where and how PostgreSQL runs.
type Config struct {
	// DataDir is the folder that everything lies in; made if needed. Required.
	DataDir string
	// BinDir is the folder with postgres and initdb. Default: found by FindBinaries, or for existing data the
	// installed server of the same major version.
	BinDir string
	// Logger gets one line per event. Default: none.
	Logger *slog.Logger
	// StartTimeout bounds the wait until PostgreSQL takes connections, recovery after a crash included. Default: 5
	// minutes. A PostgreSQL that gives up earlier is reported at once.
	StartTimeout time.Duration
	// Fast does not wait for the disk: a crash of the machine loses data, that of a process does not. For tests.
	Fast bool
	// DieWithParent stops PostgreSQL when this process dies, however it dies (Linux only): for tests. Without it
	// PostgreSQL outlives a killed server, and the next Start takes it over.
	DieWithParent bool

	// restartDelays space the attempts to restart a PostgreSQL that died; after the last one the server gives up.
	restartDelays []time.Duration
}

// steady is how long PostgreSQL must have run for its next death to count as the first.
const steady = time.Minute

// Server is a running PostgreSQL.
type Server struct {
	config   Config
	log      *slog.Logger
	layout   layout
	account  account
	binaries Binaries
	lock     *dirlock.Lock

	password      string
	passwordKnown bool // the cluster has the password of the file

	socketDir string // set by the first launch or by adopt, then constant
	current   atomic.Pointer[postmaster]
	watchers  sync.WaitGroup
	abandoned chan struct{} // closed when nothing is to be watched any more

	stopOnce sync.Once
	stopping chan struct{}   // closed by Stop
	stopCtx  context.Context //nolint:containedctx // handed from Stop to the supervising goroutine
	done     chan struct{}   // closed when PostgreSQL is stopped for good
	err      error           // why, when not by Stop; read after done is closed
}

// Start starts PostgreSQL on the data directory, makes the cluster on the first start, and returns when it takes
// connections. ctx bounds the start only. After an error nothing is left running and the directory is free.
func Start(ctx context.Context, config Config) (*Server, error) {
	s := &Server{
		config: config, log: config.Logger,
		abandoned: make(chan struct{}), stopping: make(chan struct{}), done: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.config.StartTimeout <= 0 {
		s.config.StartTimeout = 5 * time.Minute
	}
	if s.config.restartDelays == nil {
		s.config.restartDelays = []time.Duration{0, 200 * time.Millisecond, time.Second, 5 * time.Second}
	}
	p, err := s.start(ctx)
	if err != nil {
		return nil, errors.Join(err, s.release())
	}
	s.current.Store(p)
	go s.supervise(p)
	return s, nil
}

func (s *Server) start(ctx context.Context) (*postmaster, error) {
	var err error
	if s.layout, err = openLayout(s.config.DataDir); err != nil {
		return nil, err
	}
	if s.account, err = chooseAccount(s.layout.root, s.layout.cluster()); err != nil {
		return nil, err
	}
	if s.lock, err = lockLayout(s.layout); err != nil {
		return nil, err
	}
	if err := s.layout.admit(s.account); err != nil {
		return nil, err
	}
	if err := s.layout.removeUnfinished(); err != nil {
		return nil, err
	}
	if err := s.layout.trimLog(maxLog); err != nil {
		return nil, err
	}
	if s.password, s.passwordKnown, err = s.layout.loadPassword(); err != nil {
		return nil, err
	}
	if err := s.prepareCluster(ctx); err != nil {
		return nil, err
	}
	if p, err := s.adopt(ctx); p != nil || err != nil {
		return p, err
	}
	return s.launchRepaired(ctx)
}

func lockLayout(l layout) (*dirlock.Lock, error) {
	lock, err := dirlock.Acquire(l.lock())
	if held := (*dirlock.HeldError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("%w: %w", ErrInUse, held)
	}
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	return lock, nil
}

// prepareCluster picks the programs that fit the cluster, and makes the cluster if there is none.
func (s *Server) prepareCluster(ctx context.Context) error {
	found := findAll(pathDirs(), knownDirs())
	if s.config.BinDir != "" {
		found = findAll([]string{s.config.BinDir}, nil)
	}
	major, err := clusterMajor(s.layout.cluster())
	if err != nil {
		return err
	}
	if major != 0 {
		if s.binaries, err = binariesFor(major, found, s.layout.cluster()); err != nil {
			return err
		}
		// Data copied in by root would be out of PostgreSQL's reach.
		if owner, err := ownerOf(s.layout.cluster()); err != nil || owner != s.account.uid {
			return errors.Join(err, s.account.own(s.layout.cluster(), true))
		}
		return nil
	}
	if s.binaries, err = newest(found); err != nil {
		return err
	}
	s.log.Info("postgres data is made", "data_dir", s.layout.root, "version", s.binaries.Version, "user", s.account.name)
	s.passwordKnown = true
	return s.createCluster(ctx)
}

// launchRepaired starts PostgreSQL, and gives it the password of the file when it has another one.
func (s *Server) launchRepaired(ctx context.Context) (*postmaster, error) {
	if s.passwordKnown {
		p, err := s.launch(ctx)
		if !isAuthFailure(err) {
			return p, err
		}
	}
	if err := s.clearStale(ctx); err != nil {
		return nil, err
	}
	if err := s.resetPassword(ctx); err != nil {
		return nil, err
	}
	s.passwordKnown = true
	return s.launch(ctx)
}

// supervise restarts PostgreSQL when it dies, and stops it when Stop is called.
func (s *Server) supervise(p *postmaster) {
	defer close(s.done)
	defer func() { s.err = errors.Join(s.err, s.release()) }()
	begun, failures := time.Now(), 0
	trim := time.NewTicker(10 * time.Minute)
	defer trim.Stop()
	for p != nil {
		select {
		case <-s.stopping:
			s.halt(s.stopCtx, p)
			return
		case <-trim.C:
			if err := s.layout.trimLog(maxLog); err != nil {
				s.log.Warn("postgres log cannot be trimmed", "error", err)
			}
		case <-p.gone:
			if time.Since(begun) > steady {
				failures = 0
			}
			s.log.Error("postgres died and is restarted", "pid", p.pid, "how", p.how)
			p, s.err = s.relaunch(&failures)
			begun = time.Now()
			if p != nil {
				s.current.Store(p)
			}
		}
	}
}

// release ends what a Server holds beside PostgreSQL itself. PostgreSQL must have been stopped.
func (s *Server) release() error {
	close(s.abandoned)
	s.watchers.Wait()
	if s.lock == nil {
		return nil
	}
	return s.lock.Release()
}
