package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"

	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

const (
	maxJWT  = 8 << 10     // bytes of a token of an issuer
	skew    = time.Minute // that the clocks of the issuer and of this server may differ by
	maxName = 100         // bytes of the name of an actor
)

// ErrNoRole is returned for a token of the issuer that is valid and names no role of this registry.
var ErrNoRole = errors.New("the token is valid, but none of its roles means anything here: ask for one")

// OIDC says whose tokens are taken beside API keys.
type OIDC struct {
	Issuer    string                   // exactly as in the tokens
	Audience  string                   // that tokens must be made for
	RoleClaim string                   // a claim, or a path with dots to one within others
	Roles     map[string]registry.Role // by the value of the claim; empty: the values are the roles
	Client    *http.Client             // nil: a plain one
}

// issuer takes tokens of an OpenID Connect issuer.
type issuer struct {
	OIDC
	keys   *keySet
	config oidc.Config
	now    func() time.Time
}

func newIssuer(c OIDC, now func() time.Time, log *slog.Logger) *issuer {
	i := &issuer{OIDC: c, keys: newKeySet(c.Issuer, c.Client, now, log), now: now}
	i.config = oidc.Config{ClientID: c.Audience, SkipExpiryCheck: true} // times are checked here, with our skew
	for _, a := range algorithms() {
		i.config.SupportedSigningAlgs = append(i.config.SupportedSigningAlgs, string(a))
	}
	return i
}

// verify checks the signature, the issuer and the audience. The signature comes first: that no key is known is no fault
// of the token, and the verifier of the library would not let us tell.
func (i *issuer) verify(ctx context.Context, text string) (*oidc.IDToken, error) {
	payload, err := i.keys.VerifySignature(ctx, text)
	if err != nil {
		return nil, err
	}
	token, err := oidc.NewVerifier(i.Issuer, verified(payload), &i.config).Verify(ctx, text)
	if err != nil {
		return nil, ErrUnauthenticated // the reason may hold what the token says
	}
	return token, nil
}

// verified is what a token says whose signature has been checked.
type verified []byte

// VerifySignature implements oidc.KeySet.
func (v verified) VerifySignature(context.Context, string) ([]byte, error) { return v, nil }

// isJWT tells tokens of issuers from API keys by their form.
func isJWT(token string) bool {
	return strings.HasPrefix(token, "eyJ") && strings.Count(token, ".") == 2
}

// bearer returns who bears a token of the issuer. ErrUnauthenticated for one that is not valid, ErrNoRole for one
// without a role; other errors when the keys of the issuer are not known.
func (i *issuer) bearer(ctx context.Context, text string) (bearer, error) {
	token, err := i.verify(ctx, text)
	if err != nil {
		return bearer{}, fmt.Errorf("check token: %w", err)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return bearer{}, ErrUnauthenticated
	}
	now, expires := i.now(), token.Expiry.Add(skew)
	if token.Expiry.Unix() <= 0 || !now.Before(expires) || token.Subject == "" || tooEarly(claims, now) {
		return bearer{}, ErrUnauthenticated
	}
	role := i.role(claims)
	if role == "" {
		return bearer{}, ErrNoRole
	}
	actor := registry.Actor{
		Name: nameOf(token.Subject, claims), Role: role, Token: "oidc:" + i.Issuer + "#" + plain(token.Subject),
	}
	b := bearer{actor: actor, expires: expires}
	b.until = now.Add(cacheFor)
	if expires.Before(b.until) {
		b.until = expires
	}
	return b, nil
}

// tooEarly reports whether the token does not hold yet, or does not say that in a way to be understood.
func tooEarly(claims map[string]any, now time.Time) bool {
	value, ok := claims["nbf"]
	if !ok {
		return false
	}
	seconds, ok := value.(float64)
	return !ok || float64(now.Add(skew).Unix()) < seconds
}

// role is the one that may most, of those that the token names.
func (i *issuer) role(claims map[string]any) registry.Role {
	var named []any
	switch value := i.claim(claims).(type) {
	case string:
		named = []any{value}
	case []any:
		named = value
	}
	best, rank := registry.Role(""), -1
	for _, value := range named {
		text, ok := value.(string)
		if !ok {
			continue
		}
		role := registry.Role(text)
		if len(i.Roles) > 0 {
			role = i.Roles[text]
		}
		for r, known := range []registry.Role{
			registry.RoleViewer, registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin,
		} {
			if role == known && r > rank {
				best, rank = role, r
			}
		}
	}
	return best
}

// claim finds the claim of roles: by its whole name, which may be an address with dots, or else by its path.
func (i *issuer) claim(claims map[string]any) any {
	if value, ok := claims[i.RoleClaim]; ok {
		return value
	}
	var value any = claims
	for name := range strings.SplitSeq(i.RoleClaim, ".") {
		within, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = within[name]
	}
	return value
}

// nameOf is how the audit trail calls the bearer: never like an API key or a part of the program. An address of mail
// counts only when the issuer has verified it.
func nameOf(subject string, claims map[string]any) string {
	name := subject
	if mail, ok := claims["email"].(string); ok && mail != "" && claims["email_verified"] == true {
		name = mail
	}
	if plain(name) != name {
		name = hashed(subject)
	}
	return "oidc:" + name
}

// plain returns a name as it is, or a hash of one that is too long to be kept or cannot be shown.
func plain(name string) string {
	odd := func(r rune) bool { return !unicode.IsGraphic(r) }
	if len(name) <= maxName && utf8.ValidString(name) && !strings.ContainsFunc(name, odd) {
		return name
	}
	return hashed(name)
}

func hashed(name string) string {
	hash := Hash(name)
	return hex.EncodeToString(hash[:16])
}

// refresh reads the keys again from time to time, so that those which the issuer took back are not believed for ever.
func (i *issuer) refresh(ctx context.Context) {
	for {
		_ = i.keys.fetch(ctx, ctx, 0) // without an answer the keys that are known go on; the log tells
		if !loop.Sleep(ctx, refreshEvery) {
			return
		}
	}
}
