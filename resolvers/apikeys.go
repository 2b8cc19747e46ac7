package resolvers

import (
	"context"
	"errors"

	"phoneregistry/graph/model"
)

// APIKeys pages through the API keys, newest first.
func (q query) APIKeys(context.Context, *int, *string) (*model.APIKeyConnection, error) {
	return nil, errors.ErrUnsupported
}

// CreateAPIKey makes an API key.
func (m mutation) CreateAPIKey(context.Context, model.CreateAPIKeyInput) (*model.CreateAPIKeyPayload, error) {
	return nil, errors.ErrUnsupported
}

// UpdateAPIKey changes an API key.
func (m mutation) UpdateAPIKey(context.Context, model.UpdateAPIKeyInput) (*model.APIKeyPayload, error) {
	return nil, errors.ErrUnsupported
}

// RevokeAPIKey ends an API key for good.
func (m mutation) RevokeAPIKey(context.Context, model.APIKeyInput) (*model.APIKeyPayload, error) {
	return nil, errors.ErrUnsupported
}
