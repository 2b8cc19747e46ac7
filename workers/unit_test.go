package workers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/quota"
)

// scripted is an adapter that plays a function and notes when it was asked about how much.
type scripted struct {
	info  Info
	check func(call int, numbers []numbering.Number) ([]Outcome, error)
	start time.Time // of the first call
	calls []callNote
}

type callNote struct {
	at      time.Duration // since the first call
	numbers int
}

func (s *scripted) Info() Info { return s.info }

func (s *scripted) Check(_ context.Context, numbers []numbering.Number) ([]Outcome, error) {
	if s.calls == nil {
		s.start = time.Now()
	}
	s.calls = append(s.calls, callNote{time.Since(s.start), len(numbers)})
	return s.check(len(s.calls), numbers)
}

func all(numbers []numbering.Number, o Outcome) []Outcome {
	outcomes := make([]Outcome, len(numbers))
	for i, n := range numbers {
		outcomes[i] = o
		outcomes[i].Number = n
	}
	return outcomes
}

func newAsker(t *testing.T, a Adapter) *asker {
	t.Helper()
	m, err := newMetrics(nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Retry: Backoff{First: time.Second, Longest: 8 * time.Second}, MaxWait: time.Minute, CallTimeout: time.Minute, Now: time.Now}
	p := &Pool{cfg: cfg, log: slog.New(slog.DiscardHandler), metrics: m}
	return newLane(p, scoring.WhatsApp, a).asker
}

func chunkOf(n, retries int) bus.Chunk {
	c := bus.Chunk{Version: 1, JobID: "job", Platform: "WHATSAPP", RetryAttempts: retries}
	for i := range n {
		c.Numbers = append(c.Numbers, 12025550100+int64(i))
	}
	return c
}

func mustAsk(t *testing.T, a *asker, c bus.Chunk) []bus.CheckResult {
	t.Helper()
	checks, err := a.ask(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return checks
}

// TestWaitsGrow: the waits between retries double, with jitter, up to the longest.
func TestWaitsGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{info: Info{Method: "m"}, check: func(_ int, n []numbering.Number) ([]Outcome, error) {
			return all(n, Outcome{Status: scoring.Failed, Reason: "down"}), nil
		}}
		checks := mustAsk(t, newAsker(t, s), chunkOf(2, 6))
		if len(s.calls) != 7 || checks[0].Attempts != 7 || checks[0].Status != "ERROR" {
			t.Fatalf("%d calls, %d attempts, %s", len(s.calls), checks[0].Attempts, checks[0].Status)
		}
		for i, seconds := range []float64{1, 2, 4, 8, 8, 8} {
			wait := s.calls[i+1].at - s.calls[i].at
			if wait.Seconds() < seconds/2 || wait.Seconds() > seconds {
				t.Errorf("wait %d is %s, want the upper half of %gs", i+1, wait, seconds)
			}
		}
	})
}

// TestRetryAfterIsHonoured: neither the chunk that was told nor another asks before the platform allows it.
func TestRetryAfterIsHonoured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{info: Info{Method: "m", MaxBatch: 5}, check: func(call int, n []numbering.Number) ([]Outcome, error) {
			if call == 1 {
				return nil, &CallError{Reason: "slow down", RateLimited: true, RetryAfter: 40 * time.Second}
			}
			return all(n, Outcome{Status: scoring.NotFound}), nil
		}}
		checks := mustAsk(t, newAsker(t, s), chunkOf(10, 3)) // its second batch must wait as well
		if len(s.calls) != 3 || s.calls[1].at != 40*time.Second {
			t.Errorf("calls at %v, want the second and third 40s after the first", s.calls)
		}
		for i, want := range []int{2, 1} {
			if got := checks[i*5]; got.Attempts != want || got.Status != "NOT_FOUND" {
				t.Errorf("batch %d: %s after %d attempts", i, got.Status, got.Attempts)
			}
		}
	})
}

