package chaos

import (
	"context"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"phoneregistry/internal/localcluster"
)

// unit is one process of the cluster and whoever keeps it running, as a service manager would: what ends is started
// again after a while, until the unit is held.
type unit struct {
	name  string
	spec  func() localcluster.Spec
	ready string // an address that answers with 200 when it is ready

	mu      sync.Mutex
	process *localcluster.Process
	held    bool
	changed chan struct{} // closed when process or held changes
	delay   time.Duration // before the next start

	starts     int
	unexpected []string // ends that nobody ordered
	log        *os.File
}

const usualDelay = 200 * time.Millisecond

func newUnit(name, logPath string, spec func() localcluster.Spec, ready string) (*unit, error) {
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	return &unit{name: name, spec: spec, ready: ready, log: log, changed: make(chan struct{}), delay: usualDelay}, nil
}

// keep runs the process until ctx ends.
func (u *unit) keep(ctx context.Context) {
	for u.awaitAllowed(ctx) {
		spec := u.spec()
		spec.Output = u.log
		p, err := localcluster.Start(spec)
		if err != nil {
			u.note("start: " + err.Error())
			pause(ctx, usualDelay)
			continue
		}
		u.mu.Lock()
		u.process, u.starts = p, u.starts+1
		u.change()
		held := u.held
		u.mu.Unlock()
		if held {
			p.Kill()
		}
		select {
		case <-p.Done():
		case <-ctx.Done():
			p.Signal(syscall.SIGCONT)
			p.Kill()
			return
		}
		if !p.Ordered() {
			u.note(fmt.Sprintf("ended with %d", p.ExitCode()))
		}
		u.mu.Lock()
		delay := u.delay
		u.delay = usualDelay
		u.change()
		u.mu.Unlock()
		pause(ctx, delay)
	}
}

// change tells those who wait; the caller holds mu.
func (u *unit) change() {
	close(u.changed)
	u.changed = make(chan struct{})
}

func (u *unit) note(text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.unexpected = append(u.unexpected, text)
}

func (u *unit) awaitAllowed(ctx context.Context) bool {
	for ctx.Err() == nil {
		u.mu.Lock()
		held, changed := u.held, u.changed
		u.mu.Unlock()
		if !held {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
	return false
}

// current is the process that runs at the moment; nil when none does.
func (u *unit) current() *localcluster.Process {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process == nil {
		return nil
	}
	select {
	case <-u.process.Done():
		return nil
	default:
		return u.process
	}
}

// kill ends the process with -9, and lets it come again after a delay. It reports whether there was one.
func (u *unit) kill(delay time.Duration) bool {
	p := u.current()
	if p == nil {
		return false
	}
	u.mu.Lock()
	u.delay = delay
	u.mu.Unlock()
	p.Kill()
	return true
}

// hold kills the process and keeps it down until release.
func (u *unit) hold() {
	u.mu.Lock()
	u.held = true
	u.change()
	u.mu.Unlock()
	if p := u.current(); p != nil {
		p.Kill()
	}
}

func (u *unit) release() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.held = false
	u.change()
}

func (u *unit) signal(s syscall.Signal) {
	if p := u.current(); p != nil {
		p.Signal(s)
	}
}

// awaitReady waits until the unit, whichever process it is, is ready.
func (u *unit) awaitReady(ctx context.Context) error {
	for ctx.Err() == nil {
		p := u.current()
		if p == nil {
			pause(ctx, 20*time.Millisecond)
			continue
		}
		if err := p.WaitReady(ctx, u.ready); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%s did not become ready", u.name)
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
