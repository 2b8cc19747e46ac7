package scalar

import (
	"io"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// MarshalTime writes a moment in UTC as RFC 3339, with as many digits below the second as needed, down to the
// microsecond that PostgreSQL keeps. The zero time is null: "not yet", "never".
func MarshalTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return text(AppendTime(make([]byte, 0, len(time.RFC3339Nano)+2), t))
}

// AppendTime appends what MarshalTime writes.
func AppendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	b = t.UTC().Truncate(time.Microsecond).AppendFormat(append(b, '"'), time.RFC3339Nano) // which package time writes the fastest
	return append(b, '"')
}

// text is JSON that is written as it is.
type text []byte

// MarshalGQL implements graphql.Marshaler.
func (t text) MarshalGQL(w io.Writer) { _, _ = w.Write(t) } // the writer is a buffer in memory

// UnmarshalTime reads a moment in RFC 3339 form, of the years 1 to 9999, to the microsecond. The zero time is
// none, which is "not told" wherever a time may be left out.
func UnmarshalTime(v any) (time.Time, error) {
	s, ok := v.(string)
	if !ok || strings.ContainsRune(s, ',') { // ISO 8601 allows the comma, RFC 3339 does not
		return time.Time{}, notTime()
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 || t.Truncate(time.Microsecond).IsZero() {
		return time.Time{}, notTime()
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

func notTime() *registry.Error {
	return registry.Errorf(registry.CodeInvalidInput, nil,
		"not a moment in RFC 3339 form; right is for example 2026-11-21T15:04:05Z")
}
