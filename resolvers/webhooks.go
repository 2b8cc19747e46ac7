package resolvers

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"phoneregistry/graph/model"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Webhook finds a webhook.
func (q query) Webhook(ctx context.Context, id string) (*model.Webhook, error) {
	return orNull(q.webhookByID(ctx, id))
}

// webhookByID returns registry.ErrNotFound also for what is no id of a webhook. Only administrators may see webhooks,
// also where the field that leads here is open to others.
func (r *Resolver) webhookByID(ctx context.Context, id string) (*model.Webhook, error) {
	if err := administers(ctx); err != nil {
		return nil, err
	}
	key, err := parseID(model.KindWebhook, id)
	if err != nil {
		return nil, err
	}
	hook, err := r.service.Webhook(ctx, key)
	if err != nil {
		return nil, err
	}
	return model.NewWebhooks(hook)[0], nil
}

// deliveryByID is webhookByID for a delivery.
func (r *Resolver) deliveryByID(ctx context.Context, id string) (*model.WebhookDelivery, error) {
	if err := administers(ctx); err != nil {
		return nil, err
	}
	key, err := parseID(model.KindDelivery, id)
	if err != nil {
		return nil, err
	}
	d, err := r.service.Delivery(ctx, key)
	if err != nil {
		return nil, err
	}
	return &model.WebhookDelivery{Delivery: d}, nil
}

func administers(ctx context.Context) error {
	if registry.ActorFrom(ctx).May(registry.ScopeAdmin) {
		return nil
	}
	return &forbidden{scope: registry.ScopeAdmin}
}

// Webhooks pages through the webhooks, newest first.
func (q query) Webhooks(ctx context.Context, first *int, after *string) (*model.WebhookConnection, error) {
	l := q.list("webhooks")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	request.Fields = asked(ctx, "Webhook")
	page, err := q.service.Webhooks(ctx, request)
	if err != nil {
		return nil, err
	}
	nodes := model.NewWebhooks(page.Items...)
	return &model.WebhookConnection{Connection: connect(l, page, nodes, request, q.service.CountWebhooks)}, nil
}

// Deliveries pages through the deliveries of a webhook, newest first.
func (r webhook) Deliveries(ctx context.Context, obj *model.Webhook, status *registry.DeliveryStatus, first *int, after *string,
) (*model.WebhookDeliveryConnection, error) {
	state := deref(status)
	deliveries := nested[uuid.UUID, registry.Delivery, *model.WebhookDelivery]{
		pages: &obj.Siblings.Deliveries, which: string(state), keys: obj.Siblings.IDs, what: "WebhookDelivery",
		load: func(ctx context.Context, ids []uuid.UUID, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.Delivery], error) {
			return r.service.Deliveries(ctx, ids, state, p)
		},
		count: func(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]int64, error) {
			return r.service.CountDeliveries(ctx, ids, state)
		},
		list:  func(id uuid.UUID) list { return r.list("deliveries/" + opaque.UUID(model.KindWebhook, id)) },
		nodes: each(func(d registry.Delivery) *model.WebhookDelivery { return &model.WebhookDelivery{Delivery: d} }),
	}
	page, err := deliveries.of(ctx, obj.Webhook.ID, first, after)
	return &model.WebhookDeliveryConnection{Connection: page}, err
}

// mayBeTold refuses to let those who may not see whole numbers decide who is sent them: by a webhook that is told of leads,
// or by another address of any webhook, for which deliveries of leads may wait.
func mayBeTold(ctx context.Context, events []registry.EventType, moves bool) error {
	if !moves && !slices.Contains(events, registry.EventLeadTierChanged) || registry.ActorFrom(ctx).May(registry.ScopeReveal) {
		return nil
	}
	return &forbidden{scope: registry.ScopeReveal}
}

// CreateWebhook makes a webhook and tells its secret this once.
func (m mutation) CreateWebhook(ctx context.Context, input model.CreateWebhookInput) (*model.WebhookSecretPayload, error) {
	if err := mayBeTold(ctx, input.Events, false); err != nil {
		return nil, err
	}
	hook, secret, err := m.service.CreateWebhook(ctx, registry.NewWebhook{
		URL: input.URL, Events: input.Events, Description: deref(input.Description.Value()),
	})
	return secretPayload(hook, secret, err, "input")
}

// RotateWebhookSecret gives a webhook another secret and tells it this once.
func (m mutation) RotateWebhookSecret(ctx context.Context, input model.WebhookInput) (*model.WebhookSecretPayload, error) {
	var (
		hook   registry.Webhook
		secret string
	)
	key, err := parseID(model.KindWebhook, input.ID)
	if err == nil {
		hook, secret, err = m.service.RotateWebhookSecret(ctx, key)
	}
	return secretPayload(hook, secret, err, "input", "id")
}

func secretPayload(hook registry.Webhook, secret string, err error, path ...string) (*model.WebhookSecretPayload, error) {
	payload := &model.WebhookSecretPayload{}
	if payload.UserErrors, err = userErrors(err, path...); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Webhook, payload.Secret = model.NewWebhooks(hook)[0], &secret
	return payload, nil
}

// UpdateWebhook changes a webhook.
func (m mutation) UpdateWebhook(ctx context.Context, input model.UpdateWebhookInput) (*model.WebhookPayload, error) {
	if err := mayBeTold(ctx, input.Events.Value(), input.URL.Value() != nil); err != nil {
		return nil, err
	}
	key, err := parseID(model.KindWebhook, input.ID)
	var hook registry.Webhook
	if err == nil {
		change := registry.WebhookChange{
			URL: input.URL.Value(), Events: input.Events.Value(), Status: input.Status.Value(), Description: input.Description.Value(),
		}
		if input.Description.IsSet() && change.Description == nil { // null takes it away
			change.Description = new(string)
		}
		hook, err = m.service.UpdateWebhook(ctx, key, change)
	}
	payload := &model.WebhookPayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Webhook = model.NewWebhooks(hook)[0]
	return payload, nil
}

// DeleteWebhook removes a webhook with its deliveries.
func (m mutation) DeleteWebhook(ctx context.Context, input model.WebhookInput) (*model.DeleteWebhookPayload, error) {
	key, err := parseID(model.KindWebhook, input.ID)
	if err == nil {
		err = m.service.DeleteWebhook(ctx, key)
	}
	payload := &model.DeleteWebhookPayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.DeletedID = &input.ID
	return payload, nil
}

// TestWebhook sends a test message to a webhook.
func (m mutation) TestWebhook(ctx context.Context, input model.WebhookInput) (*model.WebhookDeliveryPayload, error) {
	return deliveryPayload(ctx, model.KindWebhook, input.ID, m.service.TestWebhook)
}

// RetryWebhookDelivery tries a dead delivery again.
func (m mutation) RetryWebhookDelivery(ctx context.Context, input model.WebhookDeliveryInput) (*model.WebhookDeliveryPayload, error) {
	return deliveryPayload(ctx, model.KindDelivery, input.ID, m.service.RetryDelivery)
}

func deliveryPayload(ctx context.Context, kind, id string, do func(context.Context, uuid.UUID) (registry.Delivery, error),
) (*model.WebhookDeliveryPayload, error) {
	key, err := parseID(kind, id)
	var d registry.Delivery
	if err == nil {
		d, err = do(ctx, key)
	}
	payload := &model.WebhookDeliveryPayload{}
	if payload.UserErrors, err = userErrors(err, "input", "id"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Delivery = &model.WebhookDelivery{Delivery: d}
	return payload, nil
}
