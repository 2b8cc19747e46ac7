package accesslog

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"phoneregistry/registry"
)

func TestEntriesReachTheStore(t *testing.T) {
	m, c := newMemory(), newClock()
	dir := t.TempDir()
	l := open(t, Config{Dir: dir, Store: m, Now: c.Now})
	record(t, l, "a", "b")
	wantOperations(t, m)
	sync1(t, l)
	wantOperations(t, m, "a", "b")
	record(t, l, "c")
	sync1(t, l)
	sync1(t, l)
	wantOperations(t, m, "a", "b", "c")
	for id, e := range m.entries {
		at := time.UnixMilli(int64(binary.BigEndian.Uint64(id[:]) >> 16))
		if id.Version() != 7 || id.Variant() != uuid.RFC4122 || !at.Equal(e.At.Truncate(time.Millisecond)) {
			t.Errorf("the id %s of %s", id, e.At)
		}
		if e.Actor != "steward" || e.Role != registry.RoleSteward || e.Purpose != "claim 7" || e.RequestID != "r1" ||
			e.Revealed != 3 || !slices.Equal(e.Fields, []string{"Phone.number"}) {
			t.Errorf("%+v", e)
		}
	}
	for _, path := range files(t, dir) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v %v", info.Mode(), err)
		}
	}
}

// TestAKilledProcessLosesNothing: what it has recorded is loaded by the next one, once, whatever it had loaded before.
func TestAKilledProcessLosesNothing(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	first := open(t, Config{Dir: dir, Store: m})
	record(t, first, "a", "b")
	sync1(t, first)
	record(t, first, "c", "d")
	first.die()
	second := open(t, Config{Dir: dir, Store: m})
	record(t, second, "e")
	sync1(t, second)
	wantOperations(t, m, "a", "b", "c", "d", "e")
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("%d files are left, want the one in use", len(left))
	}
}

// TestWhatAnotherProcessUsesIsLeftAlone: it looks as if it were left behind, but for its lock.
func TestWhatAnotherProcessUsesIsLeftAlone(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	one := open(t, Config{Dir: dir, Store: m})
	record(t, one, "a")
	other := open(t, Config{Dir: dir, Store: m})
	record(t, other, "b")
	sync1(t, other)
	wantOperations(t, m, "b")
	sync1(t, one)
	wantOperations(t, m, "a", "b")
}

// TestTornTails: of a spool that ends anywhere, everything before is loaded; the entry that was not written to its end
// had no answer.
func TestTornTails(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	l := open(t, Config{Dir: dir, Store: m})
	record(t, l, "a", "b", "c")
	path := l.current.path
	l.die()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, length, err := readFrame(whole[len(magic):])
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		for _, tail := range [][]byte{nil, make([]byte, 300)} {
			if tail != nil && (cut < len(magic) || (cut-len(magic))%length != 0) {
				continue // zeros behind half of something are damage
			}
			m.entries = map[uuid.UUID]registry.AccessEntry{}
			if err := os.WriteFile(path, slices.Concat(whole[:cut], tail), 0o600); err != nil {
				t.Fatal(err)
			}
			next := open(t, Config{Dir: dir, Store: m})
			sync1(t, next)
			wantOperations(t, m, []string{"a", "b", "c"}[:max(0, cut-len(magic))/length]...)
			if left := files(t, dir); len(left) != 0 {
				t.Fatalf("cut at %d: %q are left", cut, left)
			}
			next.die()
		}
	}
}

// TestDamageIsKept: what cannot be read and is no torn end is set aside, and told.
func TestDamageIsKept(t *testing.T) {
	for name, damage := range map[string]func([]byte) []byte{
		"a turned bit":     func(b []byte) []byte { b[len(b)-3] ^= 1; return b },
		"another file":     func([]byte) []byte { return []byte("something else altogether") },
		"a wrong length":   func(b []byte) []byte { b[len(magic)+3] = 0x7f; return b },
		"a hole of zeros":  func(b []byte) []byte { clear(b[len(magic) : len(magic)+20]); return b },
		"the magic erased": func(b []byte) []byte { clear(b[:len(magic)]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			m, dir := newMemory(), t.TempDir()
			l := open(t, Config{Dir: dir, Store: m})
			record(t, l, "a", "b")
			path := l.current.path
			l.die()
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(b), 0o600); err != nil {
				t.Fatal(err)
			}
			next := open(t, Config{Dir: dir, Store: m})
			sync1(t, next)
			record(t, next, "c")
			sync1(t, next)
			if got := m.operations(); !slices.Contains(got, "c") {
				t.Errorf("nothing follows the damage: %q", got)
			}
			if left := files(t, dir); !slices.Contains(left, path+".damaged") {
				t.Errorf("%q are left", left)
			}
			if n := testutil.ToFloat64(next.metrics.damaged); n != 1 {
				t.Errorf("counted %g times", n)
			}
		})
	}
}

