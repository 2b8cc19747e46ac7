// Package quota keeps what all workers together may ask of a platform with one credential: numbers a second, calls at the
// same time, numbers a day. Workers lease parts of it from a NATS key-value bucket by compare-and-set and spend them
// locally. When NATS is away nothing is leased, and so nothing is asked: it fails closed.
//
// docs/adr/0017-quota-leases.md says why it is as it is.
package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
)

// DefaultCredential is the name of a credential that has none.
const DefaultCredential = "default"

var credentialName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Limits is what a platform allows. 0: no limit.
type Limits struct {
	Rate        float64 // numbers a second
	Concurrency int     // calls at the same time
	Daily       int64   // numbers a day (UTC)
}

// Check says what is wrong with limits.
func (l Limits) Check() error {
	switch {
	case !(l.Rate >= 0) || l.Rate > 0 && l.Rate < 0.001 || l.Rate > 1e5:
		return fmt.Errorf("the rate is %g numbers/s, want 0 (no limit) or 0.001 to 100000", l.Rate)
	case l.Concurrency < 0 || l.Concurrency > 10_000:
		return fmt.Errorf("the concurrency is %d calls, want 0 (no limit) to 10000", l.Concurrency)
	case l.Daily < 0 || l.Daily > 1e12:
		return fmt.Errorf("the daily budget is %d numbers, want 0 (no limit) to 1e12", l.Daily)
	}
	return nil
}

// CheckCredential says what is wrong with the name of a credential.
func CheckCredential(name string) error {
	if !credentialName.MatchString(name) {
		return fmt.Errorf("the name of the credential is %q, want 1 to 64 letters, digits, - and _", name)
	}
	return nil
}

// HeldError says that nothing may be asked before a time.
type HeldError struct {
	Until  time.Time
	Reason string
}

func (e *HeldError) Error() string { return e.Reason }

// Reasons of a HeldError.
const (
	ReasonRefused = "the platform wants to be left alone"
	ReasonBudget  = "the budget of the day is spent"
)

// Config is what a Quota is made of. All is required but the limits.
type Config struct {
	Store                *Store
	Platform, Credential string
	Worker               string // the id of this worker
	Limits               Limits
	MaxCall              int // numbers that a call may hold
	Logger               *slog.Logger
	Retry                func(failures int) time.Duration // how long to wait after NATS did not answer
	Tell                 func(bus.QuotaChanged)           // publishes a hint
	Held                 func(time.Time)                  // the platform is held until then
	Lapsed               func()                           // a leased number was not asked in time
}

// Quota is the share of one worker. Make it with New, run it with Run, and give back what is left with Close.
type Quota struct {
	cfg     Config
	log     *slog.Logger
	rateKey slot[bus.RateQuota]
	dayKey  slot[bus.DayQuota]
	callKey slot[bus.CallQuota]

	managed atomic.Bool  // the rate is limited, by configuration or because the platform refused once
	waiting atomic.Int64 // numbers of the calls that wait for their time
	away    atomic.Bool  // NATS did not answer last time

	rateTurn, dayTurn, callTurn chan struct{} // held by who talks to NATS about it
	hints                       chan struct{} // that the entry of the rate has changed

	mu         sync.Mutex // guards what follows; never held while waiting
	rate       rate       // as it was last seen
	lease      lease      // local time; what is left of it
	generation int        // grows when leases are void
	lead       time.Duration
	day        bus.DayQuota // as it was last seen
	block      block
	calls      callShare
}

// New makes a Quota. It does not talk to NATS yet.
func New(c Config) *Quota {
	q := &Quota{
		cfg: c, log: c.Logger,
		rateKey: slot[bus.RateQuota]{bus.RateQuotaKey(c.Platform, c.Credential), bus.DecodeQuota[bus.RateQuota]},
		dayKey:  slot[bus.DayQuota]{bus.DayQuotaKey(c.Platform, c.Credential), bus.DecodeQuota[bus.DayQuota]},
		callKey: slot[bus.CallQuota]{bus.CallQuotaKey(c.Platform, c.Credential), bus.DecodeQuota[bus.CallQuota]},

		rateTurn: make(chan struct{}, 1), dayTurn: make(chan struct{}, 1), callTurn: make(chan struct{}, 1),
		hints: make(chan struct{}, 1),
		rate:  rate{limit: c.Limits.Rate}, lead: leastLead,
	}
	q.managed.Store(c.Limits.Rate > 0)
	q.calls.changed = make(chan struct{})
	return q
}

