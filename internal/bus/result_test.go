package bus

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// reflected is what encoding/json writes.
func reflected(t interface{ Fatal(...any) }, r Result) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		t.Fatal(err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

func anyResult(t *rapid.T) Result {
	words := rapid.OneOf(rapid.StringMatching(`[ !#-Z^-~]{0,12}`), rapid.SampledFrom([]string{"", "ACTIVE", "simulator"}))
	strengths := rapid.OneOf(rapid.Float64Range(0.001, 1), rapid.SampledFrom([]float64{0, 1, 0.5}))
	if rapid.IntRange(0, 3).Draw(t, "odd") == 0 {
		words = rapid.OneOf(words, rapid.String(), rapid.StringMatching(`[ -~]{0,12}`))
		strengths = rapid.OneOf(rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64), rapid.SampledFrom([]float64{0, 1e-7, 1e21}))
	}
	times := rapid.Custom(func(t *rapid.T) time.Time {
		zone := rapid.SampledFrom([]*time.Location{time.UTC, time.FixedZone("", -5*3600)}).Draw(t, "zone")
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "second"), rapid.SampledFrom([]int64{0, 1000, 250_000_000, 999_999_999}).Draw(t, "fraction")).In(zone)
	})
	same := times.Draw(t, "same")
	r := Result{
		Version: 1, JobID: words.Draw(t, "job"), Platform: words.Draw(t, "platform"), ChunkNo: rapid.Int().Draw(t, "chunk"),
		Epoch: rapid.IntRange(0, 9).Draw(t, "epoch"), Worker: words.Draw(t, "worker"), Simulated: rapid.Bool().Draw(t, "simulated"),
		StartedAt: same, EndedAt: times.Draw(t, "ended"),
	}
	for range rapid.IntRange(0, 4).Draw(t, "checks") {
		r.Checks = append(r.Checks, CheckResult{
			Number: rapid.Int64().Draw(t, "number"), Status: words.Draw(t, "status"), Method: words.Draw(t, "method"), Reason: words.Draw(t, "reason"),
			Strength: strengths.Draw(t, "strength"),
			Attempts: rapid.Int().Draw(t, "attempts"), LatencyMS: rapid.IntRange(0, 1e6).Draw(t, "latency"),
			CheckedAt: rapid.OneOf(rapid.Just(same), times).Draw(t, "checked"), TTLSec: rapid.Int64().Draw(t, "ttl"),
			Details: rapid.SampledFrom([]json.RawMessage{nil, []byte(`{}`), []byte(`{ "a": [1, "}\"" ] }`), []byte(`{"é":"\u00e9<"}`), []byte(`[]`), []byte(`"x"`)}).Draw(t, "details"),
		})
	}
	return r
}

// TestResultAsReflected: results are written byte for byte, and read value for value, as encoding/json does it.
func TestResultAsReflected(t *testing.T) {
	plain := 0
	rapid.Check(t, func(t *rapid.T) {
		r := anyResult(t)
		want := reflected(t, r)
		if got, ok := appendResult(nil, &r); ok {
			plain++
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Fatalf("written differently (-json +ours):\n%s", diff)
			}
		}
		if got, err := Encode(r); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("encoded as %s, %v", got, err)
		}
		readAsReflected(t, want)
	})
	if plain == 0 {
		t.Error("no result was plain: nothing was tested")
	}
}

// readAsReflected compares what readResult makes of data, if anything, with what encoding/json does.
func readAsReflected(t interface{ Fatalf(string, ...any) }, data []byte) bool {
	var got, want Result
	if !readResult(data, &got) {
		return false
	}
	if err := json.Unmarshal(data, &want); err != nil {
		t.Fatalf("read what is no result: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("read differently (-json +ours):\n%s", diff)
	}
	return true
}

// TestPlainResultsAreReadByHand: a result as a worker writes it does not fall back to reflection.
func TestPlainResultsAreReadByHand(t *testing.T) {
	data, err := os.ReadFile("testdata/result_v1.json")
	if err != nil {
		t.Fatal(err)
	}
	if !readAsReflected(t, bytes.TrimSpace(data)) {
		t.Error("the golden message is not plain")
	}
	long := strings.Replace(string(bytes.TrimSpace(data)), `"checks":[`, `"checks":[`+strings.Repeat(`{"n":1,"s":"ACTIVE","m":"m","a":1,"l":1,"at":"2026-01-02T03:04:05Z"},`, MaxChunkNumbers), 1)
	if _, err := DecodeResult([]byte(long)); err == nil {
		t.Error("a result with too many checks was read")
	}
}

func FuzzReadResult(f *testing.F) {
	data, err := os.ReadFile("testdata/result_v1.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bytes.TrimSpace(data))
	for _, seed := range []string{
		`{"v":1,"checks":[{"n":1,"w":0.5}],"checks":[{"s":"x"}]}`, `{"v":01}`, `{"v":1.0}`, `{"v":-0}`, `{"V":2}`, `{"v":1}x`,
		`{"checks":[{"w":1.}]}`, `{"checks":[{"w":-1}]}`, `{"checks":[{"d":{"a":"}"}}]}`, `{"checks":[{"d":{]}}]}`, `{"checks":[{"d":1}]}`,
		`{"worker":"é"}`, "{\"worker\":\"\xff\"}", `{"startedAt":"2026-01-02T03:04:05+05:00","endedAt":""}`, `{"chunk":9999999999999999999}`,
		`{"simulated":false}`, `{"checks":[]}`, `{}`, `{"v":1,}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { readAsReflected(t, data) })
}
