package workers

import (
	"context"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// asker gets an answer for every number of a chunk: in batches, politely, and again for what failed.
type asker struct {
	caller   *caller
	throttle *throttle
	batch    int // numbers in one call
	retry    Backoff
	maxWait  time.Duration
	now      func() time.Time
	retries  prometheus.Counter
}

// maxRetries bounds what a chunk may ask for.
const maxRetries = 10

// ask returns a check for every number of the chunk, in its order. It fails only when ctx has ended, with its cause.
func (a *asker) ask(ctx context.Context, chunk bus.Chunk) ([]bus.CheckResult, error) {
	checks := make([]bus.CheckResult, len(chunk.Numbers))
	open := make([]int, len(chunk.Numbers)) // places of the numbers that have no final answer yet
	for i, n := range chunk.Numbers {
		open[i] = i
		checks[i] = bus.CheckResult{Number: n}
	}
	retries := min(max(chunk.RetryAttempts, 0), maxRetries)
	for attempt := 0; ; attempt++ {
		again, after, err := a.round(ctx, checks, open)
		if err != nil {
			return nil, err
		}
		if len(again) == 0 || attempt >= retries || after > a.maxWait {
			return checks, nil
		}
		if !sleep(ctx, max(after, a.retry.after(attempt))) {
			return nil, context.Cause(ctx)
		}
		a.retries.Add(float64(len(again)))
		open = again
	}
}

// round asks once about the open checks. It returns which of them are worth asking again, and not before when.
func (a *asker) round(ctx context.Context, checks []bus.CheckResult, open []int) (again []int, after time.Duration, err error) {
	numbers := make([]numbering.Number, 0, min(a.batch, len(open)))
	for batch := range slices.Chunk(open, a.batch) {
		if !a.throttle.wait(ctx, len(batch), a.maxWait) {
			if ctx.Err() != nil {
				return nil, 0, context.Cause(ctx)
			}
			a.leave(checks, batch)
			continue
		}
		numbers = numbers[:0]
		for _, i := range batch {
			numbers = append(numbers, numbering.Number(checks[i].Number))
		}
		outcomes, took := a.caller.call(ctx, numbers)
		if ctx.Err() != nil { // the call failed because of us
			return nil, 0, context.Cause(ctx)
		}
		now := a.now().UTC()
		for j, o := range outcomes {
			i := batch[j]
			write(&checks[i], o, took, now)
			if o.Status.Answered() || o.Permanent {
				continue
			}
			again = append(again, i)
			after = max(after, o.RetryAfter)
			if o.Status == scoring.RateLimited && o.RetryAfter > 0 { // what it refuses here it refuses everywhere
				a.throttle.hold(o.RetryAfter)
			}
		}
	}
	return again, after, nil
}

// leave ends checks that cannot be made because the platform wants to be left alone for too long. A check that was
// made before keeps what it got.
func (a *asker) leave(checks []bus.CheckResult, batch []int) {
	now := a.now().UTC()
	for _, i := range batch {
		if checks[i].Status == "" {
			checks[i].Status, checks[i].Method = string(scoring.RateLimited), a.caller.info.Method
			checks[i].Reason = "not asked: the platform wants to be left alone for longer than a chunk may wait"
			checks[i].CheckedAt = now
		}
	}
}

func write(check *bus.CheckResult, o Outcome, took time.Duration, now time.Time) {
	check.Status, check.Strength, check.Method, check.Reason = string(o.Status), o.Strength, o.Method, o.Reason
	check.Attempts++
	check.LatencyMS = int(took.Milliseconds())
	check.CheckedAt = now
	check.TTLSec = int64((o.TTL + time.Second - 1) / time.Second) // rounded down, a short life would read as for ever
	check.Details = o.Details
}
