package app_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/gorilla/websocket"

	"phoneregistry/internal/app"
	"phoneregistry/internal/testkit"
	"phoneregistry/internal/testkit/issuer"
)

// signIn is a whole server that takes tokens of an issuer.
type signIn struct {
	*issuer.Issuer
	t      *testing.T
	server *app.Server
}

func newSignIn(t *testing.T, i *issuer.Issuer) *signIn {
	t.Helper()
	c := settings(t)
	c.Demo = false
	c.OIDCIssuer, c.OIDCAudience, c.OIDCRoleClaim = i.URL, issuer.Audience, "realm.roles"
	c.OIDCRoleMap = map[string]string{"readers": "VIEWER", "data": "STEWARD", "ops": "OPERATOR", "root": "ADMIN"}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := app.Start(t.Context(), c, app.Options{Version: "test", Logger: testkit.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &signIn{i, t, s}
}

// roles are claims with these roles.
func roles(names ...string) map[string]any {
	return map[string]any{"realm": map[string]any{"roles": names}}
}

// ask sends an operation with a token and returns the status and the answer.
func (s *signIn) ask(token, query string, header ...string) (int, string) {
	s.t.Helper()
	body, err := json.Marshal(map[string]string{"query": query})
	if err != nil {
		s.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.server.URL()+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// eventually asks until the status is the one wanted. The server asks an issuer again after ten seconds.
func (s *signIn) eventually(token string, want int) {
	s.t.Helper()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(time.Minute)
	for {
		status, text := s.ask(token, `{ viewer { role } }`)
		if status == want {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			s.t.Fatalf("%d %s; want %d", status, text, want)
		}
	}
}

const who = `{ viewer { name role } }`

// TestSignIn: whom the server lets in, in which role, and what it refuses, over HTTP as anybody would try it.
func TestSignIn(t *testing.T) {
	i := issuer.New(t, time.Now)
	rs, es := i.NewKey(t, "rs", jose.RS256), i.NewKey(t, "es", jose.ES256)
	s := newSignIn(t, i)
	with := func(change map[string]any, more map[string]any) map[string]any {
		for name, value := range more {
			change[name] = value
		}
		return change
	}
	stranger := issuer.New(t, time.Now).NewKey(t, "es", jose.ES256)
	good := strings.Split(s.Token(t, es, roles("root")), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`))
	for name, c := range map[string]struct {
		token  string
		status int
		want   string
	}{
		"a reader":           {s.Token(t, es, roles("readers", "others")), http.StatusOK, `{"name":"oidc:u1","role":"VIEWER"}`},
		"an operator by RSA": {s.Token(t, rs, roles("ops")), http.StatusOK, `"role":"OPERATOR"`},
		"with mail": {
			s.Token(t, es, with(roles("readers", "root"), map[string]any{"email": "ana@example.com", "email_verified": true})),
			http.StatusOK, `{"name":"oidc:ana@example.com","role":"ADMIN"}`,
		},
		"a clock that is late":  {s.Token(t, es, with(roles("data"), map[string]any{"nbf": time.Now().Add(30 * time.Second).Unix()})), http.StatusOK, `"role":"STEWARD"`},
		"a clock that is early": {s.Token(t, es, with(roles("data"), map[string]any{"exp": time.Now().Add(-30 * time.Second).Unix()})), http.StatusOK, `"role":"STEWARD"`},
		"not yet":               {s.Token(t, es, with(roles("data"), map[string]any{"nbf": time.Now().Add(5 * time.Minute).Unix()})), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"over":                  {s.Token(t, es, with(roles("data"), map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()})), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"no role":               {s.Token(t, es, roles("others")), http.StatusForbidden, "FORBIDDEN"},
		"no claim":              {s.Token(t, es, nil), http.StatusForbidden, "FORBIDDEN"},
		"a role unmapped":       {s.Token(t, es, roles("ADMIN")), http.StatusForbidden, "FORBIDDEN"},
		"for another":           {s.Token(t, es, with(roles("root"), map[string]any{"aud": "billing"})), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"of another":            {s.Token(t, es, with(roles("root"), map[string]any{"iss": "https://login.example.com"})), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"a stranger's key":      {s.Token(t, stranger, roles("root")), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"HS256, the public key": {s.Token(t, issuer.Confused(t, rs), roles("root")), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"RS512":                 {s.Token(t, jose.SigningKey{Algorithm: jose.RS512, Key: rs.Key}, roles("root")), http.StatusUnauthorized, "UNAUTHENTICATED"},
		"none":                  {none + "." + good[1] + ".", http.StatusUnauthorized, "UNAUTHENTICATED"},
		"none, signed":          {none + "." + good[1] + "." + good[2], http.StatusUnauthorized, "UNAUTHENTICATED"},
		"another's claims":      {good[0] + "." + strings.Split(s.Token(t, es, roles("readers")), ".")[1] + "." + good[2], http.StatusUnauthorized, "UNAUTHENTICATED"},
	} {
		if status, text := s.ask(c.token, who); status != c.status || !strings.Contains(text, c.want) || strings.Contains(text, c.token) {
			t.Errorf("%s: %d %s; want %d %s", name, status, text, c.status, c.want)
		}
	}
	s.checkPurpose(s.Token(t, es, roles("data")))
}

// checkPurpose checks that a steward sees numbers whole when he says what for, and masked otherwise.
func (s *signIn) checkPurpose(steward string) {
	s.t.Helper()
	status, text := s.ask(s.server.Token(), `mutation { addPhone(input: {customerId: "c1", number: "+573001234567", source: "web_forms"}) { userErrors { code } } }`)
	if status != http.StatusOK || !strings.Contains(text, `"userErrors":[]`) {
		s.t.Fatalf("%d %s", status, text)
	}
	const numbers = `{ phones { nodes { number } } }`
	if _, text := s.ask(steward, numbers); !strings.Contains(text, "****") || strings.Contains(text, "1234567") {
		s.t.Errorf("without a purpose: %s", text)
	}
	if _, text := s.ask(steward, numbers, "X-Purpose", "complaint of a customer"); !strings.Contains(text, "+573001234567") {
		s.t.Errorf("with a purpose: %s", text)
	}
}

// TestSocketsEndWithTokensOfAnIssuer: the minute by which clocks may differ counts too.
func TestSocketsEndWithTokensOfAnIssuer(t *testing.T) {
	i := issuer.New(t, time.Now)
	key := i.NewKey(t, "es", jose.ES256)
	s := newSignIn(t, i)
	token := s.Token(t, key, map[string]any{
		"realm": map[string]any{"roles": "readers"}, "exp": time.Now().Add(-57 * time.Second).Unix(),
	})
	dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, _, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.server.URL(), "http")+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // the server has closed it
	if err := conn.WriteJSON(map[string]any{"type": "connection_init", "payload": map[string]string{"Authorization": "Bearer " + token}}); err != nil {
		t.Fatal(err)
	}
	acked := false
	for {
		var m struct{ Type string }
		err := conn.ReadJSON(&m)
		acked = acked || m.Type == "connection_ack"
		if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
			if !acked || closed.Code != 4403 || closed.Text != "Forbidden: the token has expired" {
				t.Errorf("closed with %d %q, let in: %t", closed.Code, closed.Text, acked)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestAnIssuerThatIsAway: the server starts without it, says that it cannot tell, and takes its tokens once it is
// there. New keys are found while the server runs, and when it is away again, those whose keys are known notice nothing.
func TestAnIssuerThatIsAway(t *testing.T) {
	i := issuer.New(t, time.Now)
	i.SetDown(true)
	s := newSignIn(t, i)
	first := s.NewKey(t, "first", jose.ES256)
	if status, text := s.ask(s.Token(t, first, roles("readers")), who); status != http.StatusServiceUnavailable || !strings.Contains(text, "UNAVAILABLE") {
		t.Errorf("without the issuer: %d %s", status, text)
	}
	if status, text := s.ask(s.server.Token(), who); status != http.StatusOK {
		t.Errorf("who needs no issuer: %d %s", status, text)
	}
	s.SetDown(false)
	s.eventually(s.Token(t, first, roles("readers")), http.StatusOK)
	s.Forget()
	second := s.NewKey(t, "second", jose.RS256)
	s.eventually(s.Token(t, second, roles("data")), http.StatusOK)
	old := s.Token(t, first, map[string]any{"realm": map[string]any{"roles": "readers"}, "sub": "somebody else"})
	if status, text := s.ask(old, who); status != http.StatusUnauthorized {
		t.Errorf("a key that was taken back: %d %s", status, text)
	}
	s.SetDown(true)
	fresh := s.Token(t, second, map[string]any{"realm": map[string]any{"roles": "ops"}, "sub": "a third"})
	if status, text := s.ask(fresh, who); status != http.StatusOK || !strings.Contains(text, "OPERATOR") {
		t.Errorf("the issuer is away again: %d %s", status, text)
	}
}
