package workers

import (
	"math/bits"
	"sync"
	"time"
)

// latency shrinks the calls that are made at the same time when a platform answers more slowly than it can: what it is
// given beyond its strength only waits there. The measure is how long a call takes, compared with the least that calls
// of its size took lately.
type latency struct {
	mu    sync.Mutex
	most  float64
	limit float64
	floor [16]float64 // seconds, by the magnitude of a call; 0: not known
	ratio float64     // smoothed: how much slower than the floor
}

const (
	slower     = 2.0                   // so much slower than the floor is fine
	noise      = 50 * time.Millisecond // a difference below this says nothing
	smoothing  = 0.2                   // the weight of a new measurement
	floorDrift = 0.01                  // how fast a floor follows what is slower for good
)

func newLatency(most int) *latency {
	return &latency{most: float64(most), limit: float64(most), ratio: 1}
}

// observe takes a measurement of a call about numbers and returns how many calls may be made at the same time.
func (l *latency) observe(numbers int, took time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	floor := &l.floor[min(bits.Len(uint(max(numbers, 0))), len(l.floor)-1)]
	seconds := took.Seconds()
	if *floor == 0 || seconds < *floor {
		*floor = seconds
	} else {
		*floor += (seconds - *floor) * floorDrift
	}
	ratio := 1.0
	if seconds-*floor > noise.Seconds() {
		ratio = seconds / max(*floor, 0.001)
	}
	l.ratio += (min(ratio, 10) - l.ratio) * smoothing
	switch {
	case l.ratio > slower:
		l.limit = max(1, l.limit*max(0.5, 1-smoothing*(1-slower/l.ratio)))
	case l.limit < l.most:
		l.limit = min(l.most, l.limit+1/l.limit)
	}
	return max(1, int(l.limit))
}

// slowed reports whether fewer calls are made than might be.
func (l *latency) slowed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit) < int(l.most)
}
