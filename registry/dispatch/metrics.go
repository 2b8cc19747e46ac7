package dispatch

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
)

type metrics struct {
	attempts    *prometheus.CounterVec // outcome
	duration    prometheus.Histogram
	numbers     prometheus.Counter
	pending     prometheus.Gauge
	published   prometheus.Counter
	unpublished prometheus.Gauge
	notFanned   prometheus.Gauge
	restarts    *prometheus.CounterVec // loop
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_webhook_attempts_total",
			Help: "Attempts to call a webhook, by outcome: delivered, failed (it is tried again), dead, gone, interrupted or stale (another attempt counts)."},
			[]string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "phone_webhook_attempt_seconds",
			Help: "How long attempts to call a webhook took.", Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		numbers: prometheus.NewCounter(prometheus.CounterOpts{Name: "phone_webhook_numbers_total",
			Help: "Whole numbers sent to webhooks, with every attempt."}),
		pending: gauge("phone_webhook_deliveries_pending", "Deliveries that wait for an attempt, at all webhooks together."),
		published: prometheus.NewCounter(prometheus.CounterOpts{Name: "phone_events_published_total",
			Help: "Events that the stream of events has acknowledged."}),
		unpublished: gauge("phone_events_oldest_unpublished_seconds",
			"Age of the oldest event of the outbox that is not in the stream of events; 0 when there is none."),
		notFanned: gauge("phone_events_oldest_undelivered_seconds",
			"Age of the oldest event of the outbox for which no deliveries to webhooks were made yet; 0 when there is none."),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_dispatch_restarts_total",
			Help: "Times that a loop of the dispatcher failed and was started again."}, []string{"loop"}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.attempts, m.duration, m.numbers, m.pending, m.published, m.unpublished, m.notFanned, m.restarts} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("dispatch: register metrics: %w", err)
		}
	}
	return m, nil
}

// attempted counts an attempt that sent so many numbers.
func (m *metrics) attempted(o registry.AttemptOutcome, counted bool, numbers int) {
	if !o.NotMade {
		m.numbers.Add(float64(numbers))
	}
	outcome := "failed"
	switch {
	case !counted:
		outcome = "stale"
	case o.Status == registry.DeliveryDelivered:
		outcome = "delivered"
	case o.Gone:
		outcome = "gone"
	case o.Status == registry.DeliveryDead:
		outcome = "dead"
	case o.Error == errInterrupted.Error():
		outcome = "interrupted"
	}
	m.attempts.WithLabelValues(outcome).Inc()
	m.duration.Observe(o.Duration.Seconds())
}

// state shows how much waits.
func (m *metrics) state(s registry.OutboxState, now time.Time) {
	m.pending.Set(float64(s.Deliveries))
	m.unpublished.Set(age(s.OldestUnpublished, now))
	m.notFanned.Set(age(s.OldestNotFannedOut, now))
}

func age(at, now time.Time) float64 {
	if at.IsZero() {
		return 0
	}
	return max(now.Sub(at).Seconds(), 0)
}
