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

// MarshalLineTypeSource writes a LineTypeSource.
func MarshalLineTypeSource(v registry.LineTypeSource) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalLineTypeSource reads a LineTypeSource.
func UnmarshalLineTypeSource(v any) (registry.LineTypeSource, error) {
	return unmarshalEnum(v, registry.LineTypeOfPlan, registry.LineTypeOfLookup)
}
