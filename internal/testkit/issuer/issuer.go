// Package issuer is an OpenID Connect issuer for tests: it shows its keys, and signs whatever a test wants.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Audience is the one that tokens are made for unless changed.
const Audience = "api"

// Issuer is an issuer with keys of its own. Its URL is its name.
type Issuer struct {
	*httptest.Server
	now func() time.Time

	mu    sync.Mutex
	keys  []jose.JSONWebKey
	asked int
	down  bool
}

// New starts an issuer that stops with the test. now tells when tokens are made.
func New(t testing.TB, now func() time.Time) *Issuer {
	t.Helper()
	i := &Issuer{now: now}
	i.Server = httptest.NewServer(http.HandlerFunc(i.answer))
	t.Cleanup(i.Close)
	return i
}

func (i *Issuer) answer(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	answer := any(map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/keys"})
	if r.URL.Path == "/keys" {
		i.asked++
		keys := []any{map[string]string{"kty": "future", "kid": "x"}} // of a kind that nobody knows yet
		for _, k := range i.keys {
			keys = append(keys, k)
		}
		answer = map[string]any{"keys": keys}
	}
	if i.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// SetDown lets the issuer answer nothing useful, or answer again.
func (i *Issuer) SetDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// Asked is how often it was asked for its keys.
func (i *Issuer) Asked() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.asked
}

// NewKey makes a key and shows its public half.
func (i *Issuer) NewKey(t testing.TB, kid string, alg jose.SignatureAlgorithm) jose.SigningKey {
	t.Helper()
	var private crypto.Signer
	var err error
	switch alg {
	case jose.RS256, jose.PS256, jose.RS512:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = append(i.keys, jose.JSONWebKey{Key: private.Public(), KeyID: kid, Use: "sig"})
	return jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: private, KeyID: kid}}
}

// Forget takes all keys back.
func (i *Issuer) Forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
}

// Token signs claims: those of somebody with the roles "team" and "other" for an hour, changed by change. A nil value
// leaves a claim out.
func (i *Issuer) Token(t testing.TB, key jose.SigningKey, change map[string]any) string {
	t.Helper()
	claims := map[string]any{
		"iss": i.URL, "aud": Audience, "sub": "u1", "exp": i.now().Add(time.Hour).Unix(), "nbf": i.now().Unix(),
		"roles": []string{"team", "other"},
	}
	maps.Copy(claims, change)
	maps.DeleteFunc(claims, func(_ string, v any) bool { return v == nil })
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	out, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Confused signs with the public half of a key, as if it were a secret that both sides know.
func Confused(t testing.TB, key jose.SigningKey) jose.SigningKey {
	t.Helper()
	whole, ok := key.Key.(jose.JSONWebKey)
	if !ok {
		t.Fatal("no key")
	}
	public, err := x509.MarshalPKIXPublicKey(whole.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	return jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: public, KeyID: whole.KeyID}}
}
