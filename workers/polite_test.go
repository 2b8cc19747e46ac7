package workers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
	"phoneregistry/workers/quota"
)

// statuses of a worker are received here.
func (r *rig) heartbeats() <-chan bus.WorkerStatus {
	r.t.Helper()
	got := make(chan bus.WorkerStatus, 1000)
	sub, err := r.conn.Subscribe(bus.WorkerStatuses, func(m *nats.Msg) {
		s, err := bus.DecodeWorkerStatus(m.Data)
		if err != nil || bus.WorkerStatusSubject(s.Worker) != m.Subject {
			r.t.Errorf("heartbeat on %s: %v", m.Subject, err)
		}
		got <- s
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = sub.Unsubscribe() })
	if err := r.conn.Flush(); err != nil {
		r.t.Fatal(err)
	}
	return got
}

// heard waits for a heartbeat that is as it should be.
func heard(t *testing.T, from <-chan bus.WorkerStatus, what string, good func(bus.WorkerStatus) bool) bus.WorkerStatus {
	t.Helper()
	for {
		if s := receive(t, what, from); good(s) {
			return s
		}
	}
}

// TestHeartbeat: a worker says what it does, and that it leaves.
func TestHeartbeat(t *testing.T) {
	r := newRig(t, bus.Options{})
	told := r.heartbeats()
	half := func(_ context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
		var outcomes []workers.Outcome
		for i, n := range numbers {
			outcomes = append(outcomes, workers.Outcome{Number: n, Status: []scoring.Status{scoring.NotFound, scoring.Failed}[i%2], Permanent: true})
		}
		return outcomes, nil
	}
	run := r.startPool(workers.Config{Name: "w1", Version: "1.2.3", Adapters: only(fake{check: half, info: workers.Info{Name: "half", Simulated: true}}),
		Slots: map[scoring.Platform]int{platform: 7}, Limits: map[scoring.Platform]quota.Limits{platform: {Daily: 100}}})
	first := receive(t, "the first heartbeat", told)
	if first.Name != "w1" || first.Program != "1.2.3" || first.Worker == "" || first.StartedAt.IsZero() || len(first.Platforms) != 1 {
		t.Fatalf("%+v", first)
	}
	if p := first.Platforms[0]; p.Platform != platform || p.Adapter != "half" || !p.Simulated || p.Slots != 7 || p.Breaker != bus.BreakerClosed {
		t.Errorf("%+v", p)
	}
	r.send(chunk("job-1", 0, 10, 0))
	r.result()
	later := heard(t, told, "ten checks are told", func(s bus.WorkerStatus) bool { return s.Platforms[0].Checked == 10 }).Platforms[0]
	if later.Failed != 5 || later.InFlight != 0 || later.Quota == nil || later.Quota.SpentToday != 10 || later.Quota.Daily != 100 {
		t.Errorf("%+v, quota %+v", later, later.Quota)
	}
	run.drain()
	heard(t, told, "it leaves", func(s bus.WorkerStatus) bool { return s.Leaving && s.Worker == first.Worker })
}

