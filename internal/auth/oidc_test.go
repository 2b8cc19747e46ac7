package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/testkit/issuer"
	"phoneregistry/registry"
)

// login is an issuer whose time stands still.
type login struct {
	*issuer.Issuer
	now time.Time
}

func newLogin(t testing.TB) *login {
	t.Helper()
	l := &login{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	l.Issuer = issuer.New(t, func() time.Time { return l.now })
	return l
}

func (l *login) authenticator(store registry.KeyStore) *auth.Authenticator {
	return auth.New(auth.Config{Store: store, BootstrapToken: "first", Now: func() time.Time { return l.now }, OIDC: &auth.OIDC{
		Issuer: l.URL, Audience: "api", RoleClaim: "roles", Client: l.Client(),
		Roles: map[string]registry.Role{"team": registry.RoleSteward, "readers": registry.RoleViewer},
	}})
}

func TestTokensOfAnIssuer(t *testing.T) {
	l := newLogin(t)
	rs, es, ed := l.NewKey(t, "rs", jose.RS256), l.NewKey(t, "es", jose.ES256), l.NewKey(t, "ed", jose.EdDSA)
	long := strings.Repeat("x", 200)
	id := "oidc:" + l.URL + "#u1"
	steward := registry.Actor{Name: "oidc:u1", Role: registry.RoleSteward, Token: id}
	a := l.authenticator(&keys{})
	unix := func(d time.Duration) int64 { return l.now.Add(d).Unix() }
	for name, c := range map[string]struct {
		key    jose.SigningKey
		change map[string]any
		want   registry.Actor
		err    error
	}{
		"RS256":              {rs, nil, steward, nil},
		"ES256":              {es, nil, steward, nil},
		"EdDSA":              {ed, nil, steward, nil},
		"several audiences":  {es, map[string]any{"aud": []string{"web", "api"}}, steward, nil},
		"just expired":       {es, map[string]any{"exp": unix(-59 * time.Second)}, steward, nil},
		"nearly valid":       {es, map[string]any{"nbf": unix(time.Minute)}, steward, nil},
		"the highest role":   {es, map[string]any{"roles": []any{"readers", 7, "team"}}, steward, nil},
		"one role":           {es, map[string]any{"roles": "readers"}, registry.Actor{Name: "oidc:u1", Role: registry.RoleViewer, Token: id}, nil},
		"mail":               {es, map[string]any{"email": "ana@example.com", "email_verified": true}, registry.Actor{Name: "oidc:ana@example.com", Role: registry.RoleSteward, Token: id}, nil},
		"mail of anybody":    {es, map[string]any{"email": "ana@example.com"}, steward, nil},
		"wrong issuer":       {es, map[string]any{"iss": "https://evil.example"}, registry.Actor{}, auth.ErrUnauthenticated},
		"wrong audience":     {es, map[string]any{"aud": "another"}, registry.Actor{}, auth.ErrUnauthenticated},
		"no audience":        {es, map[string]any{"aud": nil}, registry.Actor{}, auth.ErrUnauthenticated},
		"expired":            {es, map[string]any{"exp": unix(-time.Minute)}, registry.Actor{}, auth.ErrUnauthenticated},
		"without an end":     {es, map[string]any{"exp": nil}, registry.Actor{}, auth.ErrUnauthenticated},
		"not yet valid":      {es, map[string]any{"nbf": unix(61 * time.Second)}, registry.Actor{}, auth.ErrUnauthenticated},
		"no subject":         {es, map[string]any{"sub": nil}, registry.Actor{}, auth.ErrUnauthenticated},
		"no role":            {es, map[string]any{"roles": nil}, registry.Actor{}, auth.ErrNoRole},
		"a role unknown":     {es, map[string]any{"roles": []string{"ADMIN"}}, registry.Actor{}, auth.ErrNoRole},
		"RS512":              {jose.SigningKey{Algorithm: jose.RS512, Key: rs.Key}, nil, registry.Actor{}, auth.ErrUnauthenticated},
		"PS256":              {jose.SigningKey{Algorithm: jose.PS256, Key: rs.Key}, nil, registry.Actor{}, auth.ErrUnauthenticated},
		"another's key":      {newLogin(t).NewKey(t, "es", jose.ES256), nil, registry.Actor{}, auth.ErrUnauthenticated},
		"public as a secret": {issuer.Confused(t, rs), nil, registry.Actor{}, auth.ErrUnauthenticated},
	} {
		if got, err := a.Authenticate(t.Context(), l.Token(t, c.key, c.change)); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", name, got, err, c.want, c.err)
		}
	}
	for _, subject := range []string{long, "a\nb"} {
		if got, err := a.Authenticate(t.Context(), l.Token(t, es, map[string]any{"sub": subject})); err != nil || len(got.Name) != len("oidc:")+32 ||
			len(got.Token) != len(id)-len("u1")+32 {
			t.Errorf("%q: %+v, %v", subject, got, err)
		}
	}
	good := strings.Split(l.Token(t, es, nil), ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	for _, garbage := range []string{
		none + "." + good[1] + ".", none + "." + good[1] + "." + good[2], good[0] + "." + good[1] + ".", good[0] + ".." + good[2], "eyJ..",
		good[0] + "." + good[1] + "." + strings.Repeat("A", len(good[2])), strings.Join(good, ".") + strings.Repeat("A", 9000),
	} {
		if _, err := a.Authenticate(t.Context(), garbage); !errors.Is(err, auth.ErrUnauthenticated) {
			t.Errorf("%.60q: %v", garbage, err)
		}
	}
}

// TestKeysOfAnIssuerChange: a new key is found, strange ones do not make us ask and ask, and an issuer that is down
// costs those nothing whose key is known.
func TestKeysOfAnIssuerChange(t *testing.T) {
	l := newLogin(t)
	l.SetDown(true)
	first := l.NewKey(t, "first", jose.ES256)
	a := l.authenticator(&keys{})
	if _, err := a.Authenticate(t.Context(), l.Token(t, first, nil)); err == nil || errors.Is(err, auth.ErrUnauthenticated) {
		t.Errorf("without any keys: %v; want that it cannot be checked", err)
	}
	l.SetDown(false)
	l.now = l.now.Add(time.Minute)
	valid := func(key jose.SigningKey, subject string, want error) {
		t.Helper()
		if _, err := a.Authenticate(t.Context(), l.Token(t, key, map[string]any{"sub": subject})); !errors.Is(err, want) {
			t.Errorf("%s: %v; want %v", subject, err, want)
		}
	}
	valid(first, "u1", nil)
	second := l.NewKey(t, "second", jose.RS256)
	l.now = l.now.Add(time.Minute)
	valid(second, "u2", nil)
	asked := l.Asked()
	strange := newLogin(t)
	for _, kid := range strings.Split(strings.Repeat("k", 50), "") {
		valid(strange.NewKey(t, kid, jose.ES256), "flood", auth.ErrUnauthenticated)
	}
	if now := l.Asked(); now != asked {
		t.Errorf("a flood of strange keys: asked %d times within ten seconds", now-asked)
	}
	l.SetDown(true)
	l.now = l.now.Add(time.Minute)
	valid(strange.NewKey(t, "more", jose.ES256), "strange", auth.ErrUnauthenticated)
	valid(first, "u3", nil)
	valid(second, "u4", nil)
}

func TestKeysAreToldFromTokensOfAnIssuer(t *testing.T) {
	l := newLogin(t)
	store := &keys{}
	key := store.add(registry.RoleViewer, time.Time{})
	a := l.authenticator(store)
	for _, token := range []string{key, "first"} {
		if _, err := a.Authenticate(t.Context(), token); err != nil {
			t.Errorf("%v", err)
		}
	}
	if l.Asked() != 0 {
		t.Error("the issuer was asked about an API key")
	}
	handler := a.Middleware(http.NotFoundHandler())
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+l.Token(t, l.NewKey(t, "es", jose.ES256), map[string]any{"roles": "guests"}))
	if handler.ServeHTTP(w, r); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "ask for one") {
		t.Errorf("without a role: %d %s", w.Code, w.Body)
	}
}

