package orchestrator

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

func TestChunkResult(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	id := uuid.New()
	fits := func() bus.Result {
		return bus.Result{
			Version: 1, JobID: id.String(), Platform: "GOOGLE", ChunkNo: 7, Epoch: 2, Worker: "w1", Simulated: true,
			Checks: []bus.CheckResult{{
				Number: 573001234567, Status: "ACTIVE", Strength: 0.9, Method: "rcs", Reason: "", Attempts: 2, LatencyMS: 31,
				CheckedAt: at, TTLSec: 3600, Details: json.RawMessage(`{"a": "ñ"}`),
			}},
		}
	}
	got, err := chunkResult(fits())
	if err != nil {
		t.Fatal(err)
	}
	want := registry.Validation{
		Number: 573001234567, Platform: scoring.Google, Status: scoring.Active, Method: "rcs", Strength: 0.9, Simulated: true, Attempts: 2,
		LatencyMS: 31, CheckedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	c := got.Checks[0]
	if string(c.Details) != `{"a": "ñ"}` {
		t.Errorf("details %s", c.Details)
	}
	c.Details = nil
	if got.ChunkKey != (registry.ChunkKey{Job: id, Platform: scoring.Google, No: 7}) || got.Epoch != 2 || got.Worker != "w1" || c.Number != want.Number ||
		c.Status != want.Status || !c.ExpiresAt.Equal(want.ExpiresAt) || c.Method != want.Method || !c.Simulated || c.Attempts != 2 || c.LatencyMS != 31 {
		t.Errorf("%+v", got)
	}

	refused := map[string]func(*bus.Result){
		"job":      func(r *bus.Result) { r.JobID = "1" },
		"platform": func(r *bus.Result) { r.Platform = "MYSPACE" },
		"chunk":    func(r *bus.Result) { r.ChunkNo = 1 << 40 },
		"status":   func(r *bus.Result) { r.Checks[0].Status = "active" },
		"method":   func(r *bus.Result) { r.Checks[0].Method = strings.Repeat("m", 65) },
		"checked":  func(r *bus.Result) { r.Checks[0].CheckedAt = time.Time{} },
		"holds":    func(r *bus.Result) { r.Checks[0].TTLSec = -1 },
	}
	for says, spoil := range refused {
		r := fits()
		spoil(&r)
		if _, err := chunkResult(r); err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "57300") {
			t.Errorf("%s: %v", says, err)
		}
	}
	forever := fits()
	forever.Checks[0].TTLSec = 1 << 62
	if got, err := chunkResult(forever); err != nil || got.Checks[0].ExpiresAt.Year() > 2200 {
		t.Errorf("holds until %s, %v", got.Checks[0].ExpiresAt, err)
	}
}

func TestDetails(t *testing.T) {
	for given, want := range map[string]string{
		``:               ``,
		`null`:           ``,
		`"text"`:         ``,
		`[1]`:            ``,
		`{}`:             `{}`,
		`{"a":"\u00f1"}`: `{"a":"ñ"}`,
		`{"a":"\u0000"}`: ``,
		`{"a\u0000":1}`:  ``,
		`{"a":"\ud800"}`: "{\"a\":\"\ufffd\"}",
		`{"a":12345678901234567890123,"b":"\u0041"}`:               `{"a":12345678901234567890123,"b":"A"}`,
		`{"a":"` + strings.Repeat("x", bus.MaxDetailsBytes) + `"}`: ``,
	} {
		if got := string(details(json.RawMessage(given))); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

func TestText(t *testing.T) {
	for given, want := range map[string]string{
		"":                       "",
		"plain":                  "plain",
		"a\x00b\xffc":            "abc",
		strings.Repeat("ñ", 64):  strings.Repeat("ñ", 32),
		strings.Repeat("x", 64):  strings.Repeat("x", 64),
		strings.Repeat("x", 100): strings.Repeat("x", 64),
	} {
		if got := text(given, 64); got != want {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
}

// FuzzChunkResult: whatever a worker sends, what is made of it can be kept, and nothing panics.
func FuzzChunkResult(f *testing.F) {
	f.Add([]byte(`{"v":1,"job":"0190b5a4-0000-7000-8000-000000000000","platform":"APPLE","chunk":1,"epoch":1,"worker":"w","checks":[{"n":573001234567,"s":"ACTIVE","w":1,"m":"m","a":1,"l":1,"at":"2026-11-21T12:00:00Z","ttl":60,"d":{"k":"v"}}]}`))
	f.Add([]byte(`{"v":1,"job":"0190b5a4-0000-7000-8000-000000000000","platform":"APPLE","chunk":0,"worker":"\u0000","checks":[{"n":1,"s":"ERROR","m":"m","r":"\ud800","at":"9999-12-31T23:59:59Z","ttl":9223372036854775807,"d":{"k":"\u0000"}}]}`))
	f.Add([]byte(`{"v":1,"job":"x","platform":"APPLE","checks":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := bus.DecodeResult(data)
		if err != nil {
			return
		}
		got, err := chunkResult(r)
		if err != nil {
			return
		}
		if !got.Platform.Valid() || got.No < 0 || len(got.Checks) != len(r.Checks) || !storable(got.Worker, maxMethod) {
			t.Fatalf("%+v", got)
		}
		for _, c := range got.Checks {
			if !c.Status.Valid() || !storable(c.Method, maxMethod) || c.Method == "" || !storable(c.Reason, bus.MaxReasonBytes) {
				t.Fatalf("%+v", c)
			}
			if len(c.Details) > 0 && (!json.Valid(c.Details) || c.Details[0] != '{' || !utf8.Valid(c.Details) || slices.Contains(c.Details, 0)) {
				t.Fatalf("details %q", c.Details)
			}
			if !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(c.CheckedAt) {
				t.Fatalf("checked %s, holds until %s", c.CheckedAt, c.ExpiresAt)
			}
		}
	})
}
