package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"phoneregistry/internal/app"
	"phoneregistry/internal/testkit"
	"phoneregistry/web"
)

// TestProduction: GraphiQL is off and says so, the schema is for administrators, and whatever the dashboard sends is
// understood for everybody.
func TestProduction(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	c := settings(t)
	c.Production, c.Demo = true, false
	s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	if status, page := send(t, http.MethodGet, s.URL()+"/graphiql", "", ""); status != http.StatusNotFound || !strings.Contains(page, "off") {
		t.Errorf("GraphiQL: %d %s", status, page)
	}
	if status, page := send(t, http.MethodGet, s.URL()+"/", "", ""); status != http.StatusOK && status != http.StatusServiceUnavailable { // 503: not built
		t.Errorf("dashboard: %d %s", status, page)
	}
	query := func(token, query string) string {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		_, text := send(t, http.MethodPost, s.URL()+"/graphql", token, string(body))
		return text
	}
	var made struct {
		Data struct {
			CreateAPIKey struct{ Token string } `json:"createApiKey"`
		}
	}
	text := query(s.Token(), `mutation { createApiKey(input: {name: "viewer", role: VIEWER}) { token } }`)
	if err := json.Unmarshal([]byte(text), &made); err != nil || made.Data.CreateAPIKey.Token == "" {
		t.Fatalf("%v: %s", err, text)
	}
	viewer := made.Data.CreateAPIKey.Token
	const schema = `{ __schema { queryType { name } } }`
	if got := query(s.Token(), schema); !strings.Contains(got, `"Query"`) {
		t.Errorf("ADMIN asks for the schema: %s", got)
	}
	if got := query(viewer, schema); !strings.Contains(got, `"FORBIDDEN"`) || strings.Contains(got, `"Query"`) {
		t.Errorf("VIEWER asks for the schema: %s", got)
	}
	if got := query(viewer, `{ viewr { name } }`); strings.Contains(got, "Did you mean") || !strings.Contains(got, "GRAPHQL_VALIDATION_FAILED") {
		t.Errorf("VIEWER gets a suggestion: %s", got)
	}
	sent := 0
	for _, document := range web.Documents() {
		if !strings.HasPrefix(document, "query") || strings.Contains(document, "!") { // those without variables can be sent as they are
			if strings.Contains(document, "__schema") || strings.Contains(document, "__type(") {
				t.Errorf("the dashboard asks for the schema: %s", document)
			}
			continue
		}
		sent++
		got := query(viewer, document)
		if strings.Contains(got, "does not introspect") || strings.Contains(got, "GRAPHQL_") {
			t.Errorf("%s: %s", document, got)
		}
	}
	if sent == 0 {
		t.Error("no document of the dashboard was tried")
	}
}

func send(t *testing.T, method, url, token, body string) (status int, text string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}
