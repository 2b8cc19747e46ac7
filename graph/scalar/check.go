package scalar

import (
	"context"

	"phoneregistry/registry"
)

// Check reports what is wrong with a value that a caller sends for a custom scalar of the schema; nil: nothing. A scalar that
// is not known here has no right value.
func Check(name string, v any) (err error) {
	switch name {
	case "E164":
		_, err = UnmarshalE164(context.Background(), v)
	case "Time":
		_, err = UnmarshalTime(v)
	case "Duration":
		_, err = UnmarshalDuration(v)
	case "JSON":
		_, err = UnmarshalJSON(v)
	case "Int64":
		_, err = UnmarshalInt64(v)
	default:
		err = registry.Errorf(registry.CodeInvalidInput, nil, "not a value of %s", name)
	}
	return err
}
