package auth_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// TestSeveralTokens: which of them a proxy has looked at cannot be known.
func TestSeveralTokens(t *testing.T) {
	store := &keys{}
	token := store.add(registry.RoleSteward, time.Time{})
	a := auth.New(auth.Config{Store: store})
	handler := a.Streams(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for _, c := range []struct {
		headers []string
		want    int
	}{
		{[]string{"Bearer " + token}, http.StatusOK},
		{[]string{"Bearer " + token, "Bearer " + token}, http.StatusUnauthorized},
		{[]string{"Bearer " + token, "Bearer wrong"}, http.StatusUnauthorized},
		{[]string{"Basic eDp5", "Bearer " + token}, http.StatusUnauthorized},
		{[]string{"", "Bearer " + token}, http.StatusUnauthorized},
		{[]string{"Bearer " + token + ", Bearer " + token}, http.StatusUnauthorized},
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.Header["Authorization"] = c.headers
		if handler.ServeHTTP(w, r); w.Code != c.want {
			t.Errorf("%d headers: %d; want %d", len(c.headers), w.Code, c.want)
		}
	}
}

// TestTheLogTellsWhyTokensCannotBeChecked: the answer does not, and nobody else would know.
func TestTheLogTellsWhyTokensCannotBeChecked(t *testing.T) {
	var log bytes.Buffer
	a := auth.New(auth.Config{
		Store: &keys{err: errors.New("connection refused to 10.0.0.7")}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	token := auth.NewToken()
	r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
	r = r.WithContext(registry.WithActor(r.Context(), registry.Actor{RequestID: "r1"}))
	r.Header.Set("Authorization", "Bearer "+token)
	for name, ask := range map[string]func(){
		"a request": func() { a.Middleware(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r) },
		"a socket":  func() { _, _ = a.Attend(r.Context(), token) },
	} {
		log.Reset()
		ask()
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "10.0.0.7") || !strings.Contains(text, "request_id=r1") ||
			strings.Contains(text, token) {
			t.Errorf("%s: %q", name, text)
		}
	}
}
