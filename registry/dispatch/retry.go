package dispatch

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// waits are the times between attempts: ten attempts over about 22 hours.
func waits() []time.Duration {
	return []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour, 6 * time.Hour, 6 * time.Hour,
		6 * time.Hour,
	}
}

// MaxTries is how many attempts a delivery has, unless it is retried by hand.
const MaxTries = 10

// maxHold bounds how long a receiver can ask to be left alone.
const maxHold = 6 * time.Hour

// backoff is how long to wait after a try (from 1) that failed, and whether there is another one. A jitter of a tenth
// keeps deliveries that failed together from coming together again.
func backoff(try int) (time.Duration, bool) {
	all := waits()
	if try < 1 || try > len(all) {
		return 0, false
	}
	wait := all[try-1]
	return time.Duration(float64(wait) * (0.9 + 0.2*rand.Float64())), true //nolint:gosec // no secret
}

// retryAfter reads the header of that name: seconds, or a date (RFC 9110, section 10.2.3). 0 when there is none, or none
// that can be read; at most maxHold.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if text == "" {
		return 0
	}
	var wait time.Duration
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		wait = time.Duration(min(max(seconds, 0), int64(maxHold/time.Second))) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxHold)
}
