package simulator_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newSimulator(t testing.TB, p scoring.Platform, cfg simulator.Config) *simulator.Simulator {
	t.Helper()
	s, err := simulator.New(p, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// numbersFrom returns n numbers in a row.
func numbersFrom(first numbering.Number, n int) []numbering.Number {
	numbers := make([]numbering.Number, n)
	for i := range numbers {
		numbers[i] = first + numbering.Number(i)
	}
	return numbers
}

func check(t testing.TB, s *simulator.Simulator, numbers []numbering.Number) []workers.Outcome {
	t.Helper()
	outcomes, err := s.Check(context.Background(), numbers)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != len(numbers) {
		t.Fatalf("%d outcomes for %d numbers", len(outcomes), len(numbers))
	}
	return outcomes
}

// TestSameAnswers: an answer hangs on number, platform and seed, not on the run, the batch or what was asked before.
func TestSameAnswers(t *testing.T) {
	numbers := numbersFrom(573001230000, 500)
	for _, p := range scoring.Platforms() {
		cfg := simulator.Config{Seed: 7, Dead: 0.05, TTL: time.Hour}
		whole := check(t, newSimulator(t, p, cfg), numbers)
		other := newSimulator(t, p, cfg)
		check(t, other, numbers[:100])
		for i, n := range numbers {
			one := check(t, other, []numbering.Number{n})
			if diff := cmp.Diff(whole[i], one[0]); diff != "" {
				t.Fatalf("%s, entry %d: another answer (-first +second):\n%s", p, i, diff)
			}
		}
		cfg.Seed = 8
		if cmp.Equal(whole, check(t, newSimulator(t, p, cfg), numbers)) {
			t.Errorf("%s: another seed gave the same answers", p)
		}
	}
}

// TestPinnedAnswers pins a few answers: evidence in a demonstration must not change with the version of this program.
func TestPinnedAnswers(t *testing.T) {
	tests := []struct {
		number numbering.Number
		want   string
	}{
		{573001234567, "ACTIVE ACTIVE ACTIVE ACTIVE NOT_FOUND"},
		{576011234567, "NOT_FOUND NOT_FOUND NOT_FOUND UNKNOWN NOT_CHECKABLE"},
		{525512345678, "ACTIVE INACTIVE NOT_FOUND UNKNOWN NOT_FOUND"},
		{12025550100, "NOT_FOUND NOT_FOUND NOT_FOUND UNKNOWN NOT_CHECKABLE"},
	}
	for _, tt := range tests {
		var got []string
		for _, p := range scoring.Platforms() {
			got = append(got, string(check(t, newSimulator(t, p, simulator.Default()), []numbering.Number{tt.number})[0].Status))
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("...%d: %s, want %s", tt.number%1000, got, tt.want)
		}
	}
}

func statusShares(t testing.TB, p scoring.Platform, first numbering.Number) map[scoring.Status]float64 {
	const n = 20_000
	got := map[scoring.Status]float64{}
	for _, o := range check(t, newSimulator(t, p, simulator.Default()), numbersFrom(first, n)) {
		got[o.Status] += 1.0 / n
	}
	return got
}

// TestPlausible: mobiles are where people of their country are, fixed lines rarely anywhere.
func TestPlausible(t *testing.T) {
	const mobileCO, fixedCO, mobileMX, mobileUS, tollFreeUS = 573001000000, 576012000000, 525512000000, 12025000000, 18005000000
	tests := []struct {
		name     string
		platform scoring.Platform
		first    numbering.Number
		status   scoring.Status
		low, up  float64
	}{
		{"CO mobile on WhatsApp", scoring.WhatsApp, mobileCO, scoring.Active, 0.78, 0.88},
		{"CO mobile not on WhatsApp", scoring.WhatsApp, mobileCO, scoring.NotFound, 0.10, 0.20},
		{"CO fixed on WhatsApp", scoring.WhatsApp, fixedCO, scoring.Active, 0.02, 0.07},
		{"MX on WhatsApp", scoring.WhatsApp, mobileMX, scoring.Active, 0.58, 0.75},
		{"US on WhatsApp", scoring.WhatsApp, mobileUS, scoring.Active, 0.18, 0.30},
		{"US toll free on WhatsApp", scoring.WhatsApp, tollFreeUS, scoring.Active, 0.02, 0.07},
		{"CO mobile on Apple", scoring.Apple, mobileCO, scoring.Active, 0.08, 0.17},
		{"CO fixed on Apple", scoring.Apple, fixedCO, scoring.NotCheckable, 0.85, 0.95},
		{"Google never says no", scoring.Google, mobileCO, scoring.NotFound, 0, 0},
		{"Google tells nothing of fixed lines", scoring.Google, fixedCO, scoring.Unknown, 1, 1},
		{"CO mobile on Facebook", scoring.Facebook, mobileCO, scoring.Inactive, 0.08, 0.18},
		{"no faults unless told", scoring.Instagram, mobileCO, scoring.Failed, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := statusShares(t, tt.platform, tt.first)[tt.status]
			if got < tt.low-1e-9 || got > tt.up+1e-9 {
				t.Errorf("%.3f are %s, want %.2f to %.2f", got, tt.status, tt.low, tt.up)
			}
		})
	}
}

// TestValidOutcomes holds every outcome to the rules of Adapter, for any number and setting.
func TestValidOutcomes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(scoring.Platforms()).Draw(t, "platform")
		s, err := simulator.New(p, simulator.Config{
			Seed: rapid.Uint64().Draw(t, "seed"), Errors: rapid.Float64Range(0, 1).Draw(t, "errors"),
			Dead: rapid.Float64Range(0, 1).Draw(t, "dead"), Rate: rapid.IntRange(0, 5).Draw(t, "rate"), TTL: time.Hour,
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := numbering.Number(rapid.Int64Range(1_000_000, 999_999_999_999_999).Draw(t, "number"))
		outcomes, err := s.Check(context.Background(), []numbering.Number{n})
		if err != nil || len(outcomes) != 1 {
			t.Fatalf("%d outcomes, error %v", len(outcomes), err)
		}
		o := outcomes[0]
		if o.Number != n || !o.Status.Valid() {
			t.Fatalf("status %q", o.Status)
		}
		if active := o.Status == scoring.Active; active != (o.Strength > 0) || o.Strength > 1 {
			t.Fatalf("%s has a strength of %g", o.Status, o.Strength)
		}
		if noted := o.Status == scoring.Failed || o.Status == scoring.RateLimited || o.Status == scoring.Unknown || o.Status == scoring.NotCheckable; noted != (o.Reason != "") {
			t.Fatalf("%s has the reason %q", o.Status, o.Reason)
		}
		if o.Status.Answered() != (o.TTL == time.Hour) {
			t.Fatalf("%s holds for %s", o.Status, o.TTL)
		}
	})
}