// TestNATSService: the tools of NATS see each worker, and ask it.
func TestNATSService(t *testing.T) {
	r := newRig(t, bus.Options{})
	told := r.heartbeats()
	run := r.startPool(workers.Config{Name: "w1", Version: "v1.2.3", Adapters: only(fake{check: allActive})})
	id := receive(t, "the first heartbeat", told).Worker
	var info micro.Info
	eventually(t, "the service answers", func() bool {
		answer, err := r.conn.Request("$SRV.INFO."+workers.ServiceName, nil, time.Second)
		return err == nil && json.Unmarshal(answer.Data, &info) == nil
	})
	if info.Version != "1.2.3" || info.Metadata["worker"] != id || info.Metadata["name"] != "w1" || info.Metadata["platforms"] != platform {
		t.Errorf("%+v", info.ServiceIdentity)
	}
	if len(info.Endpoints) != 1 || info.Endpoints[0].Name != "status" || info.Endpoints[0].Subject != bus.WorkerQuestion(id) {
		t.Fatalf("endpoints %+v", info.Endpoints)
	}
	answer, err := r.conn.Request(bus.WorkerQuestion(id), nil, patience)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := bus.DecodeWorkerStatus(answer.Data); err != nil || s.Worker != id || s.Name != "w1" {
		t.Errorf("%+v, %v", s, err)
	}
	answer, err = r.conn.Request("$SRV.STATS."+workers.ServiceName+"."+info.ID, nil, patience)
	var stats micro.Stats
	if err != nil || json.Unmarshal(answer.Data, &stats) != nil || len(stats.Endpoints) != 1 || stats.Endpoints[0].NumRequests != 1 {
		t.Errorf("stats %+v, %v", stats, err)
	}
	run.drain()
	eventually(t, "a worker that has stopped answers no more", func() bool {
		_, err := r.conn.Request("$SRV.PING."+workers.ServiceName, nil, time.Second)
		return errors.Is(err, nats.ErrNoResponders)
	})
}

