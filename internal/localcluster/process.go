package localcluster

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// Spec says how a process is started.
type Spec struct {
	Name   string // for messages
	Path   string
	Args   []string
	Env    []string  // beside that of this process
	Output io.Writer // what it writes to standard output and error; nil: dropped
}

// Process is a running process, or one that has ended. It dies with this process, however that dies (on Linux).
type Process struct {
	Spec
	cmd     *exec.Cmd
	done    chan struct{}
	ordered atomic.Bool // Kill, Stop or Signal was called
}

// Start starts a process.
func Start(spec Spec) (*Process, error) {
	p := &Process{Spec: spec, done: make(chan struct{})}
	p.cmd = exec.Command(spec.Path, spec.Args...) //nolint:noctx // Kill and Stop end it
	p.cmd.Env = append(os.Environ(), spec.Env...)
	p.cmd.Stdout, p.cmd.Stderr = spec.Output, spec.Output
	p.cmd.SysProcAttr = attributes()
	started := make(chan error, 1)
	// The kernel ties the end of a child to the thread that started it: it is kept for it alone until the child has ended.
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // ProcessState tells the same
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", spec.Name, err)
	}
	return p, nil
}

// PID is the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ordered reports whether the process was told to end by Kill or Stop.
func (p *Process) Ordered() bool { return p.ordered.Load() }

// ExitCode is the exit code of a process that has ended, -1 when it was killed.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Signal sends a signal. A process that has ended is left alone.
func (p *Process) Signal(s syscall.Signal) {
	select {
	case <-p.done:
	default:
		_ = p.cmd.Process.Signal(s) // fails only when it has ended meanwhile
	}
}

// Kill ends the process as a crash would, and waits for its end.
func (p *Process) Kill() {
	p.ordered.Store(true)
	p.Signal(syscall.SIGKILL)
	<-p.done
}

// Stop ends the process as an operator would, with force when ctx ends first. It returns an error when the process did
// not end in good order.
func (p *Process) Stop(ctx context.Context) error {
	p.ordered.Store(true)
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("%s did not end on SIGTERM", p.Name)
	}
	if code := p.ExitCode(); code != 0 {
		return fmt.Errorf("%s ended with %d", p.Name, code)
	}
	return nil
}

// WaitReady asks an address until it answers with 200, the process ends or ctx does.
func (p *Process) WaitReady(ctx context.Context, url string) error {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", p.Name, err)
		}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended with %d before it was ready", p.Name, p.ExitCode())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.Name, ctx.Err())
		case <-tick.C:
		}
	}
}
