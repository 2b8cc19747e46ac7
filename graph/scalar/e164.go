// Package scalar reads and writes the custom scalars and the enums of the GraphQL schema. What a caller can cause by
// a wrong value is a *registry.Error; its text never repeats the value.
package scalar

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// MarshalE164 writes a number as "+573001234567" where the operation may show it whole, which is counted, and masked as
// "+5730****67" everywhere else. No number is null.
func MarshalE164(n registry.Number) graphql.ContextMarshaler {
	return graphql.ContextWriterFunc(func(ctx context.Context, w io.Writer) error {
		_, err := w.Write(AppendE164(make([]byte, 0, maxE164), n, n > 0 && reveal.Whole(ctx)))
		return err
	})
}

// maxE164 is the length of the longest number, with plus and quotes.
const maxE164 = numbering.MaxDigits + 3

// AppendE164 appends a number, whole or masked.
func AppendE164(b []byte, n registry.Number, whole bool) []byte {
	switch {
	case n <= 0:
		return append(b, "null"...)
	case whole:
		return append(append(append(b, '"'), n.String()...), '"')
	}
	return append(append(append(b, '"'), n.Masked()...), '"')
}

// UnmarshalE164 reads a number in strict E.164 form (ITU-T E.164): a plus sign and 7 to 15 digits, the first not 0.
func UnmarshalE164(_ context.Context, v any) (registry.Number, error) {
	text, ok := v.(string)
	if !ok {
		return 0, notE164()
	}
	n, err := numbering.ParseE164(text)
	if err != nil {
		return 0, notE164()
	}
	return n, nil
}

func notE164() *registry.Error {
	return registry.Errorf(registry.CodeInvalidNumber, nil,
		"not an E.164 number: a plus sign and %d to %d digits are expected, the first of them not 0",
		numbering.MinDigits, numbering.MaxDigits)
}
