package postgres

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// deliveryColumns are the columns of webhook_deliveries d and outbox o that make a delivery.
const deliveryColumns = `d.id, d.webhook_id, o.type, d.event_id, d.part, d.status, d.attempts, d.response_status, d.error,
	d.duration_ms, d.created_at, d.next_attempt_at, d.delivered_at`

var deliveryShown = columnsOf(deliveryColumns, //nolint:gochecknoglobals // a constant
	always(), always(), forFields("''", "event"), forFields("NULL::uuid", "eventId"), forFields("0", "eventId"), forFields("''", "status"),
	forFields("0", "attempts"), forFields("NULL::integer", "responseStatus"), forFields("''", "error"), forFields("NULL::integer", "durationMs"),
	always(), forFields("NULL::timestamptz", "nextAttemptAt"), forFields("NULL::timestamptz", "deliveredAt"))

func scanDelivery(row pgx.CollectableRow) (registry.Delivery, error) {
	var (
		d               registry.Delivery
		status, took    *int
		next, delivered *time.Time
	)
	err := row.Scan(&d.ID, &d.Webhook, &d.Event, &d.EventID, &d.Part, &d.Status, &d.Attempts, &status, &d.Error, &took,
		&d.CreatedAt, &next, &delivered)
	d.ResponseStatus, d.NextAttemptAt, d.DeliveredAt, d.Duration = orZero(status), orZero(next), orZero(delivered), -1
	if took != nil {
		d.Duration = time.Duration(*took) * time.Millisecond
	}
	return d, err
}

// -- name: delivery
const selectDelivery = `
SELECT ` + deliveryColumns + `
FROM webhook_deliveries d
JOIN outbox o ON o.id = d.event_id
WHERE d.id = $1`

// Delivery returns a delivery; registry.ErrNotFound when there is none with this id.
func (s *Store) Delivery(ctx context.Context, id uuid.UUID) (registry.Delivery, error) {
	return findDelivery(ctx, s.pool, selectDelivery, id)
}

func findDelivery(ctx context.Context, q querier, statement string, arguments ...any) (registry.Delivery, error) {
	rows, err := q.Query(ctx, statement, arguments...)
	if err != nil {
		return registry.Delivery{}, wrapped(err, "read delivery")
	}
	d, err := pgx.CollectExactlyOneRow(rows, scanDelivery)
	return d, found(err, "read delivery")
}

// fromDeliveries is behind the columns of webhook_deliveries d and outbox o.
const fromDeliveries = `
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
	SELECT d.*
	FROM webhook_deliveries d
	WHERE d.webhook_id = w.id AND d.created_at <= $2 AND (d.created_at < $2 OR d.id > $3)
	ORDER BY d.created_at DESC, d.id
	LIMIT $4) d
JOIN outbox o ON o.id = d.event_id
ORDER BY d.webhook_id, d.created_at DESC, d.id`

// fromDeliveriesInState is fromDeliveries for those in the state $5.
const fromDeliveriesInState = `
FROM unnest($1::uuid[]) AS w (id)
CROSS JOIN LATERAL (
	SELECT d.*
	FROM webhook_deliveries d
	WHERE d.webhook_id = w.id AND d.status = $5 AND d.created_at <= $2 AND (d.created_at < $2 OR d.id > $3)
	ORDER BY d.created_at DESC, d.id
	LIMIT $4) d
JOIN outbox o ON o.id = d.event_id
ORDER BY d.webhook_id, d.created_at DESC, d.id`

// Deliveries returns one page of the deliveries of each webhook, newest first; "": in any state.
func (s *Store) Deliveries(ctx context.Context, webhooks []uuid.UUID, status registry.DeliveryStatus, p registry.PageRequest) (map[uuid.UUID]registry.Page[registry.Delivery], error) {
	before, behind := maxTime, uuid.Nil
	if p.After != nil {
		before, behind = time.UnixMicro(p.After.Sort), uuidOrNil(p.After.Text)
	}
	from, arguments := fromDeliveries, []any{webhooks, before, behind, p.First + 1}
	if status != "" {
		from, arguments = fromDeliveriesInState, append(arguments, string(status))
	}
	rows, err := s.pool.Query(ctx, "SELECT "+deliveryShown.of(p.Fields)+from, arguments...)
	if err != nil {
		return nil, wrapped(err, "list deliveries")
	}
	pages, err := pagesOf(rows, p.First, func(row pgx.CollectableRow) (uuid.UUID, listed[registry.Delivery], error) {
		d, err := scanDelivery(row)
		return d.Webhook, listed[registry.Delivery]{d, registry.Position{Sort: d.CreatedAt.UnixMicro(), Text: d.ID.String()}}, err
	})
	return pages, wrapped(err, "list deliveries")
}

// -- name: count_deliveries
const countDeliveries = `
SELECT w.id, (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND ($2 = '' OR d.status = $2))
FROM unnest($1::uuid[]) AS w (id)`

