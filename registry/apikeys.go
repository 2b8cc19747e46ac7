package registry

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// MaxAPIKeyName bounds the name of an API key, in characters.
const MaxAPIKeyName = 100

// APIKeyPrefix begins every API key, so that one that leaks is recognised for what it is.
const APIKeyPrefix = "prk_"

// endsNow is how far back the end of a key may lie to be taken for now: clocks differ, and requests take time.
const endsNow = time.Minute

// APIKeyStatus is whether an API key works.
type APIKeyStatus string

// The states of API keys.
const (
	APIKeyActive  APIKeyStatus = "ACTIVE"
	APIKeyExpired APIKeyStatus = "EXPIRED"
	APIKeyRevoked APIKeyStatus = "REVOKED"
)

// Status is whether the key works at a moment.
func (k APIKey) Status(now time.Time) APIKeyStatus {
	switch {
	case !k.RevokedAt.IsZero():
		return APIKeyRevoked
	case !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt):
		return APIKeyExpired
	}
	return APIKeyActive
}

// Allowed is what the key's bearer may do.
func (k APIKey) Allowed() Scopes {
	if k.Scopes == 0 {
		return k.Role.Scopes()
	}
	return k.Role.Scopes() & k.Scopes
}

// Withheld is what of its role the key's bearer may not do.
func (k APIKey) Withheld() Scopes { return k.Role.Scopes() &^ k.Allowed() }

// NewAPIToken makes the secret of an API key: 256 random bits.
func NewAPIToken() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // does not fail: it would end the program
	return APIKeyPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// HashAPIToken is what is kept of a token. The token is random, so that a plain hash cannot be guessed back.
func HashAPIToken(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// NewAPIKey is an API key to make.
type NewAPIKey struct {
	Name      string
	Role      Role
	Scopes    []Scope   // of the role; nil: all of them
	ExpiresAt time.Time // zero: until revoked
}

// APIKeyChange is what to change of an API key; nil stays.
type APIKeyChange struct {
	Name      *string
	ExpiresAt *time.Time // zero: until revoked
	// Refuse says why the key, as it is before, may not be changed so; nil: it may.
	Refuse func(APIKey) error
}

// APIKey returns an API key; ErrNotFound when there is none with this id.
func (s *Service) APIKey(ctx context.Context, id uuid.UUID) (APIKey, error) {
	return s.store.APIKey(ctx, id)
}

// APIKeys returns one page of the API keys, newest first, those that are over among them.
func (s *Service) APIKeys(ctx context.Context, p PageRequest) (Page[APIKey], error) {
	p, err := checkPage(p)
	if err != nil {
		return Page[APIKey]{}, err
	}
	return s.store.APIKeys(ctx, p)
}

// CountAPIKeys counts the API keys.
func (s *Service) CountAPIKeys(ctx context.Context) (int64, error) { return s.store.CountAPIKeys(ctx) }

// APIKeyStatus is whether a key works now.
func (s *Service) APIKeyStatus(k APIKey) APIKeyStatus { return k.Status(s.now()) }

// CreateAPIKey makes an API key and its token, which is told this once. User errors: INVALID_INPUT, also when the key
// could do more than the caller.
func (s *Service) CreateAPIKey(ctx context.Context, n NewAPIKey) (APIKey, string, error) {
	caller := ActorFrom(ctx)
	es := collect(nil, checkAPIKeyName(n.Name))
	es = collect(es, checkAPIKeyScopes(n, caller.Scopes()))
	if !n.ExpiresAt.IsZero() && !n.ExpiresAt.After(s.now()) {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "expiresAt"), "expiresAt is over: want a time in the future"))
	}
	es = collect(es, outlives(n.ExpiresAt, caller))
	if len(es) > 0 {
		return APIKey{}, "", es
	}
	key := APIKey{
		ID: uuid.New(), Name: n.Name, Role: n.Role, Scopes: ScopesOf(n.Scopes...), CreatedBy: caller.Name, ExpiresAt: n.ExpiresAt,
	}
	token := NewAPIToken()
	key, err := s.store.CreateAPIKey(ctx, key, HashAPIToken(token))
	if err != nil {
		return APIKey{}, "", err
	}
	return key, token, nil
}

