// Package simulator is an adapter that makes its answers up: for demonstrations, tests and measurements without asking
// any real platform. What it says hangs on number, platform and seed alone, and everything it says is marked simulated.
package simulator

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// Method is the method of simulated evidence.
const Method = "simulator"

// Simulator answers for one platform.
type Simulator struct {
	cfg     Config
	now     func() time.Time
	world   uint64 // hash of the seed
	salt    uint64 // hash of seed and platform
	answers [lines]shares
	calls   atomic.Uint64 // draws so far: chance that is not to be the same for the same number

	mu     sync.Mutex // guards the window of the rate limit
	window int64      // second of the clock
	used   int        // numbers answered in it
}

// New makes the simulator of a platform. now is the clock of its rate limit; nil: time.Now.
func New(p scoring.Platform, cfg Config, now func() time.Time) (*Simulator, error) {
	if !p.Scored() {
		return nil, fmt.Errorf("simulator: the platform is %q, want one of %v", p, scoring.Platforms())
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	world := mix(cfg.Seed)
	return &Simulator{cfg: cfg, now: now, world: world, salt: mix(world ^ salt(p)), answers: answers(p)}, nil
}

// Info describes the simulator. Its rate is not told: to be refused is part of what it simulates.
func (s *Simulator) Info() workers.Info {
	return workers.Info{Name: "simulator", Method: Method, Simulated: true}
}

// Check answers for each number, after the latency that is set.
func (s *Simulator) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	if err := s.delay(ctx); err != nil {
		return nil, err
	}
	outcomes := make([]workers.Outcome, len(numbers))
	allowed, retryAfter := s.admit(len(numbers))
	for i, n := range numbers {
		if i >= allowed {
			outcomes[i] = workers.Outcome{Number: n, Status: scoring.RateLimited, Reason: "simulated rate limit", RetryAfter: retryAfter}
			continue
		}
		s.answer(n, &outcomes[i])
	}
	return outcomes, nil
}

func (s *Simulator) delay(ctx context.Context) error {
	d := s.cfg.Latency
	if s.cfg.Jitter > 0 {
		d += time.Duration(s.chance() * float64(s.cfg.Jitter))
	}
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// admit returns how many of n numbers may be answered in this second, and how long the rest should wait.
func (s *Simulator) admit(n int) (int, time.Duration) {
	if s.cfg.Rate == 0 {
		return n, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if second := now.Unix(); second != s.window {
		s.window, s.used = second, 0
	}
	allowed := min(n, s.cfg.Rate-s.used)
	s.used += allowed
	return allowed, time.Second - time.Duration(now.Nanosecond())
}

// chance draws a share that hangs on how much was asked before, not on the number.
func (s *Simulator) chance() float64 { return share(mix(s.salt + s.calls.Add(1))) }

func (s *Simulator) answer(n numbering.Number, o *workers.Outcome) {
	o.Number = n
	hash := mix(s.salt ^ uint64(n))
	if s.cfg.Dead > 0 && share(mix(hash)) < s.cfg.Dead || s.cfg.Errors > 0 && s.chance() < s.cfg.Errors {
		o.Status, o.Reason = scoring.Failed, "simulated failure"
		return
	}
	o.TTL = s.cfg.TTL
	person := mix(s.world ^ uint64(n))
	class := classify(n, person)
	sh := s.answers[class]
	part := int(hash % 1000)
	unused := class != fixed && int(person/1000%1000) < unusedShare
	switch {
	case !unused && part < sh.active:
		o.Status, o.Strength = scoring.Active, float64(50+hash/1000%51)/100
	case !unused && part < sh.active+sh.inactive:
		o.Status = scoring.Inactive
	case sh.neverNo() || !unused && part < sh.active+sh.inactive+sh.unknown:
		o.Status, o.Reason = scoring.Unknown, "the answer tells neither yes nor no (simulated)"
	case part >= 1000-sh.notCheckable:
		o.Status, o.Reason = scoring.NotCheckable, "no permitted method can tell (simulated)"
	default:
		o.Status = scoring.NotFound
	}
}
