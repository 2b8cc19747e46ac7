package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// spool is a directory in which received files wait. It has an id, kept in a file of its own, by which servers that
// share a database know whose files they can read.
type spool struct {
	dir  string
	lock sync.Mutex
	id   uuid.UUID
}

const (
	spoolIDFile   = "spool-id"
	receivingMark = "receiving-"
	spoolSuffix   = ".import"
	// orphanAge is how old a file must be that belongs to no import before it is removed. Younger ones may be about to
	// be registered.
	orphanAge = 24 * time.Hour
)

// open makes the directory if needed and returns its id.
func (s *spool) open() (uuid.UUID, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.id != uuid.Nil {
		return s.id, nil
	}
	if s.dir == "" {
		return uuid.Nil, errors.New("no spool directory is configured")
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return uuid.Nil, fmt.Errorf("make spool directory: %w", err)
	}
	id, err := s.readID()
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.writeID(); err != nil {
			return uuid.Nil, err
		}
		id, err = s.readID()
	}
	if err != nil {
		return uuid.Nil, err
	}
	s.id = id
	return id, nil
}

func (s *spool) readID() (uuid.UUID, error) {
	text, err := os.ReadFile(filepath.Join(s.dir, spoolIDFile))
	if err != nil {
		return uuid.Nil, fmt.Errorf("read id of spool directory: %w", err)
	}
	id, err := uuid.Parse(strings.TrimSpace(string(text)))
	if err != nil {
		return uuid.Nil, fmt.Errorf("read id of spool directory: %w", err)
	}
	return id, nil
}

// writeID gives the directory an id, unless another process does so first: a link to a whole file is made or not.
func (s *spool) writeID() error {
	f, err := os.CreateTemp(s.dir, receivingMark+"*")
	if err != nil {
		return fmt.Errorf("write id of spool directory: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is removed as an orphan later
	_, err = f.WriteString(uuid.NewString() + "\n")
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Link(f.Name(), filepath.Join(s.dir, spoolIDFile))
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write id of spool directory: %w", err)
	}
	return nil
}

func (s *spool) path(name string) string { return filepath.Join(s.dir, filepath.Base(name)) }

func (s *spool) remove(name string) error {
	if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove received file: %w", err)
	}
	return nil
}

// receive keeps what r holds under a name, durably. limit bounds its size, unless negative.
func (s *spool) receive(ctx context.Context, r io.Reader, name string, limit int64) (size int64, err error) {
	f, err := os.CreateTemp(s.dir, receivingMark+"*") // mode 0600
	if err != nil {
		return 0, fmt.Errorf("keep received file: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if limit >= 0 {
		r = io.LimitReader(r, limit+1)
	}
	size, err = io.Copy(f, &contextReader{ctx, r})
	if err != nil {
		return 0, fmt.Errorf("receive file: %w", err)
	}
	if limit >= 0 && size > limit {
		return 0, registry.Errorf(registry.CodeInvalidInput, []string{"file"}, "the file is larger than %d bytes, the most that is received", limit)
	}
	if err := f.Sync(); err != nil {
		return 0, fmt.Errorf("keep received file: %w", err)
	}
	if err := f.Close(); err != nil {
		return 0, fmt.Errorf("keep received file: %w", err)
	}
	if err := os.Rename(f.Name(), s.path(name)); err != nil {
		return 0, fmt.Errorf("keep received file: %w", err)
	}
	return size, syncDir(s.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("keep received file: %w", err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("keep received file: %w", err)
	}
	return nil
}

// sweep removes files that belong to no open import and are old enough that none will claim them.
func (s *spool) sweep(open map[string]bool, now time.Time) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return fmt.Errorf("look through spool directory: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if open[name] || !strings.HasPrefix(name, receivingMark) && !strings.HasSuffix(name, spoolSuffix) {
			continue
		}
		info, err := e.Info()
		if err != nil || now.Sub(info.ModTime()) < orphanAge {
			continue
		}
		if err := s.remove(name); err != nil {
			return err
		}
	}
	return nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context //nolint:containedctx // it lives as long as one call
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
