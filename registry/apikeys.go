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
