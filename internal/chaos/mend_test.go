package chaos

import (
	"context"
	"syscall"
	"time"
)

// complete reports whether every kind of fault was there, but for those that are not possible here.
func (w *world) complete(tracks []track) bool {
	w.tally.mu.Lock()
	defer w.tally.mu.Unlock()
	for _, tr := range tracks {
		for _, f := range tr.faults {
			if w.tally.faults[f.name] == 0 && w.tally.skips[f.name] == "" {
				return false
			}
		}
	}
	return true
}

// mend makes everything well again.
func (w *world) mend(ctx context.Context) {
	w.platform.calm()
	for _, u := range append(w.units(), w.nats...) {
		u.signal(syscall.SIGCONT)
		u.release()
	}
	for _, links := range w.links {
		for _, p := range links {
			p.set(linkFine)
		}
	}
	for _, p := range w.toDB {
		p.set(linkFine)
	}
	w.awaitDatabase(ctx)
	w.up(ctx, 0, 1, 2)
	if err := w.awaitAll(ctx, w.units()); err != nil {
		w.t.Errorf("after the faults: %v", err)
	}
}

// beforeRestore reports whether the database was restored after that moment to a state that may be older.
func (w *world) beforeRestore(at time.Time) bool {
	return at.UnixNano() < w.restoredAt.Load()
}
