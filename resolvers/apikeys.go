package resolvers

import (
	"context"
	"time"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// apiKeyByID returns registry.ErrNotFound also for what is no id of an API key. Only administrators may see keys, also
// where the field that leads here is open to others.
func (r *Resolver) apiKeyByID(ctx context.Context, id string) (*model.APIKey, error) {
	if err := administers(ctx); err != nil {
		return nil, err
	}
	key, err := parseID(model.KindAPIKey, id)
	if err != nil {
		return nil, err
	}
	found, err := r.service.APIKey(ctx, key)
	if err != nil {
		return nil, err
	}
	return r.apiKey(found), nil
}

func (r *Resolver) apiKey(k registry.APIKey) *model.APIKey {
	return &model.APIKey{APIKey: k, Status: r.service.APIKeyStatus(k)}
}

// APIKeys pages through the API keys, newest first.
func (q query) APIKeys(ctx context.Context, first *int, after *string) (*model.APIKeyConnection, error) {
	l := q.list("apiKeys")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	page, err := q.service.APIKeys(ctx, request)
	if err != nil {
		return nil, err
	}
	return &model.APIKeyConnection{Connection: connect(l, page, wrap(page.Items, q.apiKey), request, q.service.CountAPIKeys)}, nil
}

// CreateAPIKey makes an API key and tells its token this once.
func (m mutation) CreateAPIKey(ctx context.Context, input model.CreateAPIKeyInput) (*model.CreateAPIKeyPayload, error) {
	key, token, err := m.service.CreateAPIKey(ctx, registry.NewAPIKey{
		Name: input.Name, Role: input.Role, Scopes: input.Scopes.Value(), ExpiresAt: deref(input.ExpiresAt.Value()),
	})
	payload := &model.CreateAPIKeyPayload{}
	if payload.UserErrors, err = userErrors(err, "input"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.APIKey, payload.Token = m.apiKey(key), &token
	return payload, nil
}

// UpdateAPIKey changes an API key.
func (m mutation) UpdateAPIKey(ctx context.Context, input model.UpdateAPIKeyInput) (*model.APIKeyPayload, error) {
	var changed registry.APIKey
	key, err := parseID(model.KindAPIKey, input.ID)
	if err == nil {
		change := registry.APIKeyChange{Name: input.Name.Value(), ExpiresAt: input.ExpiresAt.Value()}
		if input.ExpiresAt.IsSet() && change.ExpiresAt == nil { // null takes the end away
			change.ExpiresAt = new(time.Time)
		}
		changed, err = m.service.UpdateAPIKey(ctx, key, change)
	}
	return m.apiKeyPayload(changed, err)
}

// RevokeAPIKey ends an API key for good.
func (m mutation) RevokeAPIKey(ctx context.Context, input model.APIKeyInput) (*model.APIKeyPayload, error) {
	var revoked registry.APIKey
	key, err := parseID(model.KindAPIKey, input.ID)
	if err == nil {
		revoked, err = m.service.RevokeAPIKey(ctx, key)
	}
	return m.apiKeyPayload(revoked, err)
}

func (r *Resolver) apiKeyPayload(key registry.APIKey, err error) (*model.APIKeyPayload, error) {
	payload := &model.APIKeyPayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.APIKey = r.apiKey(key)
	return payload, nil
}