// TestTooLongToWait: a platform that wants to be left alone for long ends the chunk instead of holding it.
func TestTooLongToWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{info: Info{Method: "m", MaxBatch: 5}, check: func(_ int, n []numbering.Number) ([]Outcome, error) {
			return all(n, Outcome{Status: scoring.RateLimited, Reason: "slow down", RetryAfter: 2 * time.Minute}), nil
		}}
		a := newAsker(t, s)
		start := time.Now()
		checks := mustAsk(t, a, chunkOf(10, 3))
		if len(s.calls) != 1 || time.Since(start) != 0 {
			t.Errorf("%d calls in %s, want one and no wait", len(s.calls), time.Since(start))
		}
		for i, check := range checks {
			if check.Status != "RATE_LIMITED" || check.Reason == "" || check.Method != "m" || check.CheckedAt.IsZero() {
				t.Errorf("check %d: %s, %q", i, check.Status, check.Reason)
			}
			if asked := i < 5; asked != (check.Attempts == 1) {
				t.Errorf("check %d: %d attempts", i, check.Attempts)
			}
		}
		if held := a.throttle.held(); held != 2*time.Minute {
			t.Errorf("the platform is held for %s, want 2m", held)
		}
		a.throttle.hold(30 * 24 * time.Hour)
		if held := a.throttle.held(); held != time.Hour {
			t.Errorf("the platform is held for %s, want no more than 1h", held)
		}
	})
}

// TestAskEnds: the end of the context ends whatever ask is doing, with the cause.
func TestAskEnds(t *testing.T) {
	cause := errors.New("cause")
	waits := map[string]func(int, []numbering.Number) ([]Outcome, error){
		"between retries": func(_ int, n []numbering.Number) ([]Outcome, error) {
			return all(n, Outcome{Status: scoring.Failed}), nil
		},
		"held": func(_ int, n []numbering.Number) ([]Outcome, error) {
			return nil, &CallError{Reason: "r", RateLimited: true, RetryAfter: 50 * time.Second}
		},
	}
	for name, check := range waits {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				a := newAsker(t, &scripted{info: Info{Method: "m", MaxBatch: 1}, check: check})
				go func() {
					time.Sleep(100 * time.Millisecond)
					cancel(cause)
				}()
				start := time.Now()
				if _, err := a.ask(ctx, chunkOf(2, 10)); !errors.Is(err, cause) {
					t.Errorf("error %v, want the cause", err)
				}
				if took := time.Since(start); took != 100*time.Millisecond {
					t.Errorf("ended after %s", took)
				}
			})
		})
	}
}

// TestShortLifeIsNotForEver: 0 seconds mean for ever, so a life of less than a second must not become 0.
func TestShortLifeIsNotForEver(t *testing.T) {
	for ttl, want := range map[time.Duration]int64{0: 0, 1: 1, time.Second: 1, time.Second + 1: 2, 100 * 365 * 24 * time.Hour: 315_360_000} {
		s := &scripted{info: Info{Method: "m"}, check: func(_ int, n []numbering.Number) ([]Outcome, error) {
			return all(n, Outcome{Status: scoring.Active, TTL: ttl}), nil
		}}
		if got := mustAsk(t, newAsker(t, s), chunkOf(1, 0))[0].TTLSec; got != want {
			t.Errorf("%s became %d seconds, want %d", ttl, got, want)
		}
	}
}

func TestBackoffBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first := time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "first"))
		b := Backoff{First: first}.orDefault(0, time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "longest")))
		n := rapid.IntRange(0, 200).Draw(t, "n")
		if got := b.after(n); got < 0 || got > b.Longest || n == 0 && got > b.First {
			t.Fatalf("wait %d of %+v is %s", n, b, got)
		}
	})
}

func TestJobs(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	j := newJobs(func() time.Time { return now })
	chunk := func(job string, no int) bus.Chunk { return bus.Chunk{JobID: job, Platform: "APPLE", ChunkNo: no} }
	first, leaveFirst, _ := j.enter(t.Context(), chunk("a", 1), 1)
	second, leaveSecond, _ := j.enter(t.Context(), chunk("a", 2), 2)
	other, leaveOther, _ := j.enter(t.Context(), chunk("b", 1), 3)
	defer leaveOther()
	if _, _, err := j.enter(t.Context(), chunk("a", 1), 1); !errors.Is(err, errHeldMessage) {
		t.Errorf("the same message again: %v", err)
	}
	if _, _, err := j.enter(t.Context(), chunk("a", 1), 9); !errors.Is(err, errHeld) {
		t.Errorf("the same chunk again: %v", err)
	}
	leaveFirst()
	if first.Err() != nil || second.Err() != nil {
		t.Error("leaving with one chunk ended the work on another")
	}
	j.drop("a")
	if !errors.Is(context.Cause(second), errCancelled) || other.Err() != nil {
		t.Errorf("cancelled: %v; other: %v", context.Cause(second), other.Err())
	}
	if _, _, err := j.enter(t.Context(), chunk("a", 3), 4); !errors.Is(err, errCancelled) {
		t.Errorf("entered a job that was cancelled: %v", err)
	}
	leaveSecond()
	now = now.Add(rememberCancelled)
	again, leaveAgain, err := j.enter(t.Context(), chunk("a", 1), 5)
	if err != nil || again.Err() != nil {
		t.Error("a cancel is remembered for too long")
	}
	leaveAgain()
	for i := range maxCancelled + 500 {
		j.drop(fmt.Sprint(i))
	}
	if len(j.cancelled) > maxCancelled || len(j.held) != 1 {
		t.Errorf("%d cancelled and %d held jobs remembered", len(j.cancelled), len(j.held))
	}
}

