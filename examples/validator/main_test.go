package main

import (
	"bufio"
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/webservice"
)

const token = "example-token"

func numbersFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "numbers.txt")
	if err := os.WriteFile(path, []byte("+12025550100\n+12025550102\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestGo and TestPython run both examples against the adapter that will ask them.
func TestGo(t *testing.T) {
	handler, err := newValidator(numbersFile(t), token)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	proveValidator(t, server.URL+"/check")
}

func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed: the Python example is not run")
	}
	cmd := exec.CommandContext(t.Context(), python, "validator.py", "0", numbersFile(t))
	cmd.Env = append(os.Environ(), "VALIDATOR_TOKEN="+token)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listens on ")
	if !ok {
		t.Fatalf("it said %q", line)
	}
	proveValidator(t, url)
}

func proveValidator(t *testing.T, url string) {
	t.Helper()
	numbers := []numbering.Number{12025550100, 12025550101, 12025550102}
	a, err := webservice.New(webservice.Config{Platform: scoring.WhatsApp, URL: url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	got, err := a.Check(t.Context(), numbers)
	if err != nil {
		t.Fatal(err)
	}
	active := workers.Outcome{Status: scoring.Active, Strength: 1, Method: "inbound_message", TTL: 30 * 24 * time.Hour}
	unknown := workers.Outcome{Status: scoring.Unknown, Strength: 1, Method: "inbound_message", Reason: "never wrote to us", TTL: 24 * time.Hour}
	want := []workers.Outcome{active, unknown, active}
	for i, n := range numbers {
		want[i].Number = n
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	stranger, err := webservice.New(webservice.Config{Platform: scoring.WhatsApp, URL: url, Token: "guess"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stranger.Close)
	_, err = stranger.Check(t.Context(), numbers)
	if refused, ok := errors.AsType[*workers.CallError](err); !ok || !refused.Permanent {
		t.Errorf("with a wrong token: %v", err)
	}
}

func TestNeedsTokenAndNumbers(t *testing.T) {
	if _, err := newValidator(numbersFile(t), ""); err == nil {
		t.Error("started without a token")
	}
	if _, err := newValidator(filepath.Join(t.TempDir(), "none"), token); err == nil {
		t.Error("started without numbers")
	}
}
