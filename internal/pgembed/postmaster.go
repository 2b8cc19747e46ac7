package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"
)

// postmaster is one running PostgreSQL: a child of this process, or one adopted from an earlier process.
type postmaster struct {
	pid       int
	socketDir string
	gone      chan struct{} // closed when the process has ended
	how       string        // what its end looked like; read after gone is closed
}

// pidFile is what a postmaster writes about itself in postmaster.pid.
type pidFile struct {
	pid       int
	socketDir string
	shmID     int    // System V segment that its processes are attached to; -1 when not (yet) known
	status    string // "starting", "stopping", "ready", "standby"
}

// readPIDFile fails with fs.ErrNotExist when there is no file. Lines not yet written leave their fields empty.
func readPIDFile(path string) (pidFile, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return pidFile{}, fmt.Errorf("read postmaster.pid: %w", err)
	}
	lines := strings.Split(string(content), "\n")
	line := func(n int) string { // counted from 1, as PostgreSQL documents them
		if n > len(lines) {
			return ""
		}
		return strings.TrimSpace(lines[n-1])
	}
	file := pidFile{socketDir: line(5), shmID: -1, status: line(8)}
	if file.pid, err = strconv.Atoi(line(1)); err != nil {
		return pidFile{}, nil //nolint:nilerr // empty or damaged: as good as a stale one
	}
	if key := strings.Fields(line(7)); len(key) == 2 {
		if id, err := strconv.Atoi(key[1]); err == nil {
			file.shmID = id
		}
	}
	return file, nil
}

// isPostmasterOf tells whether a process is the PostgreSQL server of a data directory, and not another one that got
// the process id of a dead server.
func isPostmasterOf(pid int, dir string) bool {
	if pid <= 0 {
		return false
	}
	args, cwd := commandLine(pid)
	joined := strings.Join(args, " ") + " "
	if !strings.Contains(joined, "postgres") {
		return false
	}
	return strings.Contains(joined, "-D "+dir+" ") || sameFolder(cwd, dir)
}

// sameFolder compares folders that may be named through symbolic links: a cluster may have been moved to another disk.
func sameFolder(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// launch starts PostgreSQL on the existing cluster and waits until it takes connections. When that fails nothing is
// left running.
func (s *Server) launch(ctx context.Context) (*postmaster, error) {
	if err := s.clearStale(ctx); err != nil {
		return nil, err
	}
	socketDir, err := s.layout.socketDir(s.account, s.socketDir)
	if err != nil {
		return nil, err
	}
	if err := s.writeSettings(ctx, socketDir); err != nil {
		return nil, err
	}
	p, offset, err := s.spawn(socketDir)
	if err != nil {
		s.layout.clearSocket(socketDir)
		return nil, err
	}
	if err := s.awaitReady(ctx, p); err != nil {
		select {
		case <-p.gone:
			err = fmt.Errorf("%w (%s): %s; see %s", ErrStart, p.how, s.layout.logSince(offset), s.layout.log())
		default:
		}
		s.kill(p)
		return nil, err
	}
	s.socketDir = socketDir
	return p, nil
}

// spawn starts the process. Its parent is a thread kept for it alone until it ends, because the kernel ties
// dieWithParent to the thread and not to the process.
func (s *Server) spawn(socketDir string) (*postmaster, int64, error) {
	log, err := s.layout.openLog()
	if err != nil {
		return nil, 0, err
	}
	info, err := log.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("log of PostgreSQL: %w", err), log.Close())
	}
	cmd := exec.Command(s.binaries.path("postgres"), "-D", s.layout.cluster()) //nolint:noctx // it outlives any context; Stop ends it
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = s.account.attributes()
	if s.config.DieWithParent {
		dieWithParent(cmd.SysProcAttr)
	}
	p := &postmaster{socketDir: socketDir, gone: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = log.Close() }()
		if err := cmd.Start(); err != nil {
			started <- fmt.Errorf("%w: %w", ErrStart, err)
			return
		}
		p.pid = cmd.Process.Pid
		started <- nil
		_ = cmd.Wait() // the state tells the same
		p.how = cmd.ProcessState.String()
		close(p.gone)
	}()
	return p, info.Size(), <-started
}

// adopt takes over a PostgreSQL that runs on the cluster although nobody holds the lock: its server was killed. It
// returns nil when there is none.
func (s *Server) adopt(ctx context.Context) (*postmaster, error) {
	file, err := readPIDFile(s.layout.pidFile())
	if errors.Is(err, os.ErrNotExist) || (err == nil && !isPostmasterOf(file.pid, s.layout.cluster())) {
		return nil, nil //nolint:nilnil // nothing to adopt is no error
	}
	if err != nil {
		return nil, err
	}
	p := &postmaster{pid: file.pid, socketDir: file.socketDir, gone: make(chan struct{})}
	s.watchers.Go(func() { s.watch(p) })
	err = s.awaitReady(ctx, p)
	select {
	case <-p.gone: // it was on its way out
		return nil, nil //nolint:nilnil // as above
	default:
	}
	switch {
	case isAuthFailure(err): // the password file was lost: start it again with a new one
		s.halt(ctx, p)
		s.passwordKnown = false
		return nil, nil //nolint:nilnil // as above
	case err != nil:
		return nil, fmt.Errorf("take over PostgreSQL (process %d) of %s: %w", p.pid, s.layout.cluster(), err)
	}
	s.socketDir = p.socketDir
	s.log.Info("postgres of an earlier run taken over", "pid", p.pid)
	return p, nil
}