// TestFullDisk: what cannot be written is refused, and half an entry takes nothing of what follows with it.
func TestFullDisk(t *testing.T) {
	for name, truncate := range map[string]error{"undone": nil, "that cannot be undone": errors.New("input/output error")} {
		t.Run(name, func(t *testing.T) {
			m, c, dir := newMemory(), newClock(), t.TempDir()
			room := 100
			l := open(t, Config{Dir: dir, Store: m, Now: c.Now, create: func(path string) (file, error) {
				f, err := createSpool(path)
				if err != nil {
					return nil, err
				}
				return &broken{f.(*os.File), room, truncate}, nil //nolint:forcetypeassert // it is one
			}})
			record(t, l, "a")
			if err := l.Record(steward, shown("lost")); !errors.Is(err, syscall.ENOSPC) {
				t.Fatalf("on a full disk: %v", err)
			}
			if err := l.Ready(); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("ready: %v", err)
			}
			c.pass(lull)
			if err := l.Ready(); err != nil {
				t.Errorf("not to be tried again: %v", err)
			}
			room = 1 << 20
			if f, ok := l.file().(*broken); ok {
				f.room = room
			}
			record(t, l, "b")
			if err := l.Ready(); err != nil {
				t.Errorf("after it has worked again: %v", err)
			}
			l.die()
			next := open(t, Config{Dir: dir, Store: m, Now: c.Now})
			sync1(t, next)
			wantOperations(t, m, "a", "b")
			if n := testutil.ToFloat64(l.metrics.refused); n != 1 {
				t.Errorf("%g refusals are counted", n)
			}
		})
	}
}

func (l *Log) file() file {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		return nil
	}
	return l.current.file
}

func TestNoSpoolCanBeMade(t *testing.T) {
	denied := errors.New("permission denied")
	l := open(t, Config{Dir: t.TempDir(), Store: newMemory(), create: func(string) (file, error) { return nil, denied }})
	if err := l.Record(steward, shown("a")); !errors.Is(err, denied) {
		t.Error(err)
	}
}

// TestTheStoreIsAway: entries wait, as many as are allowed; then they are refused; when it is back they all come in.
func TestTheStoreIsAway(t *testing.T) {
	m := newMemory()
	m.fail = away
	l := open(t, Config{Dir: t.TempDir(), Store: m, MaxBytes: 4096, fileBytes: 1024})
	var taken []string
	for _, name := range names(0, 1000) {
		if err := l.Record(steward, shown(name)); err != nil {
			if !errors.Is(err, ErrFull) {
				t.Fatal(err)
			}
			break
		}
		taken = append(taken, name)
		if err := l.Sync(t.Context()); !errors.Is(err, errAway) {
			t.Fatalf("%v", err)
		}
	}
	if len(taken) < 10 || len(taken) > 100 {
		t.Fatalf("%d were taken", len(taken))
	}
	m.mu.Lock()
	m.fail = nil
	m.mu.Unlock()
	sync1(t, l)
	wantOperations(t, m, taken...)
	record(t, l, "z")
	sync1(t, l)
	wantOperations(t, m, append(taken, "z")...)
	if n := testutil.ToFloat64(l.metrics.waiting); n != 0 {
		t.Errorf("%g bytes wait", n)
	}
}

// TestExactlyOnce: whatever fails and whenever processes die, each entry that was taken is in the store once, in order,
// and nothing that was refused.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m, c := newMemory(), newClock()
		var next *Log
		start := func() {
			var err error
			room := rapid.IntRange(50, 4000).Draw(rt, "room")
			next, err = Open(Config{Dir: dir, Store: m, Now: c.Now, MaxBytes: 3000, fileBytes: 400, create: func(path string) (file, error) {
				f, err := createSpool(path)
				if err != nil {
					return nil, err
				}
				return &broken{f.(*os.File), room, rapid.SampledFrom([]error{nil, errAway}).Draw(rt, "truncate")}, nil //nolint:forcetypeassert // it is one
			}})
			if err != nil {
				rt.Fatal(err)
			}
		}
		start()
		var taken []string
		for _, name := range names(0, rapid.IntRange(1, 60).Draw(rt, "entries")) {
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0:
				next.die()
				start()
			case 1:
				before, after := rapid.Bool().Draw(rt, "fails"), rapid.Bool().Draw(rt, "does not say so")
				m.fail = func(int) (error, error) {
					return map[bool]error{true: errAway}[before], map[bool]error{true: errAway}[after]
				}
				_ = next.Sync(t.Context()) // fails, or does not
				m.fail = nil
			case 2:
				if err := next.Sync(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
			if next.Record(steward, shown(name)) == nil {
				taken = append(taken, name)
			}
		}
		next.die()
		start()
		if err := next.Sync(t.Context()); err != nil {
			rt.Fatal(err)
		}
		next.die()
		if got := m.operations(); !slices.Equal(got, taken) {
			rt.Fatalf("in the store are %q; taken were %q", got, taken)
		}
	})
}

// TestManyAtOnce: entries of many goroutines while others load.
func TestManyAtOnce(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	l := open(t, Config{Dir: dir, Store: m, fileBytes: 2000, Every: time.Millisecond})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for _, name := range names(1000*i, 200) {
				if err := l.Record(steward, shown(name)); err != nil {
					t.Error(err)
				}
				if strings.HasSuffix(name, "50") {
					if err := l.Sync(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got := m.operations()
	slices.Sort(got)
	if len(slices.Compact(got)) != 1600 {
		t.Errorf("%d entries are in the store", len(got))
	}
	if left := files(t, dir); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
	if err := l.Record(steward, shown("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("after its end: %v", err)
	}
	if err := l.Ready(); !errors.Is(err, ErrClosed) {
		t.Errorf("after its end: %v", err)
	}
}