// TestFaults: errors pass, dead numbers stay dead.
func TestFaults(t *testing.T) {
	numbers := numbersFrom(573001000000, 4000)
	failed := func(s *simulator.Simulator) map[numbering.Number]bool {
		got := map[numbering.Number]bool{}
		for _, o := range check(t, s, numbers) {
			if o.Status == scoring.Failed {
				got[o.Number] = true
			}
		}
		return got
	}
	passing := newSimulator(t, scoring.WhatsApp, simulator.Config{Errors: 0.25})
	first, second := failed(passing), failed(passing)
	if len(first) < 900 || len(first) > 1100 {
		t.Errorf("%d of 4000 failed, want about 1000", len(first))
	}
	if cmp.Equal(first, second) {
		t.Error("the same numbers failed again")
	}
	dead := newSimulator(t, scoring.WhatsApp, simulator.Config{Dead: 0.25})
	first, second = failed(dead), failed(dead)
	if len(first) < 900 || len(first) > 1100 {
		t.Errorf("%d of 4000 are dead, want about 1000", len(first))
	}
	if !cmp.Equal(first, second) {
		t.Error("other numbers were dead the second time")
	}
}

func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, scoring.WhatsApp, simulator.Config{Rate: 50})
		time.Sleep(250 * time.Millisecond) // a quarter into a second of the clock
		answered := func(n int) (int, time.Duration) {
			count, after := 0, time.Duration(0)
			for _, o := range check(t, s, numbersFrom(573001000000, n)) {
				if o.Status == scoring.RateLimited {
					after = o.RetryAfter
				} else {
					count++
				}
			}
			return count, after
		}
		if got, _ := answered(30); got != 30 {
			t.Errorf("%d of the first 30 answered", got)
		}
		if got, after := answered(30); got != 20 || after != 750*time.Millisecond {
			t.Errorf("%d of the next 30 answered and the rest told to wait %s, want 20 and 750ms", got, after)
		}
		time.Sleep(750 * time.Millisecond)
		if got, _ := answered(60); got != 50 {
			t.Errorf("%d of 60 answered in the next second, want 50", got)
		}
	})
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSimulator(t, scoring.Google, simulator.Config{Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond})
		varied := map[time.Duration]bool{}
		for range 50 {
			start := time.Now()
			check(t, s, numbersFrom(573001000000, 10))
			took := time.Since(start)
			if took < 20*time.Millisecond || took > 30*time.Millisecond {
				t.Errorf("a call took %s, want 20ms to 30ms", took)
			}
			varied[took] = true
		}
		if len(varied) < 10 {
			t.Errorf("only %d different latencies in 50 calls", len(varied))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		if _, err := s.Check(ctx, numbersFrom(573001000000, 1)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the end of the context", err)
		}
	})
}

