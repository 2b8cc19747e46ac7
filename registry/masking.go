package registry

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"phoneregistry/registry/numbering"
)

// CheckMasked refuses a filter that would tell an actor who sees numbers masked more of them than the mask shows.
// *Error INVALID_INPUT.
func (f PhoneFilter) CheckMasked(a Actor, path ...string) error {
	if a.SeesWholeNumbers() || f.NumberPrefix == "" {
		return nil
	}
	prefix := strings.TrimPrefix(f.NumberPrefix, "+")
	if shown := numbering.ShownDigits(prefix); shown < len(prefix) {
		return Errorf(CodeInvalidInput, in(path, "numberPrefix"),
			"the number prefix has %d digits, of which masked numbers show %d: want no more than these, or the scope REVEAL and a purpose",
			len(prefix), shown)
	}
	return nil
}

// CheckMasked refuses an order that would tell an actor who sees numbers masked how numbers compare. *Error
// INVALID_INPUT.
func (o PhoneOrder) CheckMasked(a Actor, path ...string) error {
	if a.SeesWholeNumbers() {
		return nil
	}
	switch o.Field {
	case OrderByCreatedAt, OrderByUpdatedAt:
		return nil
	case OrderByScore:
		return Errorf(CodeInvalidInput, path,
			"masked phones are not ordered by score, as most have none and would be in the order of numbers: want leads, CREATED_AT or UPDATED_AT, or the scope REVEAL and a purpose")
	}
	return Errorf(CodeInvalidInput, path, "masked numbers are not put in their order: want CREATED_AT or UPDATED_AT, or the scope REVEAL and a purpose")
}

// DefaultOrder is the order of phones for an actor who names none: by number, or by registration where numbers are
// masked.
func DefaultOrder(a Actor) PhoneOrder {
	if a.SeesWholeNumbers() {
		return PhoneOrder{Field: OrderByNumber}
	}
	return PhoneOrder{Field: OrderByCreatedAt}
}

// LookupLimits is how often one token that sees numbers masked may ask for whole numbers that are not there. Zero values
// mean the defaults.
type LookupLimits struct {
	PerHour int // 100
	PerDay  int // 500
}

// Lookups bounds guessing: whoever sees +5730****67 may ask for whole numbers, but being wrong is counted, and after so
// many times nothing more is answered for a while. Six hidden digits are a million guesses: years at 500 a day. Safe for
// concurrent use; it counts on this server only.
type Lookups struct {
	limits LookupLimits
	now    func() time.Time

	mu     sync.Mutex
	tokens map[string]*guesses
}

// guesses of one token that were wrong, or are being looked up.
type guesses struct{ hour, day window }

// window counts in a span of time that begins with the first count.
type window struct {
	began time.Time
	count int
}

// maxTokens bounds the tokens that are kept count of.
const maxTokens = 10_000

// LookupOption changes a Lookups.
type LookupOption func(*Lookups)

// LookupClock sets the clock.
func LookupClock(now func() time.Time) LookupOption { return func(l *Lookups) { l.now = now } }

// NewLookups makes a Lookups.
func NewLookups(limits LookupLimits, options ...LookupOption) *Lookups {
	limits.PerHour = withDefault(positive(limits.PerHour), 100)
	limits.PerDay = withDefault(positive(limits.PerDay), 500)
	l := &Lookups{limits: limits, now: time.Now, tokens: map[string]*guesses{}}
	for _, o := range options {
		o(l)
	}
	return l
}

func positive(n int) *int {
	if n <= 0 {
		return nil
	}
	return &n
}

// LookupsSpentError is returned when a token has asked for too many numbers that are not there.
type LookupsSpentError struct {
	Limit int
	Per   string // "hour" or "day"
	After time.Duration
}

