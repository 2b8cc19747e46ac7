package quota

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phoneregistry/internal/bus"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// arrival is a call as the platform sees it.
type arrival struct {
	at      time.Time
	numbers int
}

// most returns the most numbers in any window of a second.
func most(calls []arrival) int {
	slices.SortFunc(calls, func(a, b arrival) int { return a.at.Compare(b.at) })
	most, sum, first := 0, 0, 0
	for _, c := range calls {
		sum += c.numbers
		for c.at.Sub(calls[first].at) >= window {
			sum -= calls[first].numbers
			first++
		}
		most = max(most, sum)
	}
	return most
}

// TestNoWindowHoldsMore: however workers lease, use or drop numbers, and however late within slack their calls arrive, no
// second sees more than the rate.
func TestNoWindowHoldsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.OneOf(rapid.Float64Range(0.2, 10), rapid.Float64Range(10, 3000)).Draw(t, "rate")
		size := CallSize(limit, rapid.IntRange(1, 500).Draw(t, "largest call"))
		r := rate{limit: limit}
		now := start
		var calls []arrival
		for range rapid.IntRange(1, 200).Draw(t, "leases") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(2*time.Second)).Draw(t, "pause")))
			if rapid.IntRange(0, 3).Draw(t, "hurry") > 0 {
				now = now.Add(-min(now.Sub(start), time.Second)) // workers take turns; only the time line counts
			}
			numbers := rapid.IntRange(1, size).Draw(t, "numbers")
			got, wait := r.take(now, 0, size, numbers, rapid.IntRange(0, 50).Draw(t, "more"))
			if wait > 0 {
				now = now.Add(wait)
				continue
			}
			if got.numbers < numbers || got.start.Before(now) {
				t.Fatalf("leased %d of %d at %s before now", got.numbers, numbers, got.start.Sub(now))
			}
			for at := got.start; got.numbers > 0; {
				n := min(rapid.IntRange(1, size).Draw(t, "call"), got.numbers)
				late := time.Duration(rapid.Int64Range(0, int64(slack)).Draw(t, "late"))
				if rapid.IntRange(0, 9).Draw(t, "dropped") > 0 {
					calls = append(calls, arrival{at.Add(late), n})
				}
				at, got.numbers = at.Add(time.Duration(n)*got.step), got.numbers-n
			}
		}
		if allowed := max(int(limit), 1); most(calls) > allowed {
			t.Fatalf("%d numbers in a second, %d are allowed", most(calls), allowed)
		}
	})
}

// TestUse: those who ask all the time get nearly all that is allowed.
func TestUse(t *testing.T) {
	tests := []struct {
		limit   float64
		largest int
		least   float64 // share of the limit
	}{{1, 1, 0.9}, {5, 1, 0.9}, {50, 1, 0.9}, {50, 500, 0.83}, {1000, 500, 0.8}, {0.1, 10, 0.9}}
	for _, tt := range tests {
		size, asked := CallSize(tt.limit, tt.largest), 0
		r := rate{limit: tt.limit}
		now, seconds := start, max(100, 1000/tt.limit)
		var first time.Time
		for now.Sub(start).Seconds() < seconds {
			got, wait := r.take(now, 0, size, size, 10*size)
			if now = now.Add(wait); wait == 0 {
				if first.IsZero() {
					first = got.start
				}
				asked += got.numbers
			}
		}
		if share := float64(asked) / fromMicros(r.Next).Sub(first).Seconds() / tt.limit; share < tt.least || share > 1 {
			t.Errorf("rate %g in calls of %d: %.3f of it are used, want %.2f", tt.limit, size, share, tt.least)
		}
	}
}

// TestNothingIsSaved: after a pause there is no burst.
func TestNothingIsSaved(t *testing.T) {
	r := rate{limit: 10, RateQuota: bus.RateQuota{Next: micros(start)}}
	now := start.Add(time.Hour)
	var last time.Time
	for range 3 {
		got, wait := r.take(now, 0, 1, 1, 0)
		if wait > 0 {
			t.Fatalf("told to wait %s", wait)
		}
		if !last.IsZero() && got.start.Sub(last) < 100*time.Millisecond {
			t.Errorf("the next number comes %s after the last", got.start.Sub(last))
		}
		last = got.start
	}
	if wait := last.Sub(now); wait != 2*spacing(10, 1) {
		t.Errorf("the third comes after %s", wait)
	}
}

// TestColdStart: without an entry nobody knows what was asked a moment ago.
func TestColdStart(t *testing.T) {
	r := rate{limit: 10}
	if _, wait := r.take(start, 0, 1, 1, 0); wait <= ahead {
		t.Errorf("waits %s", wait)
	}
	for now := start; ; {
		got, wait := r.take(now, 0, 1, 1, 0)
		if wait > 0 {
			now = now.Add(wait)
			continue
		}
		if first := got.start.Sub(start); first < window+slack+ahead || first > 3*time.Second {
			t.Errorf("the first number is asked after %s", first)
		}
		return
	}
}

