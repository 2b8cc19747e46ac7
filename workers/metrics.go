package workers

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// What became of a chunk: the values of the label outcome.
const (
	outcomeDone       = "done"       // result published, chunk acknowledged
	outcomeCancelled  = "cancelled"  // its job was cancelled: acknowledged without a result
	outcomeReturned   = "returned"   // given back, because the worker stops
	outcomeDuplicate  = "duplicate"  // came again while it was being worked on here
	outcomePoison     = "poison"     // handed out too often: ended with errors
	outcomeUnreadable = "unreadable" // not a work message of this platform: thrown away
	outcomeTooNew     = "too_new"    // of a newer version: given back for a newer worker
)

type metrics struct {
	chunks      *prometheus.CounterVec   // platform, outcome
	inFlight    *prometheus.GaugeVec     // platform
	duration    *prometheus.HistogramVec // platform
	retries     *prometheus.CounterVec   // platform
	refusals    *prometheus.CounterVec   // platform
	breaker     *prometheus.GaugeVec     // platform, state
	limited     *prometheus.CounterVec   // platform
	lapsed      *prometheus.CounterVec   // platform
	unpublished prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		chunks: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_worker_chunks_total",
			Help: "Chunks that this worker was handed, by what became of them."}, []string{"platform", "outcome"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "phone_worker_chunks_in_flight",
			Help: "Chunks that this worker holds."}, []string{"platform"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "phone_validation_duration_seconds",
			Help:    "How long one call to a platform's adapter took. A call asks about a batch of numbers.",
			Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"platform"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_worker_retries_total",
			Help: "Numbers that were asked again after ERROR or RATE_LIMITED."}, []string{"platform"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_worker_bad_answers_total",
			Help: "Numbers whose answer broke the rules of an adapter, and adapter calls that panicked."}, []string{"platform"}),
		breaker: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "phone_worker_breaker",
			Help: "1 for the state that the breaker of a platform is in, 0 for the others."}, []string{"platform", "state"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_worker_refused_calls_total",
			Help: "Calls that the platform refused for now, in part or whole."}, []string{"platform"}),
		lapsed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "phone_worker_lapsed_calls_total",
			Help: "Calls that were planned anew because their time had passed or the rate had changed."}, []string{"platform"}),
		unpublished: prometheus.NewCounter(prometheus.CounterOpts{Name: "phone_worker_publish_failures_total",
			Help: "Attempts to publish a result that failed; each is tried again."}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.chunks, m.inFlight, m.duration, m.retries, m.refusals, m.breaker, m.limited, m.lapsed, m.unpublished} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("workers: register metrics: %w", err)
		}
	}
	return m, nil
}
