package accesslog

import (
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
)

// metrics of what was shown. No label holds a name: the warning in the log tells whose reads are many.
type metrics struct {
	revealed *prometheus.CounterVec // by role
	bulk     prometheus.Counter
	entries  prometheus.Counter
	refused  prometheus.Counter
	damaged  prometheus.Counter
	over     prometheus.GaugeFunc
	waiting  prometheus.GaugeFunc
	roles    map[registry.Role]prometheus.Counter
}

func newMetrics(l *Log) *metrics {
	m := &metrics{
		revealed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "phone_numbers_revealed_total", Help: "Values that were shown whole, by the role of who saw them.",
		}, []string{"role"}),
		bulk: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "phone_bulk_reveals_total", Help: "Times that an actor was shown more whole values within an hour than the line allows.",
		}),
		entries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "phone_access_log_entries_total", Help: "Entries of the access log written to PostgreSQL.",
		}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "phone_access_log_refused_total", Help: "Answers with whole values that were held back, because they could not be recorded.",
		}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "phone_access_log_damaged_total", Help: "Spools of the access log that could not be read to their end.",
		}),
		over: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "phone_bulk_revealing_actors", Help: "Actors above the line for whole values within an hour.",
		}, func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return float64(l.bulk.over(l.c.Now()))
		}),
		waiting: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "phone_access_log_waiting_bytes", Help: "Bytes of the access log that are not in PostgreSQL yet.",
		}, func() float64 {
			l.mu.Lock()
			defer l.mu.Unlock()
			return float64(l.written - l.loaded)
		}),
		roles: map[registry.Role]prometheus.Counter{},
	}
	for _, role := range registry.Roles() {
		m.roles[role] = m.revealed.WithLabelValues(string(role))
	}
	return m
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.revealed, m.bulk, m.entries, m.refused, m.damaged, m.over, m.waiting} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// shown counts an entry.
func (m *metrics) shown(e registry.AccessEntry) {
	if counter := m.roles[e.Role]; counter != nil {
		counter.Add(float64(e.Revealed))
	}
}