func TestCleanReason(t *testing.T) {
	tests := map[string]string{
		"":                              "",
		"no idea":                       "no idea",
		"HTTP 503 after 30 s":           "HTTP 503 after 30 s",
		"+573001234567 is not there":    "[number] is not there",
		"(300) 123-4567 refused":        "([number] refused",
		"call 300.123.45.67, then wait": "call [number], then wait",
		"300\t123\n4567":                "[number]",
		"٣٠٠١٢٣٤٥٦٧ unknown":            "[number] unknown",
		"300\u200b1234567":              "[number]",
		"a\x00b\xffc":                   "a b c",
		"line\r\nbreak":                 "line  break",
		strings.Repeat("ñ", 150):        strings.Repeat("ñ", 100),
	}
	for in, want := range tests {
		if got := cleanReason(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

func TestCleanReasonHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z ]{0,20}\+?[0-9][0-9 .()/-]{7,30}[a-z ]{0,20}`)).Draw(t, "text")
		got := cleanReason(in)
		if len(got) > bus.MaxReasonBytes || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q became %q", in, got)
		}
		digits := 0
		for _, r := range got {
			switch {
			case unicode.IsDigit(r):
				digits++
			case unicode.IsLetter(r):
				digits = 0
			}
			if digits >= fewestDigits {
				t.Fatalf("%q became %q, which holds a number", in, got)
			}
		}
	})
}

func TestCleanDetails(t *testing.T) {
	tests := []struct{ in, want, err string }{
		{``, ``, ""},
		{`null`, ``, ""},
		{` {"b": 1, "a": "<x>"} `, `{"a":"<x>","b":1}`, ""},
		{`{"deep":[{"x":12345678901234567890}]}`, `{"deep":[{"x":12345678901234567890}]}`, ""},
		{`{"half":"\ud800"}`, `{"half":"` + "\ufffd" + `"}`, ""},
		{`[1]`, ``, "not a JSON object"},
		{`{"a":1`, ``, "not a JSON object"},
		{`{"a":1}{"b":2}`, ``, "more than one"},
		{`{"nul":"\u0000"}`, ``, "NUL"},
		{`{"\u0000":1}`, ``, "NUL"},
		{`{"a":[1e999999]}`, ``, "bounds"},
		{`{"a":"` + strings.Repeat("x", bus.MaxDetailsBytes) + `"}`, ``, "larger"},
		{`{"a":"` + strings.Repeat("x", 9*bus.MaxDetailsBytes) + `"}`, ``, "larger"},
	}
	for _, tt := range tests {
		got, err := cleanDetails(json.RawMessage(tt.in), 573009876543)
		if string(got) != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%.60s became %s (%v), want %s (%s)", tt.in, got, err, tt.want, tt.err)
		}
	}
}

// TestDetailsHoldNoNumber: they are shown to those who see the number masked, and many services repeat what they were asked.
func TestDetailsHoldNoNumber(t *testing.T) {
	for in, want := range map[string]string{
		`{"phone":"+573001234567","seen":"2026-01-02"}`:                           `{"phone":"[number]","seen":"2026-01-02"}`,
		`{"wa_id":573001234567,"n":123456}`:                                       `{"n":123456,"wa_id":"[number]"}`,
		`{"a":["(300) 123-4567",{"b":"tel:3001234567;x=1"}],"c":"1234567"}`:       `{"a":["[number]",{"b":"[number]"}],"c":"[number]"}`,
		`{"57 300 123 45 67":true,"ok":null}`:                                     `{"[number]":true,"ok":null}`,
		`{"float":5.73001234567e11,"carrier":"Claro 300"}`:                        `{"carrier":"Claro 300","float":"[number]"}`,
		`{"other":"+57 300 999 99 99","now":"10:00 +0000 UTC","when":1732270391}`: `{"now":"10:00 +0000 UTC","other":"[number]","when":1732270391}`,
		`{"id":"2345678-2345678","sum":"+1+2+3456"}`:                              `{"id":"2345678-2345678","sum":"+1+2+3456"}`,
	} {
		got, err := cleanDetails(json.RawMessage(in), 573001234567)
		if err != nil || string(got) != want {
			t.Errorf("%s became %s (%v), want %s", in, got, err, want)
		}
	}
	short, err := cleanDetails(json.RawMessage(`{"local":"81 23","year":"2026"}`), 2908123)
	if err != nil || string(short) != `{"local":"[number]","year":"2026"}` {
		t.Errorf("of a short number: %s %v", short, err)
	}
}

func FuzzCleanDetails(f *testing.F) {
	f.Add(`{"a":[1,"x",{"b":null}],"é":1.5e10}`)
	f.Add(`{"half":"\ud800","nul":"\u0000"}`)
	f.Fuzz(func(t *testing.T, in string) {
		out, err := cleanDetails(json.RawMessage(in), 573001234567)
		if err != nil || out == nil {
			return
		}
		if len(out) > bus.MaxDetailsBytes || !json.Valid(out) || out[0] != '{' || strings.Contains(string(out), `\u0000`) && !strings.Contains(string(out), `\\u0000`) {
			t.Errorf("%q became %q", in, out)
		}
		again, err := cleanDetails(out, 573001234567)
		if err != nil || string(again) != string(out) {
			t.Errorf("%q became %q (%v) the second time", out, again, err)
		}
	})
}

func TestConfigRefuses(t *testing.T) {
	adapter := func(i Info) map[scoring.Platform]Adapter {
		return map[scoring.Platform]Adapter{scoring.Apple: &scripted{info: i}}
	}
	nan := 0.0
	tests := []struct {
		name string
		cfg  Config
		want string
	}{
		{"no adapters", Config{}, "Adapters is empty"},
		{"unknown platform", Config{Adapters: map[scoring.Platform]Adapter{"TELEX": &scripted{}}}, "TELEX"},
		{"nil adapter", Config{Adapters: map[scoring.Platform]Adapter{scoring.Apple: nil}}, "nil"},
		{"no method", Config{Adapters: adapter(Info{})}, "method"},
		{"negative batch", Config{Adapters: adapter(Info{Method: "m", MaxBatch: -1})}, "MaxBatch"},
		{"negative rate", Config{Adapters: adapter(Info{Method: "m", Rate: -1})}, "rate"},
		{"no rate at all", Config{Adapters: adapter(Info{Method: "m", Rate: nan / nan})}, "rate"},
		{"calls below nothing", Config{Adapters: adapter(Info{Method: "m", Concurrency: -1})}, "concurrency"},
		{"a budget below nothing", Config{Adapters: adapter(Info{Method: "m", Daily: -1})}, "budget"},
		{"a credential with blanks", Config{Adapters: adapter(Info{Method: "m", Credential: "my account"})}, "credential"},
		{"limits out of bounds", Config{Adapters: adapter(Info{Method: "m"}), Limits: map[scoring.Platform]quota.Limits{scoring.Apple: {Rate: 1e7}}}, "Limits of APPLE"},
		{"no room", Config{Adapters: adapter(Info{Method: "m"}), Slots: map[scoring.Platform]int{scoring.Apple: 0}}, "Slots"},
		{"nobody at work", Config{Adapters: adapter(Info{Method: "m"}), Concurrency: map[scoring.Platform]int{scoring.Apple: 0}}, "Concurrency"},
	}
	if _, err := New(Config{Adapters: adapter(Info{Method: "m"})}); err == nil || !strings.Contains(err.Error(), "Conn") {
		t.Errorf("no connection: %v", err)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Conn = &nats.Conn{} // never used
			if _, err := New(tt.cfg); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	reg := prometheus.NewRegistry()
	for i := range 2 {
		_, err := newMetrics(reg)
		if (err == nil) != (i == 0) {
			t.Errorf("registration %d: %v", i+1, err)
		}
	}
}
