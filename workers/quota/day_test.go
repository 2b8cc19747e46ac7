package quota

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"phoneregistry/internal/bus"
)

// TestBudgetHolds: however blocks are taken and given back, no more than the budget of a day is out or spent.
func TestBudgetHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		budget := rapid.Int64Range(1, 5000).Draw(t, "budget")
		var e bus.DayQuota
		now, spent := start, map[string]int64{}
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "pause")))
			numbers := rapid.Int64Range(1, 600).Draw(t, "numbers")
			b := takeDay(&e, now, budget, numbers)
			if b.left > 0 && b.left < numbers {
				t.Fatalf("%d of %d taken", b.left, numbers)
			}
			used := rapid.Int64Range(0, b.left).Draw(t, "used")
			b.left -= used
			spent[b.day] += used
			if later := now.Add(time.Duration(rapid.Int64Range(0, int64(30*time.Hour)).Draw(t, "later"))); rapid.Bool().Draw(t, "returned") {
				if later.After(nextDay(now)) {
					takeDay(&e, later, budget, 1) // somebody has begun the next day
					spent[later.UTC().Format(dayFormat)]++
					now = later
				}
				giveBack(&e, b)
			}
			for day, n := range spent {
				if n > budget {
					t.Fatalf("%d of %d were spent on %s", n, budget, day)
				}
			}
		}
	})
}

func TestTakeDay(t *testing.T) {
	e := bus.DayQuota{Day: "2026-01-01", Spent: 99}
	if b := takeDay(&e, start, 100, 1); b != (block{"2026-01-02", 1}) || e.Spent != 1 {
		t.Errorf("a new day: %+v, %+v", b, e)
	}
	if b := takeDay(&e, start, 100, 99); b.left != 99 || e.Spent != 100 {
		t.Errorf("the rest: %+v, %+v", b, e)
	}
	if b := takeDay(&e, start, 100, 1); b.left != 0 || e.Spent != 100 {
		t.Errorf("beyond: %+v, %+v", b, e)
	}
	if b := takeDay(&e, start.Add(-24*time.Hour), 100, 1); b.left != 0 || e.Day != "2026-01-02" {
		t.Errorf("a clock that runs behind: %+v, %+v", b, e)
	}
	if giveBack(&e, block{"2026-01-01", 50}) || !giveBack(&e, block{"2026-01-02", 60}) || e.Spent != 40 {
		t.Errorf("given back: %+v", e)
	}
	e = bus.DayQuota{}
	if b := takeDay(&e, start, 1_000_000, 5); b.left != bestBlock {
		t.Errorf("a large budget: a block of %d", b.left)
	}
	if end := nextDay(start); end.Sub(start) != 20*time.Hour+55*time.Minute+55*time.Second {
		t.Errorf("the day ends at %s", end)
	}
}

// TestCallsHold: however workers claim, renew, release and die, no more calls are out than allowed, and nobody waits for
// ever.
func TestCallsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 8).Draw(t, "limit")
		ids := []string{"a", "b", "c", "d", "e"}
		var e bus.CallQuota
		now := start
		held, until := map[string]int{}, map[string]time.Time{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.Int64Range(1, int64(4*time.Second)).Draw(t, "pause")))
			id := rapid.SampledFrom(ids).Draw(t, "worker")
			if !now.Before(until[id]) {
				held[id] = 0
			}
			using := rapid.IntRange(0, held[id]).Draw(t, "using")
			got, _ := claim(&e, now, limit, id, using, using+rapid.IntRange(0, 5).Draw(t, "waiting"))
			held[id], until[id] = got, now.Add(callLease)
			sum := 0
			for id, n := range held {
				if now.Before(until[id]) {
					sum += n
				}
			}
			if sum > limit {
				t.Fatalf("%d calls are out, %d are allowed: %v", sum, limit, held)
			}
		}
	})
}

// TestEveryoneGetsACall: with fewer calls than workers each of them has its turn.
func TestEveryoneGetsACall(t *testing.T) {
	var e bus.CallQuota
	ids, served := []string{"a", "b", "c"}, map[string]int{}
	now := start
	for range 60 {
		for _, id := range ids { // each asks, makes its call if it may, and asks again
			now = now.Add(100 * time.Millisecond)
			if got, _ := claim(&e, now, 1, id, 0, 1); got > 0 {
				served[id]++
				if again, contended := claim(&e, now, 1, id, 0, 1); again > 0 && contended {
					t.Fatalf("%s goes on while others wait", id)
				}
			}
		}
	}
	for _, id := range ids {
		if served[id] < 15 {
			t.Errorf("calls made: %v", served)
		}
	}
}
