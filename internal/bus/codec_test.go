package bus_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phoneregistry/internal/bus"
)

// The numbers are of the ranges that the plans keep for fiction or leave unused.
var (
	sampleChunk = bus.Chunk{
		Version: 1, JobID: "0192e4a1-7c00-7000-8000-000000000001", Platform: "WHATSAPP", ChunkNo: 7, Epoch: 2,
		RetryAttempts: 3, Numbers: []int64{12025550100, 12025550101, 12025550102},
	}
	sampleResult = bus.Result{
		Version: 1, JobID: sampleChunk.JobID, Platform: "WHATSAPP", ChunkNo: 7, Epoch: 2, Worker: "worker-1", Simulated: true,
		StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), EndedAt: time.Date(2026, 1, 2, 3, 4, 6, 250_000_000, time.UTC),
		Checks: []bus.CheckResult{
			{Number: 12025550100, Status: "ACTIVE", Strength: 0.75, Method: "simulator", Attempts: 1, LatencyMS: 12,
				CheckedAt: time.Date(2026, 1, 2, 3, 4, 5, 12_000_000, time.UTC), TTLSec: 2592000, Details: json.RawMessage(`{"business":true}`)},
			{Number: 12025550101, Status: "NOT_FOUND", Method: "simulator", Attempts: 2, LatencyMS: 9,
				CheckedAt: time.Date(2026, 1, 2, 3, 4, 6, 0, time.UTC)},
			{Number: 12025550102, Status: "ERROR", Method: "simulator", Reason: "5xx <bad gateway> & co", Attempts: 4,
				LatencyMS: 30, CheckedAt: time.Date(2026, 1, 2, 3, 4, 6, 250_000_000, time.UTC)},
		},
	}
	sampleControl = bus.JobControlMessage{Version: 1, JobID: sampleChunk.JobID, Action: bus.ActionCancel}
)

// TestGolden holds the messages of version 1 to the bytes on disk, both ways: workers of other versions and languages
// read and write these bytes. A golden file is never edited; a change that breaks one raises bus.Version.
func TestGolden(t *testing.T) {
	golden(t, "chunk_v1.json", sampleChunk, bus.DecodeChunk)
	golden(t, "result_v1.json", sampleResult, bus.DecodeResult)
	golden(t, "control_v1.json", sampleControl, bus.DecodeJobControl)
}

func golden[T any](t *testing.T, name string, message T, read func([]byte) (T, error)) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	want = bytes.TrimSpace(want)
	got, err := bus.Encode(message)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: written differently (-golden +now):\n%s", name, diff)
	}
	back, err := read(want)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if diff := cmp.Diff(message, back); diff != "" {
		t.Errorf("%s: read differently (-want +got):\n%s", name, diff)
	}
}

func TestGoldenOfAFriendlyFuture(t *testing.T) {
	data, err := os.ReadFile("testdata/chunk_v1_new_field.json")
	if err != nil {
		t.Fatal(err)
	}
	got, err := bus.DecodeChunk(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sampleChunk, got); diff != "" {
		t.Errorf("an unknown field changed what was read (-want +got):\n%s", diff)
	}
}

func TestIDs(t *testing.T) {
	if got, want := sampleChunk.MessageID(), "0192e4a1-7c00-7000-8000-000000000001/WHATSAPP/7/2"; got != want {
		t.Errorf("chunk id %q, want %q", got, want)
	}
	if got, want := sampleResult.MessageID(), "r/0192e4a1-7c00-7000-8000-000000000001/WHATSAPP/7/2"; got != want {
		t.Errorf("result id %q, want %q", got, want)
	}
	if got := bus.LastToken(bus.WorkSubject("APPLE")); got != "APPLE" {
		t.Errorf("last token %q, want APPLE", got)
	}
}

func TestDecodeChunkRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"nothing", ``, "is not JSON"},
		{"text", `hello`, "is not JSON"},
		{"cut short", `{"v":1,"job":"j","platform":"APPLE","numbers":[1202555`, "is not JSON"},
		{"no version", `{"job":"j","platform":"APPLE","numbers":[12025550100]}`, "no version"},
		{"no job", `{"v":1,"platform":"APPLE","numbers":[12025550100]}`, "job and platform"},
		{"no platform", `{"v":1,"job":"j","numbers":[12025550100]}`, "job and platform"},
		{"no numbers", `{"v":1,"job":"j","platform":"APPLE","numbers":[]}`, "0 numbers"},
		{"numbers as text", `{"v":1,"job":"j","platform":"APPLE","numbers":["12025550100"]}`, `field "numbers"`},
		{"a fraction", `{"v":1,"job":"j","platform":"APPLE","numbers":[12025550100.5]}`, `field "numbers"`},
		{"zero", `{"v":1,"job":"j","platform":"APPLE","numbers":[0]}`, "entry 0"},
		{"sixteen digits", `{"v":1,"job":"j","platform":"APPLE","numbers":[1202555010012025]}`, "entry 0"},
		{"twice", `{"v":1,"job":"j","platform":"APPLE","numbers":[12025550100,12025550100]}`, "entry 1"},
		{"falling", `{"v":1,"job":"j","platform":"APPLE","numbers":[12025550101,12025550100]}`, "entry 1"},
		{"negative epoch", `{"v":1,"job":"j","platform":"APPLE","epoch":-1,"numbers":[12025550101]}`, "negative"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := bus.DecodeChunk([]byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "1202555") {
				t.Errorf("the error tells a phone number: %v", err)
			}
		})
	}
}

