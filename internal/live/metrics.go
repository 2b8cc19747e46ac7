package live

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the hub. Nothing in them names a job, an import or a number.
type metrics struct {
	subscribers *prometheus.GaugeVec   // by kind: job, import, lead
	loads       *prometheus.CounterVec // by kind and outcome
	dropped     prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		subscribers: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "live_subscribers", Help: "Subscribers of live views.",
		}, []string{"kind"}),
		loads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "live_loads_total", Help: "States loaded for subscribers, each once for all of them.",
		}, []string{"kind", "outcome"}),
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "live_lead_changes_dropped_total",
			Help: "Changed scores that were not sent, because a subscriber or the server could not keep up.",
		}),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(r.Register(m.subscribers), r.Register(m.loads), r.Register(m.dropped))
}

func (m *metrics) loaded(kind string, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.loads.WithLabelValues(kind, outcome).Inc()
}
