package orchestrator

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// metered is a platform that answers one call for each token it is given, and counts the numbers asked about by where
// they begin. Time is what the tokens say: nothing here depends on the clock.
type metered struct {
	tokens chan struct{}
	mu     sync.Mutex
	asked  map[registry.Number]int // by the first six digits
}

const numbersInCall = 10

func newMetered() *metered {
	return &metered{tokens: make(chan struct{}), asked: map[registry.Number]int{}}
}

func (m *metered) Info() workers.Info {
	return workers.Info{Name: "metered", Method: "metered", MaxBatch: numbersInCall}
}

func (m *metered) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	select {
	case <-m.tokens:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	outcomes := make([]workers.Outcome, len(numbers))
	for i, n := range numbers {
		outcomes[i] = workers.Outcome{Number: n, Status: scoring.Active, Strength: 1}
		m.asked[n/1000000]++
	}
	return outcomes, nil
}

func (m *metered) count(prefix registry.Number) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.asked[prefix]
}

// give lets so many calls be answered.
func (r *rig) give(m *metered, calls int) {
	r.t.Helper()
	for range calls {
		select {
		case m.tokens <- struct{}{}:
		case <-r.ctx.Done():
			r.t.Fatal("nobody asks the platform")
		}
	}
}

// begun lets the worker call until it has asked about numbers of a job: a chunk that the broker has handed out may still
// be on its way into the worker.
func (r *rig) begun(m *metered, prefix registry.Number) {
	r.t.Helper()
	for m.count(prefix) == 0 {
		r.give(m, 1)
	}
}

// handedOut waits until everything that was published of a platform is with workers.
func (r *rig) handedOut(p scoring.Platform) {
	r.t.Helper()
	r.wait("all chunks to be with workers", func() bool {
		consumer, err := r.js.Consumer(r.ctx, bus.WorkStream(string(p)), bus.WorkConsumer)
		if err != nil {
			r.t.Fatal(err)
		}
		return consumer.CachedInfo().NumPending == 0
	})
}

// over is a job over the numbers that begin like this, of which it registers some.
func (r *rig) over(prefix registry.Number, numbers int, change ...func(*registry.JobSpec)) registry.Job {
	r.t.Helper()
	r.exec(`INSERT INTO phones (number, region, line_type, valid, plan_version, created_at, updated_at)
		SELECT $1::bigint * 1000000 + i, 'CO', 'MOBILE', true, 'test', now(), now() FROM generate_series(0, $2::int - 1) AS i`, int64(prefix), numbers)
	s := spec(500, scoring.Google)
	s.Target.Filter.NumberPrefix = prefix.String()[1:]
	for _, f := range change {
		f(&s)
	}
	job := r.job(s)
	r.changes.JobChanged(job.ID)
	return job
}

// meteredRig runs an orchestrator and a worker that makes one call at a time.
func meteredRig(t *testing.T) (*rig, *metered) {
	t.Helper()
	r := newRig(t)
	r.quiet = true
	r.changes.Notifier = NewNotifier(r.conn, nil)
	m := newMetered()
	pool, err := workers.New(workers.Config{
		Conn: r.conn, Adapters: map[scoring.Platform]workers.Adapter{scoring.Google: m}, Logger: r.log(), Streams: streams,
		Concurrency: map[scoring.Platform]int{scoring.Google: 1}, CallTimeout: time.Hour,
		Grace: time.Second, // a call that has no token would be waited for
	})
	if err != nil {
		t.Fatal(err)
	}
	r.start(r.orchestrator().Run)
	r.start(pool.Run)
	return r, m
}

