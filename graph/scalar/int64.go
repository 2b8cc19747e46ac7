package scalar

import (
	"encoding/json"
	"strconv"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// MarshalInt64 writes a whole number.
func MarshalInt64(v int64) graphql.Marshaler { return graphql.MarshalInt64(v) }

// UnmarshalInt64 reads a whole number of 64 bits, also as a text: for many clients numbers are exact to 53 bits only.
func UnmarshalInt64(v any) (int64, error) {
	var text string
	switch v := v.(type) {
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case json.Number:
		text = string(v)
	case string:
		text = v
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, registry.Errorf(registry.CodeInvalidInput, nil, "not a whole number of 64 bits; right is for example 100000")
	}
	return n, nil
}