// use asks for d as fast as the rate allows and returns when it ended and how many numbers were asked; above is refused.
func use(r *rate, now time.Time, d time.Duration, above float64) (end time.Time, asked, refusals int) {
	end = now.Add(d)
	for now.Before(end) {
		got, wait := r.take(now, 0, 1, 1, 100)
		now = now.Add(wait)
		if wait > 0 {
			continue
		}
		asked += got.numbers
		if now = fromMicros(r.Next).Add(-ahead / 2); r.current() > above {
			began := now
			r.refused(now.Add(50*time.Millisecond), began, 40, 0)
			refusals++
		}
	}
	return now, asked, refusals
}

// TestConfiguredTooHigh: a refusal cuts the rate, it comes back slowly, and stays below where it was refused.
func TestConfiguredTooHigh(t *testing.T) {
	r := rate{limit: 100}
	now, _, refusals := use(&r, start, 10*time.Second, 80)
	if refusals != 1 || r.current() >= 80 || r.current() < 70 {
		t.Fatalf("%d refusals, now %g/s: want one that cut 100 to 70", refusals, r.current())
	}
	now, _, refusals = use(&r, now, 4*time.Minute, 80)
	if refusals > 2 || r.current() >= 80 {
		t.Errorf("%d more refusals in the calm, at %g/s", refusals, r.current())
	}
	now, _, refusals = use(&r, now, 30*time.Minute, 80)
	if refusals == 0 || refusals > 8 {
		t.Errorf("%d refusals in half an hour: want it to try now and then", refusals)
	}
	_, _, refusals = use(&r, now, 30*time.Minute, 1000) // the platform is generous again
	if refusals != 0 || r.current() != 100 || r.Rate != 0 {
		t.Errorf("%d refusals, %g/s, learned %g: want it as configured", refusals, r.current(), r.Rate)
	}
}

// TestLearned: without a configured rate the first refusal begins the learning, which soon finds the limit.
func TestLearned(t *testing.T) {
	r := rate{}
	if r.current() != 0 {
		t.Fatal("limited before anything was refused")
	}
	if !r.refused(start, start.Add(-time.Millisecond), 17, 0) {
		t.Fatal("the first refusal was not taken for one")
	}
	now, _, first := use(&r, start, 20*time.Second, 50)
	now, asked, second := use(&r, now, time.Minute, 50)
	if first > 2 || second > 2 || asked < 60*30 {
		t.Errorf("%d refusals while learning, %d in the minute after with %d numbers asked", first, second, asked)
	}
	if _, _, later := use(&r, now, time.Hour, 1e9); later != 0 || r.current() < 100 {
		t.Errorf("%g/s after an hour without refusals", r.current())
	}
}

// TestOneRefusalOfMany: calls that were under way when the rate was cut say nothing new, but their Retry-After counts.
func TestOneRefusalOfMany(t *testing.T) {
	r := rate{limit: 100}
	now := start.Add(time.Minute)
	if !r.refused(now, now.Add(-time.Second), 0, time.Second) || r.current() != 70 {
		t.Fatalf("the first refusal: %g/s", r.current())
	}
	if r.refused(now.Add(time.Second), now.Add(-time.Second), 0, 10*time.Second) || r.current() != 70 {
		t.Errorf("a call that began before the cut has cut again: %g/s", r.current())
	}
	if _, wait := r.take(now.Add(time.Second), 0, 1, 1, 0); wait != 10*time.Second {
		t.Errorf("waits %s, want 10s", wait)
	}
	if !r.refused(now.Add(12*time.Second), now.Add(11*time.Second), 0, 0) || r.current() > 51 {
		t.Errorf("a new refusal: %g/s", r.current())
	}
	for i := range 100 {
		r.refused(now.Add(time.Duration(20+i)*time.Second), now.Add(time.Duration(19+i)*time.Second+1), 0, 1000*time.Hour)
	}
	if r.current() != slowest {
		t.Errorf("cut to %g/s", r.current())
	}
	if _, wait := r.take(now.Add(120*time.Second), 0, 1, 1, 0); wait > time.Hour {
		t.Errorf("held for %s", wait)
	}
}

func TestCallSize(t *testing.T) {
	for _, tt := range []struct {
		rate          float64
		largest, want int
	}{{0, 500, 500}, {50, 500, 5}, {50, 3, 3}, {5, 500, 1}, {0.1, 500, 1}, {19, 500, 1}, {1e4, 500, 500}, {unlimited, 500, 500}} {
		if got := CallSize(tt.rate, tt.largest); got != tt.want {
			t.Errorf("%g/s, at most %d: calls of %d, want %d", tt.rate, tt.largest, got, tt.want)
		}
	}
}
