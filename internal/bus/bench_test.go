package bus_test

import (
	"testing"
	"time"

	"phoneregistry/internal/bus"
)

// fullResult is a result of 500 checks as the simulator gives them.
func fullResult() bus.Result {
	r := sampleResult
	r.Checks = nil
	for i := range int64(500) {
		r.Checks = append(r.Checks, bus.CheckResult{
			Number: 573001000000 + i, Status: "ACTIVE", Strength: 0.87, Method: "simulator", Attempts: 1, LatencyMS: 12,
			CheckedAt: time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.UTC), TTLSec: 2592000,
		})
	}
	return r
}

func BenchmarkEncodeResult(b *testing.B) {
	r := fullResult()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bus.Encode(r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(r.Checks))/b.Elapsed().Seconds(), "checks/s")
}

func BenchmarkDecodeResult(b *testing.B) {
	data, err := bus.Encode(fullResult())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bus.DecodeResult(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*500)/b.Elapsed().Seconds(), "checks/s")
}