// CallSize returns how many numbers a call may hold now.
func (q *Quota) CallSize() int {
	if !q.managed.Load() {
		return q.cfg.MaxCall
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return CallSize(q.rate.current(), q.cfg.MaxCall)
}

// Permit is the leave to make one call.
type Permit struct {
	quota *Quota
	call  bool
}

// Done ends the call.
func (p Permit) Done() {
	if p.call {
		p.quota.leaveCall()
	}
}

// Context returns a context for the call, which ends when the lease of the call is lost.
func (p Permit) Context(ctx context.Context) (context.Context, context.CancelFunc) {
	if !p.call {
		return ctx, func() {}
	}
	return p.quota.callContext(ctx)
}

// Acquire waits until a call about numbers may be made now. It returns a *HeldError when that is not before some time,
// and the cause of ctx when that has ended.
func (q *Quota) Acquire(ctx context.Context, numbers int) (Permit, error) {
	if err := q.spend(ctx, int64(numbers)); err != nil {
		return Permit{}, err
	}
	p := Permit{quota: q, call: q.cfg.Limits.Concurrency > 0}
	if p.call {
		if err := q.enterCall(ctx); err != nil {
			q.unspend(int64(numbers))
			return Permit{}, err
		}
	}
	if err := q.await(ctx, numbers); err != nil {
		p.Done()
		q.unspend(int64(numbers))
		return Permit{}, err
	}
	return p, nil
}

// Run keeps the quota until ctx ends: it learns what others know and renews leases.
func (q *Quota) Run(ctx context.Context) {
	for failures := 0; ; failures++ {
		err := q.Reload(ctx)
		if err == nil {
			break
		}
		q.trouble(err)
		if !loop.Sleep(ctx, q.cfg.Retry(failures)) {
			return
		}
	}
	q.works()
	ticker := time.NewTicker(callRenew)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.hints:
			if err := q.Reload(ctx); err != nil && ctx.Err() == nil {
				q.trouble(err)
			}
		case <-ticker.C:
			if err := errors.Join(q.renewCalls(ctx), q.refreshDay(ctx)); err != nil && ctx.Err() == nil {
				q.trouble(err)
			}
		}
	}
}

// Hint says that another worker has changed the entry of the rate.
func (q *Quota) Hint() {
	select {
	case q.hints <- struct{}{}:
	default: // one is on its way
	}
}

// Close gives back what was leased and not used.
func (q *Quota) Close(ctx context.Context) error {
	return errors.Join(q.returnBlock(ctx), q.releaseCalls(ctx))
}

// Status is what the worker tells of the quota; nil when nothing is limited.
func (q *Quota) Status() *bus.QuotaStatus {
	l := q.cfg.Limits
	if l == (Limits{}) && !q.managed.Load() {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	s := &bus.QuotaStatus{
		Credential: q.cfg.Credential, Rate: l.Rate, CurrentRate: q.rate.current(), Concurrency: l.Concurrency, Daily: l.Daily,
	}
	if l.Daily > 0 && q.day.Day == q.cfg.Store.now().UTC().Format(dayFormat) {
		s.SpentToday = max(q.day.Spent-q.block.left, 0)
	}
	return s
}

// Reason says why less is asked than might be; "" when that is not so.
func (q *Quota) Reason() string {
	if q.away.Load() {
		return "NATS does not answer: nothing may be asked"
	}
	if !q.managed.Load() {
		return ""
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.rate.Rate > 0 && (q.rate.limit == 0 || q.rate.Rate < q.rate.limit) {
		return "the platform refused: it is asked more slowly"
	}
	return ""
}

func (q *Quota) trouble(err error) {
	if !q.away.Swap(true) { // once is enough until it works again
		q.log.Warn("quota cannot be leased, nothing is asked", "error", err)
	}
}

func (q *Quota) works() {
	if q.away.Load() && q.away.Swap(false) {
		q.log.Info("quota can be leased again")
	}
}

// hold takes a turn at talking to NATS; it fails when ctx ends.
func hold(ctx context.Context, turn chan struct{}) error {
	select {
	case turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
