package app_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/pgembed"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// settings are those of a server on free ports with a data directory of its own.
func settings(t *testing.T) config.Serve {
	t.Helper()
	dir, err := os.MkdirTemp("", "pr-app-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o711); err != nil { // PostgreSQL's user must be able to enter
		t.Fatal(err)
	}
	c := config.Serve{
		Database: config.Database{DataDir: filepath.Join(dir, "data")}, Adapters: config.Adapters{Concurrency: 2},
		Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0", Workers: "all", MaxPhones: 5, MaxImport: 1 << 30,
		Demo: true, DemoRows: 200, ShutdownTimeout: time.Minute,
	}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestStartAndStop starts everything in this process, twice on the same data, and leaves no goroutine behind.
func TestStartAndStop(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	c := settings(t)
	token := ""
	for range 2 {
		s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		if token != "" && s.Token() != token {
			t.Error("the token changed over a restart")
		}
		token = s.Token()
		res, err := http.Get(s.URL() + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK || res.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("/readyz: %d %v", res.StatusCode, res.Header)
		}
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(filepath.Join(c.DataDir, "admin-token"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("admin-token: %v, %v", info, err)
	}
}

// TestFailedStartLeavesNothing: the ports are free again, and the data directory too.
func TestFailedStartLeavesNothing(t *testing.T) {
	c := settings(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.AdminListen = taken.Addr().String()
	if _, err := app.Start(t.Context(), c, app.Options{Logger: testkit.Logger(t)}); app.ExitCode(err) != app.ExitFailed {
		t.Errorf("Start() = %v", err)
	}
	if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the data directory was touched: %v", err)
	}
	_ = taken.Close()
}

func TestExitCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, app.ExitOK},
		{errors.New("anything"), app.ExitFailed},
		{fmt.Errorf("x: %w", &config.Error{Field: "--listen", Want: "x"}), app.ExitUsage},
		{fmt.Errorf("x: %w", pgembed.ErrVersion), app.ExitUsage},
		{fmt.Errorf("x: %w", pgembed.ErrNoBinaries), app.ExitUnreachable},
		{&app.UnreachableError{What: "NATS", Err: errors.New("x")}, app.ExitUnreachable},
		{registry.Errorf(registry.CodeUnknownSource, nil, "x"), app.ExitUsage},
		{registry.Errorf(registry.CodeInvalidInput, nil, "x"), app.ExitFailed},
	} {
		if got := app.ExitCode(c.err); got != c.want {
			t.Errorf("ExitCode(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}
