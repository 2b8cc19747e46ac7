package dirlock_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"phoneregistry/internal/dirlock"
)

const helperEnv = "DIRLOCK_TEST_HOLD"

// TestMain lets the test binary play the other process: with helperEnv set it takes the lock, says so and waits.
func TestMain(m *testing.M) {
	if path := os.Getenv(helperEnv); path != "" {
		if _, err := dirlock.Acquire(path); err != nil {
			os.Exit(1)
		}
		_, _ = os.Stdout.WriteString("held\n")
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestSecondLockIsRefusedAndNamesTheHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	first, err := dirlock.Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = dirlock.Acquire(path)
	var held *dirlock.HeldError
	if !errors.As(err, &held) || held.PID != os.Getpid() || held.Path != path {
		t.Fatalf("second Acquire: %v, want a HeldError with path %s and pid %d", err, path, os.Getpid())
	}
	for range 2 {
		if err := first.Release(); err != nil {
			t.Fatalf("Release: %v", err)
		}
	}
	again, err := dirlock.Acquire(path)
	if err != nil {
		t.Fatalf("Acquire after Release: %v", err)
	}
	if err := again.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockEndsWithAKilledProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	other := exec.CommandContext(t.Context(), self)
	other.Env = append(os.Environ(), helperEnv+"="+path)
	stdin, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = stdin.Close() }()
	stdout, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "held\n" {
		t.Fatalf("the other process said %q: %v", line, err)
	}

	_, err = dirlock.Acquire(path)
	var held *dirlock.HeldError
	if !errors.As(err, &held) || held.PID != other.Process.Pid {
		t.Fatalf("Acquire while held: %v, want a HeldError with pid %d", err, other.Process.Pid)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait() // reports the kill
	lock, err := dirlock.Acquire(path)
	if err != nil {
		t.Fatalf("Acquire after kill -9: %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestAFolderThatIsMissingIsAnError(t *testing.T) {
	if _, err := dirlock.Acquire(filepath.Join(t.TempDir(), "no", "lock")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("Acquire in a missing folder: %v, want os.ErrNotExist", err)
	}
}