func TestStreamsEndWithTokensOfAnIssuer(t *testing.T) {
	l := newLogin(t)
	a := l.authenticator(&keys{})
	ctx, err := a.Attend(t.Context(), l.Token(t, l.NewKey(t, "es", jose.ES256), nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		want  error
	}{{time.Hour, nil}, {time.Minute, auth.ErrExpired}} { // and a minute that clocks may differ by
		l.now = l.now.Add(step.after)
		if err := a.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if cause := context.Cause(ctx); !errors.Is(cause, step.want) {
			t.Errorf("after %s: %v; want %v", step.after, cause, step.want)
		}
	}
}

// FuzzTokens: whatever a token says, it is refused, and nothing breaks. The issuer has a key that nobody signs with.
func FuzzTokens(f *testing.F) {
	l := newLogin(f)
	own := l.NewKey(f, "es", jose.ES256)
	other := newLogin(f)
	other.Server.URL = l.URL
	stranger := other.NewKey(f, "es", jose.ES256)
	f.Add(other.Token(f, stranger, nil))
	f.Add(other.Token(f, stranger, map[string]any{"exp": "soon", "nbf": []int{1}, "aud": 7}))
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("eyJ..")
	f.Add(auth.NewToken())
	a := l.authenticator(&keys{})
	if _, err := a.Authenticate(f.Context(), l.Token(f, own, nil)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		if actor, err := a.Authenticate(t.Context(), token); token != "first" && (!errors.Is(err, auth.ErrUnauthenticated) || actor.Role != "") {
			t.Errorf("%q is taken: %+v, %v", token, actor, err)
		}
	})
}