func TestInfo(t *testing.T) {
	info := newSimulator(t, scoring.Apple, simulator.Config{}).Info()
	if !info.Simulated || info.Method != "simulator" {
		t.Errorf("simulated %t, method %q", info.Simulated, info.Method)
	}
	if _, err := simulator.New("TELEGRAPH", simulator.Config{}, nil); err == nil {
		t.Error("an unknown platform was taken")
	}
}

func TestParseConfig(t *testing.T) {
	got, err := simulator.ParseConfig(" latency=20ms, jitter=10ms,errors=0.01,dead=0.001,rate=500,seed=3,ttl=1h ")
	if err != nil {
		t.Fatal(err)
	}
	want := simulator.Config{Seed: 3, Latency: 20 * time.Millisecond, Jitter: 10 * time.Millisecond, Errors: 0.01, Dead: 0.001, Rate: 500, TTL: time.Hour}
	if got != want {
		t.Errorf("got %+v", got)
	}
	if got, err := simulator.ParseConfig(""); err != nil || got != simulator.Default() {
		t.Errorf("the empty text: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"latency": "name=value", "latency=20": "duration", "latency=-1s": "0 to", "latency=2h": "0 to", "jitter=-1ns": "0 to",
		"errors=2": "0 to 1", "errors=NaN": "0 to 1", "dead=-0.1": "0 to 1", "rate=-1": "0 or more", "rate=1.5": "whole number",
		"seed=-1": "whole number", "ttl=-1h": "0 or more", "speed=1": "not a setting", "seed=1,seed=2": "twice",
	} {
		if _, err := simulator.ParseConfig(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add("latency=20ms,jitter=10ms,errors=0.01,dead=0.001,rate=500,seed=1,ttl=720h")
	f.Add("errors=1e-320,,seed=18446744073709551615")
	f.Fuzz(func(t *testing.T, text string) {
		cfg, err := simulator.ParseConfig(text)
		if err != nil {
			return
		}
		back, err := simulator.ParseConfig(cfg.String())
		if err != nil || back != cfg {
			t.Errorf("%q was read as %s, and that as %s (%v)", text, cfg, back, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	s := newSimulator(b, scoring.WhatsApp, simulator.Default())
	numbers := numbersFrom(573001000000, 500)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Check(b.Context(), numbers); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(numbers))/b.Elapsed().Seconds(), "checks/s")
}
