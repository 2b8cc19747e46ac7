package httpd

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// whatsAppNow is a little later than the events of the files.
var whatsAppNow = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

// lines writes down what was read, in an order of its own.
func (t whatsAppTold) lines() string {
	var b strings.Builder
	for _, m := range t.messages {
		fmt.Fprintf(&b, "%s of %s at %s code %d\n", m.Event, m.WireID, m.At.Format(time.RFC3339), m.Code)
	}
	for _, p := range slices.SortedFunc(maps.Keys(t.passed), func(a, b whatsAppPassed) int {
		return strings.Compare(a.event+" "+a.reason, b.event+" "+b.reason)
	}) {
		fmt.Fprintf(&b, "passed %s %s: %d\n", p.event, p.reason, t.passed[p])
	}
	for _, p := range slices.Sorted(maps.Keys(t.puzzles)) {
		fmt.Fprintf(&b, "puzzle %s: %d\n", p, t.puzzles[p])
	}
	return b.String()
}

func whatsAppFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "whatsapp", "*.json"))
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return files
}

// TestReadWhatsApp: notifications as Meta documents them, and broken ones, read as the golden files say.
func TestReadWhatsApp(t *testing.T) {
	for _, file := range whatsAppFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			body, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, golden := readWhatsApp(body, whatsAppNow).lines(), strings.TrimSuffix(file, ".json")+".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("read:\n%swant:\n%s", got, want)
			}
		})
	}
}

// FuzzReadWhatsApp: whatever a body holds, what is read of it is in bounds, and no text of the sender becomes a label or a line of the log.
func FuzzReadWhatsApp(f *testing.F) {
	for _, file := range whatsAppFiles(f) {
		body, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"object":"whatsapp_business_account","entry":[{"changes":[{"field":"messages","value":null}]}]}`))
	f.Add([]byte(`{"object":"whatsapp_business_account","entry":[null,{"changes":null},{"changes":[null]}]}`))
	f.Add([]byte("{"))
	allowed := map[string]bool{}
	for _, word := range strings.Fields(`body entry change status message sent failed delivered read inbound undeliverable malformed
		other_object other_field other_failure no_evidence other_status system user_id_only impossible_time`) {
		allowed[word] = true
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		told := readWhatsApp(body, whatsAppNow)
		for _, m := range told.messages {
			if strings.Trim(m.WireID, "+0123456789") != "" || m.WireID == "" {
				t.Fatalf("an account named %q", m.WireID)
			}
			if m.At.Unix() < whatsAppFounded || m.At.After(whatsAppNow.Add(whatsAppAhead)) || !allowed[string(m.Event)] {
				t.Fatalf("%+v", m)
			}
		}
		for p := range told.passed {
			if !allowed[p.event] || !allowed[p.reason] {
				t.Fatalf("a label of the sender: %+v", p)
			}
		}
		for p := range told.puzzles {
			for word := range strings.FieldsSeq(p) {
				if !allowed[word] {
					t.Fatalf("a text of the sender for the log: %q", p)
				}
			}
		}
	})
}
