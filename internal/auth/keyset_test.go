package auth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/testkit/issuer"
	"phoneregistry/registry"
)

// ofIssuer is an authenticator that takes tokens of the issuer at an address, and what it logs.
func ofIssuer(address string, client *http.Client) (*auth.Authenticator, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return auth.New(auth.Config{Store: &keys{}, Logger: slog.New(slog.NewTextHandler(log, nil)), OIDC: &auth.OIDC{
		Issuer: address, Audience: issuer.Audience, RoleClaim: "roles", Roles: map[string]registry.Role{"team": registry.RoleSteward},
		Client: client,
	}}), log
}

// TestIssuersThatMislead: whoever answers for an issuer, no key is taken that it does not show itself, nothing is read
// without end, and the log says in a line of some length what is wrong.
func TestIssuersThatMislead(t *testing.T) {
	genuine := issuer.New(t, time.Now)
	key := genuine.NewKey(t, "es", jose.ES256)
	discovery := func(own, keys string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, own, keys) }
	for name, c := range map[string]struct {
		discovery func(own string) string
		keys      http.HandlerFunc
		want      string
	}{
		"another name":     {func(own string) string { return discovery(own+"/", genuine.URL+"/keys") }, nil, "did not match"},
		"keys without TLS": {func(own string) string { return discovery(own, genuine.URL+"/keys") }, nil, "without TLS"},
		"keys led to elsewhere": {nil, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, genuine.URL+"/keys", http.StatusFound)
		}, "without TLS"},
		"a circle": {nil, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/keys", http.StatusFound) }, "redirects"},
		"a page without end": {nil, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"keys":[`+strings.Repeat(" ", 2<<20)+`]}`)
		}, "/keys: unexpected EOF"},
		"a long story": {func(string) string { return "" }, nil, "500"},
		"no keys":      {nil, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"keys":[]}`) }, "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			before := genuine.Asked()
			mux := http.NewServeMux()
			misleading := httptest.NewTLSServer(mux)
			defer misleading.Close()
			mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
				text := discovery(misleading.URL, misleading.URL+"/keys")
				if c.discovery != nil {
					text = c.discovery(misleading.URL)
				}
				w.Header().Set("Content-Type", "application/json")
				if text == "" {
					w.WriteHeader(http.StatusInternalServerError)
					text = strings.Repeat("what went wrong ", 1000)
				}
				_, _ = io.WriteString(w, text)
			})
			if c.keys != nil {
				mux.HandleFunc("/keys", c.keys)
			}
			a, log := ofIssuer(misleading.URL, misleading.Client())
			token := genuine.Token(t, key, map[string]any{"iss": misleading.URL})
			for range 2 {
				if actor, err := a.Authenticate(t.Context(), token); err == nil || errors.Is(err, auth.ErrUnauthenticated) {
					t.Errorf("%+v, %v; want that it cannot be checked", actor, err)
				}
			}
			if genuine.Asked() != before {
				t.Error("keys were fetched without TLS")
			}
			if line := log.String(); strings.Count(line, "\n") != 1 || !strings.Contains(line, c.want) || len(line) > 1000 {
				t.Errorf("logged: %.2000s", line)
			}
		})
	}
}

// TestNobodyHasToWaitForAnIssuer: who has gone away does not wait on, until an issuer answers that hangs.
func TestNobodyHasToWaitForAnIssuer(t *testing.T) {
	asked, answer := make(chan struct{}), make(chan struct{})
	var times atomic.Int64
	hanging := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		if times.Add(1) == 1 {
			close(asked)
		}
		<-answer
	}))
	defer hanging.Close()
	other := issuer.New(t, time.Now)
	token := other.Token(t, other.NewKey(t, "es", jose.ES256), nil)
	a, _ := ofIssuer(hanging.URL, hanging.Client())
	first := make(chan error)
	go func() {
		_, err := a.Authenticate(context.Background(), token)
		first <- err
	}()
	<-asked
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 10 {
		if _, err := a.Authenticate(gone, token); !errors.Is(err, context.Canceled) {
			t.Errorf("%v; want that the client has gone", err)
		}
	}
	close(answer)
	if err := <-first; err == nil || errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("%v; want that it cannot be checked", err)
	}
	if n := times.Load(); n != 1 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// TestTheLogTellsOfAnIssuerOnce: when it cannot be asked any more, and when it can again.
func TestTheLogTellsOfAnIssuerOnce(t *testing.T) {
	l := newLogin(t)
	log := &bytes.Buffer{}
	a := auth.New(auth.Config{
		Store: &keys{}, Logger: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return l.now },
		OIDC: &auth.OIDC{Issuer: l.URL, Audience: issuer.Audience, RoleClaim: "roles", Client: l.Client()},
	})
	token := l.Token(t, l.NewKey(t, "es", jose.ES256), nil)
	ask := func() {
		l.now = l.now.Add(time.Minute)
		_, _ = a.Authenticate(t.Context(), token) // what is answered is tested elsewhere
	}
	for _, step := range []struct {
		down bool
		want string
	}{{true, "cannot be read"}, {false, "are read"}} {
		log.Reset()
		l.SetDown(step.down)
		for range 3 {
			ask()
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, step.want) || strings.Contains(text, token) {
			t.Errorf("logged: %s; want once: %s", text, step.want)
		}
	}
}

// TestKeysWithoutNamesChange: a token that does not tell its key may be signed with one that is new.
func TestKeysWithoutNamesChange(t *testing.T) {
	l := newLogin(t)
	a := l.authenticator(&keys{})
	before := l.Token(t, l.NewKey(t, "", jose.ES256), nil)
	if _, err := a.Authenticate(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	l.Forget()
	after := l.Token(t, l.NewKey(t, "", jose.ES256), map[string]any{"sub": "u2"})
	for _, c := range []struct {
		after time.Duration
		token string
		want  error
	}{{time.Second, after, auth.ErrUnauthenticated}, {10 * time.Second, after, nil}, {0, before, auth.ErrUnauthenticated}} {
		l.now = l.now.Add(c.after)
		if _, err := a.Authenticate(t.Context(), c.token); !errors.Is(err, c.want) {
			t.Errorf("after %s: %v; want %v", c.after, err, c.want)
		}
	}
}
