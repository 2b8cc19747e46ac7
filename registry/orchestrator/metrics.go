package orchestrator

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

type metrics struct {
	validations *prometheus.CounterVec // platform, status, region
	results     *prometheus.CounterVec // verdict
	batch       prometheus.Histogram
	chunks      *prometheus.GaugeVec // platform, state
	oldest      prometheus.Gauge
	planned     prometheus.Counter
	published   prometheus.Counter
	returned    *prometheus.CounterVec // reason
	recalled    prometheus.Counter
	scheduled   *prometheus.CounterVec // outcome
	expired     prometheus.Counter
	restarts    *prometheus.CounterVec // loop
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		validations: counters("phone_validations_total",
			"Checks that were applied, by platform, status and the region of the number (ZZ: none).", "platform", "status", "region"),
		results: counters("phone_results_total",
			"Results that were taken in, by what became of them.", "verdict"),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "phone_results_batch_seconds",
			Help:    "How long it took to apply a batch of results in one transaction.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		chunks: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "phone_chunks",
			Help: "Chunks of jobs that are not held: pending, or out with the broker and the workers."}, []string{"platform", "state"}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{Name: "phone_results_oldest_unapplied_seconds",
			Help: "Age of the oldest result that has not been applied; 0 when there is none."}),
		planned:   counter("phone_checks_planned_total", "Checks that the planner put into chunks, beyond the first step of each job."),
		published: counter("phone_chunks_published_total", "Chunks that the broker acknowledged."),
		returned: counters("phone_chunks_returned_total",
			"Chunks that the reconciler had published again, by why: claim, stream or lost.", "reason"),
		recalled: counter("phone_chunks_recalled_total",
			"Chunks that were taken back from a stream because their job was held or cancelled."),
		scheduled: counters("phone_schedule_runs_total",
			"Times that a schedule was due, by what became of it: started or skipped.", "outcome"),
		expired:  counter("phone_scores_expired_total", "Scores that were made anew because evidence ran out."),
		restarts: counters("phone_orchestrator_restarts_total", "Times that a loop failed and was started again.", "loop"),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{
		m.validations, m.results, m.batch, m.chunks, m.oldest, m.planned, m.published, m.returned, m.recalled, m.scheduled, m.expired, m.restarts,
	} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("orchestrator: register metrics: %w", err)
		}
	}
	return m, nil
}

// applied counts what a batch of results changed.
func (m *metrics) applied(a registry.Applied, took time.Duration) {
	m.batch.Observe(took.Seconds())
	for _, v := range a.Verdicts {
		m.results.WithLabelValues(v.String()).Inc()
	}
	for _, c := range a.Checks {
		m.validations.WithLabelValues(string(c.Platform), string(c.Status), regionLabel(c.Region)).Add(float64(c.Count))
	}
}

// regionLabel is a region as a label: one that numbers can be of, 001 for those of no country, and ZZ for all else, so
// that nothing else can make the metric grow.
func regionLabel(region string) string {
	if region == registry.NonGeographic || numbering.SupportedRegion(region) {
		return region
	}
	return registry.NoRegion
}
