package accesslog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"phoneregistry/registry"
)

const (
	storeLimit = 10 * time.Second // of one batch
	closeLimit = 5 * time.Second  // of the last load
)

// Run moves entries into the store until ctx ends, and then a last time. After that nothing is recorded any more.
func (l *Log) Run(ctx context.Context) error {
	tick := time.NewTicker(l.c.Every)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return l.close(context.WithoutCancel(ctx))
		case <-tick.C:
		}
		err := l.Sync(ctx)
		if err != nil && ctx.Err() == nil {
			l.settle() // what is in the store needs not be on the disk of this machine
		}
		if ctx.Err() == nil && (err != nil) != failing {
			if failing = err != nil; failing {
				l.c.Logger.Error("access log cannot be loaded; entries wait in the spool", "error", err)
			} else {
				l.c.Logger.Info("access log is loaded again")
			}
		}
	}
}

// close loads what there is and closes the files. What could not be loaded is left for the next process.
func (l *Log) close(ctx context.Context) error {
	l.mu.Lock()
	l.closed = true
	if l.current != nil {
		l.current.closed = true
		l.current = nil
	}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, closeLimit)
	defer cancel()
	if err := l.Sync(ctx); err != nil {
		l.c.Logger.Warn("access log not wholly loaded; the next start goes on", "error", err)
		l.settle()
	}
	l.loading <- struct{}{}
	defer func() { <-l.loading }()
	return l.release()
}

// release closes the files.
func (l *Log) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for _, s := range l.spools {
		errs = append(errs, s.file.Close())
	}
	l.spools, l.current, l.closed = nil, nil, true
	return errors.Join(errs...)
}

// settle makes the system write to the disk what waits. It is called by the goroutine that also closes files.
func (l *Log) settle() {
	l.mu.Lock()
	spools := slices.Clone(l.spools)
	l.mu.Unlock()
	for _, s := range spools {
		if err := s.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			l.c.Logger.Error("spool of the access log cannot be written to the disk", "error", err)
		}
	}
}

// load moves into the store what was recorded when it was called. One at a time calls it.
func (l *Log) load(ctx context.Context) error {
	l.mu.Lock()
	target := l.written
	l.mu.Unlock()
	for ctx.Err() == nil {
		s, size, closed := l.oldest()
		if s == nil {
			return nil
		}
		entries, end, wrong := s.read(size)
		if wrong != nil && !errors.Is(wrong, errTorn) && !errors.Is(wrong, errDamaged) {
			return wrong
		}
		if err := l.store(ctx, entries); err != nil {
			return err
		}
		l.advance(s, end)
		var err error
		switch {
		case wrong != nil:
			err = l.giveUp(s, size, wrong)
		case closed && end == size:
			err = l.forget(s, s.remove())
		case l.reached(target):
			return nil
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// oldest returns the first spool that is not wholly in the store, or is and may be removed.
func (l *Log) oldest() (s *spool, size int64, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spools) == 0 {
		return nil, 0, false
	}
	s = l.spools[0]
	if !s.closed && s.loaded == s.size {
		return nil, 0, false
	}
	return s, s.size, s.closed
}

func (l *Log) store(ctx context.Context, entries []registry.AccessEntry) error {
	if len(entries) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	if err := l.c.Store.AddAccessEntries(ctx, entries); err != nil {
		return fmt.Errorf("load access log: %w", err)
	}
	l.metrics.entries.Add(float64(len(entries)))
	return nil
}

func (l *Log) advance(s *spool, end int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.loaded += end - s.loaded
	s.loaded = end
}

func (l *Log) reached(target int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded >= target
}

// giveUp ends a spool of which no more can be read. An entry that was not written to its end was not followed by an
// answer, so nothing is lost with it; anything else is kept for people.
func (l *Log) giveUp(s *spool, size int64, wrong error) error {
	rest := size - s.loaded
	l.advance(s, size)
	if errors.Is(wrong, errTorn) {
		l.c.Logger.Info("the last entry of a spool of the access log was not written to its end: its answer was not sent",
			"bytes", rest)
		return l.forget(s, s.remove())
	}
	l.metrics.damaged.Inc()
	l.c.Logger.Error("a spool of the access log is damaged: entries may be lost; it is kept with the ending .damaged",
		"bytes", rest)
	return l.forget(s, s.setAside())
}

// forget takes a spool from the list whose file is gone.
func (l *Log) forget(s *spool, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.spools = slices.DeleteFunc(l.spools, func(other *spool) bool { return other == s })
	if l.current == s { // its disk gave back something else than it was given
		l.current = nil
	}
	l.loaded, s.loaded = l.loaded+s.size-s.loaded, s.size
	if err != nil {
		return fmt.Errorf("remove spool of the access log: %w", err)
	}
	return nil
}
