package httpd_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/limit"
	"phoneregistry/registry"
)

// TestThePageOnRatesIsRight asks until the bootstrap token has used up its reads: the answer is the one that the page shows.
func TestThePageOnRatesIsRight(t *testing.T) {
	page, err := os.ReadFile("../../docs/api/rates.md")
	must(t, err)
	block := func(language string) string {
		m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(page)
		if m == nil {
			t.Fatalf("no example in %s", language)
		}
		return string(m[1])
	}
	with, l := limited(t, limit.Config{Reads: 1000, Writes: 100})
	a := newApp(t, with)
	a.tokens[registry.RoleAdmin] = "bootstrap-token"
	v := l.Arrive("bootstrap")
	for kind, weight := range map[limit.Kind]int{limit.Read: 1000, limit.Write: 3} {
		if no := v.Enter(kind, weight); no != nil {
			t.Fatal(no)
		}
	}
	v.Leave()
	response := a.request(t, registry.RoleAdmin, http.MethodPost, "/graphql", "application/json", post(askRole))
	for line := range strings.Lines(block("http")) {
		name, want, _ := strings.Cut(strings.TrimSpace(line), ": ")
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s: %s; the page says %s", name, got, want)
		}
	}
	var got, want struct{ Errors []map[string]any }
	must(t, json.Unmarshal([]byte(readAll(t, response)), &got))
	must(t, json.Unmarshal([]byte(block("json")), &want))
	for _, errs := range [][]map[string]any{got.Errors, want.Errors} {
		id, _ := errs[0]["extensions"].(map[string]any)["requestId"].(string)
		if id == "" {
			t.Error("no request is named")
		}
		delete(errs[0]["extensions"].(map[string]any), "requestId")
	}
	if diff := cmp.Diff(want, got); response.StatusCode != http.StatusTooManyRequests || response.Header.Get("Retry-After") != "1" || diff != "" {
		t.Errorf("%d, Retry-After %s; page and answer: %s", response.StatusCode, response.Header.Get("Retry-After"), diff)
	}
}