// UpdateAPIKey changes an API key. User errors: INVALID_INPUT, NOT_FOUND, and INVALID_STATE for a key that is over.
func (s *Service) UpdateAPIKey(ctx context.Context, id uuid.UUID, c APIKeyChange) (APIKey, error) {
	var es Errors
	if c.Name != nil {
		es = collect(es, checkAPIKeyName(*c.Name))
	}
	if c.ExpiresAt != nil && !c.ExpiresAt.IsZero() {
		now := s.now()
		if c.ExpiresAt.Before(now.Add(-endsNow)) {
			es = append(es, Errorf(CodeInvalidInput, pathTo("input", "expiresAt"),
				"expiresAt is over: want a time in the future, or now to end the key"))
		} else if c.ExpiresAt.Before(now) {
			c.ExpiresAt = &now
		}
	}
	if len(es) > 0 {
		return APIKey{}, es
	}
	c.Refuse = func(key APIKey) error {
		if c.ExpiresAt != nil && later(*c.ExpiresAt, key.ExpiresAt) && key.Allowed()&^ActorFrom(ctx).Scopes() != 0 {
			return Errorf(CodeInvalidInput, pathTo("input", "expiresAt"),
				"expiresAt is later than before, and the key may do what the caller may not: want a caller who may do as much")
		}
		if c.ExpiresAt != nil && later(*c.ExpiresAt, key.ExpiresAt) {
			return outlives(*c.ExpiresAt, ActorFrom(ctx))
		}
		return nil
	}
	key, err := s.store.UpdateAPIKey(ctx, id, c)
	if err == nil {
		s.keyChanged(id)
	}
	return key, err
}

// RevokeAPIKey ends an API key for good. One that is revoked stays as it is.
func (s *Service) RevokeAPIKey(ctx context.Context, id uuid.UUID) (APIKey, error) {
	key, err := s.store.RevokeAPIKey(ctx, id)
	if err == nil {
		s.keyChanged(id)
	}
	return key, err
}

// later reports whether a comes after b, as ends of a key, of which zero is none.
func later(a, b time.Time) bool { return !b.IsZero() && (a.IsZero() || a.After(b)) }

// outlives refuses an end that comes after that of the key which the caller bears: who has one for an hour would otherwise
// have one for ever.
func outlives(end time.Time, caller Actor) error {
	if !later(end, caller.Ends) {
		return nil
	}
	return Errorf(CodeInvalidInput, pathTo("input", "expiresAt"),
		"the key of the caller ends at %s: want expiresAt no later than that", caller.Ends.UTC().Format(time.RFC3339))
}

// checkAPIKeyName refuses names that cannot be shown, and those of others who act.
func checkAPIKeyName(name string) error {
	bad := func(why string) error { return Errorf(CodeInvalidInput, pathTo("input", "name"), "name %s", why) }
	odd := func(r rune) bool { return !unicode.IsGraphic(r) }
	switch length := utf8.RuneCountInString(name); {
	case length == 0 || length > MaxAPIKeyName:
		return bad("must have 1 to 100 characters")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, odd) || strings.TrimSpace(name) != name:
		return bad("holds control characters, or spaces around it")
	}
	for _, taken := range []string{"bootstrap", "command line", "system", "system:", "oidc:", "schedule:"} {
		if strings.EqualFold(name, taken) || strings.HasSuffix(taken, ":") && strings.HasPrefix(strings.ToLower(name), taken) {
			return bad("is what others who act are called: want another")
		}
	}
	return nil
}

// checkAPIKeyScopes refuses roles and scopes that are not there, or more than the caller has.
func checkAPIKeyScopes(n NewAPIKey, callers Scopes) error {
	if !n.Role.Valid() {
		return Errorf(CodeInvalidInput, pathTo("input", "role"), "role is %s: want one of %v", quoted(string(n.Role)), Roles())
	}
	allowed, asked := n.Role.Scopes(), ScopesOf(n.Scopes...)
	where := "role"
	if n.Scopes != nil {
		where = "scopes"
		if len(n.Scopes) == 0 {
			return Errorf(CodeInvalidInput, pathTo("input", "scopes"), "scopes is empty: want at least one, or leave it out for all of the role")
		}
		for _, scope := range n.Scopes {
			if !allowed.Has(scope) {
				return Errorf(CodeInvalidInput, pathTo("input", "scopes"), "scopes holds %s, which the role %s does not have: want some of %v",
					quoted(string(scope)), n.Role, allowed.List())
			}
		}
		allowed = asked
	}
	if more := allowed &^ callers; more != 0 {
		return Errorf(CodeInvalidInput, pathTo("input", where), "the key could do more than its maker, who may not %v", more.List())
	}
	return nil
}
