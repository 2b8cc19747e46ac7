package pgembed

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

const (
	serveEnv = "PGEMBED_TEST_SERVE" // data directory: play a server that waits to be killed
	dieEnv   = "PGEMBED_TEST_DIE"   // with it, PostgreSQL dies with that server
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(serveEnv); dir != "" {
		os.Exit(playServer(dir))
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(prepared.dir)
		os.Exit(code)
	}))
}

// prepared is a stopped data directory, made once: most tests begin with a copy, which saves them the first start.
var prepared struct {
	sync.Once
	dir string
	err error
}

// newData returns a data directory with a cluster in it that has been started and stopped once.
func newData(t *testing.T) string {
	t.Helper()
	prepared.Do(func() {
		if prepared.dir, prepared.err = os.MkdirTemp("", "pgembed-"); prepared.err != nil {
			return
		}
		var s *Server
		if s, prepared.err = Start(context.Background(), Config{DataDir: prepared.dir, Fast: true}); prepared.err == nil {
			prepared.err = s.Stop(context.Background())
		}
	})
	if prepared.err != nil {
		t.Fatalf("prepare data: %v", prepared.err)
	}
	dir := filepath.Join(tempData(t), "data")
	if out, err := exec.CommandContext(t.Context(), "cp", "-Rp", prepared.dir, dir).CombinedOutput(); err != nil {
		t.Fatalf("copy data: %v: %s", err, out)
	}
	return dir
}

// playServer is the process that tests kill: it starts PostgreSQL, prints its process id and waits for its end.
func playServer(dir string) int {
	s, err := Start(context.Background(), Config{DataDir: dir, Fast: true, DieWithParent: os.Getenv(dieEnv) != ""})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(s.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// otherServer starts playServer and returns its process and that of its PostgreSQL.
func otherServer(t *testing.T, dir string, env ...string) (server *exec.Cmd, postgres int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	server = exec.Command(self)
	server.Env = append(append(os.Environ(), serveEnv+"="+dir), env...)
	stdin, err := server.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stdin.Close() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatalf("the other server said nothing: %v", err)
	}
	postgres, err = strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatalf("the other server: %s", line)
	}
	t.Cleanup(func() { // in case the test failed before it took the process over
		if isPostmasterOf(postgres, layout{dir}.cluster()) {
			_ = syscall.Kill(postgres, syscall.SIGQUIT)
		}
	})
	return server, postgres
}

func killServer(t *testing.T, server *exec.Cmd) {
	t.Helper()
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait() // reports the kill
}

// tempData returns a new folder that any user may walk through, as t.TempDir's are not.
func tempData(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pgembed-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's user must pass
		t.Fatal(err)
	}
	return dir
}

func testConfig(t *testing.T, dir string) Config {
	t.Helper()
	return Config{
		DataDir: dir, Fast: true, DieWithParent: true,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// mustStart starts PostgreSQL and stops it at the end of the test.
func mustStart(t *testing.T, config Config) *Server {
	t.Helper()
	s, err := Start(t.Context(), config)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { mustStop(t, s) })
	return s
}

func mustStop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("Stop: %v", err)
	}
	if pid := s.PID(); isPostmasterOf(pid, s.layout.cluster()) {
		t.Errorf("process %d still runs after Stop", pid)
	}
}

// mustNotStart expects an error of the given kind, that it names what it should, and that nothing is left over.
func mustNotStart(t *testing.T, config Config, kind error, mentions ...string) {
	t.Helper()
	s, err := Start(t.Context(), config)
	if err == nil {
		mustStop(t, s)
		t.Fatalf("Start succeeded, want %v", kind)
	}
	if !errors.Is(err, kind) {
		t.Fatalf("Start: %v, want %v", err, kind)
	}
	for _, text := range append(mentions, "") {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
	if errors.Is(kind, ErrInUse) {
		return
	}
	if file, err := readPIDFile(layout{config.DataDir}.pidFile()); err == nil && isPostmasterOf(file.pid, layout{config.DataDir}.cluster()) {
		t.Errorf("process %d is left running", file.pid)
	}
	if lock, err := lockLayout(layout{config.DataDir}); err == nil {
		_ = lock.Release()
	} else if errors.Is(err, ErrInUse) {
		t.Errorf("the directory is still locked: %v", err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func mustExec(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func queryText(t *testing.T, conn *pgx.Conn, sql string) string {
	t.Helper()
	var text string
	if err := conn.QueryRow(t.Context(), sql).Scan(&text); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// eventually waits for a condition; the test's own time-out ends a wait in vain.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(time.Minute)
	for tick := time.NewTicker(10 * time.Millisecond); !condition(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("about what root may do; this runs as an ordinary user")
	}
}

// asOrdinaryUser returns true when the test runs as an ordinary user. For root it runs the same test once more in a
// process of user nobody, reports its result, and returns false.
func asOrdinaryUser(t *testing.T) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("run by root on a system without user nobody")
	}
	account, err := accountOf(atoi(t, nobody.Uid))
	if err != nil {
		t.Fatal(err)
	}
	dir := tempData(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(dir, "test")
	if err := os.WriteFile(copied, program, 0o755); err != nil { // run by another user
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	if err := errors.Join(os.Mkdir(home, 0o700), account.own(home, false)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), copied, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir = home
	cmd.Env = append(environment(), "TMPDIR="+home, "HOME="+home)
	cmd.SysProcAttr = account.attributes()
	out, err := cmd.CombinedOutput()
	t.Logf("as user nobody:\n%s", out)
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("failed as user nobody: %v", err)
	}
	return false
}

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
