package bus_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/bus"
)

var sampleStatus = bus.WorkerStatus{
	Version: 1, Worker: "W5ZbZ0QzOOKqjqTnSYoPZA", Name: "worker-1", Program: "1.4.0",
	StartedAt: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC),
	Platforms: []bus.PlatformStatus{
		{
			Platform: "WHATSAPP", Adapter: "webservice", Slots: 16, InFlight: 12, Checked: 123456, Failed: 78, RatePerSecond: 49.5,
			Breaker: bus.BreakerOpen, HeldUntil: new(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), Reason: "5 calls failed in a row",
			Quota: &bus.QuotaStatus{
				Credential: "main", Rate: 50, CurrentRate: 42.5, Concurrency: 8, Daily: 100000, SpentToday: 4321, CallsNow: 2,
			},
		},
		{Platform: "GOOGLE", Adapter: "simulator", Simulated: true, Slots: 16, Breaker: bus.BreakerClosed},
	},
}

func TestGoldenStatus(t *testing.T) {
	golden(t, "worker_status_v1.json", sampleStatus, bus.DecodeWorkerStatus)
}

// TestGoldenStatusOfTheFirstWorkers: what is optional may be missing, what is not known may be there.
func TestGoldenStatusOfTheFirstWorkers(t *testing.T) {
	data, err := os.ReadFile("testdata/worker_status_v1_least.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := bus.DecodeWorkerStatus(data)
	if err != nil {
		t.Fatal(err)
	}
	want := bus.WorkerStatus{Version: 1, Worker: "w1", StartedAt: sampleStatus.StartedAt,
		Platforms: []bus.PlatformStatus{{Platform: "APPLE", Breaker: bus.BreakerClosed}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read differently (-want +got):\n%s", diff)
	}
}

func TestDecodeWorkerStatusRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"nothing", ``, "is not JSON"},
		{"no version", `{"worker":"w"}`, "no version"},
		{"nobody", `{"v":1}`, "worker is required"},
		{"a long name", `{"v":1,"worker":"w","name":"` + strings.Repeat("n", 201) + `"}`, "200 bytes"},
		{"many platforms", `{"v":1,"worker":"w","platforms":[` + strings.Repeat(`{"platform":"X","breaker":"OPEN"},`, 64) + `{"platform":"X"}]}`, "65 platforms"},
		{"no platform", `{"v":1,"worker":"w","platforms":[{"breaker":"OPEN"}]}`, "entry 0"},
		{"negative", `{"v":1,"worker":"w","platforms":[{"platform":"X","breaker":"OPEN","slots":-1}]}`, "negative"},
		{"a strange breaker", `{"v":1,"worker":"w","platforms":[{"platform":"X","breaker":"AJAR"}]}`, "breaker"},
		{"a long reason", fmt.Sprintf(`{"v":1,"worker":"w","platforms":[{"platform":"X","breaker":"OPEN","reason":%q}]}`, strings.Repeat("r", 201)), "reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := bus.DecodeWorkerStatus([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := bus.DecodeWorkerStatus([]byte(`{"v":2,"worker":7}`)); !errors.Is(err, bus.ErrVersion) {
		t.Errorf("a newer one: %v, want ErrVersion", err)
	}
}
