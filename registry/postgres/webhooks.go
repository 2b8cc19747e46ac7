package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

var _ registry.WebhookStore = (*Store)(nil)

// webhookColumns are the columns of webhooks w that make a webhook, with its counters.
const webhookColumns = `w.id, w.url, w.events, w.status, w.description, w.last_delivered_at, w.created_by, w.created_at,
	(SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'PENDING'),
	(SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.status = 'DEAD')`

var webhookShown = columnsOf(webhookColumns, //nolint:gochecknoglobals // a constant
	always(), forFields("''", "url"), forFields("NULL::text[]", "events"), forFields("''", "status"), forFields("''", "description"),
	forFields("NULL::timestamptz", "lastDeliveredAt"), forFields("''", "createdBy"), always(), forFields("0", "pending"), forFields("0", "dead"))

func scanWebhook(row pgx.CollectableRow) (registry.Webhook, error) {
	var (
		w         registry.Webhook
		events    []string
		delivered *time.Time
	)
	err := row.Scan(&w.ID, &w.URL, &events, &w.Status, &w.Description, &delivered, &w.CreatedBy, &w.CreatedAt, &w.Pending, &w.Dead)
	w.LastDeliveredAt = orZero(delivered)
	for _, e := range events {
		w.Events = append(w.Events, registry.EventType(e))
	}
	return w, err
}

// -- name: webhook
const selectWebhook = `
SELECT ` + webhookColumns + `
FROM webhooks w
WHERE w.id = $1`

// Webhook returns a webhook; registry.ErrNotFound when there is none with this id.
func (s *Store) Webhook(ctx context.Context, id uuid.UUID) (registry.Webhook, error) {
	return findWebhook(ctx, s.pool, selectWebhook, id)
}

func findWebhook(ctx context.Context, q querier, statement string, arguments ...any) (registry.Webhook, error) {
	rows, err := q.Query(ctx, statement, arguments...)
	if err != nil {
		return registry.Webhook{}, wrapped(err, "read webhook")
	}
	w, err := pgx.CollectExactlyOneRow(rows, scanWebhook)
	return w, found(err, "read webhook")
}

// Webhooks returns one page of the webhooks, newest first.
func (s *Store) Webhooks(ctx context.Context, p registry.PageRequest) (registry.Page[registry.Webhook], error) {
	w := &where{}
	if p.After != nil {
		w.and("w.created_at <= %s AND (w.created_at < %[1]s OR w.id > %[2]s::text::uuid)", time.UnixMicro(p.After.Sort), uuidText(p.After.Text))
	}
	limit := w.arg(p.First + 1)
	rows, err := s.pool.Query(ctx, "SELECT "+webhookShown.of(p.Fields)+"\nFROM webhooks w"+w.String()+
		"\nORDER BY w.created_at DESC, w.id\nLIMIT "+limit, listArguments(w)...)
	if err != nil {
		return registry.Page[registry.Webhook]{}, wrapped(err, "list webhooks")
	}
	webhooks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.Webhook], error) {
		hook, err := scanWebhook(row)
		return listed[registry.Webhook]{hook, registry.Position{Sort: hook.CreatedAt.UnixMicro(), Text: hook.ID.String()}}, err
	})
	if err != nil {
		return registry.Page[registry.Webhook]{}, wrapped(err, "list webhooks")
	}
	return pageOf(webhooks, p.First), nil
}

// -- name: count_webhooks
const countWebhooks = `
SELECT count(*)
FROM webhooks`

// CountWebhooks counts the webhooks.
func (s *Store) CountWebhooks(ctx context.Context) (n int64, err error) {
	err = s.pool.QueryRow(ctx, countWebhooks).Scan(&n)
	return n, wrapped(err, "count webhooks")
}

// -- name: insert_webhook
const insertWebhook = `
INSERT INTO webhooks AS w (id, url, events, status, description, secret, created_by, created_at, updated_at)
SELECT $1, $2, $3, 'ACTIVE', $4, $5, $6, $7, $7
WHERE (SELECT count(*) FROM webhooks) < $8
RETURNING ` + webhookColumns

