package workers_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/simulator"
)

func TestChunkBecomesResult(t *testing.T) {
	r := newRig(t, bus.Options{})
	sim, err := simulator.New(platform, simulator.Default(), nil)
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewRegistry()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	run := r.startPool(workers.Config{Adapters: only(sim), Name: "w1", Registerer: reg, Now: func() time.Time { return at }})
	sent := chunk("job-1", 0, 500, 3)
	r.send(sent)
	got, header := r.result()
	checkWhole(t, sent, got)
	if got.Worker != "w1" || !got.Simulated || !got.StartedAt.Equal(at) || !got.EndedAt.Equal(at) {
		t.Errorf("worker %q, simulated %t, from %s to %s", got.Worker, got.Simulated, got.StartedAt, got.EndedAt)
	}
	for i, c := range got.Checks {
		if c.Attempts != 1 || c.Method != "simulator" || c.TTLSec != 30*24*3600 {
			t.Errorf("check %d: %d attempts, method %q, ttl %d", i, c.Attempts, c.Method, c.TTLSec)
		}
	}
	if header.Get(bus.HeaderJobID) != "job-1" || header.Get(bus.HeaderRequestID) != "request-1" {
		t.Errorf("headers: job %q, request %q", header.Get(bus.HeaderJobID), header.Get(bus.HeaderRequestID))
	}
	r.settled()
	run.drain()
	checkLog(t, run.log.String(), "chunk done")
	if n, err := testutil.GatherAndCount(reg, "phone_validation_duration_seconds", "phone_worker_chunks_total"); err != nil || n != 2 {
		t.Errorf("%d metrics, error %v", n, err)
	}
}

// checkLog looks for a line with job and request, and for phone numbers that must not be there.
func checkLog(t *testing.T, log, message string) {
	t.Helper()
	found := false
	for line := range strings.Lines(log) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("not a JSON line: %s", line)
		}
		found = found || entry["msg"] == message && entry["job_id"] == "job-1" && entry["request_id"] == "request-1" && entry["platform"] == platform
	}
	if !found {
		t.Errorf("no line %q with job, request and platform in the log:\n%s", message, log)
	}
	for _, number := range []string{"573001", "45d96"} { // also in hexadecimal, as stack traces show arguments
		if strings.Contains(strings.ToLower(log), number) {
			t.Errorf("the log tells a phone number:\n%s", log)
		}
	}
}

// TestEveryChunkOnce: many chunks through several workers at once, each settled with one result.
func TestEveryChunkOnce(t *testing.T) {
	r := newRig(t, bus.Options{})
	for range 3 {
		r.startPool(workers.Config{Adapters: only(fake{check: allActive, info: workers.Info{MaxBatch: 7}})})
	}
	const chunks = 60
	for no := range chunks {
		r.send(chunk("job-1", no, 20, 0))
	}
	seen := map[int]bool{}
	for range chunks {
		got, _ := r.result()
		if seen[got.ChunkNo] {
			t.Errorf("chunk %d has two results", got.ChunkNo)
		}
		seen[got.ChunkNo] = true
		checkWhole(t, chunk("job-1", got.ChunkNo, 20, 0), got)
	}
	r.settled()
}

