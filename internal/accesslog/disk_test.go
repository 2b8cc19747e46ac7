package accesslog

import (
	"errors"
	"os"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"phoneregistry/registry"
)

// disk is where files lose what was not synced when the power is cut.
type disk struct {
	mu    sync.Mutex
	files []*onDisk
	gate  func(f *onDisk) error // before each sync; nil: none
}

type onDisk struct {
	*os.File
	disk  *disk
	safe  int64 // bytes that outlive a power cut
	syncs int
}

func (d *disk) create(path string) (file, error) {
	f, err := createSpool(path)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	made := &onDisk{File: f.(*os.File), disk: d} //nolint:forcetypeassert // it is one
	d.files = append(d.files, made)
	return made, nil
}

func (f *onDisk) Sync() error {
	info, err := f.Stat() // what is written from here on may miss it
	if err != nil {
		return err
	}
	if f.disk.gate != nil {
		if err := f.disk.gate(f); err != nil {
			return err
		}
	}
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	f.syncs++
	f.safe = info.Size()
	return nil
}

// cut cuts the power.
func (d *disk) cut(t testing.TB, l *Log) {
	t.Helper()
	for _, f := range d.files {
		if err := os.Truncate(f.Name(), f.safe); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	l.die()
}

// TestPowerCut: whatever was shown is in the log after a power cut, where each answer waits for the disk.
func TestPowerCut(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			rt.Fatal(err)
		}
		m, c, broken := newMemory(), newClock(), errors.New("input/output error")
		d := &disk{gate: func(*onDisk) error {
			return rapid.SampledFrom([]error{nil, nil, nil, broken}).Draw(rt, "sync")
		}}
		l := open(t, Config{Dir: dir, Store: m, Now: c.Now, SyncEach: true, fileBytes: 400, create: d.create})
		var taken []string
		for _, name := range names(0, rapid.IntRange(1, 40).Draw(rt, "entries")) {
			if rapid.IntRange(0, 9).Draw(rt, "load") == 0 {
				if err := l.Sync(t.Context()); err != nil {
					rt.Fatal(err)
				}
			}
			switch err := l.Record(steward, shown(name)); {
			case err == nil:
				taken = append(taken, name)
			case !errors.Is(err, broken):
				rt.Fatal(err)
			}
		}
		d.cut(t, l)
		next := open(t, Config{Dir: dir, Store: m, Now: c.Now})
		sync1(t, next)
		kept := m.operations()
		for _, name := range taken { // those that were refused may be there too
			if !slices.Contains(kept, name) {
				rt.Fatalf("%s was shown, and is not in the log after a power cut: %q", name, kept)
			}
		}
	})
}

// TestOneSyncForMany: those who come while a sync runs wait for the next one together.
func TestOneSyncForMany(t *testing.T) {
	const many = 50
	running, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	d := &disk{gate: func(*onDisk) error {
		once.Do(func() {
			close(running)
			<-goOn
		})
		return nil
	}}
	l := open(t, Config{Dir: t.TempDir(), Store: newMemory(), SyncEach: true, create: d.create})
	var all sync.WaitGroup
	all.Go(func() { record(t, l, "first") })
	<-running
	var begun sync.WaitGroup
	for _, name := range names(0, many) {
		begun.Add(1)
		all.Go(func() {
			e := registry.NewAccessEntry(l.c.Now(), steward, shown(name))
			s, bytes, err := l.enter(&e)
			begun.Done()
			if err == nil {
				err = l.durable(s, bytes)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	begun.Wait() // all of them are written, and none is on the disk
	if d.files[0].safe != 0 {
		t.Errorf("%d bytes are on the disk already", d.files[0].safe)
	}
	close(goOn)
	all.Wait()
	if f := d.files[0]; f.syncs != 2 || f.safe != l.current.size {
		t.Errorf("%d syncs, %d of %d bytes on the disk", f.syncs, f.safe, l.current.size)
	}
}

// TestNobodyTrustsAFailedDisk: after a sync has failed, those who wait with the same file fail too, though the next one
// would succeed: what is written then is in another file.
func TestNobodyTrustsAFailedDisk(t *testing.T) {
	broken := errors.New("input/output error")
	d := &disk{}
	l := open(t, Config{Dir: t.TempDir(), Store: newMemory(), SyncEach: true, create: d.create})
	e := registry.NewAccessEntry(l.c.Now(), steward, shown("waiting"))
	s, bytes, err := l.enter(&e)
	if err != nil {
		t.Fatal(err)
	}
	d.gate = func(*onDisk) error { return broken }
	if err := l.Record(steward, shown("failing")); !errors.Is(err, broken) {
		t.Errorf("on a broken disk: %v", err)
	}
	d.gate = nil
	if err := l.durable(s, bytes); !errors.Is(err, broken) {
		t.Errorf("one who waited with it: %v", err)
	}
	record(t, l, "next")
	if n := len(d.files); n != 2 {
		t.Errorf("%d files", n)
	}
}

// TestWithoutWaiting: unless it is wanted, nobody waits for the disk.
func TestWithoutWaiting(t *testing.T) {
	d := &disk{}
	l := open(t, Config{Dir: t.TempDir(), Store: newMemory(), create: d.create})
	record(t, l, "a", "b")
	if n := d.files[0].syncs; n != 0 {
		t.Errorf("%d syncs", n)
	}
}
