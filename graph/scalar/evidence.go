package scalar

import (
	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// MarshalEvidenceKind writes an EvidenceKind.
func MarshalEvidenceKind(v registry.EvidenceKind) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalEvidenceKind reads an EvidenceKind.
func UnmarshalEvidenceKind(v any) (registry.EvidenceKind, error) {
	return unmarshalEnum(v, registry.EvidenceKinds()...)
}
