package dispatch_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"phoneregistry/registry"
)

// BenchmarkTell tells a stream and a webhook of 100,000 changes of tier, in events of 5,000 as a job makes them.
func BenchmarkTell(b *testing.B) {
	const events, numbers = 20, 5000
	r := newRig(b)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	b.Cleanup(server.Close)
	hook, _ := r.webhook(server.URL)
	c := r.config()
	c.Logger = nil
	r.start(c)
	total := 0
	for b.Loop() {
		for range events {
			r.tierEvent(numbers)
		}
		total += events * registry.PartsOf(numbers)
		r.until("all is told", func() bool {
			return r.published() && r.count(`SELECT count(*) FROM webhook_deliveries WHERE webhook_id = $1 AND status = 'DELIVERED'`, hook.ID) == total
		})
	}
	b.ReportMetric(float64(events*numbers*b.N)/b.Elapsed().Seconds(), "changes/s")
}