// TestRetries: only what failed is asked again, as often as the chunk says.
func TestRetries(t *testing.T) {
	r := newRig(t, bus.Options{})
	var mu sync.Mutex
	calls := map[numbering.Number]int{}
	adapter := fake{info: workers.Info{MaxBatch: 2}, check: func(_ context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		var outcomes []workers.Outcome
		for _, n := range numbers {
			calls[n]++
			o := workers.Outcome{Number: n, Status: scoring.NotFound}
			switch k := n % 5; {
			case k == 1 && calls[n] < 3: // twice refused, then fine
				o.Status, o.Reason = scoring.RateLimited, "slow down"
			case k == 2: // never fine
				o.Status, o.Reason = scoring.Failed, "out of order"
			case k == 3: // never fine, and known to be so
				o.Status, o.Reason, o.Permanent = scoring.Failed, "no such range", true
			}
			outcomes = append(outcomes, o)
		}
		return outcomes, nil
	}}
	reg := prometheus.NewRegistry()
	r.startPool(workers.Config{Adapters: only(adapter), Registerer: reg})
	sent := chunk("job-1", 0, 5, 3)
	r.send(sent)
	got, _ := r.result()
	checkWhole(t, sent, got)
	if want := "NOT_FOUND NOT_FOUND ERROR ERROR NOT_FOUND"; statuses(got) != want {
		t.Errorf("%s, want %s", statuses(got), want)
	}
	for i, want := range []int{1, 3, 4, 1, 1} {
		if got.Checks[i].Attempts != want || calls[numbering.Number(sent.Numbers[i])] != want {
			t.Errorf("number %d: asked %d times, told %d, want %d", i, calls[numbering.Number(sent.Numbers[i])], got.Checks[i].Attempts, want)
		}
	}
	if got.Checks[2].Reason != "out of order" || got.Checks[1].Reason != "" {
		t.Errorf("reasons %q and %q", got.Checks[2].Reason, got.Checks[1].Reason)
	}
	const want = "# HELP phone_worker_retries_total Numbers that were asked again after ERROR or RATE_LIMITED.\n" +
		"# TYPE phone_worker_retries_total counter\nphone_worker_retries_total{platform=\"WHATSAPP\"} 5\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "phone_worker_retries_total"); err != nil {
		t.Error(err)
	}
}

// TestDeathBeforeAck: a worker that dies with a chunk in its hands loses nothing.
func TestDeathBeforeAck(t *testing.T) {
	r := newRig(t, bus.Options{AckWait: 250 * time.Millisecond})
	dying := newGate()
	run := r.startPool(workers.Config{Adapters: only(dying)})
	sent := chunk("job-1", 0, 10, 0)
	r.send(sent)
	receive(t, "the first worker asks", dying.asked)
	run.conn.Close()
	if err := run.wait(); !errors.Is(err, workers.ErrConnectionClosed) {
		t.Errorf("Run: %v, want ErrConnectionClosed", err)
	}
	r.startPool(workers.Config{Adapters: only(fake{check: allActive}), Name: "second"})
	got, _ := r.result()
	checkWhole(t, sent, got)
	if got.Worker != "second" {
		t.Errorf("result of %q", got.Worker)
	}
	r.settled()
}