// CountDeliveries counts the deliveries of each webhook; "": in any state.
func (s *Store) CountDeliveries(ctx context.Context, webhooks []uuid.UUID, status registry.DeliveryStatus) (map[uuid.UUID]int64, error) {
	rows, err := s.pool.Query(ctx, countDeliveries, webhooks, string(status))
	if err != nil {
		return nil, wrapped(err, "count deliveries")
	}
	counts, err := countsOf[uuid.UUID](rows)
	return counts, wrapped(err, "count deliveries")
}

// -- name: insert_test_event
// It goes to one webhook, and not to the stream.
const insertTestEvent = `
INSERT INTO outbox (id, type, created_at, data, fanned_out_at, published_at)
VALUES ($1, 'webhook.test', $2, $3::text::json, $2, $2)`

// -- name: insert_test_delivery
const insertTestDelivery = `
INSERT INTO webhook_deliveries (id, webhook_id, event_id, test, next_attempt_at, created_at)
VALUES ($1, $2, $3, true, $4, $4)`

// maxPendingTests bounds the tests that wait for a webhook.
const maxPendingTests = 20

// -- name: pending_tests
const countPendingTests = `
SELECT count(*)
FROM webhook_deliveries
WHERE webhook_id = $1 AND status = 'PENDING' AND test`

// -- name: lock_webhook
const lockWebhook = `
SELECT id
FROM webhooks
WHERE id = $1
FOR NO KEY UPDATE`

// TestWebhook makes a delivery of a test message, which is due at once.
func (s *Store) TestWebhook(ctx context.Context, id uuid.UUID) (registry.Delivery, error) {
	var made registry.Delivery
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) (err error) {
		if err := tx.QueryRow(ctx, lockWebhook, id).Scan(&id); err != nil {
			return found(err, "read webhook")
		}
		if made, err = writeTest(ctx, tx, now, id); err != nil {
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "webhook.tested", ObjectID: id})
	})
	return made, err
}

// writeTest writes a test message to a webhook that is locked, unless too many wait.
func writeTest(ctx context.Context, tx pgx.Tx, now time.Time, webhook uuid.UUID) (made registry.Delivery, err error) {
	var waiting int
	if err := tx.QueryRow(ctx, countPendingTests, webhook).Scan(&waiting); err != nil {
		return made, wrapped(err, "read deliveries")
	}
	if waiting >= maxPendingTests {
		return made, registry.Errorf(registry.CodeInvalidState, []string{"input", "id"},
			"%d tests of the webhook wait already: see in its deliveries why they fail", waiting)
	}
	delivery := uuid.New()
	event, err := uuid.NewV7()
	if err != nil {
		return made, wrapped(err, "write outbox")
	}
	data, err := json.Marshal(map[string]string{"message": "A test of this webhook. Nothing happened."})
	if err != nil {
		return made, wrapped(err, "write outbox")
	}
	var batch pgx.Batch
	batch.Queue(insertTestEvent, event, now, string(data))
	batch.Queue(insertTestDelivery, delivery, webhook, event, now)
	batch.Queue(selectDelivery, delivery).Query(func(rows pgx.Rows) (err error) {
		made, err = pgx.CollectExactlyOneRow(rows, scanDelivery)
		return err
	})
	return made, wrapped(tx.SendBatch(ctx, &batch).Close(), "write outbox")
}

// -- name: lock_delivery
const lockDelivery = `
SELECT d.webhook_id, d.status, w.status, o.type
FROM webhook_deliveries d
JOIN webhooks w ON w.id = d.webhook_id
JOIN outbox o ON o.id = d.event_id
WHERE d.id = $1
FOR UPDATE OF d`

// -- name: retry_delivery
const retryDelivery = `
UPDATE webhook_deliveries d
SET status = 'PENDING', tries = 0, next_attempt_at = $2, ended_at = NULL
FROM outbox o
WHERE d.id = $1 AND o.id = d.event_id
RETURNING ` + deliveryColumns

// RetryDelivery makes a dead delivery due again, with all its attempts.
func (s *Store) RetryDelivery(ctx context.Context, id uuid.UUID) (registry.Delivery, error) {
	var retried registry.Delivery
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		var (
			webhook       uuid.UUID
			status        registry.DeliveryStatus
			webhookStatus registry.WebhookStatus
			event         registry.EventType
		)
		if err := tx.QueryRow(ctx, lockDelivery, id).Scan(&webhook, &status, &webhookStatus, &event); err != nil {
			return found(err, "read delivery")
		}
		switch {
		case status != registry.DeliveryDead:
			return registry.Errorf(registry.CodeInvalidState, []string{"input", "id"},
				"the delivery is %s: only one that is DEAD can be tried again", status)
		case webhookStatus != registry.WebhookActive && event != registry.EventWebhookTest:
			return registry.Errorf(registry.CodeInvalidState, []string{"input", "id"}, "the webhook is %s: make it ACTIVE first", webhookStatus)
		}
		var err error
		if retried, err = findDelivery(ctx, tx, retryDelivery, id, now); err != nil {
			return err
		}
		details := map[string]any{"delivery": id}
		return audit(ctx, tx, now, auditEntry{Action: "webhook.delivery_retried", ObjectID: webhook, Details: details})
	})
	return retried, err
}
