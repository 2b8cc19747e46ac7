package app_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/testkit"
	"phoneregistry/web"
)

// TestBadTrustedDocumentsEndTheStart: before the database is touched, with the id of what is wrong.
func TestBadTrustedDocumentsEndTheStart(t *testing.T) {
	for text, want := range map[string]string{
		`{"good":"{ viewer { role } }","who-7":"{ nothing }"}`: `document "who-7"`, `{"who-8":"{"}`: `document "who-8"`, `[]`: "JSON object",
	} {
		c := settings(t)
		c.TrustedDocuments = filepath.Join(t.TempDir(), "documents.json")
		if err := os.WriteFile(c.TrustedDocuments, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
		wrong, ok := errors.AsType[*config.Error](err)
		if !ok || wrong.Field != "--trusted-documents" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s", text, err, want)
		}
		if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the data directory was made: %v", err)
		}
	}
}

// TestLimitsThatTheDashboardIsBeyondEndTheStart: what is wrong are the limits, and not a file that nobody has named.
func TestLimitsThatTheDashboardIsBeyondEndTheStart(t *testing.T) {
	c := settings(t)
	c.Limits.MaxCost = 100
	_, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	wrong, ok := errors.AsType[*config.Error](err)
	if !ok || wrong.Field != "--max-…" || !strings.Contains(err.Error(), "at most 100 is allowed") || !strings.Contains(err.Error(), "dashboard") {
		t.Error(err)
	}
}

// TestTheDashboardWorksWhereOnlyTrustedDocumentsRun: what it sends is known without being in the file.
func TestTheDashboardWorksWhereOnlyTrustedDocumentsRun(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	c := settings(t)
	c.TrustedDocumentsOnly = true
	c.TrustedDocuments = filepath.Join(t.TempDir(), "documents.json")
	if err := os.WriteFile(c.TrustedDocuments, []byte(`{"who":"{ viewer { role } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	ask := func(body string) string {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/graphql", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+s.Token())
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // it was read
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got := ask(`{"documentId":"who"}`); got != `{"data":{"viewer":{"role":"ADMIN"}}}` {
		t.Errorf("of the file: %s", got)
	}
	if got := ask(`{"query":"{ viewer { name } }"}`); !strings.Contains(got, "DOCUMENT_NOT_TRUSTED") {
		t.Errorf("of nobody: %s", got)
	}
	for id, text := range web.Documents() {
		if strings.HasPrefix(text, "query Sources") {
			if got := ask(`{"documentId":"` + id + `"}`); !strings.Contains(got, `"sources":[{`) {
				t.Errorf("of the dashboard: %s", got)
			}
			return
		}
	}
	t.Error("the dashboard's query for sources is not among its documents")
}
