package registry_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phoneregistry/registry"
)

func analyst(token string) registry.Actor {
	return registry.Actor{Role: registry.RoleAnalyst, Token: token}
}

// guess asks for numbers of which some are there.
func guess(l *registry.Lookups, a registry.Actor, numbers, there int) error {
	return l.Guess(a, numbers, func() (int, error) { return there, nil })
}

func TestGuessesWithinAnHourAndADay(t *testing.T) {
	now := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	l := registry.NewLookups(registry.LookupLimits{PerHour: 3, PerDay: 5}, registry.LookupClock(func() time.Time { return now }))
	wantSpent := func(per string, after time.Duration) {
		t.Helper()
		spent, ok := errors.AsType[*registry.LookupsSpentError](guess(l, analyst("a"), 1, 1))
		if !ok || spent.Per != per || spent.After != after {
			t.Errorf("%+v; want the %s to be spent for %s", spent, per, after)
		}
	}
	for range 3 {
		if err := errors.Join(guess(l, analyst("a"), 1, 1), guess(l, analyst("a"), 1, 0)); err != nil {
			t.Fatal(err)
		}
	}
	wantSpent("hour", time.Hour)
	if err := guess(l, analyst("b"), 1, 0); err != nil {
		t.Errorf("another token: %v", err)
	}
	now = now.Add(time.Hour)
	if err := errors.Join(guess(l, analyst("a"), 2, 0), guess(l, analyst("b"), 3, 0)); err != nil {
		t.Fatal(err)
	}
	wantSpent("day", 23*time.Hour)
	now = now.Add(23 * time.Hour)
	if err := guess(l, analyst("a"), 3, 0); err != nil {
		t.Errorf("the next day: %v", err)
	}
}

func TestWhoIsNotCounted(t *testing.T) {
	l := registry.NewLookups(registry.LookupLimits{PerHour: 1, PerDay: 1})
	for _, a := range []registry.Actor{{Role: registry.RoleAdmin}, {Role: registry.RoleSteward, Purpose: "claim 7"}} {
		for range 5 {
			if err := guess(l, a, 10, 0); err != nil {
				t.Errorf("%s: %v", a.Role, err)
			}
		}
	}
	fault := errors.New("down")
	for range 5 {
		if err := l.Guess(analyst("a"), 1, func() (int, error) { return 0, fault }); !errors.Is(err, fault) {
			t.Errorf("a fault is %v", err)
		}
	}
	if err := guess(l, analyst("a"), 1, 0); err != nil {
		t.Errorf("what failed was counted: %v", err)
	}
}

// TestGuessingAtOnceGainsNothing: however many ask at the same time, no more than allowed learn that they were wrong, and
// nobody else learns anything.
func TestGuessingAtOnceGainsNothing(t *testing.T) {
	const allowed = 10
	l := registry.NewLookups(registry.LookupLimits{PerHour: allowed, PerDay: 100})
	var told atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if guess(l, analyst("a"), 1, 0) == nil {
				told.Add(1)
			}
		})
	}
	all.Wait()
	if told.Load() != allowed {
		t.Errorf("%d were answered; want %d", told.Load(), allowed)
	}
}

// TestMissesNeverExceedTheLimit whatever is asked: of all answers within an hour no more numbers than allowed were wrong.
func TestMissesNeverExceedTheLimit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := time.Unix(0, 0)
		limits := registry.LookupLimits{PerHour: rapid.IntRange(1, 20).Draw(rt, "hour"), PerDay: rapid.IntRange(20, 60).Draw(rt, "day")}
		l := registry.NewLookups(limits, registry.LookupClock(func() time.Time { return now }))
		missed := 0
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			numbers := rapid.IntRange(1, 30).Draw(rt, "numbers")
			there := rapid.IntRange(0, numbers).Draw(rt, "there")
			err := guess(l, analyst("a"), numbers, there)
			spent, refused := errors.AsType[*registry.LookupsSpentError](err)
			if refused && (spent.Seconds() < 1 || spent.After > 24*time.Hour) {
				rt.Fatalf("%+v", spent)
			}
			if !refused {
				missed += numbers - there
			}
			if missed > limits.PerHour {
				rt.Fatalf("%d wrong numbers were answered, %d are allowed", missed, limits.PerHour)
			}
		}
	})
}

// TestTokensAreBounded: those who guess are remembered while others come and go.
func TestTokensAreBounded(t *testing.T) {
	l := registry.NewLookups(registry.LookupLimits{PerHour: 2, PerDay: 100})
	if err := guess(l, analyst("guesser"), 2, 0); err != nil {
		t.Fatal(err)
	}
	for i := range 12_000 {
		if err := guess(l, analyst(fmt.Sprint("other", i)), 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	if guess(l, analyst("guesser"), 1, 0) == nil {
		t.Error("the count of one who guessed was forgotten for others")
	}
}

func TestConditionsForMaskedCallers(t *testing.T) {
	masked, whole := analyst("a"), registry.Actor{Role: registry.RoleSteward, Purpose: "claim 7"}
	for prefix, may := range map[string]bool{"": true, "+5730": true, "5730": true, "57300": false, "+573001234567": false, "4930": false, "49": true, "1212": false, "121": true} {
		f := registry.PhoneFilter{NumberPrefix: prefix}
		if err := f.CheckMasked(masked, "filter"); (err == nil) != may {
			t.Errorf("%q: %v", prefix, err)
		}
		if err := f.CheckMasked(whole, "filter"); err != nil {
			t.Errorf("%q, seen whole: %v", prefix, err)
		}
	}
	for order, may := range map[registry.PhoneOrderField]bool{"": false, registry.OrderByNumber: false, registry.OrderByScore: false, registry.OrderByCreatedAt: true, registry.OrderByUpdatedAt: true} {
		o := registry.PhoneOrder{Field: order}
		if err := o.CheckMasked(masked, "orderBy"); (err == nil) != may {
			t.Errorf("%q: %v", order, err)
		}
		if err := o.CheckMasked(whole, "orderBy"); err != nil {
			t.Errorf("%q, seen whole: %v", order, err)
		}
	}
	if o := registry.DefaultOrder(masked); o.CheckMasked(masked) != nil || registry.DefaultOrder(whole).Field != registry.OrderByNumber {
		t.Errorf("%+v, %+v", o, registry.DefaultOrder(whole))
	}
}
