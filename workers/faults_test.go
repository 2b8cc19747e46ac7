package workers_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// TestNATSRestarts: a chunk that is held while NATS is away is published afterwards, and those that waited follow.
func TestNATSRestarts(t *testing.T) {
	r := newRig(t, bus.Options{AckWait: time.Second})
	slow := newGate()
	r.startPool(workers.Config{Adapters: only(slow)})
	held := chunk("job-1", 0, 10, 0)
	r.send(held)
	receive(t, "the adapter is asked", slow.asked)
	stopServer(t, r.server)
	close(slow.open) // the answer comes while there is nobody to take the result
	r.server = startServer(t, r.dir, strings.TrimPrefix(r.url, "nats://"))
	eventually(t, "the orchestrator is back", r.conn.IsConnected)
	r.send(chunk("job-1", 1, 10, 0))
	seen := map[int]bool{}
	for len(seen) < 2 { // one may come twice: its acknowledgement may have been lost
		got, _ := r.result()
		checkWhole(t, chunk("job-1", got.ChunkNo, 10, 0), got)
		seen[got.ChunkNo] = true
	}
	r.settled()
}

// TestStreamsLost: when the store of NATS was emptied, the worker makes what it needs anew and goes on.
func TestStreamsLost(t *testing.T) {
	r := newRig(t, bus.Options{})
	r.startPool(workers.Config{Adapters: only(fake{check: allActive})})
	r.send(chunk("job-1", 0, 10, 0))
	r.result()
	r.settled()
	ctx := t.Context()
	for _, stream := range []string{bus.ResultStream, bus.WorkStream(platform)} {
		if err := r.js.DeleteStream(ctx, stream); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the worker has made the work stream", func() bool {
		_, err := r.js.Stream(ctx, bus.WorkStream(platform))
		return err == nil
	})
	r.send(chunk("job-1", 1, 10, 0))
	eventually(t, "the worker has made the result stream", func() bool {
		_, err := r.js.Consumer(ctx, bus.ResultStream, bus.ApplierConsumer)
		return err == nil
	})
	if got, _ := r.result(); got.ChunkNo != 1 {
		t.Errorf("a result of chunk %d", got.ChunkNo)
	}
	r.settled()
}

// TestFullResultStream: when nobody takes the results, the worker holds its chunks and waits; nothing is lost.
func TestFullResultStream(t *testing.T) {
	r := newRig(t, bus.Options{MaxBytes: 8 << 10})
	reg := prometheus.NewRegistry()
	r.startPool(workers.Config{Adapters: only(fake{check: allActive}), Registerer: reg, Concurrency: map[scoring.Platform]int{platform: 2}})
	const chunks = 8
	for no := range chunks {
		r.send(chunk("job-1", no, 20, 0)) // a result has about 2 KB
	}
	eventually(t, "a result was refused", func() bool {
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "phone_worker_publish_failures_total" {
				return f.GetMetric()[0].GetCounter().GetValue() > 0
			}
		}
		return false
	})
	if n := r.messages(bus.WorkStream(platform)); n == 0 {
		t.Error("chunks were settled whose results were refused")
	}
	seen := map[int]bool{}
	for range chunks {
		got, _ := r.result()
		checkWhole(t, chunk("job-1", got.ChunkNo, 20, 0), got)
		seen[got.ChunkNo] = true
	}
	if len(seen) != chunks {
		t.Errorf("results of %d chunks, want %d", len(seen), chunks)
	}
	r.settled()
}

// TestSmallMessages: a server that takes only small messages gets the statuses at least.
func TestSmallMessages(t *testing.T) {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true, MaxPayload: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS did not become ready")
	}
	conn := connect(t, s.ClientURL())
	r := &rig{t: t, url: s.ClientURL(), conn: conn}
	if r.js, err = jetstream.New(conn); err != nil {
		t.Fatal(err)
	}
	r.ensure()
	talkative := func(_ context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
		var outcomes []workers.Outcome
		for _, n := range numbers {
			outcomes = append(outcomes, workers.Outcome{Number: n, Status: scoring.Unknown, Reason: strings.Repeat("why ", 40),
				Details: []byte(fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 400)))})
		}
		return outcomes, nil
	}
	r.startPool(workers.Config{Adapters: only(fake{check: talkative})})
	for _, tt := range []struct {
		numbers         int
		details, reason bool
	}{{10, true, true}, {40, false, true}, {100, false, false}} {
		sent := chunk("job-1", tt.numbers, tt.numbers, 0)
		r.send(sent)
		got, _ := r.result()
		checkWhole(t, sent, got)
		if c := got.Checks[0]; (c.Details != nil) != tt.details || (c.Reason != "") != tt.reason {
			t.Errorf("%d numbers: details %t, reason %t", tt.numbers, c.Details != nil, c.Reason != "")
		}
	}
	r.settled()
}

