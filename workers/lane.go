package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/quota"
)

// lane pulls and works on the chunks of one platform. It pulls no more than it has free slots, so nothing waits at a worker
// that another could be doing; of what it holds, the gate lets some calls through at the same time.
type lane struct {
	pool     *Pool
	platform scoring.Platform
	asker    *asker
	throttle *throttle
	breaker  *breaker
	quota    *quota.Quota
	info     Info
	log      *slog.Logger
	inFlight prometheus.Gauge
	slots    int
	free     chan struct{} // one entry for each free slot
	holding  atomic.Int64  // chunks
	checked  atomic.Int64
	failed   atomic.Int64
	away     *bell // rings when the platform is to be left alone, so that pulls which wait end
	news     *bell // rings when a chunk has been settled and when the breaker has changed

	// tooNew is how long a lane stays away from a platform whose chunks it cannot read; its first step is also how
	// long JetStream waits before it hands such a chunk out again. It leaves the chunks to newer workers.
	tooNew  Backoff
	unread  atomic.Int64 // chunks that were too new, since the last one that was not
	trouble atomic.Bool  // pulling failed and was told

	mu       sync.Mutex // guards consumer
	consumer jetstream.Consumer
}

func newLane(p *Pool, platform scoring.Platform, adapter Adapter) *lane {
	info := adapter.Info()
	largest := bus.MaxChunkNumbers
	if info.MaxBatch > 0 {
		largest = min(largest, info.MaxBatch)
	}
	name := string(platform)
	slots, calls := p.cfg.slots(platform), p.cfg.concurrency(platform)
	l := &lane{
		pool: p, platform: platform, throttle: &throttle{}, info: info, log: p.log.With("platform", platform),
		inFlight: p.metrics.inFlight.WithLabelValues(name), slots: slots, free: make(chan struct{}, slots), news: newBell(), away: newBell(),
		tooNew: Backoff{First: 30 * time.Second, Longest: 10 * time.Minute},
	}
	for range slots {
		l.free <- struct{}{}
	}
	l.throttle.onHold = func(d time.Duration) {
		if d > worthAnotherPull {
			l.away.ring()
		}
	}
	l.breaker = newBreaker(p.cfg.Breaker, l.onBreaker)
	l.onBreaker("", bus.BreakerClosed, "")
	l.quota = p.newQuota(l, largest)
	l.asker = &asker{
		caller: &caller{
			adapter: adapter, info: info, timeout: p.cfg.CallTimeout, throttle: l.throttle, log: l.log,
			duration: p.metrics.duration.WithLabelValues(name), broken: p.metrics.refusals.WithLabelValues(name), patience: func() time.Duration { return p.lastMoment },
		},
		throttle: l.throttle, breaker: l.breaker, gate: newGate(calls), latency: newLatency(calls), quota: l.quota,
		done: newMeter(), passed: newMeter(), largest: largest, retry: p.cfg.Retry, maxWait: p.cfg.MaxWait, now: p.cfg.Now,
		retries: p.metrics.retries.WithLabelValues(name), refused: p.metrics.limited.WithLabelValues(name),
	}
	return l
}

// onBreaker tells a change of the breaker, once.
func (l *lane) onBreaker(from, to, reason string) {
	for _, state := range []string{bus.BreakerClosed, bus.BreakerHalfOpen, bus.BreakerOpen} {
		value := 0.0
		if state == to {
			value = 1
		}
		l.pool.metrics.breaker.WithLabelValues(string(l.platform), state).Set(value)
	}
	l.news.ring()
	switch {
	case from == "":
	case to == bus.BreakerOpen:
		l.away.ring()
		l.log.Warn("breaker opened: the platform is left alone", "reason", reason)
	default:
		l.log.Info("breaker changed", "from", from, "to", to)
	}
}

// handle settles one message and returns what became of it.
func (l *lane) handle(working context.Context, msg jetstream.Msg, ackWait time.Duration) string {
	l.inFlight.Inc()
	l.holding.Add(1)
	defer func() {
		l.holding.Add(-1)
		l.inFlight.Dec()
		l.news.ring()
	}()
	outcome, err := l.settle(working, msg, ackWait)
	if err != nil { // the connection is gone; the chunk comes again
		l.log.Debug("acknowledgement not sent", "outcome", outcome, "error", err)
	}
	l.pool.metrics.chunks.WithLabelValues(string(l.platform), outcome).Inc()
	if outcome == outcomeDone {
		l.unread.Store(0)
	}
	return outcome
}

