package registry

import "time"

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
