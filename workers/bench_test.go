package workers_test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/workers"
	"phoneregistry/workers/platform/simulator"
)

// BenchmarkRuntime is the runtime alone: chunks of 500 through JetStream, a simulator without latency, and results back.
func BenchmarkRuntime(b *testing.B) {
	const size, batch = 500, 200
	r := newRig(b, bus.Options{})
	sim, err := simulator.New(platform, simulator.Default(), nil)
	if err != nil {
		b.Fatal(err)
	}
	results, err := r.js.Consumer(b.Context(), bus.ResultStream, bus.ApplierConsumer)
	if err != nil {
		b.Fatal(err)
	}
	r.startPool(workers.Config{Adapters: only(sim), Logger: discard()})
	chunks := 0
	for b.Loop() {
		b.StopTimer()
		var bodies [][]byte
		for range batch {
			data, err := bus.Encode(chunk(fmt.Sprint("job-", chunks), 0, size, 3))
			if err != nil {
				b.Fatal(err)
			}
			bodies = append(bodies, data)
			chunks++
		}
		b.StartTimer()
		for _, data := range bodies {
			if _, err := r.js.PublishAsync(bus.WorkSubject(platform), data); err != nil {
				b.Fatal(err)
			}
		}
		for got := 0; got < batch; {
			msgs, err := results.Fetch(batch-got, jetstream.FetchMaxWait(patience))
			if err != nil {
				b.Fatal(err)
			}
			for msg := range msgs.Messages() {
				if err := msg.Ack(); err != nil {
					b.Fatal(err)
				}
				got++
			}
			if msgs.Error() != nil {
				b.Fatal(msgs.Error())
			}
		}
	}
	b.ReportMetric(float64(chunks*size)/b.Elapsed().Seconds(), "checks/s")
}
