package accesslog

import (
	"errors"
	"fmt"
	"os"
)

// durable returns when the first bytes of a spool outlive a power cut: they are on the disk, or in the store. Those who wait
// at the same time share one sync.
func (l *Log) durable(s *spool, bytes int64) error {
	l.syncing.Lock()
	defer l.syncing.Unlock()
	l.mu.Lock()
	size, done := s.size, s.synced >= bytes || s.loaded >= bytes
	l.mu.Unlock()
	if done {
		return nil
	}
	if s.failed != nil { // to sync again may succeed, and say nothing of what was lost
		return s.failed
	}
	if err := s.file.Sync(); err != nil && !errors.Is(err, os.ErrClosed) { // closed: it is in the store, or synced in the end
		s.failed = fmt.Errorf("write the access log to the disk: %w", err)
		l.abandon(s)
		return s.failed
	}
	s.synced = size
	return nil
}

// abandon writes nothing more to a spool.
func (l *Log) abandon(s *spool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.closed = true
	if l.current == s {
		l.current = nil
	}
}

// syncDir makes a new file in a directory outlive a power cut.
func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
