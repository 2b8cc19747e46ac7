package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: lock_due_webhooks
// Whoever holds these locks decides alone how many attempts at each webhook are under way. A test goes also to one that
// is paused or asked to be left alone.
const lockDueWebhooks = `
SELECT w.id
FROM webhooks w
WHERE (w.status = 'ACTIVE' AND coalesce(w.held_until <= $1, true)
		AND EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'PENDING' AND d.next_attempt_at <= $1))
	OR EXISTS (SELECT FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'PENDING' AND d.test AND d.next_attempt_at <= $1)
ORDER BY w.id
FOR NO KEY UPDATE OF w`

// -- name: claim_deliveries
// A webhook has room for $3 attempts at a time, and tests have as much of their own. All webhooks get their first one
// before any gets a second one.
const claimDeliveries = `
WITH hooks AS MATERIALIZED (
	SELECT w.id, w.status = 'ACTIVE' AND coalesce(w.held_until <= $2, true) AS open,
		$3 - (SELECT count(*) FROM webhook_deliveries c WHERE c.webhook_id = w.id AND c.claimed_until > $2) AS room
	FROM webhooks w
	WHERE w.id = ANY ($1::uuid[])
), due AS MATERIALIZED (
	SELECT d.id, d.next_attempt_at, row_number() OVER (PARTITION BY h.id ORDER BY d.next_attempt_at) AS turn
	FROM hooks h
	CROSS JOIN LATERAL (
		SELECT d.id, d.next_attempt_at
		FROM webhook_deliveries d
		WHERE d.webhook_id = h.id AND d.status = 'PENDING' AND NOT d.test AND d.next_attempt_at <= $2
			AND (d.claimed_until IS NULL OR d.claimed_until <= $2)
		ORDER BY d.next_attempt_at
		LIMIT greatest(0, h.room)
		FOR UPDATE OF d SKIP LOCKED
	) d
	WHERE h.open
), tests AS MATERIALIZED (
	SELECT d.id, d.next_attempt_at, 0 AS turn
	FROM hooks h
	CROSS JOIN LATERAL (
		SELECT d.id, d.next_attempt_at
		FROM webhook_deliveries d
		WHERE d.webhook_id = h.id AND d.status = 'PENDING' AND d.test AND d.next_attempt_at <= $2
			AND (d.claimed_until IS NULL OR d.claimed_until <= $2)
		ORDER BY d.next_attempt_at
		LIMIT $3
		FOR UPDATE OF d SKIP LOCKED
	) d
), taken AS (
	SELECT id FROM (SELECT * FROM tests UNION ALL SELECT * FROM due) d ORDER BY turn, next_attempt_at LIMIT $4
)
UPDATE webhook_deliveries d
SET attempts = d.attempts + 1, tries = d.tries + 1, claimed_until = $5
FROM taken t, webhooks w, outbox o
WHERE d.id = t.id AND w.id = d.webhook_id AND o.id = d.event_id
RETURNING d.id, d.webhook_id, d.part, d.attempts, d.tries, w.url, w.created_by, w.secret,
	CASE WHEN w.previous_until > $2 THEN w.previous_secret END,
	o.id, o.type, o.created_at, o.data, coalesce(cardinality(o.numbers), 0),
	o.numbers[(d.part - 1) * $6 + 1:d.part * $6], o.tiers_before[(d.part - 1) * $6 + 1:d.part * $6],
	o.tiers_after[(d.part - 1) * $6 + 1:d.part * $6], o.totals[(d.part - 1) * $6 + 1:d.part * $6]`

// ClaimDeliveries takes up to limit deliveries that are due, so that no more than perWebhook attempts at one webhook are
// under way at all servers together. An attempt whose outcome is not known at the end of the lease is made again.
func (s *Store) ClaimDeliveries(ctx context.Context, limit, perWebhook int, lease time.Duration) ([]registry.Attempt, error) {
	box, err := s.secretBox(ctx)
	if err != nil {
		return nil, err
	}
	var claimed []registry.Attempt
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, lockDueWebhooks, now)
		if err != nil {
			return wrapped(err, "lock webhooks")
		}
		hooks, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		claimed = nil
		if err != nil || len(hooks) == 0 {
			return wrapped(err, "lock webhooks")
		}
		// A statement of its own: it must see what others did until the locks were given.
		rows, err = tx.Query(ctx, claimDeliveries, hooks, now, perWebhook, limit, now.Add(lease), registry.MaxEventTiers)
		if err != nil {
			return wrapped(err, "claim deliveries")
		}
		claimed, err = pgx.CollectRows(rows, box.scanAttempt)
		return wrapped(err, "claim deliveries")
	})
	return claimed, err
}

func (b secretBox) scanAttempt(row pgx.CollectableRow) (registry.Attempt, error) {
	var (
		a                registry.Attempt
		secret, previous []byte
		tiers            tierChanges
		all              int
	)
	err := row.Scan(&a.Delivery, &a.Webhook, &a.Event.Part, &a.No, &a.Try, &a.URL, &a.Creator, &secret, &previous, &a.Event.ID, &a.Event.Type,
		&a.Event.At, &a.Event.Data, &all, &tiers.numbers, &tiers.before, &tiers.after, &tiers.totals)
	if err != nil {
		return a, err
	}
	a.Event.Parts, a.Event.Tiers = registry.PartsOf(all), tiers.changes()
	for _, sealed := range [][]byte{secret, previous} {
		if sealed == nil {
			continue
		}
		plain, err := b.open(a.Webhook, sealed)
		if err != nil {
			a.Unsigned = true // to be told of, where all others go on
			continue
		}
		a.Secrets = append(a.Secrets, plain)
	}
	return a, nil
}

