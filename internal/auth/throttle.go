package auth

import (
	"net/netip"
	"sync"
	"time"
)

const (
	defaultFailures = 60
	maxBuckets      = 1 << 16 // addresses that are remembered
)

// throttle bounds how many tokens that are not valid one address may send: each takes a drop from its bucket, which is
// filled again evenly. Valid tokens take nothing, and are let through from everywhere: many people may share an address.
type throttle struct {
	perMinute float64
	now       func() time.Time

	mu      sync.Mutex
	buckets map[netip.Prefix]bucket
}

type bucket struct {
	drops float64
	at    time.Time
	told  bool // that it was empty
}

// newThrottle returns nil, which bounds nothing, for a negative number; 0 is the default.
func newThrottle(perMinute int, now func() time.Time) *throttle {
	switch {
	case perMinute < 0:
		return nil
	case perMinute == 0:
		perMinute = defaultFailures
	}
	return &throttle{perMinute: float64(perMinute), now: now, buckets: map[netip.Prefix]bucket{}}
}

// failed counts a token that was not valid. wait is positive when there were too many: until the next drop. first
// says that the bucket has just become empty.
func (t *throttle) failed(remote string) (wait time.Duration, first bool) {
	if t == nil {
		return 0, false
	}
	from := neighbours(remote)
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	b, ok := t.buckets[from]
	switch {
	case ok:
		b = t.filled(b, now)
	default:
		t.makeRoom(now)
		b = bucket{drops: t.perMinute, at: now}
	}
	if b.drops >= 1 {
		b.drops--
	} else {
		wait = time.Duration((1 - b.drops) / t.perMinute * float64(time.Minute))
		first, b.told = !b.told, true
	}
	t.buckets[from] = b
	return wait, first
}

// filled is a bucket as it is now.
func (t *throttle) filled(b bucket, now time.Time) bucket {
	b.drops = min(t.perMinute, b.drops+now.Sub(b.at).Minutes()*t.perMinute)
	b.at = now
	if b.drops >= t.perMinute/2 {
		b.told = false
	}
	return b
}

// makeRoom forgets those whose bucket is full again when there are too many, and anybody when that does not help: who
// has so many addresses gains nothing from it. It makes room for many at once, for it looks at all of them.
func (t *throttle) makeRoom(now time.Time) {
	if len(t.buckets) < maxBuckets {
		return
	}
	for from, b := range t.buckets {
		if t.filled(b, now).drops >= t.perMinute {
			delete(t.buckets, from)
		}
	}
	for from := range t.buckets {
		if len(t.buckets) < maxBuckets-maxBuckets/8 {
			return
		}
		delete(t.buckets, from)
	}
}

// neighbours is an address of IPv4, or the network of 64 bits around one of IPv6: that much is given to one subscriber.
func neighbours(remote string) netip.Prefix {
	address, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	ip := address.Addr().Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, _ := ip.Prefix(bits) // fails only for bits that the address does not have
	return p
}
