package workers

import (
	"sync"
	"time"
)

// meter measures how many numbers a second go by.
type meter struct {
	mu      sync.Mutex
	started time.Time
	slots   [meterSlots]int
	last    int64 // the slot of the newest count, since started
}

const (
	meterSlot  = 250 * time.Millisecond
	meterSlots = 32 // eight seconds
)

func newMeter() *meter { return &meter{started: time.Now()} }

// advance empties the slots that have come round since the last count and returns the one of now.
func (m *meter) advance() int64 {
	now := int64(time.Since(m.started) / meterSlot)
	for m.last < now {
		m.last = max(m.last, now-meterSlots) + 1
		m.slots[m.last%meterSlots] = 0
	}
	return now
}

func (m *meter) add(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.slots[m.advance()%meterSlots] += n
}

// lastSecond returns how many numbers went by in the last second.
func (m *meter) lastSecond() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, sum := m.advance(), 0
	for i := max(now-int64(time.Second/meterSlot)+1, 0); i <= now; i++ {
		sum += m.slots[i%meterSlots]
	}
	return sum
}

// rate returns the numbers a second of the last d, at most seven seconds.
func (m *meter) rate(d time.Duration) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.advance()
	sum, slots := 0, min(int64(d/meterSlot), meterSlots-2)
	for i := max(now-slots, 0); i <= now; i++ { // the slot of now is not over
		sum += m.slots[i%meterSlots]
	}
	span := min(time.Duration(slots)*meterSlot+time.Since(m.started)%meterSlot, time.Since(m.started))
	return float64(sum) / max(span.Seconds(), meterSlot.Seconds())
}
