package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// auditEntry is one change for the audit trail. Who made it, when and in which request come from the transaction.
type auditEntry struct {
	Action     string // subject.verb
	CustomerID string // "": none
	Number     registry.Number
	ObjectID   uuid.UUID // of the job, import or token
	Details    map[string]any
}

// -- name: insert_audit
const insertAudit = `
INSERT INTO audit_trail (at, actor, action, customer_id, number, object_id, details, request_id)
SELECT $1, $2, action, customer_id, number, object_id, details, $3
FROM unnest($4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::jsonb[])
	AS e (action, customer_id, number, object_id, details)`

// systemActor acts where the context names nobody.
const systemActor = "system"

// audit writes entries to the audit trail, in the transaction of the change.
func audit(ctx context.Context, tx pgx.Tx, now time.Time, entries ...auditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	arguments, err := auditArguments(ctx, now, entries)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, insertAudit, arguments...)
	return wrapped(err, "write audit trail")
}

// queueAudit puts the entries into a batch of statements.
func queueAudit(ctx context.Context, batch *pgx.Batch, now time.Time, entries ...auditEntry) error {
	if len(entries) == 0 {
		return nil
	}
	arguments, err := auditArguments(ctx, now, entries)
	if err != nil {
		return err
	}
	batch.Queue(insertAudit, arguments...)
	return nil
}

func auditArguments(ctx context.Context, now time.Time, entries []auditEntry) ([]any, error) {
	actor := registry.ActorFrom(ctx)
	if actor.Name == "" {
		actor.Name = systemActor
	}
	var (
		actions   = make([]string, len(entries))
		customers = make([]*string, len(entries))
		numbers   = make([]*int64, len(entries))
		objects   = make([]*uuid.UUID, len(entries))
		details   = make([]string, len(entries))
	)
	for i, e := range entries {
		actions[i] = e.Action
		customers[i] = orNull(e.CustomerID)
		numbers[i] = orNull(int64(e.Number))
		objects[i] = orNull(e.ObjectID)
		details[i] = "{}"
		if len(e.Details) > 0 {
			text, err := json.Marshal(e.Details)
			if err != nil {
				return nil, fmt.Errorf("write audit trail: %w", err)
			}
			details[i] = string(text)
		}
	}
	return []any{now, actor.Name, actor.RequestID, actions, customers, numbers, objects, details}, nil
}

// orNull is nil, which becomes NULL, for the zero value.
func orNull[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// orZero is the zero value for nil.
func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}