// TestLongChunkIsKept: a chunk that takes longer than AckWait is not handed to another as long as its worker lives.
func TestLongChunkIsKept(t *testing.T) {
	r := newRig(t, bus.Options{AckWait: 300 * time.Millisecond})
	signs := make(chan struct{}, 100)
	sub, err := r.conn.Subscribe("$JS.ACK.>", func(m *nats.Msg) {
		if string(m.Data) == "+WPI" {
			signs <- struct{}{}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := r.conn.Flush(); err != nil {
		t.Fatal(err)
	}
	slow := newGate()
	r.startPool(workers.Config{Adapters: only(slow)})
	r.startPool(workers.Config{Adapters: only(slow)})
	r.send(chunk("job-1", 0, 10, 0))
	receive(t, "a worker asks", slow.asked)
	for range 7 { // a third of AckWait each
		receive(t, "the worker tells that it lives", signs)
	}
	close(slow.open)
	r.result()
	r.settled()
	if n := len(slow.asked); n != 0 {
		t.Errorf("the chunk was asked about %d more times", n)
	}
}

func TestCancel(t *testing.T) {
	r := newRig(t, bus.Options{})
	slow := newGate()
	reg := prometheus.NewRegistry()
	run := r.startPool(workers.Config{Adapters: only(slow), Registerer: reg})
	r.send(chunk("job-1", 0, 10, 3))
	r.send(chunk("job-1", 1, 10, 3))
	r.send(chunk("job-2", 0, 10, 3))
	for range 3 {
		receive(t, "the adapter is asked", slow.asked)
	}
	for _, data := range []string{"rubbish", `{"v":9,"job":"job-2","action":"cancel"}`, `{"v":1,"job":"job-2","action":"dance"}`, `{"v":1,"job":"job-1","action":"cancel"}`} {
		if err := r.conn.Publish(bus.JobControl, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		_ = receive(t, "the calls of the cancelled job end", slow.ended)
	}
	eventually(t, "only the chunk of the other job is left", func() bool { return r.messages(bus.WorkStream(platform)) == 1 })
	r.send(chunk("job-1", 2, 10, 3)) // published before the relay heard of it
	eventually(t, "the late chunk is gone too", func() bool { return r.messages(bus.WorkStream(platform)) == 1 })
	close(slow.open)
	if got, _ := r.result(); got.JobID != "job-2" {
		t.Errorf("a result of %s", got.JobID)
	}
	r.settled()
	if n := r.messages(bus.ResultStream); n != 0 {
		t.Errorf("%d more results", n)
	}
	run.drain()
	if n := chunksBy(t, reg, "cancelled"); n != 3 {
		t.Errorf("%d chunks counted as cancelled, want 3", n)
	}
}

func chunksBy(t *testing.T, reg *prometheus.Registry, outcome string) int {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "phone_worker_chunks_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "outcome" && l.GetValue() == outcome {
					sum += m.GetCounter().GetValue()
				}
			}
		}
	}
	return int(sum)
}

// TestDrainFinishes: a worker that is stopped finishes what it holds and takes nothing new.
func TestDrainFinishes(t *testing.T) {
	r := newRig(t, bus.Options{})
	slow := newGate()
	run := r.startPool(workers.Config{Adapters: only(slow), Slots: map[scoring.Platform]int{platform: 1}, Grace: patience})
	r.send(chunk("job-1", 0, 10, 0))
	receive(t, "the adapter is asked", slow.asked)
	r.send(chunk("job-1", 1, 10, 0))
	run.stop()
	close(slow.open)
	if err := run.wait(); err != nil {
		t.Errorf("Run: %v", err)
	}
	if got, _ := r.result(); got.ChunkNo != 0 {
		t.Errorf("a result of chunk %d", got.ChunkNo)
	}
	eventually(t, "one chunk is left", func() bool { return r.messages(bus.WorkStream(platform)) == 1 })
	if n := len(slow.asked); n != 0 {
		t.Errorf("%d chunks were begun after the stop", n)
	}
}

// TestDrainGivesBack: what does not finish in time goes to another worker at once, long before AckWait.
func TestDrainGivesBack(t *testing.T) {
	r := newRig(t, bus.Options{AckWait: time.Hour})
	stuck := newGate()
	run := r.startPool(workers.Config{Adapters: only(stuck), Grace: time.Millisecond})
	r.send(chunk("job-1", 0, 10, 0))
	receive(t, "the adapter is asked", stuck.asked)
	run.drain()
	_ = receive(t, "the call is ended", stuck.ended)
	r.startPool(workers.Config{Adapters: only(fake{check: allActive}), Name: "second"})
	if got, _ := r.result(); got.Worker != "second" {
		t.Errorf("result of %q", got.Worker)
	}
	r.settled()
}

// TestPublishedAgainWhileHeld: the platform is not asked twice about a chunk that is being asked about, and one result
// settles both messages.
func TestPublishedAgainWhileHeld(t *testing.T) {
	r := newRig(t, bus.Options{})
	slow := newGate()
	reg := prometheus.NewRegistry()
	r.startPool(workers.Config{Adapters: only(slow), Registerer: reg})
	sent := chunk("job-1", 0, 10, 0)
	r.send(sent)
	receive(t, "the adapter is asked", slow.asked)
	again := sent
	again.Epoch = 2
	r.send(again)
	eventually(t, "the second message is dropped", func() bool { return chunksBy(t, reg, "duplicate") == 1 })
	eventually(t, "the first message is kept", func() bool { return r.messages(bus.WorkStream(platform)) == 1 })
	close(slow.open)
	got, _ := r.result()
	checkWhole(t, sent, got)
	r.settled()
	if n := len(slow.asked); n != 0 {
		t.Errorf("asked %d more times", n)
	}
}

