package dispatch_test

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

const docs, examples = "../../docs/notifications.md", "../../examples/webhook-receiver/"

func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return string(text)
}

// TestDocumentedMessages: the messages in the documentation have the fields that messages have, and no others.
func TestDocumentedMessages(t *testing.T) {
	documented := map[string]map[string]any{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(read(t, docs), -1) {
		var m map[string]any
		must(t, json.Unmarshal([]byte(block[1]), &m))
		documented[m["type"].(string)] = m
	}
	r := newRig(t)
	rc := newReceiver(t)
	r.webhook(rc.URL)
	r.cancelledJob("x")
	r.tierEvent(registry.MaxEventTiers + 2)
	r.finishedImport()
	r.start(r.config())
	for range 4 {
		c := rc.next(t, r.ctx)
		var sent map[string]any
		must(t, json.Unmarshal(c.body, &sent))
		like, ok := documented[sent["type"].(string)]
		if !ok {
			t.Errorf("%s is not documented", sent["type"])
			continue
		}
		if got, want := shape(sent), shape(like); !slices.Equal(got, want) {
			t.Errorf("%s has\n%q\nand is documented with\n%q", sent["type"], got, want)
		}
		if !regexp.MustCompile(`^evt_[0-9a-f]{32}(_[0-9]+)?$`).MatchString(like["id"].(string)) {
			t.Errorf("documented id %s", like["id"])
		}
	}
	if len(documented) != len(registry.EventTypes()) {
		t.Errorf("documented: %v", slices.Collect(maps.Keys(documented)))
	}
}

// shape is the paths of all fields.
func shape(v any) []string {
	var paths []string
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, field := range v {
				paths = append(paths, at+"."+name)
				walk(at+"."+name, field)
			}
		case []any:
			for _, entry := range v {
				walk(at+"[]", entry)
			}
		}
	}
	walk("", v)
	slices.Sort(paths)
	return slices.Compact(paths)
}

// finishedImport ends an import.
func (r *rig) finishedImport() {
	r.t.Helper()
	n := registry.NewImport{ID: uuid.New(), FileName: "a.csv", Source: "web_forms", Encoding: "utf-8", BytesTotal: 1}
	_, _, err := r.store.StartImport(r.ctx, n)
	must(r.t, err)
	claim, err := r.store.ClaimImport(r.ctx, n.ID)
	must(r.t, err)
	defer claim.Release(r.ctx)
	_, err = claim.End(r.ctx, registry.ImportCompleted, "")
	must(r.t, err)
}

// TestDocumentedSnippets: the code in the documentation is that of the examples, which are tested.
func TestDocumentedSnippets(t *testing.T) {
	for language, file := range map[string]string{"go": "verify.go", "python": "receiver.py"} {
		blocks := regexp.MustCompile("(?s)```"+language+"\n(.*?)```").FindAllStringSubmatch(read(t, docs), -1)
		if len(blocks) != 1 || !strings.Contains(read(t, examples+file), blocks[0][1]) {
			t.Errorf("the %s snippet is not in %s", language, file)
		}
	}
}
