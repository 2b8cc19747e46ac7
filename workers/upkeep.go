package workers

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"phoneregistry/internal/bus"
	"phoneregistry/workers/quota"
)

// startUpkeep starts what goes on beside the work: quotas are kept, those who watch are told, pulls are made anew when
// the connection is back. It goes on while the worker finishes what it holds.
func (p *Pool) startUpkeep(ctx context.Context, running *sync.WaitGroup) {
	for _, l := range p.lanes {
		running.Go(func() { l.quota.Run(ctx) })
	}
	running.Go(func() { p.watchConnection(ctx) })
	running.Go(func() { p.heartbeats(ctx) })
}

// watchConnection rings when the connection is back: the server has forgotten the pulls that were waiting there.
func (p *Pool) watchConnection(ctx context.Context) {
	changes := p.cfg.Conn.StatusChanged(nats.CONNECTED)
	defer p.cfg.Conn.RemoveStatusListener(changes)
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changes:
			if !ok { // closed for good
				return
			}
			p.reconnected.ring()
		}
	}
}

// heartbeats tells what this worker does, until ctx ends.
func (p *Pool) heartbeats(ctx context.Context) {
	stop, err := p.startService()
	if err != nil {
		p.log.Warn("this worker does not show as a NATS service", "error", err)
	} else {
		defer stop()
	}
	ticker := time.NewTicker(bus.HeartbeatEvery)
	defer ticker.Stop()
	for {
		p.tell(p.status())
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (p *Pool) tell(s bus.WorkerStatus) {
	data, err := bus.Encode(s)
	if err == nil {
		err = p.cfg.Conn.Publish(bus.WorkerStatusSubject(s.Worker), data)
	}
	if err != nil { // nobody sees this worker for a while
		p.log.Debug("heartbeat not sent", "error", err)
	}
}

// goodbye gives back what was leased and says that this worker leaves.
func (p *Pool) goodbye(ctx context.Context) {
	for _, l := range p.lanes {
		if err := l.quota.Close(ctx); err != nil {
			p.log.Warn("quota not given back", "platform", l.platform, "error", err)
		}
	}
	last := p.status()
	last.Leaving = true
	p.tell(last)
}

// newQuota makes the share of a lane in what all workers may ask.
func (p *Pool) newQuota(l *lane, largest int) *quota.Quota {
	if p.quotas == nil {
		return nil
	}
	lapsed := p.metrics.lapsed.WithLabelValues(string(l.platform))
	return quota.New(quota.Config{
		Store: p.quotas, Platform: string(l.platform), Credential: l.info.credential(), Worker: p.id,
		Limits: p.cfg.limits(l.platform, l.info), MaxCall: largest, Logger: l.log, Retry: p.cfg.Reconnect.after,
		Tell: p.tellQuota, Held: func(until time.Time) { l.throttle.holdUntil(until, reasonHeld) }, Lapsed: lapsed.Inc,
	})
}

func (p *Pool) tellQuota(m bus.QuotaChanged) {
	data, err := bus.Encode(m)
	if err == nil {
		err = p.cfg.Conn.Publish(bus.QuotaHint, data)
	}
	if err != nil { // the others find out with their next lease
		p.log.Debug("quota hint not sent", "error", err)
	}
}

func (p *Pool) onQuotaHint(msg *nats.Msg) {
	m, err := bus.DecodeQuota[bus.QuotaChanged](msg.Data)
	if err != nil {
		p.log.Warn("quota hint ignored", "error", err)
		return
	}
	for _, l := range p.lanes {
		if string(l.platform) == m.Platform && l.info.credential() == m.Credential {
			l.quota.Hint()
		}
	}
}
