package httpd

import (
	"context"
	"errors"
	"fmt"

	"phoneregistry/graph/transport"
	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// attend lets a WebSocket or an event stream in, and holds it to its token.
func (c Config) attend(ctx context.Context, authorization string) (context.Context, error) {
	if registry.ActorFrom(ctx).Token != "" { // an event stream: it was let in, and is held to its token, before
		return ctx, nil
	}
	held, err := c.Auth.Attend(ctx, auth.FromHeader(authorization))
	if err != nil && !errors.Is(err, auth.ErrUnauthenticated) && !errors.Is(err, auth.ErrNoRole) {
		return nil, fmt.Errorf("%w: %w", transport.ErrUnavailable, err)
	}
	return held, err
}
