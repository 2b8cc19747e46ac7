package app

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/config"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// secretFile writes a file that holds a secret.
func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestNewAdapters: who answers for which platform, and what is said of settings that do not fit together.
func TestNewAdapters(t *testing.T) {
	login := secretFile(t, "SK0123456789abcdef:hush-hush\n")
	key := serviceAccount(t)
	service := map[string]string{"google": "https://validator.example/check"}
	tests := []struct {
		name     string
		settings config.Adapters
		want     string // adapters in the order of the platforms, "-" for none
		errors   []string
	}{
		{"nothing told", config.Adapters{}, "simulator simulator simulator simulator simulator -", nil},
		{"flags imply the kind", config.Adapters{Webservice: map[string]string{"apple": "https://a.example"}, RCS: config.RCS{RCSCredentials: key, RCSAgent: "agent"}, Twilio: config.Twilio{TwilioCredentials: login}},
			"simulator simulator simulator rcs webservice twilio", nil},
		{"kinds told", config.Adapters{Adapter: map[string]string{"WHATSAPP": "firstparty", "apple": "FIRSTPARTY", "GOOGLE": "simulator"}},
			"firstparty simulator simulator simulator firstparty -", nil},
		{"kind told beats flags", config.Adapters{Adapter: map[string]string{"GOOGLE": "simulator"}, RCS: config.RCS{RCSCredentials: key}, Webservice: service},
			"simulator simulator simulator simulator simulator -", nil},
		{"service for the line", config.Adapters{Webservice: map[string]string{"line": "https://a.example"}}, "simulator simulator simulator simulator simulator webservice", nil},

		{"two kinds implied", config.Adapters{RCS: config.RCS{RCSCredentials: key, RCSAgent: "agent"}, Webservice: service}, "", []string{"--adapter", "GOOGLE", "webservice, rcs"}},
		{"no such kind", config.Adapters{Adapter: map[string]string{"APPLE": "scraper"}}, "", []string{"--adapter", "APPLE=scraper", "webservice, firstparty, simulator"}},
		{"kind of another platform", config.Adapters{Adapter: map[string]string{"LINE": "simulator"}}, "", []string{"--adapter", "LINE=simulator", "webservice, twilio"}},
		{"first party for Google", config.Adapters{Adapter: map[string]string{"GOOGLE": "firstparty"}}, "", []string{"--adapter", "webservice, rcs, simulator"}},
		{"no such platform", config.Adapters{Adapter: map[string]string{"ICQ": "simulator"}}, "", []string{"--adapter", "ICQ"}},
		{"service without address", config.Adapters{Adapter: map[string]string{"APPLE": "webservice"}}, "", []string{"--webservice", "--webservice APPLE=URL"}},
		{"service in the open", config.Adapters{Webservice: map[string]string{"apple": "http://a.example"}}, "", []string{"--webservice", "not encrypted"}},
		{"RCS without key", config.Adapters{Adapter: map[string]string{"GOOGLE": "rcs"}}, "", []string{"--rcs-credentials", "key file"}},
		{"RCS without agent", config.Adapters{RCS: config.RCS{RCSCredentials: key}}, "", []string{"--rcs-agent", "id of the RCS agent"}},
		{"RCS with a file that is missing", config.Adapters{RCS: config.RCS{RCSCredentials: key + "x", RCSAgent: "a"}}, "", []string{"--rcs-credentials", "readable"}},
		{"RCS with another file", config.Adapters{RCS: config.RCS{RCSCredentials: login, RCSAgent: "a"}}, "", []string{"--rcs-credentials", "service account"}},
		{"RCS on Mars", config.Adapters{RCS: config.RCS{RCSCredentials: key, RCSAgent: "a", RCSRegion: "mars"}}, "", []string{"--rcs-region", "us, europe or asia"}},
		{"RCS in two ways", config.Adapters{RCS: config.RCS{RCSCredentials: key, RCSAgent: "a", RCSMode: "both"}}, "", []string{"--rcs-mode", "single or batch"}},
		{"RCS too little", config.Adapters{RCS: config.RCS{RCSCredentials: key, RCSAgent: "a", RCSQueriesPerMinute: -1}}, "", []string{"--rcs-queries-per-minute"}},
		{"Twilio without login", config.Adapters{Adapter: map[string]string{"LINE": "twilio"}}, "", []string{"--twilio-credentials", "SID:SECRET"}},
		{"Twilio with another file", config.Adapters{Twilio: config.Twilio{TwilioCredentials: secretFile(t, "hush-hush")}}, "", []string{"--twilio-credentials", "SID:SECRET"}},
		{"Twilio for what it does not sell", config.Adapters{Twilio: config.Twilio{TwilioCredentials: login, TwilioFields: []string{"hlr"}}}, "", []string{"--twilio-fields", "line_status"}},
		{"simulator that is wrong", config.Adapters{Simulator: "speed=1"}, "", []string{"--simulator", "speed"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := newAdapters(tt.settings)
			defer set.close()
			if len(tt.errors) > 0 {
				checkSettingError(t, err, tt.errors)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range scoring.Checkable() {
				name := "-"
				if set[p] != nil {
					name = set[p].Info().Name
				}
				got = append(got, name)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func checkSettingError(t *testing.T, err error, want []string) {
	t.Helper()
	e, ok := errors.AsType[*config.Error](err)
	if !ok || ExitCode(err) != ExitUsage {
		t.Fatalf("error %v, want one of the settings", err)
	}
	if e.Field != want[0] {
		t.Errorf("the error names %s, want %s", e.Field, want[0])
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("%q does not tell %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "hush-hush") {
		t.Errorf("the error tells a secret: %v", err)
	}
}

// TestOnly: a platform that nobody answers for is refused by the flag that names it.
func TestOnly(t *testing.T) {
	set, err := newAdapters(config.Adapters{})
	if err != nil {
		t.Fatal(err)
	}
	some, err := set.only("--platform", []scoring.Platform{scoring.Apple})
	if err != nil || len(some) != 1 || some[scoring.Apple] == nil {
		t.Errorf("%v, %v", some, err)
	}
	_, err = set.only("--platform", []scoring.Platform{scoring.Apple, scoring.Line})
	checkSettingError(t, err, []string{"--platform", "LINE", "webservice, twilio"})
}

func TestInfos(t *testing.T) {
	set, err := newAdapters(config.Adapters{Adapter: map[string]string{"APPLE": "firstparty"}, Webservice: map[string]string{"LINE": "https://a.example"}})
	if err != nil {
		t.Fatal(err)
	}
	defer set.close()
	var want []registry.PlatformInfo
	for _, p := range scoring.Platforms()[:4] {
		want = append(want, registry.PlatformInfo{Platform: p, Adapter: "simulator", Simulated: true})
	}
	want = append(want, registry.PlatformInfo{Platform: scoring.Apple, Adapter: "firstparty"}, registry.PlatformInfo{Platform: scoring.Line, Adapter: "webservice"})
	if diff := cmp.Diff(want, set.infos()); diff != "" {
		t.Error(diff)
	}
}

// TestMakers: every kind has a name of its own and a page of its own, and each platform that scores has someone to answer.
func TestMakers(t *testing.T) {
	var names []string
	for _, m := range makers() {
		if slices.Contains(names, m.kind) || len(m.platforms) == 0 {
			t.Errorf("kind %q is there twice or answers for nothing", m.kind)
		}
		names = append(names, m.kind)
		if _, err := os.Stat(filepath.Join("..", "..", "docs", "adapters", m.kind+".md")); err != nil {
			t.Errorf("kind %q has no page: %v", m.kind, err)
		}
	}
	index, err := os.ReadFile(filepath.Join("..", "..", "docs", "adapters", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.Contains(string(index), fmt.Sprintf("](%s.md)", name)) {
			t.Errorf("the index of the pages does not link %s.md", name)
		}
	}
	for _, p := range scoring.Platforms() {
		if m, err := choose(p, "", &config.Adapters{}); err != nil || m == nil || m.kind != unnamed {
			t.Errorf("%s: %v, %v", p, m, err)
		}
	}
}
