package quota

import (
	"math"
	"time"

	"phoneregistry/internal/bus"
)

// The rate is kept by spacing. Numbers are asked one after another on a common time line, kept in the bucket as the
// time at which the next number may be asked (the theoretical arrival time of the generic cell rate algorithm, ITU-T
// I.371). What nobody asks for lapses: the time line never lies behind the clock, so nothing is ever saved up.
//
// The claim is about one-second windows at the platform. A call that was planned for t arrives between t and t+slack.
// So what arrives in a window of one second was planned in a window of one second and slack. Each number moves the time
// line on by (1 s + slack) / (rate - largest call + 1), the last call of a window counts whole, and so no window holds
// more than rate numbers.
const (
	window = time.Second
	// slack is how much later than planned a call may arrive, compared with any other call.
	slack = 100 * time.Millisecond
	// lateness is the part of slack that a worker may use up itself; a call that would begin later is planned anew.
	lateness = 30 * time.Millisecond
	// ahead is how far before its time a number may be leased, and stretch how much time one lease takes at most.
	ahead   = time.Second
	stretch = 250 * time.Millisecond
	// cold is how long nobody asks when there is no entry: it may have been lost just now, with leases under way.
	cold = ahead + stretch + window + slack
)

// How a rate is learned.
const (
	cut        = 0.7             // the share of a refused rate that is asked afterwards
	below      = 0.9             // the share of a refused rate that is not exceeded for calm
	settle     = time.Second     // the pause after a refusal: the platform has to forget the second before
	calm       = 5 * time.Minute // how long a refusal is remembered
	raise      = 0.01            // the share of a refused rate that is added every second
	slowStart  = 1.3             // how much an unknown rate grows in a second, until the first refusal
	leastGuess = 2.0             // numbers a second to begin with
	slowest    = 0.1             // numbers a second
	unlimited  = 1e6             // a learned rate that has grown to this is none any more
	longest    = time.Hour       // of a hold
	callsAtAll = 10              // the calls that a second's numbers are spread over, if they are that many
)

// CallSize returns how many numbers a call may hold at most at a rate, so that the numbers of a second come in several
// calls; largest is what the adapter takes.
func CallSize(rate float64, largest int) int {
	if rate <= 0 || rate >= unlimited {
		return largest
	}
	return min(largest, max(int(rate)/callsAtAll, 1))
}

// spacing returns how far a number moves the time line on when no call holds more than size numbers.
func spacing(rate float64, size int) time.Duration {
	if rate >= 1 {
		rate = math.Floor(rate) // a window holds whole numbers
		rate = max(rate-float64(size-1), rate/2)
	}
	return time.Duration(float64(window+slack) / rate)
}

// rate is the entry with what follows from it.
type rate struct {
	bus.RateQuota
	limit float64 // as configured; 0: none
}

// lease is a piece of the time line.
type lease struct {
	start   time.Time
	step    time.Duration // for each number
	numbers int
}

func micros(t time.Time) int64     { return t.UnixMicro() }
func fromMicros(v int64) time.Time { return time.UnixMicro(v) }

// current is the numbers a second that may be asked now; 0: no limit.
func (r *rate) current() float64 {
	switch {
	case r.Rate <= 0 || r.Rate >= unlimited:
		return r.limit
	case r.limit > 0:
		return min(r.Rate, r.limit)
	}
	return r.Rate
}

// take leases numbers for a call, and up to more for calls that wait behind it, from lead on: a lease that begins before
// its taker knows of it is lost. When the time line is held or too far ahead it returns after how long to try again.
func (r *rate) take(now time.Time, lead time.Duration, size, numbers, more int) (lease, time.Duration) {
	if wait := fromMicros(r.HeldUntil).Sub(now); wait > 0 {
		return lease{}, wait
	}
	r.recover(now)
	if r.Next == 0 {
		r.Next = micros(now.Add(cold))
	}
	start := fromMicros(r.Next)
	if first := now.Add(lead); start.Before(first) {
		start = first
	}
	if wait := start.Sub(now); wait > ahead {
		return lease{}, min(wait-ahead/2, cold)
	}
	step := spacing(r.current(), max(size, numbers))
	granted := max(numbers, min(numbers+more, int(stretch/step)))
	r.Next = micros(start.Add(time.Duration(granted)*step + time.Microsecond - 1))
	return lease{start, step, granted}, 0
}

// recover raises a learned rate for the time that has passed in use; a pause proves nothing.
func (r *rate) recover(now time.Time) {
	if r.Rate <= 0 {
		return
	}
	passed := min(now.Sub(fromMicros(r.RaisedAt)), time.Second).Seconds()
	if passed <= 0 {
		return
	}
	r.RaisedAt = micros(now)
	calmed := now.Sub(fromMicros(r.RefusedAt)) >= calm
	switch {
	case r.Refused <= 0: // not known yet where the limit is
		r.Rate *= math.Pow(slowStart, passed)
	case calmed:
		r.Rate += r.Refused * raise * passed
	default:
		r.Rate = max(r.Rate, min(r.Rate+r.Refused*raise*passed, r.Refused*below))
	}
	if r.limit > 0 && r.Rate >= r.limit && (calmed || r.Refused <= 0) {
		r.Rate, r.Refused = 0, 0 // as configured again
	}
	r.Rate = min(r.Rate, unlimited)
}

// refused notes that the platform refused a call which began at began, and reports whether the rate was cut for it:
// what was under way when it was cut says nothing new. measured is the numbers a second that the worker got through.
func (r *rate) refused(now, began time.Time, measured float64, after time.Duration) bool {
	if after > 0 {
		r.HeldUntil = max(r.HeldUntil, micros(now.Add(min(after, longest))))
	}
	if r.RefusedAt > 0 && !began.After(fromMicros(r.RefusedAt).Add(settle)) {
		return false
	}
	r.HeldUntil = max(r.HeldUntil, micros(now.Add(settle)))
	if was := r.current(); was > 0 {
		r.Refused, r.Rate = was, was*cut
	} else {
		r.Refused, r.Rate = 0, max(measured*cut, leastGuess)
		r.Next = max(r.Next, micros(now)) // nobody has leased anything yet
	}
	r.Rate = max(r.Rate, slowest)
	r.RefusedAt, r.RaisedAt = micros(now), micros(now)
	return true
}