// TestAdapterThatDoesNotStop: Run says so and returns all the same.
func TestAdapterThatDoesNotStop(t *testing.T) {
	r := newRig(t, bus.Options{})
	asked, end := make(chan struct{}), make(chan struct{})
	pool, err := workers.New(workers.Config{Conn: connect(t, r.url), Grace: time.Millisecond,
		Adapters: only(fake{check: func(context.Context, []numbering.Number) ([]workers.Outcome, error) {
			close(asked)
			<-end
			return nil, errBoom
		}})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(end) })
	pool.SetLastMoment(time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	r.send(chunk("job-1", 0, 10, 0))
	receive(t, "the adapter is asked", asked)
	cancel()
	if err := receive(t, "Run returns", done); err == nil || !strings.Contains(err.Error(), "did not return") {
		t.Errorf("Run: %v", err)
	}
}

// TestStartsBeforeNATS: a worker that finds nobody keeps trying.
func TestStartsBeforeNATS(t *testing.T) {
	r := newRig(t, bus.Options{})
	stopServer(t, r.server)
	conn, err := nats.Connect(r.url, nats.Token("token"), nats.RetryOnFailedConnect(true), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	pool, err := workers.New(workers.Config{Conn: conn, Adapters: only(fake{check: allActive}),
		Reconnect: workers.Backoff{First: time.Millisecond, Longest: 20 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	<-pool.Ready()
	r.server = startServer(t, r.dir, strings.TrimPrefix(r.url, "nats://"))
	eventually(t, "the orchestrator is back", r.conn.IsConnected)
	r.send(chunk("job-1", 0, 10, 0))
	if got, _ := r.result(); got.ChunkNo != 0 {
		t.Errorf("a result of chunk %d", got.ChunkNo)
	}
	r.settled()
	cancel()
	if err := receive(t, "Run returns", done); err != nil {
		t.Error(err)
	}
}

// TestCloseWhileIdle: a connection that is closed for good ends Run.
func TestCloseWhileIdle(t *testing.T) {
	r := newRig(t, bus.Options{})
	run := r.startPool(workers.Config{Adapters: only(fake{check: allActive})})
	run.conn.Close()
	if err := run.wait(); !errors.Is(err, workers.ErrConnectionClosed) {
		t.Errorf("Run: %v, want ErrConnectionClosed", err)
	}
}

// TestAdapterThatHangs: a call that ignores the end of its context is left to itself: its chunk ends with a reason, and the
// lane goes on.
func TestAdapterThatHangs(t *testing.T) {
	r := newRig(t, bus.Options{})
	end, first := make(chan struct{}), make(chan struct{}, 1)
	first <- struct{}{}
	pool, err := workers.New(workers.Config{Conn: connect(t, r.url), CallTimeout: time.Millisecond,
		Concurrency: map[scoring.Platform]int{platform: 1},
		Adapters: only(fake{check: func(_ context.Context, n []numbering.Number) ([]workers.Outcome, error) {
			select {
			case <-first:
				<-end
				return nil, errBoom
			default:
				return allActive(context.Background(), n)
			}
		}})})
	if err != nil {
		t.Fatal(err)
	}
	pool.SetLastMoment(time.Millisecond)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	r.send(chunk("job-1", 0, 2, 0))
	if got, _ := r.result(); statuses(got) != "ERROR ERROR" || !strings.Contains(got.Checks[0].Reason, "does not return") {
		t.Errorf("%s: %s", statuses(got), got.Checks[0].Reason)
	}
	r.send(chunk("job-1", 1, 2, 0))
	if got, _ := r.result(); statuses(got) != "ACTIVE ACTIVE" {
		t.Errorf("the chunk behind it: %s", statuses(got))
	}
	cancel()
	if err := receive(t, "Run returns", done); err == nil || !strings.Contains(err.Error(), "did not return") {
		t.Errorf("Run: %v", err)
	}
	close(end)
}
