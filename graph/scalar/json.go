package scalar

import (
	"encoding/json"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// MaxJSONBytes bounds a JSON value that a caller sends.
const MaxJSONBytes = 64 << 10

// MarshalJSON writes a JSON value as it is. Nothing, and what is not JSON, is null.
func MarshalJSON(v json.RawMessage) graphql.Marshaler {
	if len(v) == 0 || !json.Valid(v) {
		return graphql.Null
	}
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(v) // the writer is a buffer in memory
	})
}

// UnmarshalJSON reads any JSON value of at most MaxJSONBytes.
func UnmarshalJSON(v any) (json.RawMessage, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, registry.Errorf(registry.CodeInvalidInput, nil, "not a JSON value")
	}
	if len(text) > MaxJSONBytes {
		return nil, registry.Errorf(registry.CodeInvalidInput, nil,
			"JSON value of %d bytes; at most %d are allowed", len(text), MaxJSONBytes)
	}
	return text, nil
}
