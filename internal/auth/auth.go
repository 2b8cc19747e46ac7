// Package auth finds out who calls. Callers bear tokens of 256 random bits, of which only the SHA-256 is kept; one
// bootstrap token from the configuration, with the role ADMIN, needs no store.
package auth

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// Prefix begins every token, so that one that leaks is recognised for what it is.
const Prefix = registry.APIKeyPrefix

// How long, and for how many tokens, the word of the store is believed. A token that is revoked by another server works
// for at most cacheFor longer.
const (
	cacheFor  = 2 * time.Second
	cacheSize = 4096
	maxToken  = 512 // bytes of what may be a token
	keyLength = 43  // of an API key behind its prefix

	lookUpLimit = 30 * time.Second
)

// bootstrap is what the token of the configuration is called, as an actor and as a token.
const bootstrap = "bootstrap"

// ErrUnauthenticated is returned for a token that is not known, expired or revoked, and for none.
var ErrUnauthenticated = errors.New("no valid token")

// NewToken makes a token.
func NewToken() string { return registry.NewAPIToken() }

// Hash is what is kept of a token. The token is random, so that a plain hash cannot be guessed back.
func Hash(token string) [32]byte { return registry.HashAPIToken(token) }

// Config is what an Authenticator is made of.
type Config struct {
	Store          registry.KeyStore
	BootstrapToken string           // "": there is none
	Now            func() time.Time // nil: time.Now
	Logger         *slog.Logger     // nil: none
	OIDC           *OIDC            // nil: no tokens of an issuer
	CheckEvery     time.Duration    // between looks at the tokens behind streams; 0: 2 s
	LookUp         time.Duration    // that the store may take to say who bears a token or ticket; 0: 30 s
	MaxFailures    int              // tokens that are not valid, from one address in a minute, before 429; 0: 60, negative: any
}

// Authenticator finds out who bears a token. Safe for concurrent use.
type Authenticator struct {
	store        registry.KeyStore
	bootstrap    [32]byte
	hasBootstrap bool
	now          func() time.Time
	log          *slog.Logger
	every        time.Duration
	lookUp       time.Duration
	issuer       *issuer // nil: none
	throttle     *throttle
	tickets      tickets

	mu       sync.Mutex // of all below
	known    map[[32]byte]bearer
	changes  uint64 // how often Forget was called: what the store said before it is not believed
	attended map[[32]byte]*attended
	used     map[uuid.UUID]time.Time // keys that were seen, and not yet noted in the store
}

// bearer is who bore a token when the store was asked last.
type bearer struct {
	actor   registry.Actor
	key     uuid.UUID // zero: not of the store
	expires time.Time // zero: until revoked
	until   time.Time // believed so long without asking again
}

// lasting reports whether the token holds as long as the program runs.
func (b bearer) lasting() bool { return b.key == uuid.Nil && b.expires.IsZero() }

// New makes an authenticator.
func New(c Config) *Authenticator {
	a := &Authenticator{
		store: c.Store, now: c.Now, log: c.Logger, every: c.CheckEvery,
		known: map[[32]byte]bearer{}, attended: map[[32]byte]*attended{}, used: map[uuid.UUID]time.Time{},
	}
	if a.now == nil {
		a.now = time.Now
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.every <= 0 {
		a.every = checkEvery
	}
	if a.lookUp = c.LookUp; a.lookUp <= 0 {
		a.lookUp = lookUpLimit
	}
	a.throttle = newThrottle(c.MaxFailures, a.now)
	if c.OIDC != nil {
		a.issuer = newIssuer(*c.OIDC, a.now, a.log)
	}
	if c.BootstrapToken != "" {
		a.bootstrap, a.hasBootstrap = Hash(c.BootstrapToken), true
	}
	return a
}

// Authenticate returns who bears the token. The request id of the context's actor is kept. ErrUnauthenticated for a
// token that is not valid; other errors when the store could not be asked.
func (a *Authenticator) Authenticate(ctx context.Context, token string) (registry.Actor, error) {
	_, b, err := a.find(ctx, token)
	b.actor.RequestID = registry.ActorFrom(ctx).RequestID
	return b.actor, err
}

// find returns the hash and the bearer of a token.
func (a *Authenticator) find(ctx context.Context, token string) ([32]byte, bearer, error) {
	foreign := a.issuer != nil && isJWT(token) && len(token) <= maxJWT
	if token == "" || len(token) > maxToken && !foreign {
		return [32]byte{}, bearer{}, ErrUnauthenticated
	}
	hash := Hash(token)
	if a.hasBootstrap && subtle.ConstantTimeCompare(hash[:], a.bootstrap[:]) == 1 {
		return hash, bearer{actor: registry.Actor{Name: bootstrap, Role: registry.RoleAdmin, Token: bootstrap}}, nil
	}
	b, changes, ok := a.remembered(hash)
	if ok {
		return hash, b, nil
	}
	var err error
	switch {
	case foreign:
		b, err = a.issuer.bearer(ctx, token)
	case len(token) == len(Prefix)+keyLength && strings.HasPrefix(token, Prefix):
		b, err = a.ofStore(ctx, hash)
	default: // the store need not be asked about what it never made
		err = ErrUnauthenticated
	}
	if err == nil {
		a.remember(hash, b, changes)
	}
	return hash, b, err
}

// ofStore returns who bears an API key. Whose deadline a request has is not known before.
func (a *Authenticator) ofStore(ctx context.Context, hash [32]byte) (bearer, error) {
	ctx, cancel := context.WithTimeout(ctx, a.lookUp)
	defer cancel()
	key, err := a.store.APIKeyByHash(ctx, hash)
	if errors.Is(err, registry.ErrNotFound) {
		return bearer{}, ErrUnauthenticated
	}
	if err != nil {
		return bearer{}, fmt.Errorf("look up token: %w", err)
	}
	now := a.now()
	until := now.Add(cacheFor)
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(until) {
		until = key.ExpiresAt
	}
	if !now.Before(until) || !key.Role.Valid() {
		return bearer{}, ErrUnauthenticated
	}
	actor := registry.Actor{
		Name: key.Name, Role: key.Role, Withheld: key.Withheld(), Token: "key:" + key.ID.String(), Ends: key.ExpiresAt,
	}
	return bearer{actor, key.ID, key.ExpiresAt, until}, nil
}

// remembered returns who bears a token by what was heard of it lately, and how often Forget has been called before.
func (a *Authenticator) remembered(hash [32]byte) (b bearer, changes uint64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, ok = a.known[hash]
	if ok && !a.now().Before(b.until) {
		delete(a.known, hash)
		b, ok = bearer{}, false
	}
	return b, a.changes, ok
}

// remember keeps who bears a token, unless a key was changed since it was asked for: the answer may be older.
func (a *Authenticator) remember(hash [32]byte, b bearer, changes uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changes != changes {
		return
	}
	if len(a.known) >= cacheSize {
		clear(a.known) // with so many tokens at once, asking again costs little beside them
	}
	a.known[hash] = b
	if b.key != uuid.Nil {
		a.used[b.key] = a.now()
	}
}

// Forget asks the store about a key before it is believed again: somebody has changed it. What lives by it already is
// looked at by Run.
func (a *Authenticator) Forget(key uuid.UUID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.changes++
	for hash, b := range a.known {
		if b.key == key {
			delete(a.known, hash)
		}
	}
}
