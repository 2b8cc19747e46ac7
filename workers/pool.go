package workers

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers/quota"
)

// Pool works on the chunks of some platforms. Make it with New and run it once with Run.
type Pool struct {
	cfg     Config
	log     *slog.Logger
	js      jetstream.JetStream
	jobs    *jobs
	lanes   []*lane
	quotas  *quota.Store // nil: nothing is shared, in tests
	metrics *metrics
	id      string
	started time.Time

	reconnected *bell // rings when the connection is back

	running sync.Mutex // held since Run was called
	ready   chan struct{}

	lastMoment time.Duration // how long adapters have to return after their context has ended
}

// New checks cfg and makes a Pool. It does not talk to NATS yet.
func New(cfg Config) (*Pool, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(cfg.Conn)
	if err != nil {
		return nil, fmt.Errorf("workers: %w", err)
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		cfg: cfg, log: cfg.Logger.With("worker", cfg.Name), js: js, jobs: newJobs(cfg.Now), metrics: m, id: rand.Text(),
		started: cfg.Now().UTC(), reconnected: newBell(), ready: make(chan struct{}), lastMoment: 5 * time.Second,
		quotas: quota.NewStore(js, cfg.Streams),
	}
	for _, platform := range scoring.Checkable() {
		if adapter, ok := cfg.Adapters[platform]; ok {
			p.lanes = append(p.lanes, newLane(p, platform, adapter))
		}
	}
	return p, nil
}

// Platforms returns the platforms that the Pool works for, in the order in which lists show them.
func (p *Pool) Platforms() []scoring.Platform {
	platforms := make([]scoring.Platform, len(p.lanes))
	for i, l := range p.lanes {
		platforms[i] = l.platform
	}
	return platforms
}

// Ready is closed when Run has subscribed to what the orchestrator says and pulls. NATS may still be away.
func (p *Pool) Ready() <-chan struct{} { return p.ready }

var (
	// ErrConnectionClosed is returned by Run when the connection to NATS was closed for good.
	ErrConnectionClosed = errors.New("the connection to NATS was closed")
	errDrained          = errors.New("the worker stops")
	errStuckAdapter     = errors.New("workers: an adapter did not return after its context had ended")
)

// Run works until ctx ends. Then it takes no more chunks and lets those it holds finish within Config.Grace; those that
// do not are given back to JetStream, which hands them to another worker at once. While NATS is away it keeps trying.
//
// Run returns nil after a clean end, ErrConnectionClosed when the connection was closed under it, and an error when an
// adapter did not return even after its context had ended. A Pool runs once.
func (p *Pool) Run(ctx context.Context) error {
	if !p.running.TryLock() {
		return errors.New("workers: Run was called before")
	}
	closed := p.cfg.Conn.StatusChanged(nats.CLOSED)
	defer p.cfg.Conn.RemoveStatusListener(closed)
	unsubscribe, err := p.subscribe()
	if err != nil {
		return err
	}
	defer unsubscribe()
	upkeep, stopUpkeep := context.WithCancel(context.WithoutCancel(ctx))
	var background sync.WaitGroup
	p.startUpkeep(upkeep, &background)
	defer background.Wait()
	defer stopUpkeep()

	pulling, stopPulling := context.WithCancel(ctx)
	defer stopPulling()
	working, stopWorking := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stopWorking(nil)
	idle := p.start(pulling, working)
	p.log.Info("worker started", "platforms", p.Platforms())
	close(p.ready)

	select {
	case <-ctx.Done():
		return p.drain(idle, stopWorking)
	case <-closed:
		stopPulling()
		stopWorking(ErrConnectionClosed)
		return errors.Join(ErrConnectionClosed, p.await(idle, 2*p.lastMoment))
	}
}

// subscribe listens to what is said to all workers.
func (p *Pool) subscribe() (unsubscribe func(), err error) {
	var subs []*nats.Subscription
	unsubscribe = func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe() // fails when the connection is closed, and then there is nothing to undo
		}
	}
	for subject, handle := range map[string]nats.MsgHandler{bus.JobControl: p.onControl, bus.QuotaHint: p.onQuotaHint} {
		sub, err := p.cfg.Conn.Subscribe(subject, handle)
		if err != nil {
			unsubscribe()
			return nil, fmt.Errorf("workers: subscribe to %s: %w", subject, err)
		}
		subs = append(subs, sub)
	}
	return unsubscribe, nil
}

