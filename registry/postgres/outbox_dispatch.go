package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: lock_new_events
const lockNewEvents = `
SELECT id
FROM outbox
WHERE fanned_out_at IS NULL
ORDER BY id
LIMIT $1
FOR NO KEY UPDATE SKIP LOCKED`

// -- name: fan_out
// A webhook that is paused is not told of what happens meanwhile.
const fanOut = `
INSERT INTO webhook_deliveries (id, webhook_id, event_id, part, next_attempt_at, created_at)
SELECT gen_random_uuid(), w.id, o.id, part, $2, o.created_at
FROM outbox o
JOIN webhooks w ON w.status = 'ACTIVE' AND o.type = ANY (w.events)
CROSS JOIN LATERAL generate_series(1, greatest(1, (coalesce(cardinality(o.numbers), 0) + $3 - 1) / $3)) AS part
WHERE o.id = ANY ($1::uuid[])`

// -- name: mark_fanned_out
const markFannedOut = `
UPDATE outbox
SET fanned_out_at = $2
WHERE id = ANY ($1::uuid[])`

// FanOut makes the deliveries of up to limit new events, one for each part and webhook that is told, and returns how
// many events and deliveries that were. Events that another server has in hand are left to it.
func (s *Store) FanOut(ctx context.Context, limit int) (events, deliveries int, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, lockNewEvents, limit)
		if err != nil {
			return wrapped(err, "read outbox")
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if events, deliveries = len(ids), 0; err != nil || events == 0 {
			return wrapped(err, "read outbox")
		}
		tag, err := tx.Exec(ctx, fanOut, ids, now, registry.MaxEventTiers)
		if err != nil {
			return wrapped(err, "fan out")
		}
		deliveries = int(tag.RowsAffected())
		_, err = tx.Exec(ctx, markFannedOut, ids, now)
		return wrapped(err, "fan out")
	})
	return events, deliveries, err
}

// -- name: claim_events
const claimEvents = `
WITH next AS (
	SELECT id
	FROM outbox
	WHERE published_at IS NULL AND (claimed_until IS NULL OR claimed_until <= $1)
	ORDER BY id
	LIMIT $2
	FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE outbox o
SET claimed_until = $3
FROM next
WHERE o.id = next.id
RETURNING o.id, o.type, o.created_at, o.data, o.numbers, o.tiers_before, o.tiers_after, o.totals`

// ClaimEvents takes up to limit events that are to be published. What is neither marked nor released within the lease
// can be taken again. Events are whole: see registry.Event.Split.
func (s *Store) ClaimEvents(ctx context.Context, limit int, lease time.Duration) ([]registry.Event, error) {
	var events []registry.Event
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, claimEvents, now, limit, now.Add(lease))
		if err != nil {
			return wrapped(err, "claim events")
		}
		events, err = pgx.CollectRows(rows, scanEvent)
		return wrapped(err, "claim events")
	})
	return events, err
}

func scanEvent(row pgx.CollectableRow) (registry.Event, error) {
	var (
		e     registry.Event
		tiers tierChanges
	)
	err := row.Scan(&e.ID, &e.Type, &e.At, &e.Data, &tiers.numbers, &tiers.before, &tiers.after, &tiers.totals)
	e.Tiers, e.Part, e.Parts = tiers.changes(), 1, 1
	return e, err
}

// -- name: mark_events_published
const markEventsPublished = `
UPDATE outbox
SET published_at = $2, claimed_until = NULL
WHERE id = ANY ($1::uuid[]) AND published_at IS NULL`

// MarkEventsPublished notes that the stream has acknowledged events.
func (s *Store) MarkEventsPublished(ctx context.Context, ids []uuid.UUID) error {
	_, err := s.execTx(ctx, "mark events as published", markEventsPublished, ids, s.moment())
	return err
}

// -- name: release_events
const releaseEvents = `
UPDATE outbox
SET claimed_until = NULL
WHERE id = ANY ($1::uuid[]) AND published_at IS NULL`

// ReleaseEvents gives back claimed events that could not be published.
func (s *Store) ReleaseEvents(ctx context.Context, ids []uuid.UUID) error {
	_, err := s.execTx(ctx, "release events", releaseEvents, ids)
	return err
}

// -- name: republish_events
const republishEvents = `
UPDATE outbox
SET published_at = NULL
WHERE published_at IS NOT NULL AND type <> 'webhook.test'`

// RepublishEvents makes all events that are still there due to be published again, and returns how many.
func (s *Store) RepublishEvents(ctx context.Context) (int64, error) {
	return s.execTx(ctx, "publish events again", republishEvents)
}

// -- name: outbox_state
const selectOutboxState = `
SELECT (SELECT min(created_at) FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY id LIMIT 1) p),
	(SELECT min(created_at) FROM (SELECT created_at FROM outbox WHERE fanned_out_at IS NULL ORDER BY id LIMIT 1) f),
	(SELECT count(*) FROM webhook_deliveries WHERE status = 'PENDING')`

// OutboxState is how much waits to be told.
func (s *Store) OutboxState(ctx context.Context) (registry.OutboxState, error) {
	var (
		state                registry.OutboxState
		published, fannedOut *time.Time
	)
	err := s.pool.QueryRow(ctx, selectOutboxState).Scan(&published, &fannedOut, &state.Deliveries)
	state.OldestUnpublished, state.OldestNotFannedOut = orZero(published), orZero(fannedOut)
	return state, wrapped(err, "read outbox")
}

// -- name: purge_deliveries
const purgeDeliveries = `
DELETE FROM webhook_deliveries
WHERE id IN (
	SELECT id FROM webhook_deliveries
	WHERE (status = 'DELIVERED' AND ended_at < $1) OR (status = 'DEAD' AND ended_at < $2)
	LIMIT $3
	FOR UPDATE SKIP LOCKED)`

// -- name: purge_events
const purgeEvents = `
DELETE FROM outbox
WHERE id IN (
	SELECT o.id FROM outbox o
	WHERE o.published_at < $1 AND o.fanned_out_at IS NOT NULL
		AND NOT EXISTS (SELECT FROM webhook_deliveries d WHERE d.event_id = o.id)
	LIMIT $2
	FOR UPDATE SKIP LOCKED)`

// PurgeOutbox removes what is too old: deliveries that were made or given up before the times of keep, and published
// events to which no delivery refers. At most limit of each; it returns how many rows.
func (s *Store) PurgeOutbox(ctx context.Context, keep registry.OutboxRetention, limit int) (int64, error) {
	now := s.moment()
	deliveries, err := s.execTx(ctx, "remove old deliveries", purgeDeliveries, now.Add(-keep.Delivered), now.Add(-keep.Dead), limit)
	if err != nil {
		return deliveries, err
	}
	events, err := s.execTx(ctx, "remove old events", purgeEvents, now.Add(-keep.Events), limit)
	return deliveries + events, err
}
