package workers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/scoring"
)

// lane pulls and works on the chunks of one platform, each of its goroutines on one at a time. A goroutine pulls only
// when it is free, so nothing waits at a worker that another could be doing.
type lane struct {
	pool     *Pool
	platform scoring.Platform
	asker    *asker
	throttle *throttle
	info     Info
	log      *slog.Logger
	inFlight prometheus.Gauge

	// tooNew is how long a goroutine stays away from a platform whose chunks it cannot read; its first step is also how
	// long JetStream waits before it hands such a chunk out again. It leaves the chunks to newer workers.
	tooNew  Backoff
	trouble atomic.Bool // pulling failed and was told

	mu       sync.Mutex // guards consumer
	consumer jetstream.Consumer
}

func newLane(p *Pool, platform scoring.Platform, adapter Adapter) *lane {
	info := adapter.Info()
	batch := bus.MaxChunkNumbers
	if info.MaxBatch > 0 {
		batch = min(batch, info.MaxBatch)
	}
	t, batch := newThrottle(info.Rate, batch)
	name := string(platform)
	log := p.log.With("platform", platform)
	return &lane{
		pool: p, platform: platform, throttle: t, info: info, log: log, inFlight: p.metrics.inFlight.WithLabelValues(name),
		tooNew: Backoff{First: 30 * time.Second, Longest: 10 * time.Minute},
		asker: &asker{
			caller: &caller{
				adapter: adapter, info: info, timeout: p.cfg.CallTimeout, throttle: t, log: log,
				duration: p.metrics.duration.WithLabelValues(name), broken: p.metrics.refusals.WithLabelValues(name),
			},
			throttle: t, batch: batch, retry: p.cfg.Retry, maxWait: p.cfg.MaxWait, now: p.cfg.Now,
			retries: p.metrics.retries.WithLabelValues(name),
		},
	}
}

// run pulls until pulling ends. What it holds then is still worked on, until working ends.
func (l *lane) run(pulling, working context.Context) {
	failures, tooNew := 0, 0
	for pulling.Err() == nil {
		if d := l.throttle.held(); d > 0 { // the platform wants to be left alone: leave its chunks to others
			sleep(pulling, d)
			continue
		}
		msg, ackWait, err := l.next(pulling)
		switch {
		case pulling.Err() != nil && msg == nil:
			return
		case errors.Is(err, nats.ErrTimeout): // no chunk for a while
			failures = 0
			l.reachable()
		case err != nil:
			l.unreachable(err)
			sleep(pulling, l.pool.cfg.Reconnect.after(failures))
			failures++
		default:
			failures = 0
			l.reachable()
			if l.handle(working, msg, ackWait) == outcomeTooNew {
				sleep(pulling, l.tooNew.after(tooNew))
				tooNew++
			} else {
				tooNew = 0
			}
		}
	}
}

func (l *lane) unreachable(err error) {
	if !l.trouble.Swap(true) { // once is enough until it works again
		l.log.Warn("cannot pull chunks, trying again", "error", err)
	}
}

func (l *lane) reachable() {
	if l.trouble.Load() && l.trouble.Swap(false) {
		l.log.Info("pulling chunks again")
	}
}

// pullFor is how long a pull waits at the server for a chunk.
const pullFor = 30 * time.Second

// next waits for a chunk. It returns nats.ErrTimeout when none came for a while, and after how long without a sign of
// life the chunk is handed to another.
func (l *lane) next(ctx context.Context) (jetstream.Msg, time.Duration, error) {
	consumer, err := l.bind(ctx)
	if err != nil {
		return nil, 0, err
	}
	pull, cancel := context.WithTimeout(ctx, pullFor)
	defer cancel()
	msg, err := consumer.Next(jetstream.FetchContext(pull))
	if err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) {
			err = nats.ErrTimeout
		}
		if !errors.Is(err, nats.ErrTimeout) {
			l.unbind(consumer)
		}
		return nil, 0, err
	}
	return msg, consumer.CachedInfo().Config.AckWait, nil
}

// bind returns the consumer of the platform, made anew when it is missing.
func (l *lane) bind(ctx context.Context) (jetstream.Consumer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consumer != nil {
		return l.consumer, nil
	}
	c, err := bus.EnsureWork(ctx, l.pool.js, string(l.platform), l.pool.cfg.Streams)
	if err != nil {
		return nil, err
	}
	l.consumer = c
	return c, nil
}

// unbind forgets a consumer that failed, unless another goroutine has found a new one already.
func (l *lane) unbind(failed jetstream.Consumer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consumer == failed {
		l.consumer = nil
	}
}

// handle settles one message and returns what became of it.
func (l *lane) handle(working context.Context, msg jetstream.Msg, ackWait time.Duration) string {
	l.inFlight.Inc()
	defer l.inFlight.Dec()
	outcome, err := l.settle(working, msg, ackWait)
	if err != nil { // the connection is gone; the chunk comes again
		l.log.Debug("acknowledgement not sent", "outcome", outcome, "error", err)
	}
	l.pool.metrics.chunks.WithLabelValues(string(l.platform), outcome).Inc()
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
	checks, err := l.asker.ask(ctx, chunk)
	if err == nil {
		err = l.pool.publish(ctx, l.result(chunk, started, checks), requestID)
	}
	if err != nil {
		return unfinished(log, msg, err)
	}
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
	log.Error("chunk given up", "deliveries", l.pool.cfg.MaxDeliveries)
	return outcomePoison, msg.TermWithReason(reason)
}

func (l *lane) result(chunk bus.Chunk, started time.Time, checks []bus.CheckResult) bus.Result {
	return bus.Result{
		Version: bus.Version, JobID: chunk.JobID, Platform: chunk.Platform, ChunkNo: chunk.ChunkNo, Epoch: chunk.Epoch,
		Worker: l.pool.cfg.Name, Simulated: l.info.Simulated, StartedAt: started, EndedAt: l.pool.cfg.Now().UTC(), Checks: checks,
	}
}

// keepAlive tells JetStream that the message is being worked on, until the returned function is called.
func keepAlive(msg jetstream.Msg, ackWait time.Duration) func() {
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(max(ackWait/3, time.Millisecond))
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
