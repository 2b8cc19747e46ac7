package auth

import (
	"net/netip"
	"testing"
	"time"
)

// TestFewAddressesAreRemembered: with more of them than there is room for, those who have waited are forgotten first.
func TestFewAddressesAreRemembered(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	th := newThrottle(2, func() time.Time { return now })
	from := func(i int) string {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 1).String()
	}
	for i := range maxBuckets {
		th.failed(from(i))
	}
	now = now.Add(time.Hour)
	for i := range 10 { // have an empty bucket
		for range 3 {
			th.failed(from(i))
		}
	}
	th.failed(from(maxBuckets))
	if len(th.buckets) != 11 {
		t.Errorf("%d are remembered; want 10 and the last", len(th.buckets))
	}
	for i := range 10 {
		if wait, _ := th.failed(from(i)); wait <= 0 {
			t.Errorf("%d was forgotten", i)
		}
	}
	for i := range maxBuckets + 100 { // none of whom has waited
		th.failed(from(1<<20 + i))
	}
	if len(th.buckets) > maxBuckets {
		t.Errorf("%d are remembered", len(th.buckets))
	}
	for len(th.buckets) < maxBuckets {
		th.failed(from(1<<21 + len(th.buckets)))
	}
	th.failed(from(1 << 23)) // looks at all, and so must not be followed by many who do
	if room := maxBuckets - len(th.buckets); room < maxBuckets/10 {
		t.Errorf("there is room for %d", room)
	}
}
