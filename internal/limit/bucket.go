package limit

import "time"

// rate is how much is let in.
type rate struct {
	limit int64 // in a minute, and at once after a minute of rest; 0: no limit
	each  int64 // nanoseconds until one comes back
}

// perMinute makes a rate. What comes back comes a little late rather than early.
func perMinute(n int) rate {
	if n == 0 {
		return rate{}
	}
	minute := int64(time.Minute)
	return rate{int64(n), (minute + int64(n) - 1) / int64(n)}
}

// bucket is how much of a rate is used, as the moment at which all of it has come back. It fills by itself: nothing has to
// run for that.
type bucket int64

// take takes n, or tells how many nanoseconds to wait until there are as many. More than the limit is taken as the limit:
// it could never be had.
func (b *bucket) take(r rate, now, n int64) (wait int64) {
	if wait = b.wait(r, now, n); wait == 0 && r.limit > 0 {
		*b = max(*b, bucket(now)) + bucket(min(n, r.limit)*r.each)
	}
	return wait
}

// wait tells how many nanoseconds to wait until n can be taken.
func (b bucket) wait(r rate, now, n int64) int64 {
	return max(0, b.used(now)+min(n, r.limit)*r.each-r.limit*r.each)
}

// used is what has been taken and not come back, in nanoseconds until it has.
func (b bucket) used(now int64) int64 { return max(0, int64(b)-now) }

// left is how much can be taken.
func (b bucket) left(r rate, now int64) int64 {
	if r.limit == 0 {
		return 0
	}
	return (r.limit*r.each - b.used(now)) / r.each
}
