package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

const (
	fetchLimit   = 5 * time.Second  // of all that the issuer is asked at once; less than fetchPause, so that nobody waits twice
	fetchPause   = 10 * time.Second // between requests that strange keys cause
	refreshEvery = 15 * time.Minute // between looks for keys that were taken back
	maxFetched   = 1 << 20          // bytes of an answer of the issuer
	maxKeys      = 100
	maxReason    = 300  // bytes of why the issuer could not be asked, which may be a page of its
	minRSA       = 2048 // bits
)

var (
	errNoKeys = errors.New("the keys of the issuer could not be read")
	errPlain  = errors.New("the issuer leads to an address without TLS, where anybody on the way could change its keys")
)

// algorithms are those that tokens may be signed with: none by which a public key could be taken for a secret.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA}
}

// keySet holds the keys of an issuer. They are read again for a token whose key is not among them, but not more often
// than fetchPause; when the issuer does not answer, the keys that are known go on.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	fetching chan struct{} // holds one while the issuer is asked, and guards failing
	failing  bool
	mu       sync.Mutex // of all below
	keys     []jose.JSONWebKey
	tried    time.Time
}

func newKeySet(issuer string, client *http.Client, now func() time.Time, log *slog.Logger) *keySet {
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.Transport = bounded{client.Transport, strings.HasPrefix(issuer, "https:")}
	return &keySet{issuer: issuer, client: &own, now: now, log: log, fetching: make(chan struct{}, 1)}
}

// VerifySignature returns what is signed in a token. ErrUnauthenticated when it is not signed by a key of the issuer;
// errNoKeys when there are none to tell.
func (s *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token, algorithms())
	if err != nil || len(signed.Signatures) != 1 {
		return nil, ErrUnauthenticated
	}
	header := signed.Signatures[0].Header
	payload, known := s.verify(signed, header)
	if known {
		return check(payload)
	}
	if err := s.fetch(ctx, context.WithoutCancel(ctx), fetchPause); err != nil { // others wait for the answer too
		return nil, err
	}
	payload, _ = s.verify(signed, header)
	return check(payload)
}

func check(payload []byte) ([]byte, error) {
	if payload == nil {
		return nil, ErrUnauthenticated
	}
	return payload, nil
}

// verify returns what is signed, nil if it is not, and whether there was a key to tell: one of the name in the token. Any key
// may be meant by a token that names none, also one that is new.
func (s *keySet) verify(signed *jose.JSONWebSignature, header jose.Header) (payload []byte, known bool) {
	s.mu.Lock()
	keys := s.keys
	s.mu.Unlock()
	for i := range keys {
		k := &keys[i]
		if header.KeyID != "" && k.KeyID != header.KeyID || k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		known = header.KeyID != ""
		if payload, err := signed.Verify(k); err == nil {
			return payload, true
		}
	}
	return nil, known
}

// fetch reads the keys, unless that was tried less than pause before: for as long as asking, when nobody else is at it. It
// fails only when there are no keys at all, or when ctx ends while others ask.
func (s *keySet) fetch(ctx, asking context.Context, pause time.Duration) error {
	select {
	case s.fetching <- struct{}{}:
		defer func() { <-s.fetching }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.mu.Lock()
	now := s.now()
	wait := !s.tried.IsZero() && now.Sub(s.tried) < pause
	if !wait {
		s.tried = now
	}
	has := len(s.keys) > 0
	s.mu.Unlock()
	var err error
	if !wait {
		var keys []jose.JSONWebKey
		if keys, err = s.read(asking); err == nil {
			s.mu.Lock()
			s.keys, has = keys, true
			s.mu.Unlock()
		}
		s.tell(asking, err)
	}
	if !has {
		return errors.Join(errNoKeys, err)
	}
	return nil
}

// tell notes in the log when the issuer cannot be asked any more, why, and when it can again. A wrong address or name of
// it shows nowhere else.
func (s *keySet) tell(ctx context.Context, err error) {
	if (err != nil) == s.failing || ctx.Err() != nil { // the server stops
		return
	}
	if s.failing = err != nil; s.failing {
		reason := err.Error()
		s.log.WarnContext(ctx, "the keys of the OpenID Connect issuer cannot be read; tokens of keys that are known go on",
			"error", strings.ToValidUTF8(reason[:min(len(reason), maxReason)], ""))
		return
	}
	s.log.InfoContext(ctx, "the keys of the OpenID Connect issuer are read")
}

// read asks the issuer where its keys are, and for them.
func (s *keySet) read(ctx context.Context) ([]jose.JSONWebKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	provider, err := oidc.NewProvider(oidc.ClientContext(ctx, s.client), s.issuer)
	if err != nil {
		return nil, err
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := provider.Claims(&found); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, found.Keys, nil)
	if err != nil {
		return nil, err
	}
	res, err := s.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the issuer answers %s", res.Status)
	}
	var set struct{ Keys []json.RawMessage }
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("read %s: %w", found.Keys, err)
	}
	keys := usable(set.Keys)
	if len(keys) == 0 {
		return nil, errors.New("the issuer shows no key that can be used")
	}
	return keys, nil
}

// usable returns the keys that sign, of a kind that is taken. Others may stand beside them.
func usable(texts []json.RawMessage) (keys []jose.JSONWebKey) {
	for _, text := range texts[:min(len(texts), maxKeys)] {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(text) != nil || !k.Valid() || k.Use != "" && k.Use != "sig" {
			continue
		}
		switch key := k.Key.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() >= minRSA {
				keys = append(keys, k)
			}
		case *ecdsa.PublicKey, ed25519.PublicKey:
			keys = append(keys, k)
		}
	}
	return keys
}

// bounded bounds what an answer may hold, and asks nobody without TLS when the issuer has it: neither where its keys are
// said to be, nor where it redirects to.
type bounded struct {
	next   http.RoundTripper
	secure bool
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.secure && r.URL.Scheme != "https" {
		return nil, errPlain
	}
	next := b.next
	if next == nil {
		next = http.DefaultTransport
	}
	res, err := next.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxFetched), res.Body}
	}
	return res, err
}
