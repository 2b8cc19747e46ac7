package httpd

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// held serves a handler to one whose token the handler can end.
func held(t *testing.T, handle func(w http.ResponseWriter, end func())) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancelCause(registry.WithActor(r.Context(), registry.Actor{Token: "key:1"}))
		heldTo(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			handle(w, func() {
				cancel(auth.ErrRevoked)
				for w.(*cutter).why() == nil { //nolint:forcetypeassert // it is one
					runtime.Gosched()
				}
			})
		})).ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(server.Close)
	return server
}

// TestTokensEndAtAnyMoment: whoever asks is told something whole, or finds that the answer has no end.
func TestTokensEndAtAnyMoment(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(w http.ResponseWriter, end func())
		status int
		body   string // a part of it
		broken bool
	}{
		"before anything is told": {func(w http.ResponseWriter, end func()) {
			end()
			w.WriteHeader(http.StatusOK)
			_, _ = io.WriteString(w, "numbers")
		}, http.StatusUnauthorized, "the token is revoked", false},
		"between status and body": {func(w http.ResponseWriter, end func()) {
			w.Header().Set("Content-Length", "7")
			w.WriteHeader(http.StatusOK)
			end()
			_, _ = io.WriteString(w, "numbers")
		}, http.StatusUnauthorized, "the token is revoked", false},
		"behind a status without body": {func(w http.ResponseWriter, end func()) {
			w.WriteHeader(http.StatusNoContent)
			end()
		}, http.StatusUnauthorized, "the token is revoked", false},
		"behind the whole answer": {func(w http.ResponseWriter, end func()) {
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "numbers")
			end()
		}, http.StatusTeapot, "numbers", false},
		"in the middle": {func(w http.ResponseWriter, end func()) {
			_, _ = io.WriteString(w, "some ")
			end()
			_, _ = io.WriteString(w, "numbers")
		}, http.StatusOK, "some ", true},
		"behind what is sent soon": {func(w http.ResponseWriter, end func()) {
			_, _ = io.WriteString(w, "numbers")
			end()
			_ = http.NewResponseController(w).Flush()
		}, http.StatusOK, "numbers", false},
		"before what is sent soon": {func(w http.ResponseWriter, end func()) {
			w.WriteHeader(http.StatusOK)
			end()
			_ = http.NewResponseController(w).Flush()
			_, _ = io.WriteString(w, "numbers")
		}, http.StatusUnauthorized, "the token is revoked", false},
		"in the middle of a long one": {func(w http.ResponseWriter, end func()) {
			_, _ = io.WriteString(w, strings.Repeat("some ", 10_000))
			end()
			_, _ = io.WriteString(w, "numbers")
		}, http.StatusOK, "some ", true},
		"never": {func(w http.ResponseWriter, _ func()) { w.WriteHeader(http.StatusNoContent) }, http.StatusNoContent, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			server := held(t, c.handle)
			response, err := server.Client().Get(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // it is read
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != c.status || !strings.Contains(string(body), c.body) || strings.Contains(string(body), "numbers") && c.body != "numbers" {
				t.Errorf("%d %.100s", response.StatusCode, body)
			}
			if (err != nil) != c.broken || c.broken && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// clocked counts the deadlines that are set.
type clocked struct {
	http.ResponseWriter
	set int
}

func (d *clocked) SetReadDeadline(time.Time) error  { d.set++; return nil }
func (d *clocked) SetWriteDeadline(time.Time) error { d.set++; return nil }

// TestTheNextRequestIsLeftAlone: a token that ends when its request is over does nothing to the connection, on which a proxy
// may have sent the request of somebody else.
func TestTheNextRequestIsLeftAlone(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(auth.ErrRevoked)
	for _, over := range []bool{false, true} {
		d := &clocked{ResponseWriter: httptest.NewRecorder()}
		c := &cutter{ResponseWriter: d, r: httptest.NewRequest(http.MethodGet, "/", nil).WithContext(ctx)}
		if _, err := io.WriteString(c, "whole"); err != nil {
			t.Fatal(err)
		}
		if over {
			c.leave()
		}
		c.cut()
		if want := map[bool]int{false: 2}[over]; d.set != want {
			t.Errorf("over %t: %d deadlines were set, want %d", over, d.set, want)
		}
	}
}
