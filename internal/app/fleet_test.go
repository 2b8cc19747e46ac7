package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry/scoring"
)

// freeAddress is one that nobody listens at.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // it is to be free
	return l.Addr().String()
}

// seenFleet is what the API tells of workers.
type seenFleet struct {
	Workers []struct {
		ID, Name, Version string
		Platforms         []seenPlatform
	}
	Platforms []struct {
		Platform                 scoring.Platform
		RatePerSecond            float64
		Breaker                  *string
		ChunksPending, ChunksOut int64
		Quotas                   []seenQuota
		Workers                  []struct {
			WorkerID, WorkerName string
			State                seenPlatform
		}
	}
}

type seenPlatform struct {
	Platform                 scoring.Platform
	Adapter, Breaker         string
	Slots, InFlight, Checked int
	Quota                    *seenQuota
}

type seenQuota struct {
	Credential                            string
	RatePerSecond, CurrentRate            float64
	Concurrency, BudgetPerDay, SpentToday int64
}

func askFleet(t *testing.T, s *app.Server) (seen seenFleet) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": `{
		workers { id name version platforms { platform adapter slots inFlight checked breaker quota { credential ratePerSecond concurrency budgetPerDay spentToday } } }
		platforms { platform ratePerSecond breaker chunksPending chunksOut quotas { credential ratePerSecond currentRate budgetPerDay }
			workers { workerId workerName state { platform slots checked } } } }`})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.Token())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	var answer struct {
		Data   seenFleet
		Errors []struct{ Message string }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || len(answer.Errors) > 0 {
		t.Fatalf("%v, %v", err, answer.Errors)
	}
	return answer.Data
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("never came true: %s", what)
		}
	}
}

// TestFleet: the server sees its own workers and those of another process, with their limits, and when they go.
func TestFleet(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	c := settings(t)
	c.NATSListen, c.DemoRows, c.Slots = freeAddress(t), 20, 3
	s, err := app.Start(t.Context(), c, app.Options{Version: "1.0.0", Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	eventually(t, "its own workers show, and have checked the sample", func() bool {
		seen := askFleet(t, s)
		if len(seen.Workers) != 1 || len(seen.Platforms) != 5 {
			return false
		}
		for _, p := range seen.Workers[0].Platforms {
			if p.Checked == 0 {
				return false
			}
		}
		return len(seen.Workers[0].Platforms) == 5
	})
	admin := freeAddress(t)
	worker := config.Worker{
		NATS:     config.NATS{NATSURL: "nats://" + c.NATSListen, NATSToken: filepath.Join(c.DataDir, "nats-token")},
		Adapters: config.Adapters{Concurrency: 2}, Platform: []string{"google"}, Name: "elsewhere", AdminListen: admin,
		Pace: config.Pace{Slots: 5, Limit: map[string]string{"GOOGLE": "rate:50,daily:1000"}},
	}
	if err := worker.Check(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- app.Work(ctx, worker, app.Options{Version: "1.1.0", Logger: testkit.Logger(t)}) }()
	var seen seenFleet
	eventually(t, "the other worker shows", func() bool {
		seen = askFleet(t, s)
		return len(seen.Workers) == 2
	})
	google := seen.Platforms[3]
	if google.Platform != scoring.Google || len(google.Workers) != 2 || google.Breaker == nil || *google.Breaker != "CLOSED" || google.ChunksPending+google.ChunksOut != 0 {
		t.Errorf("%+v", google)
	}
	if q := google.Quotas; len(q) != 1 || q[0] != (seenQuota{Credential: "default", RatePerSecond: 50, CurrentRate: 50, BudgetPerDay: 1000}) {
		t.Errorf("quotas of GOOGLE: %+v", q)
	}
	for _, w := range seen.Workers {
		if w.Name == "elsewhere" && (w.Version != "1.1.0" || len(w.Platforms) != 1 || w.Platforms[0].Slots != 5) {
			t.Errorf("%+v", w)
		}
	}
	response, err := http.Get("http://" + admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("/readyz of the worker: %d", response.StatusCode)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	eventually(t, "the other worker is gone", func() bool { return len(askFleet(t, s).Workers) == 1 })
}
