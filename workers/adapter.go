package workers

import (
	"context"
	"encoding/json"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// Adapter asks one platform about numbers. Its methods are called by several goroutines at once.
type Adapter interface {
	// Info describes the adapter. It is read once, when the Pool is made.
	Info() Info
	// Check asks about numbers: at most Info.MaxBatch, ascending, each of them once; the slice is the adapter's. It
	// returns one Outcome for each number, in any order. An error means that the whole call failed and nothing is
	// known of any number; a *CallError says more about it. Check must return soon after ctx has ended.
	Check(ctx context.Context, numbers []numbering.Number) ([]Outcome, error)
}

// Info describes an adapter.
type Info struct {
	Name      string // for people, for example "simulator"
	Method    string // stored with evidence whose Outcome names no method: 1 to 64 bytes
	Simulated bool   // what it says is made up, and is marked so wherever it shows
	MaxBatch  int    // numbers in one call; 0: as many as a chunk holds

	// Credential names the account that is asked with, no secret: 1 to 64 letters, digits, - and _; "": "default".
	// All workers that ask the same platform with the same credential share the limits below.
	Credential string
	// Rate, Concurrency and Daily are what the platform's documentation allows, for all workers together, unless the
	// configuration says otherwise: numbers a second, calls at the same time, numbers a day (UTC). 0: no limit.
	Rate        float64
	Concurrency int
	Daily       int64
}

// Outcome is what a platform said of one number.
type Outcome struct {
	Number   numbering.Number
	Status   scoring.Status
	Strength float64 // 0 to 1: how much an ACTIVE is worth; not looked at for other statuses
	Method   string  // "": Info.Method
	// Reason says why the status is ERROR, RATE_LIMITED, UNKNOWN or NOT_CHECKABLE. It must not hold a phone number;
	// what looks like one is cut out of it.
	Reason  string
	Details json.RawMessage // a JSON object of at most bus.MaxDetailsBytes, or nothing; a phone number is cut out of it
	TTL     time.Duration   // the evidence holds this long, in whole seconds; 0: it does not run out

	// Permanent says that an ERROR will not go away by asking again.
	Permanent bool
	// RetryAfter is how long to wait before this number, or the platform when it is in a CallError, is asked again.
	RetryAfter time.Duration
}

// CallError says why a whole call to a platform failed. The runtime asks again unless it is Permanent.
type CallError struct {
	// Reason is stored with each number of the call and shown to people: a few words without phone numbers,
	// addresses or secrets.
	Reason      string
	RateLimited bool          // the platform refused for now: RATE_LIMITED instead of ERROR
	Permanent   bool          // asking again is no use
	RetryAfter  time.Duration // no call before this has passed, as the platform asked; 0: it said nothing
	Err         error         // the cause, for the log; may be nil
}

func (e *CallError) Error() string {
	if e.Err == nil {
		return e.Reason
	}
	return e.Reason + ": " + e.Err.Error()
}

func (e *CallError) Unwrap() error { return e.Err }
