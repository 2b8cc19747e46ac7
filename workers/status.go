package workers

import (
	"cmp"
	"regexp"
	"strings"
	"time"

	"github.com/nats-io/nats.go/micro"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/scoring"
)

// ID is the id of this worker, unique among those that run.
func (p *Pool) ID() string { return p.id }

// status is what this worker tells of itself.
func (p *Pool) status() bus.WorkerStatus {
	s := bus.WorkerStatus{
		Version: bus.Version, Worker: p.id, Name: cut(p.cfg.Name), Program: cut(p.cfg.Version),
		StartedAt: p.started,
	}
	for _, l := range p.lanes {
		s.Platforms = append(s.Platforms, l.status())
	}
	return s
}

// lookBack is how long the rate in a heartbeat looks back.
const lookBack = 5 * time.Second

func (l *lane) status() bus.PlatformStatus {
	state, until, reason := l.breaker.status()
	s := bus.PlatformStatus{
		Platform: string(l.platform), Adapter: cut(l.info.Name), Simulated: l.info.Simulated, Slots: l.slots,
		InFlight: int(l.holding.Load()), Checked: l.checked.Load(), Failed: l.failed.Load(),
		RatePerSecond: l.asker.done.rate(lookBack), Breaker: state,
	}
	if held, why := l.throttle.status(); held.After(until) {
		until, reason = held, why
	}
	if !until.IsZero() {
		s.HeldUntil = new(until.UTC())
	}
	if l.quota != nil {
		s.Quota = l.quota.Status()
		reason = cmp.Or(reason, l.quota.Reason())
	}
	if reason == "" && l.asker.latency.slowed() {
		reason = "the platform answers slowly: fewer calls are made at the same time"
	}
	s.Reason = cut(reason)
	return s
}

// ServiceName is the name under which workers show as a NATS service: `nats micro ls`.
const ServiceName = "phoneregistry-worker"

// semantic is a version that a NATS service may have.
var semantic = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// startService makes this worker visible to the tools of NATS. Its endpoint answers with the heartbeat.
func (p *Pool) startService() (stop func(), err error) {
	version := strings.TrimPrefix(p.cfg.Version, "v")
	if !semantic.MatchString(version) {
		version = "0.0.0" // of no release; the metadata tells
	}
	service, err := micro.AddService(p.cfg.Conn, micro.Config{
		Name: ServiceName, Version: version, Description: "Checks phone numbers on platforms.",
		Metadata: map[string]string{
			"worker": p.id, "name": p.cfg.Name, "platforms": join(p.Platforms()), "program": cmp.Or(p.cfg.Version, "unknown"),
		},
	})
	if err != nil {
		return nil, err
	}
	stop = func() {
		if err := service.Stop(); err != nil {
			p.log.Debug("NATS service not stopped", "error", err)
		}
	}
	err = service.AddEndpoint("status", micro.HandlerFunc(func(r micro.Request) {
		data, err := bus.Encode(p.status())
		if err == nil {
			err = r.Respond(data)
		}
		if err != nil {
			p.log.Debug("status not told", "error", err)
		}
	}), micro.WithEndpointSubject(bus.WorkerQuestion(p.id)))
	if err != nil {
		stop()
		return nil, err
	}
	return stop, nil
}

func join(platforms []scoring.Platform) string {
	names := make([]string, len(platforms))
	for i, p := range platforms {
		names[i] = string(p)
	}
	return strings.Join(names, ",")
}
