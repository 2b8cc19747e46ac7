package workers

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/quota"
)

// asker gets an answer for every number of a chunk: in batches, politely, and again for what failed. All chunks of a
// lane share it.
type asker struct {
	caller   *caller
	throttle *throttle
	breaker  *breaker
	gate     *gate
	latency  *latency
	quota    *quota.Quota // nil: this lane knows no others
	done     *meter       // numbers that got their final answer
	passed   *meter       // numbers that the platform did not refuse
	largest  int          // numbers in one call
	retry    Backoff
	maxWait  time.Duration
	now      func() time.Time
	retries  prometheus.Counter
	refused  prometheus.Counter
}

// maxRetries bounds what a chunk may ask for.
const maxRetries = 10

// work is one chunk that is being asked about.
type work struct {
	job      string
	checks   []bus.CheckResult // one for each number, in the order of the chunk
	patience time.Duration     // how long it may still wait because the platform is not to be asked
}

// ask returns a check for every number of the chunk, in its order. It fails only when ctx has ended, with its cause.
func (a *asker) ask(ctx context.Context, chunk bus.Chunk) ([]bus.CheckResult, error) {
	w := &work{job: chunk.JobID, checks: make([]bus.CheckResult, len(chunk.Numbers)), patience: a.maxWait}
	open := make([]int, len(chunk.Numbers)) // places of the numbers that have no final answer yet
	for i, n := range chunk.Numbers {
		open[i] = i
		w.checks[i] = bus.CheckResult{Number: n}
	}
	retries := min(max(chunk.RetryAttempts, 0), maxRetries)
	for attempt := 0; ; attempt++ {
		again, notBefore, err := a.round(ctx, w, open)
		if err != nil {
			return nil, err
		}
		after := max(time.Until(notBefore), 0)
		if len(again) == 0 || attempt >= retries || after > w.patience {
			a.done.add(len(again))
			return w.checks, nil
		}
		w.patience -= after
		if !loop.Sleep(ctx, max(after, a.retry.after(attempt))) {
			return nil, context.Cause(ctx)
		}
		a.retries.Add(float64(len(again)))
		open = again
	}
}

// size is how many numbers a call may hold now.
func (a *asker) size() int {
	if a.quota == nil {
		return a.largest
	}
	return a.quota.CallSize()
}

// round asks once about the open checks. It returns which of them are worth asking again, and not before when.
func (a *asker) round(ctx context.Context, w *work, open []int) (again []int, notBefore time.Time, err error) {
	for len(open) > 0 {
		answer, err := a.call(ctx, w, open)
		if refusal, ok := errors.AsType[*notAskedError](err); ok {
			a.leave(w, open, refusal)
			break
		}
		if err != nil {
			return nil, notBefore, err
		}
		now, before := a.now().UTC(), len(again)
		for j, o := range answer.outcomes {
			i := open[j]
			write(&w.checks[i], o, answer.took, now)
			if o.Status.Answered() || o.Permanent {
				continue
			}
			again = append(again, i)
			if t := time.Now().Add(o.RetryAfter); t.After(notBefore) {
				notBefore = t
			}
		}
		a.done.add(len(answer.outcomes) - (len(again) - before))
		open = open[len(answer.outcomes):]
	}
	return again, notBefore, nil
}

// notAskedError says that numbers were not asked because that would have to wait for longer than a chunk may.
type notAskedError struct {
	status scoring.Status
	reason string
}

func (e *notAskedError) Error() string { return e.reason }

// askInNoOrder asks about the numbers of a chunk in an order of chance: the time of a check must not tell how its number
// compares with others. The checks come in the order of the chunk, ascending.
func (a *asker) askInNoOrder(ctx context.Context, chunk bus.Chunk) ([]bus.CheckResult, error) {
	chunk.Numbers = slices.Clone(chunk.Numbers)
	n := chunk.Numbers
	rand.Shuffle(len(n), func(i, j int) { n[i], n[j] = n[j], n[i] }) //nolint:gosec // ChaCha8, seeded by the system; an order, no secret
	checks, err := a.ask(ctx, chunk)
	slices.SortFunc(checks, func(x, y bus.CheckResult) int { return cmp.Compare(x.Number, y.Number) })
	return checks, err
}

// call makes one call about the first of the open checks as soon as it may: about as many as a call may hold by then, which
// it makes ascending. It fails with notAskedError, and with the cause of ctx when that has ended.
func (a *asker) call(ctx context.Context, w *work, open []int) (answer, error) {
	for {
		if err := a.awaitOpen(ctx, w); err != nil {
			return answer{}, err
		}
		if err := a.gate.enter(ctx, w.job); err != nil {
			return answer{}, err
		}
		numbers := make([]numbering.Number, 0, min(a.size(), len(open)))
		slices.SortFunc(open[:cap(numbers)], func(i, j int) int { return cmp.Compare(w.checks[i].Number, w.checks[j].Number) })
		for _, i := range open[:cap(numbers)] {
			numbers = append(numbers, numbering.Number(w.checks[i].Number))
		}
		got, asked, err := a.tryCall(ctx, numbers)
		a.gate.leave()
		if err != nil || asked {
			return got, err
		}
	}
}

