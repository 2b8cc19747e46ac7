// Package live tells subscribers how jobs, imports and scores change. Events on NATS are hints to look at once; what
// they miss is found by looking again every now and then. However many subscribers a job has, its state is loaded
// once for all of them, and none of them can hold up another: each has a place for the newest value only.
package live

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// How often things are loaded and sent.
const (
	minInterval = 250 * time.Millisecond // at most four updates a second
	maxInterval = 2 * time.Second        // looked at without a hint
	loadTimeout = 10 * time.Second       // unless configured
)

// ErrClosed is returned to those who subscribe after the hub has stopped.
var ErrClosed = errors.New("live: the server is stopping")

// Source is what the hub loads; *registry.Service is one.
type Source interface {
	Job(ctx context.Context, id uuid.UUID) (registry.Job, error)
	JobPlatforms(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]registry.PlatformCount, error)
	Import(ctx context.Context, id uuid.UUID) (registry.ImportBatch, error)
	LeadScores(ctx context.Context, numbers []registry.Number, fields ...string) (map[registry.Number]registry.LeadScore, error)
	PhonesByNumber(ctx context.Context, numbers []registry.Number, fields ...string) (map[registry.Number]registry.Phone, error)
	LatestLead(ctx context.Context, f registry.LeadFilter) (registry.LeadScore, error)
}

// Config is what a Hub is made of.
type Config struct {
	Conn       *nats.Conn
	Service    Source
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: no metrics
	Now        func() time.Time      // nil: time.Now
	// Look is how long one look at a job or an import may take. Those who wait for their first state share it: it is the
	// longest that any of them may wait. 0: 10 s.
	Look time.Duration
}

// Hub fans changes out to subscribers.
type Hub struct {
	conn    *nats.Conn
	source  Source
	log     *slog.Logger
	now     func() time.Time
	look    time.Duration
	metrics *metrics

	ctx     context.Context //nolint:containedctx // of everything the hub runs; ends with Run
	stop    context.CancelFunc
	jobs    *topics[*JobProgress]
	imports *topics[*ImportProgress]
	leads   *leadFeed
}

// New makes a hub. It serves subscribers at once, by looking every two seconds; with Run it hears of changes.
func New(c Config) (*Hub, error) {
	if c.Conn == nil || c.Service == nil || c.Logger == nil {
		return nil, errors.New("live: a NATS connection, a service and a logger are needed")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	h := &Hub{conn: c.Conn, source: c.Service, log: c.Logger, now: c.Now, look: cmp.Or(c.Look, loadTimeout), metrics: m}
	base := registry.WithActor(context.Background(), registry.Actor{Name: "system:live"})
	h.ctx, h.stop = context.WithCancel(base)
	h.jobs = newTopics(h, "job", h.watchJob)
	h.imports = newTopics(h, "import", h.watchImport)
	h.leads = newLeadFeed(h)
	return h, nil
}

// Run listens for events until ctx ends. Then all subscriptions end, and no new ones are taken.
func (h *Hub) Run(ctx context.Context) (err error) {
	defer h.close()
	var subs []*nats.Subscription
	defer func() {
		for _, sub := range subs {
			if e := sub.Unsubscribe(); e != nil && !errors.Is(e, nats.ErrConnectionClosed) {
				err = errors.Join(err, fmt.Errorf("live: unsubscribe: %w", e))
			}
		}
	}()
	for subject, handle := range map[string]nats.MsgHandler{
		bus.JobEvents:    func(m *nats.Msg) { h.jobs.hint(bus.LastToken(m.Subject)) },
		bus.ImportEvents: func(m *nats.Msg) { h.imports.hint(bus.LastToken(m.Subject)) },
		bus.LeadEvents:   func(m *nats.Msg) { h.leads.hint(m.Data) },
	} {
		sub, err := h.conn.Subscribe(subject, handle)
		if err != nil {
			return fmt.Errorf("live: subscribe to %s: %w", subject, err)
		}
		subs = append(subs, sub)
	}
	<-ctx.Done()
	return nil
}

// close ends all subscriptions and waits for what serves them.
func (h *Hub) close() {
	h.stop()
	h.jobs.wait()
	h.imports.wait()
	h.leads.wait()
}

// JobProgress sends the progress of a job: its state at once, then changes with growing sequence, at most four a
// second. A value that was not taken is replaced by a newer one. The final state is always sent, and the channel
// closed behind it. ErrNotFound for an id that is not there. The subscription ends with ctx.
func (h *Hub) JobProgress(ctx context.Context, id uuid.UUID) (<-chan *JobProgress, error) {
	return h.jobs.subscribe(ctx, id)
}

// ImportProgress sends the progress of an import in the manner of JobProgress.
func (h *Hub) ImportProgress(ctx context.Context, id uuid.UUID) (<-chan *ImportProgress, error) {
	return h.imports.subscribe(ctx, id)
}

// LeadScores sends scores as they change: the one that matches and changed last at once, then at most four a second,
// the newest first. Of each number only the newest score waits to be sent; when more numbers wait than are kept, the
// oldest are dropped. The subscription ends with ctx.
func (h *Hub) LeadScores(ctx context.Context, f registry.LeadFilter) (<-chan LeadChange, error) {
	return h.leads.subscribe(ctx, f)
}
