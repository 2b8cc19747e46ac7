package workers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// TestBadAdapters: whatever an adapter does, each number of the chunk gets a check, and the worker lives on.
func TestBadAdapters(t *testing.T) {
	change := func(f func([]workers.Outcome) []workers.Outcome) func(context.Context, []numbering.Number) ([]workers.Outcome, error) {
		return func(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
			outcomes, err := allActive(ctx, numbers)
			return f(outcomes), err
		}
	}
	first := func(f func(*workers.Outcome)) func(context.Context, []numbering.Number) ([]workers.Outcome, error) {
		return change(func(o []workers.Outcome) []workers.Outcome { f(&o[0]); return o })
	}
	zero := 0.0
	tests := []struct {
		name   string
		check  func(context.Context, []numbering.Number) ([]workers.Outcome, error)
		want   string
		reason string // of the first check
	}{
		{"panics", func(_ context.Context, n []numbering.Number) ([]workers.Outcome, error) {
			panic(fmt.Sprintf("cannot check %d", n[0]))
		}, "ERROR ERROR ERROR", "the adapter panicked"},
		{"fails", func(_ context.Context, n []numbering.Number) ([]workers.Outcome, error) {
			return nil, fmt.Errorf("at %d: %w", n[0], errBoom)
		}, "ERROR ERROR ERROR", "the adapter failed"},
		{"fails for good", func(context.Context, []numbering.Number) ([]workers.Outcome, error) {
			return nil, &workers.CallError{Reason: "the token is wrong", Permanent: true, Err: errBoom}
		}, "ERROR ERROR ERROR", "the token is wrong"},
		{"refuses", func(context.Context, []numbering.Number) ([]workers.Outcome, error) {
			return nil, fmt.Errorf("wrapped: %w", &workers.CallError{Reason: "slow down", RateLimited: true})
		}, "RATE_LIMITED RATE_LIMITED RATE_LIMITED", "slow down"},
		{"hangs", func(ctx context.Context, _ []numbering.Number) ([]workers.Outcome, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "ERROR ERROR ERROR", "no answer in time"},
		{"answers nothing", change(func([]workers.Outcome) []workers.Outcome { return nil }), "ERROR ERROR ERROR", "missing in the adapter's answer"},
		{"leaves one out", change(func(o []workers.Outcome) []workers.Outcome { return o[1:] }), "ERROR ACTIVE ACTIVE", "missing in the adapter's answer"},
		{"answers one twice", change(func(o []workers.Outcome) []workers.Outcome { return append(o, o[0]) }), "ERROR ACTIVE ACTIVE", "answered more than once by the adapter"},
		{"answers a foreign number", first(func(o *workers.Outcome) { o.Number = 12025550100 }), "ERROR ACTIVE ACTIVE", "missing in the adapter's answer"},
		{"adds a foreign number", change(func(o []workers.Outcome) []workers.Outcome {
			return append(o, workers.Outcome{Number: 12025550100, Status: scoring.Active})
		}), "ACTIVE ACTIVE ACTIVE", ""},
		{"changes the order", change(func(o []workers.Outcome) []workers.Outcome { return []workers.Outcome{o[2], o[0], o[1]} }), "ACTIVE ACTIVE ACTIVE", ""},
		{"invents a status", first(func(o *workers.Outcome) { o.Status = "MAYBE" }), "ERROR ACTIVE ACTIVE", "the adapter answered with a status that does not exist"},
		{"has no status", first(func(o *workers.Outcome) { o.Status = "" }), "ERROR ACTIVE ACTIVE", "the adapter answered with a status that does not exist"},
		{"is too sure", first(func(o *workers.Outcome) { o.Strength = 1.01 }), "ERROR ACTIVE ACTIVE", "the adapter answered with a strength outside of 0 to 1"},
		{"is below zero", first(func(o *workers.Outcome) { o.Strength = -0.1 }), "ERROR ACTIVE ACTIVE", "the adapter answered with a strength outside of 0 to 1"},
		{"is not a number", first(func(o *workers.Outcome) { o.Strength = zero / zero }), "ERROR ACTIVE ACTIVE", "the adapter answered with a strength outside of 0 to 1"},
		{"answers stale", first(func(o *workers.Outcome) { o.TTL = -time.Second }), "ERROR ACTIVE ACTIVE", "the adapter answered with evidence that ran out before it was given"},
		{"has the number in its method", first(func(o *workers.Outcome) { o.Method = "lookup:" + o.Number.String() }), "ERROR ACTIVE ACTIVE", "the adapter answered with a method that holds the number"},
		{"has a long method", first(func(o *workers.Outcome) { o.Method = strings.Repeat("m", 65) }), "ERROR ACTIVE ACTIVE", "the adapter answered with a method that is not 1 to 64 printable bytes"},
		{"gives bad details", first(func(o *workers.Outcome) { o.Details = []byte(`["no object"]`) }), "ACTIVE ACTIVE ACTIVE", ""},
		{"tells a number", first(func(o *workers.Outcome) { o.Status, o.Reason = scoring.Unknown, "asked +57 300 100-0000 today" }), "UNKNOWN ACTIVE ACTIVE", "asked [number] today"},
		{"overwrites what it got", func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
			outcomes, err := allActive(ctx, n)
			clear(n)
			return outcomes, err
		}, "ACTIVE ACTIVE ACTIVE", ""},
	}
	r := newRig(t, bus.Options{})
	for i, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info := workers.Info{Credential: fmt.Sprint("account-", i)} // what one of them learns is not for the next
			cfg := workers.Config{Adapters: only(fake{check: tt.check, info: info})}
			if tt.name == "hangs" {
				cfg.CallTimeout = 20 * time.Millisecond
			}
			run := r.startPool(cfg)
			sent := chunk("job-1", i, 3, 1)
			r.send(sent)
			got, _ := r.result()
			checkWhole(t, sent, got)
			if statuses(got) != tt.want || got.Checks[0].Reason != tt.reason {
				t.Errorf("%s (%s), want %s (%s)", statuses(got), got.Checks[0].Reason, tt.want, tt.reason)
			}
			r.settled()
			run.drain()
			checkLog(t, run.log.String(), "chunk done")
		})
	}
}
