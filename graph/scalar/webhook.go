package scalar

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// eventNames are the events as the API names them, in the order of registry.EventTypes.
func eventNames() []string { return []string{"JOB_FINISHED", "LEAD_TIER_CHANGED", "IMPORT_FINISHED"} }

// MarshalWebhookEventType writes a WebhookEventType.
func MarshalWebhookEventType(v registry.EventType) graphql.Marshaler {
	if i := slices.Index(registry.EventTypes(), v); i >= 0 {
		return graphql.MarshalString(eventNames()[i])
	}
	return graphql.Null
}

// UnmarshalWebhookEventType reads a WebhookEventType.
func UnmarshalWebhookEventType(v any) (registry.EventType, error) {
	name, err := unmarshalEnum(v, eventNames()...)
	if err != nil {
		return "", err
	}
	return registry.EventTypes()[slices.Index(eventNames(), name)], nil
}

// MarshalWebhookStatus writes a WebhookStatus.
func MarshalWebhookStatus(v registry.WebhookStatus) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalWebhookStatus reads a WebhookStatus.
func UnmarshalWebhookStatus(v any) (registry.WebhookStatus, error) {
	return unmarshalEnum(v, registry.WebhookActive, registry.WebhookPaused)
}

// MarshalWebhookDeliveryStatus writes a WebhookDeliveryStatus.
func MarshalWebhookDeliveryStatus(v registry.DeliveryStatus) graphql.Marshaler { return marshalEnum(v) }

// UnmarshalWebhookDeliveryStatus reads a WebhookDeliveryStatus.
func UnmarshalWebhookDeliveryStatus(v any) (registry.DeliveryStatus, error) {
	return unmarshalEnum(v, registry.DeliveryPending, registry.DeliveryDelivered, registry.DeliveryDead)
}