// TestBreakerStopsPulling: while a platform does not work its chunks stay where they are, nothing spins, and when it works
// again they are done. Nothing is lost.
func TestBreakerStopsPulling(t *testing.T) {
	r := newRig(t, bus.Options{})
	told := r.heartbeats()
	var down atomic.Bool
	var calls atomic.Int32
	down.Store(true)
	adapter := fake{check: func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
		calls.Add(1)
		if down.Load() {
			return nil, errBoom
		}
		return allActive(ctx, n)
	}}
	reg := prometheus.NewRegistry()
	run := r.startPool(workers.Config{Adapters: only(adapter), Registerer: reg, Slots: map[scoring.Platform]int{platform: 2},
		Breaker: workers.Backoff{First: 300 * time.Millisecond, Longest: 300 * time.Millisecond}})
	const chunks = 12
	for no := range chunks {
		r.send(chunk("job-1", no, 3, 10))
	}
	open := heard(t, told, "the breaker is open", func(s bus.WorkerStatus) bool { return s.Platforms[0].Breaker == bus.BreakerOpen }).Platforms[0]
	if open.HeldUntil == nil || open.Reason == "" || open.InFlight > 2 {
		t.Errorf("%+v", open)
	}
	if n := r.messages(bus.WorkStream(platform)); n != chunks {
		t.Errorf("%d of %d chunks are left", n, chunks)
	}
	if n, limit := calls.Load(), int32(40); n > limit {
		t.Errorf("asked %d times within two heartbeats", n)
	}
	down.Store(false)
	for range chunks {
		if got, _ := r.result(); statuses(got) != "ACTIVE ACTIVE ACTIVE" {
			t.Errorf("chunk %d: %s", got.ChunkNo, statuses(got))
		}
	}
	r.settled()
	run.drain()
	want := `# HELP phone_worker_breaker 1 for the state that the breaker of a platform is in, 0 for the others.
# TYPE phone_worker_breaker gauge
phone_worker_breaker{platform="WHATSAPP",state="CLOSED"} 1
phone_worker_breaker{platform="WHATSAPP",state="HALF_OPEN"} 0
phone_worker_breaker{platform="WHATSAPP",state="OPEN"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "phone_worker_breaker"); err != nil {
		t.Error(err)
	}
	checkLog(t, run.log.String(), "chunk done")
	if opened := strings.Count(run.log.String(), "breaker opened"); opened == 0 || opened > 40 {
		t.Errorf("told %d times that the breaker opened", opened)
	}
}

// TestSmallJobGetsItsShare: calls take turns by job, so a small job that comes late is done long before the big one.
func TestSmallJobGetsItsShare(t *testing.T) {
	r := newRig(t, bus.Options{})
	var mu sync.Mutex
	var order []string
	begun, release := make(chan struct{}, 1000), make(chan struct{})
	adapter := fake{info: workers.Info{MaxBatch: 1}, check: func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
		mu.Lock()
		order = append(order, map[bool]string{true: "big", false: "small"}[n[0] < 573001000000+90*bus.MaxChunkNumbers])
		mu.Unlock()
		begun <- struct{}{}
		select {
		case <-release:
		case <-ctx.Done():
		}
		return allActive(ctx, n)
	}}
	told := r.heartbeats()
	r.startPool(workers.Config{Adapters: only(adapter), Concurrency: map[scoring.Platform]int{platform: 1}})
	for no := range 12 {
		r.send(chunk("big", no, 10, 0))
	}
	receive(t, "the first call", begun)
	heard(t, told, "twelve are held", func(s bus.WorkerStatus) bool { return s.Platforms[0].InFlight == 12 })
	r.send(chunk("small", 90, 10, 0))
	heard(t, told, "thirteen are held", func(s bus.WorkerStatus) bool { return s.Platforms[0].InFlight == 13 })
	close(release)
	for range 13 {
		r.result()
	}
	r.settled()
	last := 0
	for i, job := range order {
		if job == "small" {
			last = i
		}
	}
	if last > 2*10+4 { // its ten calls and as many of the big one, and what was under way
		t.Errorf("the small job was done after %d of %d calls", last+1, len(order))
	}
}

// TestBudgetOfTheDay: when it is spent the rest says so, and nothing more is asked.
func TestBudgetOfTheDay(t *testing.T) {
	r := newRig(t, bus.Options{})
	var asked atomic.Int64
	adapter := fake{info: workers.Info{MaxBatch: 5}, check: func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
		asked.Add(int64(len(n)))
		return allActive(ctx, n)
	}}
	run := r.startPool(workers.Config{Adapters: only(adapter), Limits: map[scoring.Platform]quota.Limits{platform: {Daily: 20}}})
	r.send(chunk("job-1", 0, 30, 2))
	got, _ := r.result()
	checkWhole(t, chunk("job-1", 0, 30, 2), got)
	found := map[string]int{}
	for _, check := range got.Checks {
		found[check.Status]++
		if left := check.Status == string(scoring.RateLimited); left != strings.Contains(check.Reason, quota.ReasonBudget) {
			t.Errorf("%s: reason %q", check.Status, check.Reason)
		}
	}
	if found["ACTIVE"] != 20 || found["RATE_LIMITED"] != 10 {
		t.Errorf("%v, want 20 ACTIVE and 10 RATE_LIMITED", found)
	}
	r.settled()
	eventually(t, "nobody pulls", func() bool { return r.pulls() == 0 })
	r.send(chunk("job-1", 1, 5, 0)) // stays in its stream: the platform's chunks are left alone until tomorrow
	run.drain()
	if asked.Load() != 20 || r.messages(bus.WorkStream(platform)) != 1 {
		t.Errorf("asked about %d numbers, %d chunks are left", asked.Load(), r.messages(bus.WorkStream(platform)))
	}
}

// TestRateIsShared: two workers together ask no faster than one may, and batches shrink to fit. Three seconds' worth of
// numbers cannot pass within two; the bound leaves room for a first call that is noted late.
func TestRateIsShared(t *testing.T) {
	const rate, numbers = 20, 60
	r := newRig(t, bus.Options{})
	var (
		mu          sync.Mutex
		first, last time.Time
		asked       int
	)
	adapter := fake{info: workers.Info{MaxBatch: 100, Rate: rate}, check: func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
		mu.Lock()
		defer mu.Unlock()
		if last = time.Now(); asked == 0 {
			first = last
		}
		if asked += len(n); len(n) > rate {
			t.Errorf("a call asks about %d numbers", len(n))
		}
		return allActive(ctx, n)
	}}
	for i := range 2 {
		r.startPool(workers.Config{Name: fmt.Sprint("worker-", i), Adapters: only(adapter)})
	}
	for i := range 2 {
		r.send(chunk("job-1", i, numbers/2, 0))
	}
	for range 2 {
		r.result()
	}
	r.settled()
	mu.Lock()
	defer mu.Unlock()
	if took := last.Sub(first); asked != numbers || took < 1500*time.Millisecond {
		t.Errorf("asked about %d numbers in %s, which is faster than %d a second", asked, took, rate)
	}
}

// TestRetryAfterHoldsAll: what one worker is told keeps the others away too.
func TestRetryAfterHoldsAll(t *testing.T) {
	r := newRig(t, bus.Options{})
	told := r.heartbeats()
	refuse := fake{check: func(context.Context, []numbering.Number) ([]workers.Outcome, error) {
		return nil, &workers.CallError{Reason: "slow down", RateLimited: true, RetryAfter: time.Hour}
	}}
	run := r.startPool(workers.Config{Name: "first", Adapters: only(refuse)})
	r.startPool(workers.Config{Name: "idle", Adapters: only(fake{check: allActive}), Slots: map[scoring.Platform]int{platform: 1}})
	for no := 0; ; no++ {
		r.send(chunk("job-1", no, 3, 0))
		if got, _ := r.result(); statuses(got) == "RATE_LIMITED RATE_LIMITED RATE_LIMITED" {
			break
		}
	}
	r.settled()
	run.drain()
	heard(t, told, "the other is held", func(s bus.WorkerStatus) bool {
		p := s.Platforms[0]
		return s.Name == "idle" && p.HeldUntil != nil && time.Until(*p.HeldUntil) > time.Minute && p.Quota != nil && p.Reason != ""
	})
}

// TestRollingRestart: when all workers are replaced one after another, nothing is lost and nothing asked twice.
func TestRollingRestart(t *testing.T) {
	r := newRig(t, bus.Options{})
	var mu sync.Mutex
	asked := map[numbering.Number]int{}
	adapter := fake{info: workers.Info{MaxBatch: 5}, check: func(ctx context.Context, n []numbering.Number) ([]workers.Outcome, error) {
		mu.Lock()
		for _, n := range n {
			asked[n]++
		}
		mu.Unlock()
		return allActive(ctx, n)
	}}
	const chunks, numbers = 120, 20
	for no := range chunks {
		r.send(chunk(fmt.Sprint("job-", no%3), no, numbers, 0))
	}
	var old []*running
	for range 3 {
		old = append(old, r.startPool(workers.Config{Adapters: only(adapter), Slots: map[scoring.Platform]int{platform: 2}}))
	}
	seen := map[int]int{}
	for i := range chunks {
		if i%30 == 10 && len(old) > 0 {
			r.startPool(workers.Config{Adapters: only(adapter), Slots: map[scoring.Platform]int{platform: 2}})
			old[0].drain()
			old = old[1:]
		}
		got, _ := r.result()
		checkWhole(t, chunk(got.JobID, got.ChunkNo, numbers, 0), got)
		seen[got.ChunkNo]++
	}
	r.settled()
	if len(old) > 0 || len(seen) != chunks {
		t.Errorf("%d workers left, results of %d chunks", len(old), len(seen))
	}
	for n, times := range asked {
		if times > 1 {
			t.Errorf("a number that ends in %d was asked %d times", n%100, times)
		}
	}
}

// TestPullsAfterReconnect: pulls that the server has forgotten are made anew as soon as the connection is back.
func TestPullsAfterReconnect(t *testing.T) {
	r := newRig(t, bus.Options{})
	run := r.startPool(workers.Config{Adapters: only(fake{check: allActive})})
	eventually(t, "it pulls", func() bool { return r.pulls() == 1 })
	for no := range 3 {
		if err := run.conn.ForceReconnect(); err != nil {
			t.Fatal(err)
		}
		r.send(chunk("job-1", no, 1, 0))
		r.result()
		r.settled()
		eventually(t, "it pulls again", func() bool { return r.pulls() == 1 })
	}
}

// pulls is how many pulls wait for a chunk.
func (r *rig) pulls() int {
	r.t.Helper()
	c, err := r.js.Consumer(context.Background(), bus.WorkStream(platform), bus.WorkConsumer)
	if err != nil {
		r.t.Fatal(err)
	}
	return c.CachedInfo().NumWaiting
}
