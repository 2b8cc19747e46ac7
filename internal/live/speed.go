package live

import "time"

// speedWindow is how far back the rate of something that goes on looks.
const speedWindow = 5 * time.Second

// speedometer tells how fast a counter grows.
type speedometer struct {
	samples []sample // oldest first; the first one may lie before the window
}

type sample struct {
	at    time.Time
	count int64
}

func (s *speedometer) add(at time.Time, count int64) {
	s.samples = append(s.samples, sample{at, count})
	for len(s.samples) > 2 && at.Sub(s.samples[1].at) >= speedWindow {
		s.samples = s.samples[1:]
	}
}

// rate is the growth in a second: over the window while it goes on, over all the time from start to end when that is
// all there is, or once it has ended.
func (s *speedometer) rate(start, end time.Time, ended bool) float64 {
	last := s.samples[len(s.samples)-1]
	from := s.samples[0]
	if ended || !last.at.After(from.at) {
		if start.IsZero() {
			return 0
		}
		from, last.at = sample{at: start}, end
	}
	if took := last.at.Sub(from.at).Seconds(); took > 0 {
		return max(0, float64(last.count-from.count)/took)
	}
	return 0
}
