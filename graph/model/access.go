package model

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Kinds of global ids.
const (
	KindAPIKey      = "key"
	KindAccessEntry = "acc"
)

// APIKey is a key with which programs call the API.
type APIKey struct {
	registry.APIKey
	Status registry.APIKeyStatus
}

// IsNode marks a type with a global id.
func (*APIKey) IsNode() {}

// ID is the global id.
func (k *APIKey) ID() string { return opaque.UUID(KindAPIKey, k.APIKey.ID) }

// Scopes is what its bearer may do.
func (k *APIKey) Scopes() []registry.Scope { return k.Allowed().List() }

// ExpiresAt is null until it is revoked.
func (k *APIKey) ExpiresAt() *time.Time { return moment(k.APIKey.ExpiresAt) }

// RevokedAt is null when it was not revoked.
func (k *APIKey) RevokedAt() *time.Time { return moment(k.APIKey.RevokedAt) }

// LastUsedAt is null when its bearer was never seen.
func (k *APIKey) LastUsedAt() *time.Time { return moment(k.APIKey.LastUsedAt) }

// AccessLogEntry is one read that showed whole numbers.
type AccessLogEntry struct{ registry.AccessEntry }

// IsNode marks a type with a global id.
func (*AccessLogEntry) IsNode() {}

// ID is the global id.
func (e *AccessLogEntry) ID() string { return opaque.UUID(KindAccessEntry, e.AccessEntry.ID) }

// Token is the global id of an API key, or what else tells a token; null when there was none.
func (e *AccessLogEntry) Token() *string {
	if key, found := strings.CutPrefix(e.AccessEntry.Token, "key:"); found {
		if id, err := uuid.Parse(key); err == nil {
			return optional(opaque.UUID(KindAPIKey, id))
		}
	}
	return optional(e.AccessEntry.Token)
}

// Purpose is null when none was told.
func (e *AccessLogEntry) Purpose() *string { return optional(e.AccessEntry.Purpose) }

// Operation is null for one without a name.
func (e *AccessLogEntry) Operation() *string { return optional(e.AccessEntry.Operation) }

// moment is null for the zero time.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

type (
	// APIKeyConnection is a page of API keys.
	APIKeyConnection struct{ Connection[*APIKey] }
	// APIKeyEdge is an API key in a page.
	APIKeyEdge Edge[*APIKey]
	// AccessLogConnection is a page of the access log.
	AccessLogConnection struct{ Connection[*AccessLogEntry] }
	// AccessLogEdge is a read in a page.
	AccessLogEdge Edge[*AccessLogEntry]
)

// Edges returns the entries with their cursors.
func (c *APIKeyConnection) Edges() []APIKeyEdge { return edges[APIKeyEdge](&c.Connection) }

// Edges returns the entries with their cursors.
func (c *AccessLogConnection) Edges() []AccessLogEdge { return edges[AccessLogEdge](&c.Connection) }
