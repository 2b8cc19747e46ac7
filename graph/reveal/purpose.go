package reveal

import (
	"context"
	"errors"
	"net/http"

	"phoneregistry/registry"
)

// Where a purpose is told: in a header of the request, in the extensions of an operation, or in connection_init.
const (
	Header    = "X-Purpose"
	Extension = "purpose"
)

// WithPurpose returns a context whose actor asks for a purpose, as the caller tells it; "": none is told, and the one
// that was told before holds.
func WithPurpose(ctx context.Context, told string) (context.Context, error) {
	if told == "" {
		return ctx, nil
	}
	purpose, err := registry.ParsePurpose(told)
	if err != nil {
		return ctx, err
	}
	actor := registry.ActorFrom(ctx)
	if actor.Purpose == purpose {
		return ctx, nil
	}
	actor.Purpose = purpose
	return registry.WithActor(ctx, actor), nil
}

var errNoText = errors.New("extensions.purpose is no text")

// ofOperation returns a context with the purpose of an operation: that of its extensions, else that of its header.
func ofOperation(ctx context.Context, extensions map[string]any, header http.Header) (context.Context, error) {
	switch told := extensions[Extension].(type) {
	case nil:
		return WithPurpose(ctx, header.Get(Header))
	case string:
		if told == "" { // to tell an empty one is a mistake, and not to be taken for the one of the header
			told = " "
		}
		return WithPurpose(ctx, told)
	}
	return ctx, errNoText
}
