package quota

import (
	"time"

	"phoneregistry/internal/bus"
)

const (
	// callLease is how long calls at the same time are leased. The lease of a worker that was killed runs out by itself.
	callLease = 15 * time.Second
	// callRenew is how often a lease is renewed, and callMargin how long before its end it counts as lost.
	callRenew  = 3 * time.Second
	callMargin = 2 * time.Second
	// maxHolders bounds the entry.
	maxHolders = 1000
)

// claim sets what a worker holds of limit calls: as many as it wants and are free, at least those it is using. It
// leaves one to each worker that has waited longer without any. contended tells that somebody waits.
func claim(e *bus.CallQuota, now time.Time, limit int, id string, using, wants int) (granted int, contended bool) {
	mine := e.Holders[id]
	if e.Holders == nil {
		e.Holders = map[string]bus.CallLease{}
	}
	free, short := limit, 0
	for other, l := range e.Holders {
		switch {
		case l.Until <= micros(now):
			delete(e.Holders, other)
		case other == id:
		case l.Calls == 0 && l.Wants > 0:
			short++
			if mine.Calls > 0 || mine.Since == 0 || l.Since < mine.Since || l.Since == mine.Since && other < id {
				free--
			}
		default:
			free -= l.Calls
		}
	}
	granted = max(using, min(wants, free))
	if _, known := e.Holders[id]; granted == 0 && wants == 0 || !known && len(e.Holders) >= maxHolders {
		delete(e.Holders, id)
		return granted, short > 0
	}
	lease := bus.CallLease{Calls: granted, Wants: wants, Until: micros(now.Add(callLease))}
	if granted == 0 {
		if lease.Since = mine.Since; lease.Since == 0 {
			lease.Since = micros(now)
		}
	}
	e.Holders[id] = lease
	return granted, short > 0
}