// CreateWebhook makes a webhook that is called from now on.
func (s *Store) CreateWebhook(ctx context.Context, n registry.NewWebhook, secret string) (registry.Webhook, error) {
	box, err := s.secretBox(ctx)
	if err != nil {
		return registry.Webhook{}, err
	}
	var made registry.Webhook
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) (err error) {
		made, err = findWebhook(ctx, tx, insertWebhook, n.ID, n.URL, texts(n.Events), n.Description, box.seal(n.ID, secret), actorName(ctx), now,
			registry.MaxWebhooks)
		if errors.Is(err, registry.ErrNotFound) {
			return registry.Errorf(registry.CodeInvalidState, nil,
				"there are %d webhooks already, and more are not allowed: remove one first", registry.MaxWebhooks)
		}
		if err != nil {
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "webhook.created", ObjectID: n.ID, Details: map[string]any{"events": n.Events}})
	})
	return made, err
}

// changeWebhook lets change do its work, tells the audit trail and returns the webhook as it is then.
func (s *Store) changeWebhook(ctx context.Context, id uuid.UUID, verb string,
	change func(tx pgx.Tx, now time.Time) (changed registry.Webhook, details map[string]any, err error),
) (registry.Webhook, error) {
	var changed registry.Webhook
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		var (
			details map[string]any
			err     error
		)
		if changed, details, err = change(tx, now); err != nil {
			return err
		}
		return audit(ctx, tx, now, auditEntry{Action: "webhook." + verb, ObjectID: id, Details: details})
	})
	return changed, err
}

// -- name: update_webhook
// Another address, or going on after a pause, ends what the receiver asked for with Retry-After.
const updateWebhook = `
UPDATE webhooks w
SET url = coalesce($2, url), events = coalesce($3::text[], events), status = coalesce($4, status),
	description = coalesce($5, description), updated_at = $6,
	held_until = CASE WHEN $2::text IS NULL AND $4::text IS NULL THEN held_until END
WHERE w.id = $1
RETURNING ` + webhookColumns

// UpdateWebhook changes a webhook.
func (s *Store) UpdateWebhook(ctx context.Context, id uuid.UUID, c registry.WebhookChange) (registry.Webhook, error) {
	return s.changeWebhook(ctx, id, "updated", func(tx pgx.Tx, now time.Time) (registry.Webhook, map[string]any, error) {
		details := map[string]any{}
		var events []string
		if c.Events != nil {
			events, details["events"] = texts(c.Events), c.Events
		}
		if c.Status != nil {
			details["status"] = *c.Status
		}
		if c.URL != nil {
			details["url"] = "changed" // an address may hold a secret of the receiver
		}
		if c.Description != nil {
			details["description"] = "changed"
		}
		changed, err := findWebhook(ctx, tx, updateWebhook, id, c.URL, events, (*string)(c.Status), c.Description, now)
		return changed, details, err
	})
}

// -- name: rotate_webhook_secret
const rotateWebhookSecret = `
UPDATE webhooks w
SET previous_secret = secret, previous_until = $3, secret = $2, updated_at = $4
WHERE w.id = $1
RETURNING ` + webhookColumns

// RotateWebhookSecret gives a webhook another secret. The one before is used too for the overlap; one that was before
// that is not any more.
func (s *Store) RotateWebhookSecret(ctx context.Context, id uuid.UUID, secret string, overlap time.Duration) (registry.Webhook, error) {
	box, err := s.secretBox(ctx)
	if err != nil {
		return registry.Webhook{}, err
	}
	return s.changeWebhook(ctx, id, "secret_rotated", func(tx pgx.Tx, now time.Time) (registry.Webhook, map[string]any, error) {
		changed, err := findWebhook(ctx, tx, rotateWebhookSecret, id, box.seal(id, secret), now.Add(overlap), now)
		return changed, nil, err
	})
}

// -- name: delete_webhook
const deleteWebhook = `
DELETE FROM webhooks
WHERE id = $1`

// DeleteWebhook removes a webhook with its deliveries.
func (s *Store) DeleteWebhook(ctx context.Context, id uuid.UUID) error {
	return s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		tag, err := tx.Exec(ctx, deleteWebhook, id)
		if err != nil {
			return wrapped(err, "remove webhook")
		}
		if tag.RowsAffected() == 0 {
			return registry.ErrNotFound
		}
		return audit(ctx, tx, now, auditEntry{Action: "webhook.deleted", ObjectID: id})
	})
}
