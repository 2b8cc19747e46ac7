package model

import (
	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Kinds of global ids; messages to webhooks hold them too.
const (
	KindWebhook  = registry.KindWebhook
	KindDelivery = registry.KindDelivery
)

// Webhook is a receiver of notifications.
type Webhook struct {
	registry.Webhook
	Siblings *Webhooks
}

// Webhooks is the webhooks of one list.
type Webhooks struct {
	IDs        []uuid.UUID
	Deliveries Pages[uuid.UUID, *WebhookDelivery]
}

// NewWebhooks makes the webhooks of one list.
func NewWebhooks(hooks ...registry.Webhook) []*Webhook {
	set := &Webhooks{IDs: make([]uuid.UUID, len(hooks))}
	all := make([]*Webhook, len(hooks))
	for i, w := range hooks {
		all[i] = &Webhook{Webhook: w, Siblings: set}
		set.IDs[i] = w.ID
	}
	return all
}

// IsNode marks a type with a global id.
func (*Webhook) IsNode() {}

// ID is the global id.
func (w *Webhook) ID() string { return opaque.UUID(KindWebhook, w.Webhook.ID) }

// Description is null when there is none.
func (w *Webhook) Description() *string { return optional(w.Webhook.Description) }

// WebhookDelivery is a message to a webhook and what became of it.
type WebhookDelivery struct{ registry.Delivery }

// IsNode marks a type with a global id.
func (*WebhookDelivery) IsNode() {}

// ID is the global id.
func (d *WebhookDelivery) ID() string { return opaque.UUID(KindDelivery, d.Delivery.ID) }

// Event is the type of the event, as messages name it.
func (d *WebhookDelivery) Event() string { return string(d.Delivery.Event) }

// EventID is the id that the message carries.
func (d *WebhookDelivery) EventID() string {
	return registry.MessageID(d.Delivery.EventID, d.Delivery.Part)
}

// ResponseStatus is null when there was no answer.
func (d *WebhookDelivery) ResponseStatus() *int {
	if d.Delivery.ResponseStatus == 0 {
		return nil
	}
	return &d.Delivery.ResponseStatus
}

// Error is null when the last attempt did not fail.
func (d *WebhookDelivery) Error() *string { return optional(d.Delivery.Error) }

// DurationMs is null when there was no attempt.
func (d *WebhookDelivery) DurationMs() *int {
	if d.Duration < 0 {
		return nil
	}
	took := int(d.Duration.Milliseconds())
	return &took
}

type (
	// WebhookConnection is a page of webhooks.
	WebhookConnection struct{ Connection[*Webhook] }
	// WebhookEdge is a webhook in a page.
	WebhookEdge Edge[*Webhook]
	// WebhookDeliveryConnection is a page of deliveries.
	WebhookDeliveryConnection struct{ Connection[*WebhookDelivery] }
	// WebhookDeliveryEdge is a delivery in a page.
	WebhookDeliveryEdge Edge[*WebhookDelivery]
)

// Edges returns the entries with their cursors.
func (c *WebhookConnection) Edges() []WebhookEdge { return edges[WebhookEdge](&c.Connection) }

// Edges returns the entries with their cursors.
func (c *WebhookDeliveryConnection) Edges() []WebhookDeliveryEdge {
	return edges[WebhookDeliveryEdge](&c.Connection)
}
