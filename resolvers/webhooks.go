package resolvers

import (
	"context"
	"errors"

	"phoneregistry/graph/model"
)

// Webhook is not built yet.
func (r query) Webhook(ctx context.Context, id string) (*model.Webhook, error) {
	return nil, errors.ErrUnsupported
}

// Webhooks is not built yet.
func (r query) Webhooks(ctx context.Context, first *int, after *string) (*model.WebhookConnection, error) {
	return nil, errors.ErrUnsupported
}

// CreateWebhook is not built yet.
func (r mutation) CreateWebhook(ctx context.Context, input model.CreateWebhookInput) (*model.WebhookSecretPayload, error) {
	return nil, errors.ErrUnsupported
}

// UpdateWebhook is not built yet.
func (r mutation) UpdateWebhook(ctx context.Context, input model.UpdateWebhookInput) (*model.WebhookPayload, error) {
	return nil, errors.ErrUnsupported
}

// RotateWebhookSecret is not built yet.
func (r mutation) RotateWebhookSecret(ctx context.Context, input model.WebhookInput) (*model.WebhookSecretPayload, error) {
	return nil, errors.ErrUnsupported
}

// DeleteWebhook is not built yet.
func (r mutation) DeleteWebhook(ctx context.Context, input model.WebhookInput) (*model.DeleteWebhookPayload, error) {
	return nil, errors.ErrUnsupported
}

// TestWebhook is not built yet.
func (r mutation) TestWebhook(ctx context.Context, input model.WebhookInput) (*model.WebhookDeliveryPayload, error) {
	return nil, errors.ErrUnsupported
}

// RetryWebhookDelivery is not built yet.
func (r mutation) RetryWebhookDelivery(ctx context.Context, input model.WebhookDeliveryInput) (*model.WebhookDeliveryPayload, error) {
	return nil, errors.ErrUnsupported
}

// Deliveries is not built yet.
func (r webhook) Deliveries(ctx context.Context, obj *model.Webhook, status *model.WebhookDeliveryStatus, first *int, after *string) (*model.WebhookDeliveryConnection, error) {
	return nil, errors.ErrUnsupported
}
