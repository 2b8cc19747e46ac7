package adapter_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	adapter "phoneregistry/examples/adapter"
	"phoneregistry/internal/testkit"
	"phoneregistry/internal/testkit/adaptertest"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const key = adaptertest.Secret

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// serve runs an Acme and returns an adapter that asks it.
func serve(t *testing.T, handler http.HandlerFunc) *adapter.Adapter {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	a, err := adapter.New(adapter.Config{URL: server.URL, Key: key, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	return a
}

// acme knows two numbers.
func acme(t *testing.T) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Phones []string }
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/reach" || len(asked.Phones) > 200 {
			t.Errorf("%s %s with %d phones: %v", r.Method, r.URL.Path, len(asked.Phones), err)
		}
		if r.Header.Get("Authorization") != "Bearer "+key {
			http.Error(w, "wrong key", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"reachable":["+573001000000","nonsense"],"closed":["+573001000001"]}`))
	}
}

func TestAnswers(t *testing.T) {
	got, err := serve(t, acme(t)).Check(t.Context(), []numbering.Number{573001000000, 573001000001, 573001000002})
	if err != nil {
		t.Fatal(err)
	}
	const holds = 14 * 24 * time.Hour
	want := []workers.Outcome{
		{Number: 573001000000, Status: scoring.Active, Strength: 1, TTL: holds},
		{Number: 573001000001, Status: scoring.Inactive, TTL: holds},
		{Number: 573001000002, Status: scoring.Unknown, Reason: "not listed, which may be the owner's wish", TTL: holds},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFaults(t *testing.T) {
	for _, fault := range adaptertest.Faults(now, 64<<10) {
		if fault.Slow {
			continue // the time-out is webcall's own, and tested there and in the adapters that let it be set
		}
		t.Run(fault.Name, func(t *testing.T) {
			_, err := serve(t, fault.Handler).Check(t.Context(), []numbering.Number{12025550100})
			adaptertest.CheckCallError(t, err, fault.Error("Acme"))
		})
	}
}

func TestSettings(t *testing.T) {
	for field, cfg := range map[string]adapter.Config{"URL": {URL: "http://acme.example", Key: key}, "Key": {URL: "https://acme.example"}} {
		_, err := adapter.New(cfg)
		adaptertest.CheckSettingError(t, err, "acme", field, "")
	}
}

// TestInPool runs the example as a worker does: a chunk comes over NATS, its result goes back.
func TestInPool(t *testing.T) {
	var numbers []int64
	for i := range int64(500) { // three calls
		numbers = append(numbers, 573001000000+i)
	}
	result := adaptertest.RunChunk(t, scoring.Apple, serve(t, acme(t)), testkit.Logger(t), numbers...)
	statuses := map[string]int{}
	for _, check := range result.Checks {
		statuses[check.Status]++
	}
	if diff := cmp.Diff(map[string]int{"ACTIVE": 1, "INACTIVE": 1, "UNKNOWN": 498}, statuses); diff != "" {
		t.Error(diff)
	}
}

// TestGuide holds docs/adapters/writing-one.md to this package: the Go code that it shows, put together, is acme.go, and
// the line of wiring that it shows is one that is there.
func TestGuide(t *testing.T) {
	guide := read(t, "..", "..", "docs", "adapters", "writing-one.md")
	if shown, code := strings.Join(blocks(guide, "go"), "\n"), read(t, "acme.go"); shown != code {
		t.Errorf("the guide shows other code than acme.go holds (-guide +acme.go):\n%s", cmp.Diff(strings.Split(shown, "\n"), strings.Split(code, "\n")))
	}
	wiring := strings.Split(read(t, "..", "..", "internal", "app", "adapters.go"), "\n")
	for i := range wiring {
		wiring[i] = strings.TrimSpace(wiring[i])
	}
	lines := blocks(guide, "go wiring")
	if len(lines) != 1 || !slices.Contains(wiring, strings.TrimSpace(lines[0])) {
		t.Errorf("the line of wiring in the guide is not in internal/app/adapters.go: %q", lines)
	}
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// blocks returns the fenced blocks of a page that are of a kind.
func blocks(page, kind string) []string {
	var found []string
	for _, part := range strings.Split(page, "\n```"+kind+"\n")[1:] {
		block, _, _ := strings.Cut(part, "\n```")
		found = append(found, block+"\n")
	}
	return found
}
