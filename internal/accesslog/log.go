// Package accesslog keeps who was shown whole numbers. An entry is appended to a spool, a file in the data directory,
// before the numbers leave the server; from there it is moved into PostgreSQL in batches, exactly once: entries bear ids
// that the store takes once. A process that is killed loses nothing, as what it has written is with the system. A power cut
// may take what the last fraction of a second has spooled, unless each answer waits for the disk. What cannot be recorded
// must not be shown.
package accesslog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
)

// Defaults of Config.
const (
	DefaultMaxBytes  = 256 << 20
	DefaultBulkAbove = 1000
	defaultFileBytes = 8 << 20
	defaultEvery     = 200 * time.Millisecond
)

// Why an entry is not taken.
var (
	ErrFull   = errors.New("too much of the access log waits for PostgreSQL")
	ErrClosed = errors.New("the access log is closed")
)

// Config is what a Log is made of. Zero values mean the defaults.
type Config struct {
	Dir        string // of the spools; made if needed
	Store      registry.AccessStore
	Logger     *slog.Logger          // none
	Registerer prometheus.Registerer // no metrics
	Now        func() time.Time      // time.Now
	MaxBytes   int64                 // that wait for the store; 256 MiB
	BulkAbove  int64                 // values that one actor may be shown within an hour before it is told; 1000
	Every      time.Duration         // between two loads; 200 ms
	SyncEach   bool                  // Record waits until its entry is on the disk

	fileBytes int64                           // of one spool; 8 MiB
	create    func(path string) (file, error) // createSpool
}

// Log records accesses. It is safe for concurrent use.
type Log struct {
	c       Config
	metrics *metrics
	origin  uint32 // random, so that ids of two processes differ

	mu       sync.Mutex // of all below
	current  *spool     // that is written to; nil: none yet, or the last one failed
	spools   []*spool   // that are not wholly in the store, oldest first, with the current one
	written  int64      // bytes, since ever
	loaded   int64      // of these
	sequence uint32
	frame    []byte // used again
	failure  error  // of the last write
	failedAt time.Time
	closed   bool
	bulk     bulk

	loading chan struct{} // holds one while somebody loads

	syncing sync.Mutex // held while a sync runs; taken before mu
}

// Open opens the log in a directory, with what an earlier process left behind there.
func Open(c Config) (*Log, error) {
	if c.Store == nil || c.Dir == "" {
		return nil, errors.New("accesslog: a store and a directory are needed")
	}
	c = c.withDefaults()
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of the access log: %w", err)
	}
	l := &Log{c: c, loading: make(chan struct{}, 1), bulk: newBulk(c.BulkAbove), origin: randomOrigin()}
	var err error
	if l.spools, err = leftBehind(c.Dir); err != nil {
		return nil, errors.Join(err, l.release())
	}
	for _, s := range l.spools {
		l.written += s.size
	}
	if l.written > 0 {
		c.Logger.Info("access log left behind by an earlier process", "bytes", l.written, "files", len(l.spools))
	}
	l.metrics = newMetrics(l)
	if err := l.metrics.register(c.Registerer); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = DefaultMaxBytes
	}
	if c.BulkAbove == 0 {
		c.BulkAbove = DefaultBulkAbove
	}
	if c.Every == 0 {
		c.Every = defaultEvery
	}
	if c.fileBytes == 0 {
		c.fileBytes = min(defaultFileBytes, c.MaxBytes)
	}
	if c.create == nil {
		c.create = createSpool
	}
	return c
}

// lull is how long after a failed write nothing is begun that would need another one.
const lull = time.Second

// Ready tells whether Record would take an entry now, as far as can be known before.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrClosed
	case l.written-l.loaded >= l.c.MaxBytes:
		return ErrFull
	case l.failure != nil && l.c.Now().Sub(l.failedAt) < lull:
		return l.failure
	}
	return nil
}

