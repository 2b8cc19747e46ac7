package fleet_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"go.uber.org/goleak"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/fleet"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func connect(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
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
	return conn
}

// rig is a Fleet that runs, on a clock of its own.
type rig struct {
	t     *testing.T
	conn  *nats.Conn
	fleet *fleet.Fleet
	now   atomic.Int64
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, conn: connect(t)}
	r.now.Store(1_700_000_000)
	f, err := fleet.New(fleet.Config{Conn: r.conn, Now: func() time.Time { return time.Unix(r.now.Load(), 0) }})
	if err != nil {
		t.Fatal(err)
	}
	r.fleet = f
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	<-f.Ready()
	return r
}

func (r *rig) tell(subject string, data []byte) {
	r.t.Helper()
	if err := r.conn.Publish(subject, data); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) status(s bus.WorkerStatus) {
	r.t.Helper()
	s.Version = bus.Version
	data, err := bus.Encode(s)
	if err != nil {
		r.t.Fatal(err)
	}
	r.tell(bus.WorkerStatusSubject(s.Worker), data)
}

// seen waits until the names of the workers are these.
func (r *rig) seen(want string) []registry.Worker {
	r.t.Helper()
	var got []registry.Worker
	r.eventually("the workers are "+want, func() bool {
		names := ""
		got = r.fleet.Workers()
		for _, w := range got {
			names += w.Name + " "
		}
		return names == want
	})
	return got
}

func (r *rig) eventually(what string, holds func() bool) {
	r.t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			r.t.Fatalf("never came true: %s", what)
		}
	}
}

func TestWorkersComeAndGo(t *testing.T) {
	r := start(t)
	r.status(bus.WorkerStatus{Worker: "2", Name: "b", Program: "1.0", Platforms: []bus.PlatformStatus{
		{Platform: "LINE", Adapter: "x", Slots: 4, Breaker: bus.BreakerClosed},
		{Platform: "TELEX", Adapter: "x", Slots: 400, Breaker: bus.BreakerClosed},
		{Platform: "GOOGLE", Adapter: "x", Slots: 16, InFlight: 3, Checked: 9, Failed: 1, RatePerSecond: 2.5, Breaker: bus.BreakerOpen,
			Reason: "out of order", Quota: &bus.QuotaStatus{Credential: "main", Rate: 50, SpentToday: 7}},
	}})
	r.tell(bus.WorkerStatusSubject("3"), []byte("rubbish"))
	r.tell(bus.WorkerStatusSubject("3"), []byte(`{"v":9,"worker":"3"}`))
	r.tell(bus.WorkerStatusSubject("3"), []byte(`{"v":1,"worker":"2","name":"somebody else"}`))
	r.status(bus.WorkerStatus{Worker: "1", Name: "a", Platforms: []bus.PlatformStatus{{Platform: "GOOGLE", Slots: 8, Breaker: bus.BreakerClosed}}})
	got := r.seen("a b ")
	b := got[1]
	if len(b.Platforms) != 2 || b.Platforms[0].Platform != scoring.Google || b.Platforms[1].Platform != scoring.Line {
		t.Fatalf("platforms of b: %+v", b.Platforms)
	}
	p := b.Platforms[0]
	if p.Slots != 16 || p.InFlight != 3 || p.Checked != 9 || p.Failed != 1 || p.RatePerSecond != 2.5 || p.Breaker != registry.BreakerOpen ||
		p.Reason == nil || *p.Reason != "out of order" || b.Version != "1.0" {
		t.Errorf("b on GOOGLE: %+v", p)
	}
	if q := p.Quota; q == nil || q.Credential != "main" || *q.RatePerSecond != 50 || q.Concurrency != nil || q.BudgetPerDay != nil || q.SpentToday != 7 {
		t.Errorf("quota of b: %+v", q)
	}
	if slots, known := r.fleet.Capacity(scoring.Google); slots != 24 || !known {
		t.Errorf("capacity of GOOGLE: %d, %t", slots, known)
	}
	if slots, known := r.fleet.Capacity(scoring.Apple); slots != 0 || known {
		t.Errorf("capacity of APPLE: %d, %t", slots, known)
	}
	r.now.Add(9)
	r.status(bus.WorkerStatus{Worker: "3", Name: "c"})
	r.seen("a b c ")
	r.now.Add(2) // a and b were silent for eleven seconds
	r.seen("c ")
	if _, known := r.fleet.Capacity(scoring.Google); known {
		t.Error("the capacity of workers that are gone counts")
	}
	r.status(bus.WorkerStatus{Worker: "3", Name: "c", Leaving: true})
	r.seen("")
}

// TestBounded: whoever can publish could claim to be any number of workers.
func TestBounded(t *testing.T) {
	r := start(t)
	for i := range 1200 {
		r.status(bus.WorkerStatus{Worker: fmt.Sprint("w", i), Name: "w"})
	}
	r.status(bus.WorkerStatus{Worker: "w0", Name: "known"}) // those who are known are heard on
	r.eventually("the last heartbeat was heard", func() bool { w := r.fleet.Workers(); return len(w) > 0 && w[0].Name == "known" })
	if n := len(r.fleet.Workers()); n != 1000 {
		t.Errorf("%d workers remembered, want 1000", n)
	}
}
