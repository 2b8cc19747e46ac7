package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"phoneregistry/graph/guard"
	"phoneregistry/internal/config"
)

// The defaults of the settings are those that hold where nothing is set.
func TestLimitsOfSettings(t *testing.T) {
	read := func(args ...string) (c config.Serve) {
		t.Helper()
		parser, err := kong.New(&c, kong.DefaultEnvars(config.EnvPrefix))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Fatal(err)
		}
		return c
	}
	if got, want := guardLimits(read().Limits), (guard.Limits{}).WithDefaults(); got != want {
		t.Errorf("without a setting %+v; want %+v", got, want)
	}
	t.Setenv("PHONEREGISTRY_MAX_ALIASES", "7")
	got := guardLimits(read("--max-document-bytes=2000", "--max-tokens=101", "--max-depth=4", "--max-directives=5", "--max-root-fields=6",
		"--max-fields=77", "--max-work=8888", "--max-entries=9999", "--max-page=9", "--max-cost=1010").Limits)
	want := guard.Limits{
		Bytes: 2000, Tokens: 101, Depth: 4, Aliases: 7, Directives: 5, RootFields: 6, Fields: 77, Work: 8888, Entries: 9999, First: 9, Cost: 1010,
	}
	if got != want {
		t.Errorf("as set %+v; want %+v", got, want)
	}
}

func TestTrustedDocumentsKeepTheLimits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "documents.json")
	if err := os.WriteFile(path, []byte(`{"page": "{ phones(first: 400) { nodes { customers(first: 400) { nodes { number } } } } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTrusted(path, guard.Limits{}); err != nil {
		t.Fatal(err)
	}
	for want, limits := range map[string]guard.Limits{"first is 400": {First: 300}, "cost is 160802": {Cost: 160_801}} {
		if _, err := readTrusted(path, limits); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}
