package resolvers

import (
	"context"
	"errors"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// AccessLog pages through the reads that showed whole numbers, newest first.
func (q query) AccessLog(context.Context, *registry.AccessFilter, *int, *string) (*model.AccessLogConnection, error) {
	return nil, errors.ErrUnsupported
}
