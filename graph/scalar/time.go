package scalar

import (
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// timeLayout is RFC 3339 with as many digits below the second as needed, down to the microsecond that PostgreSQL keeps.
const timeLayout = "2006-01-02T15:04:05.999999Z07:00"

// MarshalTime writes a moment in UTC as RFC 3339, to the microsecond. The zero time is null: "not yet", "never".
func MarshalTime(t time.Time) graphql.Marshaler {
	if t.IsZero() {
		return graphql.Null
	}
	return graphql.MarshalString(t.UTC().Truncate(time.Microsecond).Format(timeLayout))
}

// UnmarshalTime reads a moment in RFC 3339 form, of the years 1 to 9999, to the microsecond.
func UnmarshalTime(v any) (time.Time, error) {
	text, ok := v.(string)
	if !ok || strings.ContainsRune(text, ',') { // ISO 8601 allows the comma, RFC 3339 does not
		return time.Time{}, notTime()
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return time.Time{}, notTime()
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

func notTime() *registry.Error {
	return registry.Errorf(registry.CodeInvalidInput, nil,
		"not a moment in RFC 3339 form; right is for example 2026-11-21T15:04:05Z")
}
