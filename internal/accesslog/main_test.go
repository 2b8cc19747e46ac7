package accesslog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// memory is a store that takes entries as PostgreSQL does, and fails when it is told to.
type memory struct {
	registry.AccessStore

	mu      sync.Mutex
	entries map[uuid.UUID]registry.AccessEntry
	fail    func(call int) (before, after error) // nil: never
	calls   int
}

func newMemory() *memory { return &memory{entries: map[uuid.UUID]registry.AccessEntry{}} }

func (m *memory) AddAccessEntries(_ context.Context, entries []registry.AccessEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls++
	var before, after error
	if m.fail != nil {
		before, after = m.fail(m.calls)
	}
	if before != nil {
		return before
	}
	for _, e := range entries {
		if _, ok := m.entries[e.ID]; !ok {
			m.entries[e.ID] = e
		}
	}
	return after
}

// operations returns the names of the operations in the store, in the order of their ids.
func (m *memory) operations() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := []string{}
	ids := make([]uuid.UUID, 0, len(m.entries))
	for id := range m.entries {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	for _, id := range ids {
		names = append(names, m.entries[id].Operation)
	}
	return names
}

func testLogger(to io.Writer) *slog.Logger { return slog.New(slog.NewJSONHandler(to, nil)) }

var errAway = errors.New("the store is away")

func away(int) (before, after error) { return errAway, nil }

// clock is a time that moves when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 22, 3, 4, 5, 678_901_000, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Microsecond)
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t testing.TB, c Config) *Log {
	t.Helper()
	l, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.release() })
	return l
}

var steward = registry.Actor{Name: "steward", Role: registry.RoleSteward, Purpose: "claim 7", Token: "key:1", RequestID: "r1"}

func record(t testing.TB, l *Log, operations ...string) {
	t.Helper()
	for _, operation := range operations {
		if err := l.Record(steward, shown(operation)); err != nil {
			t.Fatal(err)
		}
	}
}

func shown(operation string) registry.Shown {
	return registry.Shown{Operation: operation, Fields: []string{"Phone.number"}, Values: 3}
}

// die ends a log as a killed process does: its files are closed, and nothing else happens.
func (l *Log) die() { _ = l.release() }

func files(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func sync1(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func wantOperations(t testing.TB, m *memory, want ...string) {
	t.Helper()
	if got := m.operations(); !slices.Equal(got, want) {
		t.Errorf("in the store are %q; want %q", got, want)
	}
}

// names makes names of operations.
func names(from, count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = "op" + strconv.Itoa(1000+from+i)
	}
	return all
}

// broken is a file whose writes fail in some way.
type broken struct {
	*os.File
	room     int // bytes that can still be written
	truncate error
}

func (b *broken) Write(p []byte) (int, error) {
	if len(p) > b.room {
		n, _ := b.File.Write(p[:max(b.room, 0)])
		b.room = 0
		return n, syscall.ENOSPC
	}
	b.room -= len(p)
	return b.File.Write(p)
}

func (b *broken) Truncate(size int64) error {
	if b.truncate != nil {
		return b.truncate
	}
	return b.File.Truncate(size)
}
