package accesslog

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"phoneregistry/registry"
)

// TestStandingReceiversAreNoAlert: what goes to one that an administrator has set up is an entry, however much it is, and no
// read of somebody.
func TestStandingReceiversAreNoAlert(t *testing.T) {
	m := newMemory()
	l := open(t, Config{Dir: t.TempDir(), Store: m, BulkAbove: 10})
	err := l.Record(steward, registry.Shown{Operation: "told", Fields: []string{"Phone.number"}, Values: 500, Standing: true})
	if err = errors.Join(err, l.Sync(t.Context())); err != nil {
		t.Fatal(err)
	}
	if got := m.operations(); len(got) != 1 || got[0] != "told" {
		t.Errorf("%q are in the store", got)
	}
	for name, value := range map[string]float64{
		"alerts": testutil.ToFloat64(l.metrics.bulk), "actors above the line": testutil.ToFloat64(l.metrics.over),
		"shown": testutil.ToFloat64(l.metrics.roles[steward.Role]),
	} {
		if value != 0 {
			t.Errorf("%s: %g", name, value)
		}
	}
}

// TestWhatIsLeftAtTheEnd: a store that is away at the end holds up no shutdown, and loses nothing.
func TestWhatIsLeftAtTheEnd(t *testing.T) {
	m, dir := newMemory(), t.TempDir()
	m.fail = away
	l := open(t, Config{Dir: dir, Store: m})
	record(t, l, "a")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := l.Run(ctx); err != nil {
		t.Fatal(err)
	}
	m.fail = nil
	sync1(t, open(t, Config{Dir: dir, Store: m}))
	wantOperations(t, m, "a")
}

func TestBulkRevealsAreTold(t *testing.T) {
	c, metrics := newClock(), prometheus.NewRegistry()
	var log bytes.Buffer
	l := open(t, Config{Dir: t.TempDir(), Store: newMemory(), Now: c.Now, BulkAbove: 10, Registerer: metrics, Logger: testLogger(&log)})
	see := func(token string, values int64) {
		t.Helper()
		who := steward
		who.Token = token
		if err := l.Record(who, registry.Shown{Fields: []string{"Phone.number"}, Values: values}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(told, over float64) {
		t.Helper()
		if a, b := testutil.ToFloat64(l.metrics.bulk), testutil.ToFloat64(l.metrics.over); a != told || b != over {
			t.Errorf("told %g times, %g actors are over; want %g and %g", a, b, told, over)
		}
	}
	see("one", 10)
	see("two", 9)
	want(0, 0)
	see("one", 1)
	want(1, 1)
	see("one", 500)
	want(1, 1) // once
	c.pass(30 * time.Minute)
	see("two", 2)
	want(2, 2)
	c.pass(40 * time.Minute)
	want(2, 0)
	see("two", 8)
	want(2, 0)
	see("two", 1)
	want(3, 1) // again
	c.pass(48 * time.Hour)
	see("two", 10)
	want(3, 0)
	if got := testutil.ToFloat64(l.metrics.revealed.WithLabelValues("STEWARD")); got != 541 {
		t.Errorf("%g values are counted", got)
	}
	if lines := strings.Count(log.String(), "many whole numbers"); lines != 3 || !strings.Contains(log.String(), `"actor":"steward"`) {
		t.Errorf("%d warnings: %s", lines, log.String())
	}
}

func TestActorsAreBounded(t *testing.T) {
	b, now := newBulk(10), newClock().Now()
	for i := range 3 * maxActors {
		b.add(registry.Actor{Name: names(i, 1)[0]}, 1, now)
	}
	b.add(registry.Actor{Name: "much"}, 11, now)
	for i := range maxActors {
		b.add(registry.Actor{Name: names(4*maxActors+i, 1)[0]}, 1, now)
	}
	if len(b.actors) > maxActors || b.over(now) != 1 {
		t.Errorf("%d actors are kept, %d of them over the line", len(b.actors), b.over(now))
	}
}

func TestOpenNeeds(t *testing.T) {
	for _, c := range []Config{{Dir: t.TempDir()}, {Store: newMemory()}, {Store: newMemory(), Dir: "/dev/null/x"}} {
		if l, err := Open(c); err == nil {
			l.die()
			t.Errorf("%+v is opened", c)
		}
	}
}

// FuzzReadFrame: anything is read as an entry, or refused, and never more than there is.
func FuzzReadFrame(f *testing.F) {
	e := registry.NewAccessEntry(newClock().Now(), steward, shown("a"))
	f.Add(appendFrame(nil, e))
	f.Add([]byte{})
	f.Add(make([]byte, 40))
	f.Add([]byte("\x01\x00\x00\x00\x00\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, n, err := readFrame(b)
		if err != nil {
			if !errors.Is(err, errTorn) && !errors.Is(err, errDamaged) {
				t.Error(err)
			}
			return
		}
		if n > len(b) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
		again, m, err := readFrame(appendFrame(nil, e))
		if err != nil || again.ID != e.ID || again.Operation != e.Operation || m <= 0 || !slices.Equal(again.Fields, e.Fields) {
			t.Errorf("%+v is written as %+v, %v", e, again, err)
		}
	})
}

// FuzzSums: any payload with the right sum is read without a fault.
func FuzzSums(f *testing.F) {
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		r := reader{rest: payload}
		if e := r.entry(); !r.bad && len(e.Fields) > len(payload) {
			t.Errorf("%d fields of %d bytes", len(e.Fields), len(payload))
		}
	})
}

// BenchmarkRecord is of one caller after the other, and with SyncEach of 16 at the same time, who share syncs.
func BenchmarkRecord(b *testing.B) {
	what := shown("CustomersPhones")
	b.Run("written", func(b *testing.B) {
		l := open(b, Config{Dir: b.TempDir(), Store: newMemory(), MaxBytes: 1 << 40})
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Record(steward, what); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("on the disk", func(b *testing.B) {
		l := open(b, Config{Dir: b.TempDir(), Store: newMemory(), MaxBytes: 1 << 40, SyncEach: true})
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := l.Record(steward, what); err != nil {
					b.Error(err)
				}
			}
		})
	})
}
