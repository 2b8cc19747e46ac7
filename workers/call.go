package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// caller makes single calls to one platform's adapter and holds the answers to the rules of Adapter.
type caller struct {
	adapter  Adapter
	info     Info
	timeout  time.Duration
	throttle *throttle
	log      *slog.Logger
	duration prometheus.Observer
	broken   prometheus.Counter
	stuck    atomic.Int32         // calls that did not return although their context had ended
	patience func() time.Duration // how long they have for it
}

// maxStuck is how many calls may hang before no more are made.
const maxStuck = 32

// answer is what came of a call.
type answer struct {
	outcomes []Outcome // one valid outcome for each number, in their order
	began    time.Time
	took     time.Duration
	verdict  verdict
	refused  bool          // the platform refused some of the numbers, or all
	after    time.Duration // the longest wait that it asked for
}

// call asks about numbers. Whatever went wrong is told by outcomes.
func (c *caller) call(ctx context.Context, numbers []numbering.Number) answer {
	callCtx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	a := answer{began: time.Now(), verdict: verdictWorks}
	answers, err := c.await(callCtx, slices.Clone(numbers))
	a.took = time.Since(a.began)
	c.duration.Observe(a.took.Seconds())
	if err != nil {
		a.outcomes = c.failed(callCtx, numbers, err)
		switch {
		case a.outcomes[0].Status == scoring.RateLimited:
		case ctx.Err() != nil, errors.Is(err, errPanic): // ended from here, or a fault of the adapter with these numbers
			a.verdict = verdictVoid
		default:
			a.verdict = verdictFailed
		}
	} else {
		a.outcomes = c.inOrder(numbers, answers)
		for i := range a.outcomes {
			c.verify(&a.outcomes[i])
		}
	}
	for i := range a.outcomes {
		o := &a.outcomes[i]
		a.refused = a.refused || o.Status == scoring.RateLimited
		if err != nil || o.Status == scoring.RateLimited { // what it refuses here it refuses everywhere
			a.after = max(a.after, o.RetryAfter)
		}
	}
	if a.after > 0 {
		c.throttle.hold(a.after)
	}
	return a
}

var (
	errPanic = errors.New("the adapter panicked")
	errStuck = errors.New("the adapter does not return")
)

// await calls the adapter and waits for it. A call that does not return even some time after its context has ended is
// left to itself, so that the chunk and the lane go on.
func (c *caller) await(ctx context.Context, numbers []numbering.Number) ([]Outcome, error) {
	if c.stuck.Load() >= maxStuck {
		return nil, errStuck
	}
	type returned struct {
		answers []Outcome
		err     error
	}
	done := make(chan returned, 1)
	go func() {
		answers, err := c.check(ctx, numbers)
		done <- returned{answers, err}
	}()
	select {
	case r := <-done:
		return r.answers, r.err
	case <-ctx.Done():
	}
	timer := time.NewTimer(c.patience())
	defer timer.Stop()
	select {
	case r := <-done:
		return r.answers, r.err
	case <-timer.C:
	}
	c.stuck.Add(1)
	go func() {
		<-done
		c.stuck.Add(-1)
	}()
	c.log.Error("adapter does not return although its time is over: it is left to itself", "stuck", c.stuck.Load())
	return nil, errStuck
}

// check calls the adapter and survives its panics. The value of a panic may hold a phone number, and so may the
// arguments in a stack trace: only its type and the functions are logged.
func (c *caller) check(ctx context.Context, numbers []numbering.Number) (answers []Outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("adapter panicked", "type", fmt.Sprintf("%T", p), "stack", functions())
			answers, err = nil, errPanic
		}
	}()
	return c.adapter.Check(ctx, numbers)
}

func functions() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var out strings.Builder
	for {
		frame, more := frames.Next()
		fmt.Fprintf(&out, "%s:%d ", frame.Function, frame.Line)
		if !more {
			return strings.TrimSpace(out.String())
		}
	}
}