// TestPoison: a chunk that workers keep dying on ends with errors, so that its job can end.
func TestPoison(t *testing.T) {
	r := newRig(t, bus.Options{})
	sent := chunk("job-1", 0, 10, 3)
	r.send(sent)
	c, err := r.js.Consumer(t.Context(), bus.WorkStream(platform), bus.WorkConsumer)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 { // three workers took it and died
		msg, err := c.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := msg.Nak(); err != nil {
			t.Fatal(err)
		}
	}
	var asked atomic.Int32
	reg := prometheus.NewRegistry()
	run := r.startPool(workers.Config{MaxDeliveries: 3, Registerer: reg, Adapters: only(fake{check: func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
		asked.Add(1)
		return allActive(ctx, n)
	}})})
	got, _ := r.result()
	checkWhole(t, sent, got)
	for i, check := range got.Checks {
		if check.Status != "ERROR" || check.Reason != "given up: handed out 3 times and never settled" {
			t.Errorf("check %d: %s, %q", i, check.Status, check.Reason)
		}
	}
	r.settled()
	run.drain()
	if asked.Load() != 0 || chunksBy(t, reg, "poison") != 1 {
		t.Errorf("asked %d times, %d chunks counted as poison", asked.Load(), chunksBy(t, reg, "poison"))
	}
	checkLog(t, run.log.String(), "chunk given up")
}

// TestUnreadable: what is not a work message of this platform is thrown away; what is too new is left for others.
func TestUnreadable(t *testing.T) {
	r := newRig(t, bus.Options{})
	reg := prometheus.NewRegistry()
	run := r.startPool(workers.Config{Adapters: only(fake{check: allActive}), Registerer: reg})
	other := chunk("job-1", 0, 3, 0)
	other.Platform = "APPLE"
	data, err := bus.Encode(other)
	if err != nil {
		t.Fatal(err)
	}
	r.sendRaw([]byte("rubbish"), "1")
	r.sendRaw([]byte(`{"v":1,"job":"j","platform":"WHATSAPP","numbers":[573001000001,573001000000]}`), "2")
	r.sendRaw(data, "3")
	eventually(t, "three are thrown away", func() bool { return chunksBy(t, reg, "unreadable") == 3 })
	r.settled()
	r.sendRaw([]byte(`{"v":2,"job":"j","platform":"WHATSAPP","numbers":{"packed":"AAAA"}}`), "4")
	eventually(t, "the newer one is given back", func() bool { return chunksBy(t, reg, "too_new") == 1 })
	sent := chunk("job-1", 5, 3, 0)
	r.send(sent)
	got, _ := r.result()
	checkWhole(t, sent, got)
	if n := r.messages(bus.WorkStream(platform)); n != 1 {
		t.Errorf("%d messages left, want the newer one", n)
	}
	run.drain()
}

func TestRunTwice(t *testing.T) {
	r := newRig(t, bus.Options{})
	pool, err := workers.New(workers.Config{Conn: connect(t, r.url), Adapters: only(fake{check: allActive})})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- pool.Run(ctx) }()
	<-pool.Ready()
	if err := pool.Run(ctx); err == nil {
		t.Error("a second Run was allowed")
	}
	cancel()
	if err := receive(t, "Run returns", done); err != nil {
		t.Error(err)
	}
	if got := pool.Platforms(); len(got) != 1 || got[0] != platform {
		t.Errorf("platforms %v", got)
	}
}