// start starts the goroutines of all lanes and returns a channel that is closed when they have ended.
func (p *Pool) start(pulling, working context.Context) <-chan struct{} {
	var wg sync.WaitGroup
	for _, l := range p.lanes {
		wg.Go(func() { l.run(pulling, working) })
	}
	idle := make(chan struct{})
	go func() {
		wg.Wait()
		close(idle)
	}()
	return idle
}

func (p *Pool) drain(idle <-chan struct{}, stopWorking context.CancelCauseFunc) error {
	p.log.Info("worker stops: finishing what it holds", "grace", p.cfg.Grace)
	err := p.await(idle, p.cfg.Grace)
	if err != nil {
		stopWorking(errDrained)
		err = p.await(idle, 2*p.lastMoment)
	}
	if err == nil && p.stuck() {
		err = errStuckAdapter
	}
	// Acknowledgements and returns are on their way; those that do not arrive mean work done twice, no more.
	flushed, cancel := context.WithTimeout(context.Background(), p.lastMoment)
	defer cancel()
	p.goodbye(flushed)
	if flushErr := p.cfg.Conn.FlushWithContext(flushed); flushErr != nil {
		p.log.Warn("NATS did not confirm the last acknowledgements", "error", flushErr)
	}
	p.log.Info("worker stopped", "clean", err == nil)
	return err
}

// stuck reports whether calls hang that should have returned long ago.
func (p *Pool) stuck() bool {
	return slices.ContainsFunc(p.lanes, func(l *lane) bool { return l.asker.caller.stuck.Load() > 0 })
}

func (p *Pool) await(idle <-chan struct{}, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-idle:
		return nil
	case <-timer.C:
		return errStuckAdapter
	}
}

func (p *Pool) onControl(msg *nats.Msg) {
	m, err := bus.DecodeJobControl(msg.Data)
	switch {
	case err != nil:
		p.log.Warn("control message ignored", "error", err)
	case m.Action == bus.ActionCancel:
		p.jobs.drop(m.JobID)
		p.log.Info("job cancelled: dropping its chunks", "job_id", m.JobID)
	}
}

// publish publishes the result of a chunk and keeps trying until JetStream has it or ctx ends, with its cause.
func (p *Pool) publish(ctx context.Context, result bus.Result, requestID string) error {
	msg := nats.NewMsg(bus.ResultSubject(result.Platform))
	msg.Header.Set(bus.HeaderJobID, result.JobID)
	if requestID != "" {
		msg.Header.Set(bus.HeaderRequestID, requestID)
	}
	var err error
	if msg.Data, err = bus.Encode(result); err != nil {
		return err
	}
	shrunk := 0
	for attempt := 0; ; attempt++ {
		_, err := p.js.PublishMsg(ctx, msg, jetstream.WithMsgID(result.MessageID()), jetstream.WithExpectStream(bus.ResultStream))
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		p.metrics.unpublished.Inc()
		p.log.Warn("result not published, trying again", "job_id", result.JobID, "request_id", requestID, "platform", result.Platform,
			"chunk", result.ChunkNo, "attempt", attempt+1, "full", bus.IsFull(err), "error", err)
		if errors.Is(err, nats.ErrMaxPayload) && shrunk < 2 {
			shrunk++
			if msg.Data, err = bus.Encode(smaller(result, shrunk)); err != nil {
				return err
			}
			continue
		}
		p.ensureResults(ctx, err)
		if !loop.Sleep(ctx, p.cfg.Reconnect.after(attempt)) {
			return context.Cause(ctx)
		}
	}
}

// smaller leaves out of a result what a server with small messages cannot take: details first, then reasons too.
func smaller(result bus.Result, step int) bus.Result {
	result.Checks = slices.Clone(result.Checks)
	for i := range result.Checks {
		result.Checks[i].Details = nil
		if step > 1 {
			result.Checks[i].Reason = ""
		}
	}
	return result
}

// ensureResults makes the result stream anew when it was lost.
func (p *Pool) ensureResults(ctx context.Context, cause error) {
	if !errors.Is(cause, jetstream.ErrNoStreamResponse) {
		return
	}
	if _, err := bus.EnsureResults(ctx, p.js, p.cfg.Streams); err != nil {
		p.log.Warn("result stream is missing and cannot be made", "error", err)
	}
}
