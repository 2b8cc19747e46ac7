package quota

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"phoneregistry/internal/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a NATS server whose bucket some workers share.
type rig struct {
	t      *testing.T
	server *server.Server
	conn   *nats.Conn
	js     jetstream.JetStream
}

func newRig(t *testing.T) *rig {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("NATS did not become ready")
	}
	closed := make(chan struct{})
	conn, err := nats.Connect("", nats.InProcessServer(s), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return &rig{t: t, server: s, conn: conn, js: js}
}

// worker is the share of a worker, with a Store of its own.
func (r *rig) worker(id string, limits Limits, held func(time.Time)) *Quota {
	if held == nil {
		held = func(time.Time) {}
	}
	return New(Config{
		Store: NewStore(r.js, bus.Options{}), Platform: "GOOGLE", Credential: "main", Worker: id, Limits: limits, MaxCall: 10,
		Logger: slog.New(slog.DiscardHandler), Retry: func(int) time.Duration { return time.Millisecond },
		Tell: func(bus.QuotaChanged) {}, Held: held, Lapsed: func() {},
	})
}

// warm makes an entry that is not cold: nobody has asked for long.
func (r *rig) warm() {
	r.t.Helper()
	kv, err := bus.EnsureQuota(r.t.Context(), r.js, bus.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	data, err := bus.Encode(bus.RateQuota{Version: bus.Version, Next: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := kv.Put(r.t.Context(), bus.RateQuotaKey("GOOGLE", "main"), data); err != nil {
		r.t.Fatal(err)
	}
}

// TestOneTimeLine: what several workers lease at the same time never overlaps, and lies as far apart as the rate says.
func TestOneTimeLine(t *testing.T) {
	r := newRig(t)
	r.warm()
	const rate, each = 400, 60
	var mu sync.Mutex
	var planned []time.Time
	var wg sync.WaitGroup
	for i := range 3 {
		q := r.worker(fmt.Sprint("w", i), Limits{Rate: rate}, nil)
		for range 4 {
			wg.Go(func() {
				for range each / 4 {
					at, _, err := q.reserve(t.Context(), 1)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					planned = append(planned, at)
					mu.Unlock()
				}
			})
		}
	}
	wg.Wait()
	slices.SortFunc(planned, time.Time.Compare)
	if len(planned) != 3*each {
		t.Fatalf("%d numbers leased", len(planned))
	}
	step, uncertain := spacing(rate, CallSize(rate, 10)), 20*time.Millisecond // each worker knows the clock of the broker about so well
	for i := range planned {
		if j := i + 40; j < len(planned) && planned[j].Sub(planned[i]) < 40*step-uncertain {
			t.Errorf("40 numbers within %s, want %s", planned[j].Sub(planned[i]), 40*step)
		}
	}
}

// TestBudgetIsShared: workers together never spend more than the budget, and those that stop give back what is left.
func TestBudgetIsShared(t *testing.T) {
	r := newRig(t)
	const budget = 1000
	first, second := r.worker("a", Limits{Daily: budget}, nil), r.worker("b", Limits{Daily: budget}, nil)
	if err := first.spend(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if s := first.Status(); s.SpentToday != 3 || s.Daily != budget || s.Credential != "main" {
		t.Errorf("status %+v", s)
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var spent atomic.Int64
	spent.Store(3)
	var wg sync.WaitGroup
	for _, q := range []*Quota{first, second} {
		for range 3 {
			wg.Go(func() {
				for {
					err := q.spend(t.Context(), 7)
					if held, ok := errors.AsType[*HeldError](err); ok {
						if d := time.Until(held.Until); d <= 0 || d > 24*time.Hour || held.Reason != ReasonBudget {
							t.Errorf("held for %s: %s", d, held.Reason)
						}
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					spent.Add(7)
				}
			})
		}
	}
	wg.Wait()
	if n := spent.Load(); n > budget || n < budget-2*budget/blocks-14 {
		t.Errorf("%d of %d were spent", n, budget)
	}
	if err := errors.Join(first.Close(t.Context()), second.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if e, _, err := first.dayKey.read(t.Context(), first.cfg.Store); err != nil || e.Spent != spent.Load() {
		t.Errorf("%d stand in the bucket, %d were spent (%v)", e.Spent, spent.Load(), err)
	}
}

// TestCallsAreShared: workers together never make more calls at the same time than allowed, also when there are fewer
// calls than workers, and each of them gets its work done.
func TestCallsAreShared(t *testing.T) {
	for _, limit := range []int{1, 4} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			r := newRig(t)
			var now, most atomic.Int64
			var wg sync.WaitGroup
			for i := range 3 {
				q := r.worker(fmt.Sprint("w", i), Limits{Concurrency: limit}, nil)
				var mine sync.WaitGroup
				for range 3 {
					mine.Go(func() {
						for range 5 {
							p, err := q.Acquire(t.Context(), 1)
							if err != nil {
								t.Error(err)
								return
							}
							ctx, cancel := p.Context(t.Context())
							n := now.Add(1)
							for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
							}
							if ctx.Err() != nil {
								t.Error("the call is over before it began")
							}
							now.Add(-1)
							cancel()
							p.Done()
						}
					})
				}
				wg.Go(func() {
					mine.Wait()
					if err := q.Close(context.Background()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := most.Load(); n > int64(limit) || n == 0 {
				t.Errorf("%d calls at the same time, %d are allowed", n, limit)
			}
		})
	}
}

// TestFailsClosed: without NATS nothing may be asked, and those who wait end with their context.
func TestFailsClosed(t *testing.T) {
	r := newRig(t)
	r.warm()
	q := r.worker("a", Limits{Rate: 10_000}, nil)
	if _, err := q.Acquire(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	q.see(q.rate) // what is leased is void
	r.server.Shutdown()
	cause := errors.New("cause")
	for name, limits := range map[string]Limits{"rate": {Rate: 10}, "calls": {Concurrency: 3}, "budget": {Daily: 100}} {
		q := r.worker("a", limits, nil)
		ctx, cancel := context.WithCancelCause(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := q.Acquire(ctx, 1)
			done <- err
		}()
		for !q.away.Load() {
			select {
			case err := <-done:
				t.Fatalf("%s: Acquire returned %v", name, err)
			case <-time.After(time.Millisecond):
			}
		}
		if q.Reason() == "" {
			t.Errorf("%s: nobody is told why", name)
		}
		cancel(cause)
		if err := <-done; !errors.Is(err, cause) {
			t.Errorf("%s: error %v, want the cause", name, err)
		}
	}
}

// TestRefusalIsShared: what one worker is told holds for all, also for those that start later, without a configured rate.
func TestRefusalIsShared(t *testing.T) {
	r := newRig(t)
	told := make(chan time.Time, 10)
	a, b := r.worker("a", Limits{}, nil), r.worker("b", Limits{}, func(until time.Time) { told <- until })
	if _, err := a.Acquire(t.Context(), 10); err != nil || a.CallSize() != 10 || a.Status() != nil {
		t.Fatalf("without limits: %v, calls of %d, %+v", err, a.CallSize(), a.Status())
	}
	if _, err := r.js.KeyValue(t.Context(), bus.QuotaBucket); !errors.Is(err, jetstream.ErrBucketNotFound) {
		t.Errorf("without limits the bucket was asked for: %v", err)
	}
	a.Refused(t.Context(), time.Now(), 40, time.Minute)
	if err := b.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if until := time.Until(<-told); until < 50*time.Second || until > time.Minute {
		t.Errorf("the other is held for %s", until)
	}
	for name, q := range map[string]*Quota{"a": a, "b": b, "a third": r.worker("c", Limits{Rate: 1000}, nil)} {
		_, err := q.Acquire(t.Context(), 1)
		if held, ok := errors.AsType[*HeldError](err); !ok || time.Until(held.Until) < 50*time.Second {
			t.Errorf("%s may ask: %v", name, err)
		}
		if s := q.Status(); s == nil || s.CurrentRate > 28 || q.Reason() == "" || q.CallSize() != 2 {
			t.Errorf("%s: %+v, %q, calls of %d", name, s, q.Reason(), q.CallSize())
		}
	}
}

// TestHoldIsShared: a Retry-After that has nothing to do with the rate holds all and limits nothing.
func TestHoldIsShared(t *testing.T) {
	r := newRig(t)
	told := make(chan time.Time, 10)
	a, b := r.worker("a", Limits{}, nil), r.worker("b", Limits{}, func(until time.Time) { told <- until })
	a.Hold(t.Context(), time.Minute)
	if err := b.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-told
	if b.managed.Load() || b.Status() != nil {
		t.Error("the rate is limited now")
	}
}

// TestNewerEntries: an entry of a newer version is left alone, and nothing is asked. A damaged one is as good as lost.
func TestNewerEntries(t *testing.T) {
	r := newRig(t)
	kv, err := bus.EnsureQuota(t.Context(), r.js, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q := r.worker("a", Limits{Daily: 100}, nil)
	key := bus.DayQuotaKey("GOOGLE", "main")
	if _, err := kv.PutString(t.Context(), key, `{"v":2,"day":{}}`); err != nil {
		t.Fatal(err)
	}
	if _, err := q.takeBlock(t.Context(), 1); !errors.Is(err, bus.ErrVersion) {
		t.Errorf("a newer entry: %v", err)
	}
	if _, err := kv.PutString(t.Context(), key, `rubbish`); err != nil {
		t.Fatal(err)
	}
	if err := q.spend(t.Context(), 1); err != nil {
		t.Errorf("a damaged entry: %v", err)
	}
}

func TestLimitsCheck(t *testing.T) {
	for _, bad := range []Limits{{Rate: -1}, {Rate: 1e-6}, {Rate: 1e7}, {Concurrency: -1}, {Concurrency: 1e6}, {Daily: -1}, {Daily: 1e13}} {
		if bad.Check() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	if err := (Limits{Rate: 0.5, Concurrency: 3, Daily: 10}).Check(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"", "a b", "a.b", "a>", "ñ"} {
		if CheckCredential(name) == nil {
			t.Errorf("the credential %q was taken", name)
		}
	}
}