func (l *lane) settle(working context.Context, msg jetstream.Msg, ackWait time.Duration) (string, error) {
	requestID := msg.Headers().Get(bus.HeaderRequestID)
	chunk, err := bus.DecodeChunk(msg.Data())
	switch {
	case errors.Is(err, bus.ErrVersion):
		l.log.Warn("chunk given back", "request_id", requestID, "error", err)
		return outcomeTooNew, msg.NakWithDelay(l.tooNew.First)
	case err == nil && chunk.Platform != string(l.platform):
		err = errors.New("work message: is of another platform than its stream")
	}
	if err != nil {
		l.log.Error("chunk thrown away", "request_id", requestID, "error", err)
		return outcomeUnreadable, msg.TermWithReason(err.Error())
	}
	log := l.log.With("job_id", chunk.JobID, "request_id", requestID, "chunk", chunk.ChunkNo, "epoch", chunk.Epoch)
	meta, err := msg.Metadata()
	if err != nil {
		return outcomeUnreadable, err // not from a stream: nobody waits for an acknowledgement
	}
	ctx, leave, err := l.pool.jobs.enter(working, chunk, meta.Sequence.Stream)
	switch {
	case errors.Is(err, errHeldMessage): // it came again while it is worked on, and is acknowledged at the end of that
		log.Debug("chunk ignored", "cause", err)
		return outcomeDuplicate, nil
	case errors.Is(err, errHeld): // published again; the result that is on its way settles this one too
		log.Debug("chunk dropped", "cause", err)
		return outcomeDuplicate, msg.Ack()
	case err != nil:
		return unfinished(log, msg, err)
	}
	defer leave()
	defer keepAlive(msg, ackWait)()
	if meta.NumDelivered > uint64(l.pool.cfg.MaxDeliveries) {
		return l.giveUp(ctx, log, msg, chunk, requestID)
	}
	started := l.pool.cfg.Now().UTC()
	checks, err := l.asker.askInNoOrder(ctx, chunk)
	if err == nil {
		err = l.pool.publish(ctx, l.result(chunk, started, checks), requestID)
	}
	if err != nil {
		return unfinished(log, msg, err)
	}
	l.count(checks)
	log.Debug("chunk done", "numbers", len(checks))
	return outcomeDone, msg.Ack()
}

// unfinished settles a chunk without a result: for good when its job was cancelled, else another worker gets it.
func unfinished(log *slog.Logger, msg jetstream.Msg, cause error) (string, error) {
	if errors.Is(cause, errCancelled) {
		log.Debug("chunk dropped: its job was cancelled")
		return outcomeCancelled, msg.Ack()
	}
	log.Info("chunk given back", "cause", cause)
	return outcomeReturned, msg.Nak()
}

// giveUp ends a chunk that was handed out too often, so that its job can end.
func (l *lane) giveUp(ctx context.Context, log *slog.Logger, msg jetstream.Msg, chunk bus.Chunk, requestID string) (string, error) {
	reason := fmt.Sprintf("given up: handed out %d times and never settled", l.pool.cfg.MaxDeliveries)
	now := l.pool.cfg.Now().UTC()
	checks := make([]bus.CheckResult, len(chunk.Numbers))
	for i, n := range chunk.Numbers {
		checks[i] = bus.CheckResult{Number: n, Status: string(scoring.Failed), Method: l.info.Method, Reason: reason, CheckedAt: now}
	}
	if err := l.pool.publish(ctx, l.result(chunk, now, checks), requestID); err != nil {
		return unfinished(log, msg, err)
	}
	l.count(checks)
	log.Error("chunk given up", "deliveries", l.pool.cfg.MaxDeliveries)
	return outcomePoison, msg.TermWithReason(reason)
}

func (l *lane) result(chunk bus.Chunk, started time.Time, checks []bus.CheckResult) bus.Result {
	return bus.Result{
		Version: bus.Version, JobID: chunk.JobID, Platform: chunk.Platform, ChunkNo: chunk.ChunkNo, Epoch: chunk.Epoch,
		Worker: l.pool.cfg.Name, Simulated: l.info.Simulated, StartedAt: started, EndedAt: l.pool.cfg.Now().UTC(), Checks: checks,
	}
}

// count counts the checks of a result for the heartbeat.
func (l *lane) count(checks []bus.CheckResult) {
	failed := 0
	for i := range checks {
		if s := scoring.Status(checks[i].Status); s == scoring.Failed || s == scoring.RateLimited {
			failed++
		}
	}
	l.checked.Add(int64(len(checks)))
	l.failed.Add(int64(failed))
}

// keepAliveEvery is how often JetStream hears of a chunk that is held, at least.
const keepAliveEvery = 3 * time.Second

// keepAlive tells JetStream that the message is being worked on, until the returned function is called.
func keepAlive(msg jetstream.Msg, ackWait time.Duration) func() {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(max(min(ackWait/3, keepAliveEvery), time.Millisecond))
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				_ = msg.InProgress() // when it does not arrive, the chunk is done twice
			case <-done:
				return
			}
		}
	}()
	return func() {
		close(done)
		<-stopped
	}
}
