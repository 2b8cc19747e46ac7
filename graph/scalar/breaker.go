package scalar

import (
	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// MarshalBreakerState writes a BreakerState.
func MarshalBreakerState(v registry.BreakerState) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalBreakerState reads a BreakerState.
func UnmarshalBreakerState(v any) (registry.BreakerState, error) {
	return unmarshalEnum(v, registry.BreakerClosed, registry.BreakerHalfOpen, registry.BreakerOpen)
}
