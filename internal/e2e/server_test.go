package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take before a test gives up. It bounds a hang and measures nothing.
const patience = 2 * time.Minute

// program is the binary under test, built once for all tests of this package.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "phoneregistry-e2e-")
	if err != nil {
		return "", err
	}
	out := filepath.Join(dir, "phoneregistry")
	build := exec.Command("go", "build", "-o", out, "phoneregistry/cmd/phoneregistry")
	if text, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(text))
	}
	return out, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := program(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// dataDir makes a folder for a server's data that PostgreSQL, which runs as another user when the test runs as root,
// can enter.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pr-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "data")
}

// process is a running server.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	url   string
	admin string
	token string
	log   *safeBuffer
	done  chan struct{}
}

const testToken = "prk_e2e_token_of_the_tests_0123456789"

// serve starts the program and waits until it says that it is ready.
func serve(t *testing.T, dir string, flags ...string) *process {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	args := append([]string{
		"serve", "--data-dir", dir, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-level", "info",
		"--rate-reads", "1000000", "--rate-writes", "100000", // tests ask faster than people
	}, flags...)
	p := &process{t: t, cmd: exec.Command(path, args...), token: testToken, log: &safeBuffer{}, done: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "PHONEREGISTRY_ADMIN_TOKEN="+testToken)
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan string, 1)
	go func() {
		ready <- readAddresses(stdout)
		_, _ = io.Copy(io.Discard, stdout)
		_ = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(p.stop)
	select {
	case text := <-ready:
		p.url, p.admin = address(text, `GraphQL\s+(http://[^/\s]+)/graphql`), address(text, `Metrics\s+(http://[^/\s]+)/metrics`)
	case <-time.After(patience):
	}
	if p.url == "" {
		t.Fatalf("the server did not get ready; its log:\n%s", p.log)
	}
	return p
}

// readAddresses reads what a ready server prints, up to its last line.
func readAddresses(r io.Reader) string {
	var text strings.Builder
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), "Ctrl-C") {
			break
		}
	}
	return text.String()
}

func address(text, pattern string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// stop ends the server as an operator would, and fails the test when that does not work.
func (p *process) stop() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			p.t.Errorf("the server ended with %d on SIGTERM; its log:\n%s", code, p.log)
		}
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		p.t.Errorf("the server did not end on SIGTERM; its log:\n%s", p.log)
	}
}

// kill ends the server as a crash would. Its PostgreSQL goes on running.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	<-p.done
}

// command runs the program to its end and returns what it printed and its exit code.
func command(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatalf("build: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return out.String(), errs.String(), exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), errs.String(), 0
}

// safeBuffer collects a log that is read while it is written.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
