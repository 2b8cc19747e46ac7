package accesslog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"phoneregistry/registry"
)

// file is what a spool needs of a file; *os.File is one.
type file interface {
	io.Writer
	io.ReaderAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// spool is one file of entries. Those up to size are whole; those up to loaded are in the store.
type spool struct {
	path         string
	file         file
	size, loaded int64 // size under Log.mu, loaded under Log.loading
	closed       bool  // nothing more is written to it; under Log.mu

	synced int64 // bytes that are on the disk, where that is waited for; under Log.syncing
	failed error // of a sync; under Log.syncing
}

// suffix of the names of spools.
const suffix = ".spool"

// createSpool makes a spool that no other process takes for one that was left behind: it is locked as long as it is open.
func createSpool(path string) (file, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		_, err = f.WriteString(magic)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path))
	}
	return f, nil
}

// leftBehind opens the spools in a directory that no process writes to, oldest first: their names begin with the time.
func leftBehind(dir string) (spools []*spool, err error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, err
	}
	for _, path := range paths {
		s, err := takeOver(path)
		if err != nil {
			return spools, fmt.Errorf("open what an earlier process left behind: %w", err)
		}
		if s != nil {
			spools = append(spools, s)
		}
	}
	return spools, nil
}

// takeOver opens a spool; nil when another process has it, or has just removed it.
func takeOver(path string) (*spool, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // that is what the answer says
	}
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, ignoring(err, unix.EWOULDBLOCK, f.Close())
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &spool{path: path, file: f, size: info.Size(), closed: true}, nil
}

// ignoring is the errors but for one that is expected.
func ignoring(err, expected, other error) error {
	if errors.Is(err, expected) {
		return other
	}
	return errors.Join(err, other)
}

// read reads entries behind loaded, some of them, and returns them with where they end. errTorn or errDamaged with what
// is whole before.
func (s *spool) read(size int64) (entries []registry.AccessEntry, end int64, err error) {
	end = s.loaded
	if end == 0 {
		head := make([]byte, min(size, int64(len(magic))))
		if _, err := s.file.ReadAt(head, 0); err != nil {
			return nil, 0, fmt.Errorf("read spool: %w", err)
		}
		switch {
		case len(head) < len(magic):
			return nil, 0, errTorn
		case string(head) != magic:
			return nil, 0, errDamaged
		}
		end = int64(len(magic))
	}
	b := make([]byte, min(size-end, readAtOnce))
	if len(b) == 0 {
		return nil, end, nil
	}
	if _, err := s.file.ReadAt(b, end); err != nil {
		return nil, end, fmt.Errorf("read spool: %w", err)
	}
	part := end+int64(len(b)) < size // more follows than was read
	for len(b) > 0 && len(entries) < loadAtOnce {
		e, n, err := readFrame(b)
		if errors.Is(err, errTorn) && part && len(entries) > 0 {
			return entries, end, nil // the rest of it comes next time
		}
		if err != nil {
			return entries, end, err
		}
		entries, end, b = append(entries, e), end+int64(n), b[n:]
	}
	return entries, end, nil
}

// What is read and loaded at once.
const (
	readAtOnce = 1 << 20
	loadAtOnce = 5000
)

// remove ends a spool whose entries are all in the store.
func (s *spool) remove() error { return errors.Join(os.Remove(s.path), s.file.Close()) }

// setAside keeps a damaged spool for people to look at.
func (s *spool) setAside() error {
	return errors.Join(os.Rename(s.path, s.path+".damaged"), s.file.Close())
}