// awaitOpen waits until neither the platform nor the breaker forbids to ask.
func (a *asker) awaitOpen(ctx context.Context, w *work) error {
	for {
		wait, reason := a.throttle.held(), notAskedError{scoring.RateLimited, ""}
		woken := (<-chan struct{})(nil)
		if wait <= 0 {
			if wait, woken = a.breaker.blocked(); wait <= 0 {
				return nil
			}
			wait = min(wait, max(w.patience, time.Millisecond)) // it may close before
			reason.status = scoring.Failed
		}
		if wait > w.patience || w.patience <= 0 {
			return a.giveUp(reason)
		}
		began := time.Now()
		if !sleepUntilRung(ctx, wait, woken) {
			return context.Cause(ctx)
		}
		w.patience -= time.Since(began)
	}
}

// giveUp says why numbers are not asked.
func (a *asker) giveUp(e notAskedError) error {
	if e.status == scoring.Failed {
		_, _, why := a.breaker.status()
		e.reason = "not asked: the platform does not work (" + why + ")"
		return &e
	}
	_, why := a.throttle.status()
	if why == "" {
		why = reasonHeld
	}
	e.reason = "not asked: " + why + " for longer than a chunk may wait"
	return &e
}

// tryCall makes the call in a turn. It returns false when it turned out that nothing may be asked now.
func (a *asker) tryCall(ctx context.Context, numbers []numbering.Number) (answer, bool, error) {
	if a.throttle.held() > 0 {
		return answer{}, false, nil
	}
	epoch, ok := a.breaker.enter()
	if !ok {
		return answer{}, false, nil
	}
	callCtx, done, err := a.permit(ctx, len(numbers))
	if held, ok := errors.AsType[*quota.HeldError](err); ok {
		a.breaker.leave(epoch, verdictVoid)
		a.throttle.holdUntil(held.Until, held.Reason)
		return answer{}, false, nil
	}
	if err != nil {
		a.breaker.leave(epoch, verdictVoid)
		return answer{}, false, err
	}
	got := a.caller.call(callCtx, numbers)
	done()
	a.breaker.leave(epoch, got.verdict)
	if ctx.Err() != nil { // the call failed because of us
		return answer{}, false, context.Cause(ctx)
	}
	a.learn(ctx, got)
	return got, true, nil
}

// permit waits for the quota. It returns the context of the call and what to call after it.
func (a *asker) permit(ctx context.Context, numbers int) (context.Context, func(), error) {
	if a.quota == nil {
		return ctx, func() {}, nil
	}
	permit, err := a.quota.Acquire(ctx, numbers)
	if err != nil {
		return nil, nil, err
	}
	callCtx, cancel := permit.Context(ctx)
	return callCtx, func() {
		cancel()
		permit.Done()
	}, nil
}

// learn takes note of how a call went, here and for all workers.
func (a *asker) learn(ctx context.Context, got answer) {
	if got.verdict != verdictVoid && !got.refused {
		a.gate.setLimit(a.latency.observe(len(got.outcomes), got.took))
	}
	measured := float64(a.passed.lastSecond())
	passed := 0
	for i := range got.outcomes {
		if got.verdict == verdictWorks && got.outcomes[i].Status != scoring.RateLimited {
			passed++
		}
	}
	a.passed.add(passed)
	if got.refused {
		a.refused.Inc()
	}
	switch {
	case a.quota == nil:
	case got.refused:
		a.quota.Refused(ctx, got.began, measured, got.after)
	case got.after > 0:
		a.quota.Hold(ctx, got.after)
	}
}

// leave ends checks that cannot be made. A check that was made before keeps what it got.
func (a *asker) leave(w *work, batch []int, why *notAskedError) {
	now := a.now().UTC()
	for _, i := range batch {
		if c := &w.checks[i]; c.Status == "" {
			c.Status, c.Method, c.Reason, c.CheckedAt = string(why.status), a.caller.info.Method, cut(why.reason), now
		}
	}
	a.done.add(len(batch))
}

func write(check *bus.CheckResult, o Outcome, took time.Duration, now time.Time) {
	check.Status, check.Strength, check.Method, check.Reason = string(o.Status), o.Strength, o.Method, o.Reason
	check.Attempts++
	check.LatencyMS = int(took.Milliseconds())
	check.CheckedAt = now
	check.TTLSec = int64((o.TTL + time.Second - 1) / time.Second) // rounded down, a short life would read as for ever
	check.Details = o.Details
}
