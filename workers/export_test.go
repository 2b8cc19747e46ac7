package workers

import "time"

// SetLastMoment shortens how long an adapter has to return after its context has ended.
func (p *Pool) SetLastMoment(d time.Duration) { p.lastMoment = d }