// failed turns the error of a whole call into outcomes.
func (c *caller) failed(ctx context.Context, numbers []numbering.Number, err error) []Outcome {
	o := Outcome{Status: scoring.Failed, Reason: "the adapter failed"}
	callErr, typed := errors.AsType[*CallError](err)
	switch {
	case errors.Is(err, errPanic):
		o.Reason = errPanic.Error()
		c.broken.Inc()
	case errors.Is(err, errStuck):
		o.Reason = "no answer in time: " + errStuck.Error()
		c.broken.Inc()
	case typed:
		o.Reason, o.Permanent, o.RetryAfter = cleanReason(callErr.Reason), callErr.Permanent, callErr.RetryAfter
		if callErr.RateLimited {
			o.Status = scoring.RateLimited
		}
	case ctx.Err() != nil:
		o.Reason = "no answer in time"
	}
	c.log.Warn("call failed", "reason", o.Reason, "error", cleanReason(err.Error()), "permanent", o.Permanent,
		"retry_after", o.RetryAfter, "numbers", len(numbers))
	o.Method = c.info.Method
	outcomes := make([]Outcome, len(numbers))
	for i, n := range numbers {
		outcomes[i] = o
		outcomes[i].Number = n
	}
	return outcomes
}

// inOrder brings answers into the order of numbers. What is missing or told twice becomes ERROR; what was not asked is
// dropped.
func (c *caller) inOrder(numbers []numbering.Number, answers []Outcome) []Outcome {
	if slices.EqualFunc(numbers, answers, func(n numbering.Number, o Outcome) bool { return n == o.Number }) {
		return answers
	}
	at := make(map[numbering.Number]int, len(numbers))
	outcomes := make([]Outcome, len(numbers))
	for i, n := range numbers {
		at[n] = i
	}
	answered := make([]int, len(numbers))
	foreign := 0
	for _, a := range answers {
		i, asked := at[a.Number]
		if !asked {
			foreign++
			continue
		}
		answered[i]++
		outcomes[i] = a
	}
	missing, twice := 0, 0
	for i, n := range numbers {
		switch {
		case answered[i] == 0:
			missing++
			outcomes[i] = Outcome{Number: n, Status: scoring.Failed, Reason: "missing in the adapter's answer"}
		case answered[i] > 1:
			twice++
			outcomes[i] = Outcome{Number: n, Status: scoring.Failed, Reason: "answered more than once by the adapter"}
		}
	}
	if missing+twice+foreign > 0 {
		c.broken.Add(float64(missing + twice))
		c.log.Warn("answer does not fit what was asked", "asked", len(numbers), "missing", missing, "twice", twice, "foreign", foreign)
	}
	return outcomes
}

// maxTTL is longer than any evidence can hold, and short enough to add to any date.
const maxTTL = 10 * 365 * 24 * time.Hour

// verify holds one outcome to the rules; one that breaks them becomes ERROR.
func (c *caller) verify(o *Outcome) {
	if o.Method == "" {
		o.Method = c.info.Method
	}
	broken := ""
	switch {
	case !o.Status.Valid():
		broken = "the adapter answered with a status that does not exist"
	case o.Status == scoring.Active && !(o.Strength >= 0 && o.Strength <= 1):
		broken = "the adapter answered with a strength outside of 0 to 1"
	case o.TTL < 0:
		broken = "the adapter answered with evidence that ran out before it was given"
	case !validMethod(o.Method):
		broken = "the adapter answered with a method that is not 1 to 64 printable bytes"
	case o.Method != c.info.Method && holdsTail(o.Method, tailOf(o.Number)):
		broken = "the adapter answered with a method that holds the number"
	}
	if broken != "" {
		c.broken.Inc()
		*o = Outcome{Number: o.Number, Status: scoring.Failed, Method: c.info.Method, Reason: broken}
		return
	}
	if o.Status != scoring.Active {
		o.Strength = 0
	}
	o.TTL = min(o.TTL, maxTTL)
	if o.Reason != "" {
		o.Reason = cleanReason(o.Reason)
	}
	if len(o.Details) > 0 {
		details, err := cleanDetails(o.Details, o.Number)
		if err != nil {
			c.broken.Inc()
			c.log.Warn("details dropped", "error", err)
		}
		o.Details = details
	}
}