// Record takes an entry. When it returns nil the entry outlives the process, and with SyncEach a power cut.
func (l *Log) Record(who registry.Actor, what registry.Shown) error {
	now := l.c.Now()
	e := registry.NewAccessEntry(now, who, what)
	s, bytes, err := l.enter(&e)
	if err == nil && l.c.SyncEach {
		err = l.durable(s, bytes)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.metrics.refused.Inc()
		l.failure, l.failedAt = err, now
		return err
	}
	l.failure = nil
	if what.Standing {
		return nil
	}
	l.metrics.shown(e)
	if count, crossed := l.bulk.add(who, e.Revealed, now); crossed {
		l.metrics.bulk.Inc()
		l.c.Logger.Warn("an actor was shown many whole numbers within an hour", "actor", e.Actor, "role", e.Role,
			"count", count, "request_id", e.RequestID)
	}
	return nil
}

// enter appends an entry, and returns which spool holds it, and how many bytes of that.
func (l *Log) enter(e *registry.AccessEntry) (s *spool, bytes int64, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.write(e); err != nil {
		return nil, 0, err
	}
	return l.current, l.current.size, nil
}

// write appends an entry to the current spool, with one write, and gives it its id.
func (l *Log) write(e *registry.AccessEntry) error {
	if l.closed {
		return ErrClosed
	}
	l.sequence++
	e.ID = newID(e.At, l.origin, l.sequence)
	l.frame = appendFrame(l.frame[:0], *e)
	length := int64(len(l.frame))
	if l.written-l.loaded+length > l.c.MaxBytes {
		return ErrFull
	}
	if l.current == nil || l.current.size > int64(len(magic)) && l.current.size+length > l.c.fileBytes {
		if err := l.rotate(e.At); err != nil {
			return fmt.Errorf("begin spool of the access log: %w", err)
		}
	}
	if _, err := l.current.file.Write(l.frame); err != nil {
		if undo := l.current.file.Truncate(l.current.size); undo != nil { // what follows would stand behind half an entry
			l.current.closed = true
			l.current = nil
		}
		return fmt.Errorf("write access log: %w", err)
	}
	l.current.size += length
	l.written += length
	return nil
}

// rotate begins a new spool. The one before stays until it is loaded.
func (l *Log) rotate(now time.Time) error {
	path := filepath.Join(l.c.Dir, now.UTC().Format("20060102T150405.000000Z-")+fmt.Sprintf("%08x-%08x", l.origin, l.sequence)+suffix)
	f, err := l.c.create(path)
	if err != nil {
		return err
	}
	if l.c.SyncEach {
		if err := syncDir(l.c.Dir); err != nil {
			return errors.Join(err, f.Close(), os.Remove(path))
		}
	}
	if l.current != nil {
		l.current.closed = true
	}
	l.current = &spool{path: path, file: f, size: int64(len(magic))}
	l.spools = append(l.spools, l.current)
	l.written += l.current.size
	return nil
}

// newID makes an id (UUID version 7, RFC 9562): milliseconds, their fraction in 12 bits, and what tells processes and
// entries of one moment apart.
func newID(at time.Time, origin, sequence uint32) (id uuid.UUID) {
	milli := at.UnixMilli()
	fraction := at.Sub(time.UnixMilli(milli)) * 4096 / time.Millisecond
	binary.BigEndian.PutUint64(id[:], uint64(milli)<<16|7<<12|uint64(fraction))
	binary.BigEndian.PutUint64(id[8:], 2<<62|uint64(origin)<<30|uint64(sequence)&(1<<30-1))
	return id
}

func randomOrigin() uint32 {
	var random [4]byte
	_, _ = rand.Read(random[:]) // does not fail: it would end the program
	return binary.BigEndian.Uint32(random[:])
}

// Sync moves what was recorded so far into the store.
func (l *Log) Sync(ctx context.Context) error {
	select {
	case l.loading <- struct{}{}:
		defer func() { <-l.loading }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return l.load(ctx)
}
