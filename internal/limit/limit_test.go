package limit

import (
	"net/http"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is a clock that tests set.
type clock struct{ at time.Time }

func newClock() *clock                { return &clock{time.Unix(1_800_000_000, 0)} }
func (c *clock) now() time.Time       { return c.at }
func (c *clock) wait(d time.Duration) { c.at = c.at.Add(d) }
func (c *clock) limiter(t fataler, config Config) *Limiter {
	t.Helper()
	config.Now = c.now
	l, err := New(config)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return l
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// ask visits, enters and leaves, as a request does.
func ask(l *Limiter, token string, kind Kind, weight int) *Refusal {
	v, no := l.Visit(token)
	defer v.Leave()
	if no != nil {
		return no
	}
	return v.Enter(kind, weight)
}

// TestNeverMoreThanTheRate asks at any times for any weights: in no stretch of time is more let in than the burst and what
// has come back in it.
func TestNeverMoreThanTheRate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		l := c.limiter(t, Config{Reads: limit})
		type taken struct {
			at     time.Duration
			weight int
		}
		var all []taken
		start := c.now()
		for range rapid.IntRange(1, 150).Draw(t, "requests") {
			c.wait(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "pause")))
			weight := rapid.IntRange(1, 2*limit).Draw(t, "weight")
			if ask(l, "a", Read, weight) == nil {
				all = append(all, taken{c.now().Sub(start), min(weight, limit)})
			}
		}
		for i := range all {
			sum := 0
			for _, one := range all[i:] {
				sum += one.weight
				back := float64(limit) * (one.at - all[i].at).Minutes()
				if float64(sum) > float64(limit)+back+1e-6 {
					t.Fatalf("%d were let in within %s; at most %d and %f that came back", sum, one.at-all[i].at, limit, back)
				}
			}
		}
	})
}

// TestWaitingIsEnough refuses until the wait that was told is over, and not a moment longer.
func TestWaitingIsEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		limit := rapid.IntRange(1, 5000).Draw(t, "limit")
		l := c.limiter(t, Config{Reads: limit})
		for range limit {
			if no := ask(l, "a", Read, 1); no != nil {
				t.Fatalf("refused within the burst: %+v", no)
			}
		}
		no := ask(l, "a", Read, 1)
		if no == nil {
			t.Fatalf("the burst has no end")
		}
		c.wait(no.After - 1)
		if ask(l, "a", Read, 1) == nil {
			t.Fatalf("let in before the wait was over")
		}
		c.wait(1)
		if no := ask(l, "a", Read, 1); no != nil {
			t.Fatalf("refused after the wait: %+v", no)
		}
		c.wait(time.Minute + time.Second)
		for range limit {
			if no := ask(l, "a", Read, 1); no != nil {
				t.Fatalf("refused after a minute of rest: %+v", no)
			}
		}
	})
}

func TestRatesAreApart(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 2, Writes: 1})
	for i, step := range []struct {
		token  string
		kind   Kind
		policy string // "": let in
	}{
		{"a", Read, ""},
		{"a", Invalid, ""},
		{"a", Subscription, PolicyReads},
		{"a", Write, ""},
		{"b", Write, ""},
		{"b", Write, PolicyWrites},
		{"b", Read, ""},
	} {
		no := ask(l, step.token, step.kind, 1)
		if (no == nil) != (step.policy == "") || no != nil && (no.Policy != step.policy || no.Code != CodeRate) {
			t.Errorf("step %d: %+v; want %q", i, no, step.policy)
		}
	}
}

// TestWhoHasNoReadsLeft may still write, but not have documents read for ever to find that they are no mutations.
func TestWhoHasNoReadsLeft(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 3, Writes: 5})
	for range 3 {
		ask(l, "a", Read, 1)
	}
	looked := 0
	for range 100 {
		v, no := l.Visit("a")
		if no == nil {
			looked++
			if v.Enter(Invalid, 1) == nil {
				t.Error("a read was let in")
			}
		}
		v.Leave()
	}
	if looked != 3 {
		t.Errorf("%d documents were looked at; want as many as there are reads", looked)
	}
	v := l.Arrive("a")
	defer v.Leave()
	if no := v.Enter(Write, 1); no != nil {
		t.Errorf("a write was refused: %+v", no)
	}
}

func TestHeavyOperations(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 10})
	for _, step := range []struct {
		weight int
		want   bool
	}{{6, true}, {5, false}, {4, true}, {1, false}} {
		if got := ask(l, "a", Read, step.weight) == nil; got != step.want {
			t.Errorf("weight %d: let in is %t", step.weight, got)
		}
	}
	if no := ask(l, "b", Read, 1000); no != nil {
		t.Errorf("what weighs more than a minute's worth is never let in: %+v", no)
	}
	if ask(l, "b", Read, 1) == nil {
		t.Error("it takes less than all")
	}
}

func TestHeaders(t *testing.T) {
	c := newClock()
	l := c.limiter(t, Config{Reads: 1000, Writes: 100})
	v, _ := l.Visit("a")
	defer v.Leave()
	if no := v.Enter(Write, 3); no != nil {
		t.Fatal(no)
	}
	h := http.Header{}
	v.Sign(h)
	if got, want := h.Get("RateLimit-Policy"), `"reads";q=1000;w=60, "writes";q=100;w=60`; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	if got, want := h.Get("RateLimit"), `"reads";r=1000;t=0, "writes";r=97;t=2`; got != want {
		t.Errorf("%s; want %s", got, want)
	}
	for _, config := range []Config{{}, {Reads: 5}} {
		v, _ := c.limiter(t, config).Visit("a")
		h := http.Header{}
		v.Sign(h)
		want := ""
		if config.Reads > 0 {
			want = `"reads";r=5;t=0`
		}
		if got := h.Get("RateLimit"); got != want {
			t.Errorf("%+v: %s; want %s", config, got, want)
		}
		v.Leave()
	}
}