// -- name: note_delivered
const noteDelivered = `
UPDATE webhooks
SET last_delivered_at = greatest(last_delivered_at, $2)
WHERE id = $1`

// -- name: hold_webhook
const holdWebhook = `
UPDATE webhooks
SET held_until = greatest(held_until, $2)
WHERE id = $1`

// -- name: pause_webhook
const pauseWebhook = `
UPDATE webhooks
SET status = 'PAUSED', updated_at = $2
WHERE id = $1 AND status = 'ACTIVE'`

// -- name: settle_delivery
// The outcome of an attempt that is not the last one begun does not count, but for a success, which cannot be undone.
const settleDelivery = `
UPDATE webhook_deliveries
SET status = $3, next_attempt_at = $4, claimed_until = NULL, response_status = $5, error = $6, duration_ms = $7,
	tries = tries - $9, delivered_at = CASE WHEN $3 = 'DELIVERED' THEN $8::timestamptz END, ended_at = CASE WHEN $3 <> 'PENDING' THEN $8::timestamptz END
WHERE id = $1 AND status = 'PENDING' AND (attempts = $2 OR $3 = 'DELIVERED')`

// SettleDelivery writes the outcome of an attempt. It reports whether it counted.
func (s *Store) SettleDelivery(ctx context.Context, o registry.AttemptOutcome) (counted bool, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		if err := s.settleWebhook(ctx, tx, now, o); err != nil { // its lock before that of the delivery, as where it is removed
			return err
		}
		var next *time.Time
		if o.Status == registry.DeliveryPending {
			due := now.Add(o.RetryIn)
			next = &due
		}
		notMade := 0
		if o.NotMade {
			notMade = 1
		}
		tag, err := tx.Exec(ctx, settleDelivery, o.Delivery, o.No, string(o.Status), next, orNull(o.ResponseStatus), o.Error,
			o.Duration.Milliseconds(), now, notMade)
		counted = tag.RowsAffected() > 0
		return wrapped(err, "settle delivery")
	})
	return counted, err
}

func (s *Store) settleWebhook(ctx context.Context, tx pgx.Tx, now time.Time, o registry.AttemptOutcome) error {
	if o.Status == registry.DeliveryDelivered {
		_, err := tx.Exec(ctx, noteDelivered, o.Webhook, now)
		return wrapped(err, "write webhook")
	}
	if o.HoldFor > 0 {
		_, err := tx.Exec(ctx, holdWebhook, o.Webhook, now.Add(o.HoldFor))
		return wrapped(err, "hold webhook")
	}
	if !o.Gone {
		return nil
	}
	tag, err := tx.Exec(ctx, pauseWebhook, o.Webhook, now)
	if err != nil || tag.RowsAffected() == 0 {
		return wrapped(err, "pause webhook")
	}
	return audit(ctx, tx, now, auditEntry{Action: "webhook.paused", ObjectID: o.Webhook, Details: map[string]any{"reason": "the receiver answered 410 Gone"}})
}

// -- name: pause_overfull
const pauseOverfull = `
UPDATE webhooks w
SET status = 'PAUSED', updated_at = $2
WHERE w.status = 'ACTIVE'
	AND (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'PENDING') > $1
RETURNING w.id`

// -- name: give_up_paused
const giveUpPaused = `
UPDATE webhook_deliveries d
SET status = 'DEAD', next_attempt_at = NULL, claimed_until = NULL, ended_at = $2, error = 'the webhook was paused for too long'
FROM webhooks w
WHERE w.id = d.webhook_id AND w.status = 'PAUSED' AND d.status = 'PENDING' AND d.created_at < $1
	AND (d.claimed_until IS NULL OR d.claimed_until <= $2)`

// -- name: forget_secrets
const forgetSecrets = `
UPDATE webhooks
SET previous_secret = NULL, previous_until = NULL
WHERE previous_until <= $1`

// BoundBacklog pauses webhooks for which more than most deliveries wait, and gives those up that have waited for a
// paused webhook for longer than patience. Secrets that are not used any more go too. It returns the webhooks that it
// paused.
func (s *Store) BoundBacklog(ctx context.Context, most int, patience time.Duration) ([]uuid.UUID, error) {
	var paused []uuid.UUID
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, pauseOverfull, most, now)
		if err != nil {
			return wrapped(err, "pause webhooks")
		}
		if paused, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
			return wrapped(err, "pause webhooks")
		}
		entries := make([]auditEntry, len(paused))
		for i, id := range paused {
			entries[i] = auditEntry{Action: "webhook.paused", ObjectID: id, Details: map[string]any{"reason": "too many deliveries waited for it"}}
		}
		if err := audit(ctx, tx, now, entries...); err != nil {
			return err
		}
		var batch pgx.Batch
		batch.Queue(giveUpPaused, now.Add(-patience), now)
		batch.Queue(forgetSecrets, now)
		return wrapped(tx.SendBatch(ctx, &batch).Close(), "give deliveries up")
	})
	return paused, err
}