func TestNewerVersionsAreTold(t *testing.T) {
	for _, data := range []string{
		`{"v":2,"job":"j","platform":"APPLE","numbers":[12025550100]}`,
		`{"v":2,"numbers":"packed"}`,
		`{"numbers":"packed","v":2}`,
	} {
		if _, err := bus.DecodeChunk([]byte(data)); !errors.Is(err, bus.ErrVersion) {
			t.Errorf("chunk %s: error %v, want ErrVersion", data, err)
		}
	}
	if _, err := bus.DecodeResult([]byte(`{"v":9,"checks":{}}`)); !errors.Is(err, bus.ErrVersion) {
		t.Errorf("result: error %v, want ErrVersion", err)
	}
	if _, err := bus.DecodeJobControl([]byte(`{"v":9,"action":1}`)); !errors.Is(err, bus.ErrVersion) {
		t.Errorf("control: error %v, want ErrVersion", err)
	}
}

func TestDecodeResultRefuses(t *testing.T) {
	tests := []struct{ name, data, want string }{
		{"nothing", ``, "is not JSON"},
		{"no job", `{"v":1,"platform":"APPLE","checks":[{"n":12025550100}]}`, "job and platform"},
		{"no checks", `{"v":1,"job":"j","platform":"APPLE"}`, "0 checks"},
		{"a time that is none", `{"v":1,"job":"j","platform":"APPLE","startedAt":"soon"}`, "does not hold"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := bus.DecodeResult([]byte(tt.data)); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := bus.DecodeJobControl([]byte(`{"v":1,"job":"j"}`)); err == nil {
		t.Error("a control message without an action was read")
	}
}

// TestLargestResultFits holds the promise of the bounds: a full chunk of the longest checks fits into a NATS message.
func TestLargestResultFits(t *testing.T) {
	result := sampleResult
	result.Checks = nil
	for i := range int64(bus.MaxChunkNumbers) {
		result.Checks = append(result.Checks, bus.CheckResult{
			Number: 999_999_999_999_000 + i, Status: "NOT_CHECKABLE", Strength: 0.12345, Method: strings.Repeat("m", 64),
			Reason: strings.Repeat("<", bus.MaxReasonBytes), Attempts: 11, LatencyMS: 1_000_000, TTLSec: 315_360_000,
			CheckedAt: time.Date(2026, 1, 2, 3, 4, 5, 123_456_789, time.UTC),
			Details:   json.RawMessage(`{"d":"` + strings.Repeat(">", bus.MaxDetailsBytes-8) + `"}`),
		})
	}
	data, err := bus.Encode(result)
	if err != nil {
		t.Fatal(err)
	}
	if len(data) > 1<<20 {
		t.Errorf("%d bytes, more than the %d of a NATS message", len(data), 1<<20)
	}
}

func TestChunkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Int64Range(1, 999_999_999_999_999), 1, 50, rapid.ID).Draw(t, "numbers")
		chunk := bus.Chunk{
			Version: bus.Version, JobID: rapid.StringN(1, 40, -1).Draw(t, "job"), Platform: "GOOGLE",
			ChunkNo: rapid.IntRange(0, 1<<31).Draw(t, "chunk"), Epoch: rapid.IntRange(0, 99).Draw(t, "epoch"),
			RetryAttempts: rapid.IntRange(0, 10).Draw(t, "retries"), Numbers: sorted(numbers),
		}
		data, err := bus.Encode(chunk)
		if err != nil {
			t.Fatal(err)
		}
		back, err := bus.DecodeChunk(data)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(chunk, back); diff != "" {
			t.Fatal(diff)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"chunk_v1.json", "result_v1.json", "control_v1.json", "chunk_v1_new_field.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"v":1,"job":"j","platform":"APPLE","numbers":[1e3]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := bus.DecodeChunk(data); err == nil && (c.JobID == "" || len(c.Numbers) == 0 || len(c.Numbers) > bus.MaxChunkNumbers) {
			t.Errorf("a chunk out of bounds was read: %d numbers", len(c.Numbers))
		}
		if r, err := bus.DecodeResult(data); err == nil {
			if _, err := bus.Encode(r); err != nil {
				t.Errorf("a result that was read cannot be written: %v", err)
			}
		}
		if m, err := bus.DecodeJobControl(data); err == nil && m.JobID == "" {
			t.Error("a control message without a job was read")
		}
	})
}
