package httpd

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
)

const requestIDHeader = "X-Request-Id"

// requestIDPattern is what a client's own request id may look like: it is written to logs, to the audit trail and
// into headers, and must not be a phone number.
var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{0,63}[A-Za-z][A-Za-z0-9._-]{0,63}$`)

// observe gives each request an id, catches panics, and writes one line of log and the metrics of each request. The
// line holds neither addresses nor operations: they may hold what a log must not.
func observe(next http.Handler, log *slog.Logger, m *metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := requestID(r)
		w.Header().Set(requestIDHeader, id)
		r = r.WithContext(registry.WithActor(r.Context(), registry.Actor{RequestID: id}))
		rec := &recorder{ResponseWriter: w}
		m.inFlight.Inc()
		defer func() {
			m.inFlight.Dec()
			if cause := recover(); cause != nil {
				recovered(rec, r, cause, log)
				if isAbort(cause) {
					defer panic(cause)
				}
			}
			route, took := routeOf(r), time.Since(start)
			m.requests.WithLabelValues(route, methodLabel(r.Method), strconv.Itoa(rec.status())).Inc()
			if !rec.stream {
				m.durations.WithLabelValues(route).Observe(took.Seconds())
			}
			if log.Enabled(r.Context(), slog.LevelInfo) { // else what it would hold is not even put together
				log.InfoContext(r.Context(), "request", "request_id", id, "method", methodLabel(r.Method), "route", route,
					"status", rec.status(), "bytes", rec.bytes, "took", took, "actor", rec.actor)
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// noteActor notes for the log who was found to call.
func noteActor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rec, ok := w.(*recorder); ok {
			rec.actor = registry.ActorFrom(r.Context()).Name
		}
		next.ServeHTTP(w, r)
	})
}

func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); len(id) <= 64 && requestIDPattern.MatchString(id) {
		return id
	}
	var b [12]byte
	_, _ = rand.Read(b[:]) // does not fail: it would end the program
	return "r" + hex.EncodeToString(b[:])
}

// recovered answers a request whose handler panicked.
func recovered(w *recorder, r *http.Request, cause any, log *slog.Logger) {
	if isAbort(cause) {
		return
	}
	log.ErrorContext(r.Context(), "panic while answering", "request_id", registry.ActorFrom(r.Context()).RequestID,
		"panic", cause, "stack", string(debug.Stack()))
	if w.code == 0 && !w.stream {
		writeError(w, r, http.StatusInternalServerError, "INTERNAL", "internal error")
	}
}

// isAbort tells that a handler gave up in the middle of an answer, and has said why.
func isAbort(cause any) bool {
	err, ok := cause.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// routeOf is the pattern that matched, so that it has few values and holds nothing of the request.
func routeOf(r *http.Request) string {
	if r.Pattern == "" {
		return "none"
	}
	return r.Pattern
}

func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "other"
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	code   int
	bytes  int64
	actor  string
	stream bool // events or a WebSocket: lasts as long as the client wants
}

func (w *recorder) status() int {
	if w.code == 0 {
		return http.StatusOK
	}
	return w.code
}

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.code == 0 && status >= 200 { // those below are on the way to the answer
		w.code = status
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	if w.code == 0 {
		w.code = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach what is below.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError implements the interface that http.ResponseController looks for.
func (w *recorder) FlushError() error {
	w.stream = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (w *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.code, w.stream = http.StatusSwitchingProtocols, true
	}
	return conn, rw, err
}

// metrics of requests. No label holds anything of a request but route, method, status and kind.
type metrics struct {
	inFlight   prometheus.Gauge
	requests   *prometheus.CounterVec
	durations  *prometheus.HistogramVec
	operations *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "http_requests_in_flight", Help: "Requests being answered, streams and WebSockets among them.",
		}),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_requests_total", Help: "Requests answered.",
		}, []string{"route", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "http_request_duration_seconds", Help: "Time to answer a request; not of streams.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"route"}),
		operations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "graphql_operations_total", Help: "GraphQL operations run, by type and by whether they had errors.",
		}, []string{"type", "outcome"}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.inFlight, m.requests, m.durations, m.operations} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