// TestLargeJobDoesNotStarveSmall: a small job that comes while a large one has the platform to itself gets every second
// call from then on, although none of the chunks of the large one has ended. It takes twice its time alone.
func TestLargeJobDoesNotStarveSmall(t *testing.T) {
	r, m := meteredRig(t)
	large := r.over(573001, 20000)
	r.wait("the large job to have what one job may have", func() bool { return r.chunks(large.ID, "PUBLISHED") == 10 })
	r.handedOut(scoring.Google)
	r.give(m, 7)

	small := r.over(573101, 100)
	r.wait("the small job to go out", func() bool { return r.chunks(small.ID, "PUBLISHED") == 1 })
	r.handedOut(scoring.Google)
	r.begun(m, 573101)
	before := m.count(573001)
	for m.count(573101) < 100 {
		r.give(m, 1)
	}
	if asked := m.count(573001) - before; asked > 100+3*numbersInCall {
		t.Errorf("%d numbers of the large job were asked about while the small one took its 100", asked)
	} else {
		t.Logf("%d numbers of the large job were asked about while the small one took its 100", asked)
	}
	if done := r.ended(small.ID); done.Processed != 100 {
		t.Errorf("%d processed", done.Processed)
	}
}

// TestMoreJobsFindTheirPlace: jobs that come one after the other, while nothing ends, all go out at once, and share the
// platform; one of low priority is not left out.
func TestMoreJobsFindTheirPlace(t *testing.T) {
	r, m := meteredRig(t)
	priorities := []registry.JobPriority{registry.PriorityHigh, registry.PriorityNormal, registry.PriorityLow}
	var prefixes []registry.Number
	for i, p := range priorities {
		prefix := registry.Number(573001 + 100*i)
		job := r.over(prefix, 10000, func(s *registry.JobSpec) { s.Priority = p })
		prefixes = append(prefixes, prefix)
		r.wait("the next job to go out", func() bool { return r.chunks(job.ID, "PUBLISHED") > 0 })
		r.handedOut(scoring.Google)
		r.begun(m, prefix)
	}
	before := make([]int, len(prefixes))
	for i, prefix := range prefixes {
		before[i] = m.count(prefix)
	}
	r.give(m, 90)
	for i, prefix := range prefixes {
		if asked := m.count(prefix) - before[i]; asked < 250 {
			t.Errorf("%d of 900 numbers were asked about for the job of %s priority", asked, priorities[i])
		}
	}
}

// TestHigherPriorityGetsMore: of what goes out over time, jobs get parts by their weights.
func TestHigherPriorityGetsMore(t *testing.T) {
	r := newRig(t)
	r.changes.Notifier = NewNotifier(r.conn, nil)
	var jobs []registry.Job
	for i, p := range []registry.JobPriority{registry.PriorityLow, registry.PriorityNormal, registry.PriorityHigh} {
		jobs = append(jobs, r.over(registry.Number(573001+100*i), 3000, func(s *registry.JobSpec) { s.Priority, s.BatchSize = p, 10 }))
	}
	o := r.orchestrator(func(c *Config) {
		c.Capacity = func(registry.Platform) (int, bool) { return 1, true } // one place: turns alone decide
	})
	if err := o.ensureStreams(r.ctx); err != nil {
		t.Fatal(err)
	}
	served := map[string]int{}
	for range 70 {
		if n, err := o.relayRound(r.ctx); n != 1 || err != nil {
			t.Fatalf("published %d, %v", n, err)
		}
		msg, chunk := r.fetch(scoring.Google)
		served[chunk.JobID]++
		r.settle(msg, chunk)
	}
	for i, want := range []int{10, 20, 40} {
		if got := served[jobs[i].ID.String()]; got < want-1 || got > want+1 {
			t.Errorf("the job of %s priority was served %d times of 70, want %d", jobs[i].Priority, got, want)
		}
	}
}

// settle takes a chunk out of the ledger and its message out of the stream, as if it were done.
func (r *rig) settle(msg jetstream.Msg, c bus.Chunk) {
	r.t.Helper()
	if err := msg.DoubleAck(r.ctx); err != nil {
		r.t.Fatal(err)
	}
	r.exec(`UPDATE validation_chunks SET state = 'DONE', done_at = now(), deadline_at = NULL, succeeded = cardinality(numbers), failed = 0
		WHERE job_id = $1 AND chunk_no = $2`, c.JobID, c.ChunkNo)
}
