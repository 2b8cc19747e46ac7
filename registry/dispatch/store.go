package dispatch

import (
	"context"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// Outbox is the memory of events and of who has been told of them. Every method is safe to be called by several servers
// at once.
type Outbox interface {
	// FanOut makes the deliveries of up to limit new events, and returns how many of both.
	FanOut(ctx context.Context, limit int) (events, deliveries int, err error)

	// ClaimEvents takes up to limit events to publish them.
	ClaimEvents(ctx context.Context, limit int, lease time.Duration) ([]registry.Event, error)
	// MarkEventsPublished notes that the stream has acknowledged claimed events.
	MarkEventsPublished(ctx context.Context, ids []uuid.UUID) error
	// ReleaseEvents gives claimed events back that could not be published.
	ReleaseEvents(ctx context.Context, ids []uuid.UUID) error

	// RepublishEvents makes all events that are still there due to be published again, and returns how many.
	RepublishEvents(ctx context.Context) (int64, error)

	// ClaimDeliveries takes up to limit deliveries that are due, no more than perWebhook of one webhook at a time.
	ClaimDeliveries(ctx context.Context, limit, perWebhook int, lease time.Duration) ([]registry.Attempt, error)
	// SettleDelivery writes what became of an attempt, and reports whether it counted.
	SettleDelivery(ctx context.Context, o registry.AttemptOutcome) (bool, error)

	// BoundBacklog pauses webhooks for which more than most deliveries wait, and gives up what has waited for a paused
	// one for longer than patience.
	BoundBacklog(ctx context.Context, most int, patience time.Duration) (paused []uuid.UUID, err error)
	// PurgeOutbox removes up to limit deliveries and events that are too old, and returns how many.
	PurgeOutbox(ctx context.Context, keep registry.OutboxRetention, limit int) (int64, error)
	// OutboxState returns how much waits.
	OutboxState(ctx context.Context) (registry.OutboxState, error)
}
