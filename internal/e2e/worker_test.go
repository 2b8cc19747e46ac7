package e2e_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"phoneregistry/internal/natsembed"
)

// TestWorkerElsewhere runs server and worker as two processes that share nothing but an external NATS; the worker asks
// the example validator.
func TestWorkerElsewhere(t *testing.T) {
	const natsToken = "a-token-for-the-tests"
	broker, err := natsembed.Start(natsembed.Config{StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Token: natsToken})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Stop() })
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(natsToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	toNATS := []string{"--nats-url", broker.ClientURL(), "--nats-token-file", tokenFile}

	validator, secret := startValidator(t)
	p := serve(t, dataDir(t), append(toNATS, "--workers", "none")...)
	startWorker(t, append(toNATS, "--platform", "GOOGLE,APPLE", "--webservice", "GOOGLE="+validator, "--webservice-token-file", secret))

	job := p.startJob(map[string]any{
		"name": "elsewhere", "platforms": []string{"GOOGLE", "APPLE"},
		"target": map[string]any{"numbers": []string{"+573001234567", "+576011234567", "+525512345678"}},
	})
	final := watchToEnd(t, p, job.ID, 0)
	if final.Status != "COMPLETED" || final.Succeeded != 6 {
		t.Fatalf("the job ended as %+v", final)
	}
	var d struct {
		Phone struct {
			Validations []struct {
				Platform, Status, Method string
				Simulated                bool
			}
		}
	}
	p.query(&d, `{ phone(number: "+573001234567") { validations { platform status method simulated } } }`, nil)
	if len(d.Phone.Validations) != 2 {
		t.Fatalf("%+v", d)
	}
	for _, v := range d.Phone.Validations {
		if v.Simulated != (v.Platform == "APPLE") {
			t.Errorf("%+v: only Apple was simulated", v)
		}
	}
}

// startWorker runs `phoneregistry worker` until the test ends.
func startWorker(t *testing.T, flags []string) {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var log safeBuffer
	cmd := exec.Command(path, append([]string{"worker"}, flags...)...)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the worker ended with %v; its log:\n%s", err, log.String())
		}
	})
}

// startValidator builds and runs examples/validator, and returns its address and the file with its token.
func startValidator(t *testing.T) (address, tokenFile string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "validator")
	if out, err := exec.Command("go", "build", "-o", path, "phoneregistry/examples/validator").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	tokenFile = filepath.Join(dir, "token")
	if err := os.WriteFile(tokenFile, []byte("validator-token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	numbers := filepath.Join(dir, "numbers")
	if err := os.WriteFile(numbers, []byte("+573001234567\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, path, "-listen", "127.0.0.1:0", "-numbers", numbers)
	cmd.Env = append(os.Environ(), "VALIDATOR_TOKEN=validator-token")
	out, err := cmd.StdoutPipe()
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	found := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if i := strings.Index(lines.Text(), "http://"); i >= 0 {
				found <- strings.Fields(lines.Text()[i:])[0]
				return
			}
		}
		close(found)
	}()
	select {
	case address = <-found:
	case <-time.After(patience):
	}
	if address == "" {
		t.Fatal("the validator did not say where it listens")
	}
	return address, tokenFile
}