func (e *LookupsSpentError) Error() string {
	return "this token has asked for too many numbers that are not there: at most " + strconv.Itoa(e.Limit) + " in one " + e.Per +
		" are answered where numbers are masked; try again in " + strconv.Itoa(e.Seconds()) + " s"
}

// Seconds is how long to wait, in whole seconds, rounded up.
func (e *LookupsSpentError) Seconds() int { return int(max(1, (e.After+time.Second-1)/time.Second)) }

// Guess asks for whole numbers on behalf of an actor: look returns how many of them are there. When too many are not,
// nothing may be told of any: the error is *LookupsSpentError, whether look was called or not. Actors who see whole
// numbers are not counted.
//
// What may be wrong is counted before anything is looked up, and given back after, so that asking at the same time gains
// nothing.
func (l *Lookups) Guess(a Actor, numbers int, look func() (found int, err error)) error {
	if a.SeesWholeNumbers() || numbers == 0 {
		_, err := look()
		return err
	}
	taken, spent := l.take(a, numbers)
	if spent != nil {
		return spent
	}
	found, err := look()
	if err != nil { // nothing was told
		l.giveBack(a, taken)
		return err
	}
	if missed := numbers - found; missed <= taken {
		l.giveBack(a, taken-missed)
		return nil
	}
	_, spent = l.take(a, 1)
	if spent == nil { // given back by another in between
		spent = &LookupsSpentError{Limit: l.limits.PerHour, Per: "hour", After: time.Hour}
	}
	return spent
}

// take counts up to so many guesses, as many as are left. There must be at least one.
func (l *Lookups) take(a Actor, numbers int) (taken int, spent *LookupsSpentError) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	g := l.of(a, now)
	g.hour.turn(now, time.Hour)
	g.day.turn(now, 24*time.Hour)
	perHour, perDay := l.limits.PerHour-g.hour.count, l.limits.PerDay-g.day.count
	switch {
	case perDay <= 0:
		return 0, &LookupsSpentError{Limit: l.limits.PerDay, Per: "day", After: g.day.left(now, 24*time.Hour)}
	case perHour <= 0:
		return 0, &LookupsSpentError{Limit: l.limits.PerHour, Per: "hour", After: g.hour.left(now, time.Hour)}
	}
	taken = min(numbers, perHour, perDay)
	g.hour.count += taken
	g.day.count += taken
	return taken, nil
}

func (l *Lookups) giveBack(a Actor, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if g := l.tokens[keyOf(a)]; g != nil {
		g.hour.count = max(0, g.hour.count-n)
		g.day.count = max(0, g.day.count-n)
	}
}

func (w *window) turn(now time.Time, span time.Duration) {
	if now.Sub(w.began) >= span {
		*w = window{began: now}
	}
}

func (w *window) left(now time.Time, span time.Duration) time.Duration {
	return w.began.Add(span).Sub(now)
}

// keyOf is by what guesses are counted: the token, or the name of an actor that bears none.
func keyOf(a Actor) string {
	if a.Token != "" {
		return a.Token
	}
	return string(a.Role) + " " + a.Name
}

// sampled is how many tokens are looked at to find one that can be forgotten.
const sampled = 64

// of returns the guesses of a token. When there are too many tokens, of some the one is forgotten whose day is over or
// that has guessed least: who guesses cannot get rid of the count by bringing others.
func (l *Lookups) of(a Actor, now time.Time) *guesses {
	key := keyOf(a)
	if g := l.tokens[key]; g != nil {
		return g
	}
	if len(l.tokens) >= maxTokens {
		least, fewest, seen := "", 0, 0
		for k, g := range l.tokens { // in no order
			count := g.day.count
			if now.Sub(g.day.began) >= 24*time.Hour {
				count = -1
			}
			if seen == 0 || count < fewest {
				least, fewest = k, count
			}
			if seen++; seen == sampled {
				break
			}
		}
		delete(l.tokens, least)
	}
	g := &guesses{}
	l.tokens[key] = g
	return g
}