// watch notices the end of a process that is no child of ours.
func (s *Server) watch(p *postmaster) {
	for isPostmasterOf(p.pid, s.layout.cluster()) {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-s.abandoned:
			return
		}
	}
	p.how = "ended"
	close(p.gone)
}

// awaitReady waits until the postmaster says that it is ready and then proves it by a connection with our password to
// our data directory. Recovery after a crash may take minutes; StartTimeout bounds it.
func (s *Server) awaitReady(ctx context.Context, p *postmaster) error {
	timeout := time.NewTimer(s.config.StartTimeout)
	defer timeout.Stop()
	slow := time.NewTimer(3 * time.Second)
	defer slow.Stop()
	last := errors.New("still starting")
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		file, err := readPIDFile(s.layout.pidFile())
		if err == nil && file.pid == p.pid && file.status == "ready" {
			last = s.prove(ctx, file.socketDir)
			if last == nil || isAuthFailure(last) || errors.Is(last, ErrStart) {
				return last
			}
		}
		select {
		case <-slow.C:
			s.log.Info("postgres is still starting, perhaps recovering from a crash", "pid", p.pid)
		case <-p.gone:
			return ErrStart
		case <-ctx.Done():
			return ctx.Err()
		case <-timeout.C:
			why := strings.Join(strings.Fields(last.Error()), " ") // pgx breaks lines
			return fmt.Errorf("%w: not ready after %s: %s; see %s", ErrStart, s.config.StartTimeout, why, s.layout.log())
		case <-time.After(wait):
		}
	}
}

// prove connects and compares the data directory.
func (s *Server) prove(ctx context.Context, socketDir string) error {
	conn, err := pgx.Connect(ctx, connectURL(role, s.password, socketDir, database))
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var dir string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&dir); err != nil {
		return fmt.Errorf("ask PostgreSQL for its data directory: %w", err)
	}
	if !sameFolder(dir, s.layout.cluster()) {
		return fmt.Errorf("%w: the server at %s serves %s", ErrStart, socketDir, dir)
	}
	return nil
}

func isAuthFailure(err error) bool {
	var refused *pgconn.PgError
	// invalid_password; invalid_authorization_specification; no such role or database after a restore by hand
	return errors.As(err, &refused) && slices.Contains([]string{"28P01", "28000"}, refused.Code)
}

// clearStale removes what a killed PostgreSQL left: its pid file, whose number may belong to another process by now
// and would then keep PostgreSQL from starting, its socket, and its sessions.
func (s *Server) clearStale(ctx context.Context) error {
	file, err := readPIDFile(s.layout.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		s.layout.clearSocket(s.layout.runDir())
		return nil
	}
	if err != nil {
		return err
	}
	if isPostmasterOf(file.pid, s.layout.cluster()) {
		return fmt.Errorf("%w: process %d already serves %s", ErrStart, file.pid, s.layout.cluster())
	}
	if err := s.endOrphans(ctx, file); err != nil {
		return err
	}
	s.layout.clearSocket(file.socketDir)
	if err := os.Remove(s.layout.pidFile()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove stale postmaster.pid: %w", err)
	}
	return nil
}

// endOrphans waits until the processes of a killed postmaster have ended; PostgreSQL refuses to start beside them. Idle
// ones notice its death at once, one in the middle of a long statement does not, and is made to end.
func (s *Server) endOrphans(ctx context.Context, file pidFile) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second,
		fmt.Errorf("%w: processes of the PostgreSQL that was killed as %d are still running", ErrStart, file.pid))
	defer cancel()
	begun := time.Now()
	for wait := 10 * time.Millisecond; attached(file.shmID); wait = min(2*wait, 200*time.Millisecond) {
		if waited := time.Since(begun); waited > time.Second {
			signal := syscall.SIGQUIT
			if waited > 5*time.Second {
				signal = syscall.SIGKILL
			}
			for _, pid := range processesIn(s.layout.cluster()) {
				_ = syscall.Kill(pid, signal) // fails only when it has gone
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(wait):
		}
	}
	return nil
}

// attached tells whether any process is attached to a shared memory segment.
func attached(id int) bool {
	if id < 0 {
		return false
	}
	var segment unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &segment); err != nil {
		return false // removed
	}
	return segment.Nattch > 0
}

// halt stops the postmaster in fast mode: sessions are ended, data is flushed. When ctx ends first, it goes on in
// immediate mode, after which the next start replays the log.
func (s *Server) halt(ctx context.Context, p *postmaster) {
	_ = syscall.Kill(p.pid, syscall.SIGINT) // fails only when it has gone
	select {
	case <-p.gone:
		s.layout.clearSocket(p.socketDir)
	case <-ctx.Done():
		s.log.Warn("postgres did not stop in time and is stopped at once", "pid", p.pid)
		s.kill(p)
	}
}

// kill stops the postmaster without a last flush, and with force when it does not obey.
func (s *Server) kill(p *postmaster) {
	for _, signal := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGKILL} {
		select {
		case <-p.gone:
		default:
			_ = syscall.Kill(p.pid, signal)
		}
		select {
		case <-p.gone:
			s.layout.clearSocket(p.socketDir)
			return
		case <-time.After(6 * time.Second): // PostgreSQL itself gives its children five
		}
	}
}
