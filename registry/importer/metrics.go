package importer

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
	"phoneregistry/registry/numbering"
)

// metrics counts what imports do. Labels take values of short lists only.
type metrics struct {
	imports    *prometheus.CounterVec // by final status
	running    prometheus.Gauge
	rows       *prometheus.CounterVec // by result
	numbers    prometheus.Counter
	bytes      prometheus.Counter
	rejections *prometheus.CounterVec // by reason
	seconds    prometheus.Histogram
	reasons    map[string]bool
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		imports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "phone_imports_total", Help: "Imports that ended, by status.",
		}, []string{"status"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "phone_imports_running", Help: "Imports this process works on.",
		}),
		rows: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "phone_import_rows_total", Help: "Rows read from files, by result: accepted or rejected.",
		}, []string{"result"}),
		numbers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "phone_import_numbers_total", Help: "Numbers accepted from files.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "phone_import_bytes_total", Help: "Bytes read from files.",
		}),
		rejections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "phone_import_rejections_total", Help: "Entries put into quarantine, by reason.",
		}, []string{"reason"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "phone_import_merge_seconds", Help: "Time to merge one run of rows, one transaction.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		reasons: knownReasons(),
	}
	if r != nil {
		r.MustRegister(m.imports, m.running, m.rows, m.numbers, m.bytes, m.rejections, m.seconds)
	}
	return m
}

// merged counts what a merge added to an import.
func (m *metrics) merged(before, after registry.ImportBatch, took time.Duration) {
	m.rows.WithLabelValues("accepted").Add(float64(after.RowsAccepted - before.RowsAccepted))
	m.rows.WithLabelValues("rejected").Add(float64(after.RowsRejected - before.RowsRejected))
	m.numbers.Add(float64(after.NumbersAccepted - before.NumbersAccepted))
	m.bytes.Add(float64(after.BytesRead - before.BytesRead))
	m.seconds.Observe(took.Seconds())
	for reason, count := range after.Rejections {
		added := count - before.Rejections[reason]
		if !m.reasons[reason] {
			reason = "OTHER"
		}
		m.rejections.WithLabelValues(reason).Add(float64(added))
	}
}

func knownReasons() map[string]bool {
	known := map[string]bool{
		intake.NoPhone: true, intake.RaggedRow: true, intake.InvalidCustomer: true, intake.TooManyPhones: true,
		string(intake.TooLong): true, string(intake.UnterminatedQuote): true,
	}
	for _, r := range []numbering.Reason{
		numbering.TooLongInput, numbering.TooManyNumbers, numbering.NotANumber, numbering.Letters, numbering.TooShort,
		numbering.TooLong, numbering.InvalidLength, numbering.InvalidCountryCode, numbering.NoRegion, numbering.NoArea,
		numbering.InvalidForRegion, numbering.PrecisionLost, numbering.RepeatedDigits, numbering.Fragment,
	} {
		known[string(r)] = true
	}
	return known
}
