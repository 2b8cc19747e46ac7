package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// source is a source with its short key.
type source struct {
	ID       int16
	Name     string
	Priority int
}

// -- name: sources
const selectSources = `
SELECT id, name, priority
FROM sources
ORDER BY priority DESC, name`

// Sources returns all sources, highest priority first, then by name.
func (s *Store) Sources(ctx context.Context) ([]registry.Source, error) {
	rows, err := findSources(ctx, s.pool)
	if err != nil {
		return nil, err
	}
	sources := make([]registry.Source, len(rows))
	for i, r := range rows {
		sources[i] = registry.Source{Name: r.Name, Priority: r.Priority}
	}
	return sources, nil
}

func findSources(ctx context.Context, q querier) ([]source, error) {
	rows, err := q.Query(ctx, selectSources)
	if err != nil {
		return nil, wrapped(err, "read sources")
	}
	sources, err := pgx.CollectRows(rows, pgx.RowToStructByPos[source])
	return sources, wrapped(err, "read sources")
}

// -- name: source_ids
const selectSourceIDs = `
SELECT id
FROM sources
WHERE name = ANY ($1)
ORDER BY id`

// sourceIDs returns the keys of those of the names that are sources.
func sourceIDs(ctx context.Context, q querier, names []string) ([]int16, error) {
	if len(names) == 0 {
		return nil, nil
	}
	rows, err := q.Query(ctx, selectSourceIDs, names)
	if err != nil {
		return nil, wrapped(err, "read sources")
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int16])
	return ids, wrapped(err, "read sources")
}

// sourcesLock names the advisory lock on the priorities of sources.
const sourcesLock = 0x70686f6e // "phon"

// Transactions that derive something from the priorities of sources share the lock, so that a change of a priority
// sees all they have written, and they see it.
const (
	// -- name: share_sources
	shareSources = `SELECT pg_advisory_xact_lock_shared($1)`
	// -- name: lock_sources
	lockSources = `SELECT pg_advisory_xact_lock($1)`
)

// -- name: upsert_source
const upsertSource = `
INSERT INTO sources (name, priority, created_at)
VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET priority = excluded.priority`

// -- name: rederive_contacts
// What a contact owes to the priorities of its sources, derived anew for those that a source gave.
const rederiveContacts = `
UPDATE customer_phones c
SET source_id = d.source_id, confidence = d.confidence
FROM (
	SELECT h.customer_id, h.number, best.id AS source_id,
		CASE WHEN h.is_verified THEN $3::float8
			ELSE ($2::float8[])[(best.priority - 1) * $4::int + least(cardinality(h.source_ids), $4::int)] END AS confidence
	FROM customer_phones h
	CROSS JOIN LATERAL (
		SELECT s.id, s.priority
		FROM sources s
		WHERE s.id = ANY (h.source_ids)
		ORDER BY s.priority DESC, s.id
		LIMIT 1) best
	WHERE h.source_ids @> ARRAY[(SELECT id FROM sources WHERE name = $1)]
) d
WHERE c.customer_id = d.customer_id AND c.number = d.number
	AND (c.source_id, c.confidence) IS DISTINCT FROM (d.source_id, d.confidence)`

// UpsertSource creates a source or changes its priority, and derives anew what depends on it.
func (s *Store) UpsertSource(ctx context.Context, wanted registry.Source) (registry.Source, error) {
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		if _, err := tx.Exec(ctx, lockSources, sourcesLock); err != nil {
			return wrapped(err, "lock sources")
		}
		before, err := findSource(ctx, tx, wanted.Name)
		created := errors.Is(err, registry.ErrNotFound)
		if err != nil && !created {
			return err
		}
		if !created && before.Priority == wanted.Priority {
			return nil
		}
		if _, err := tx.Exec(ctx, upsertSource, wanted.Name, wanted.Priority, now); err != nil {
			return wrapped(err, "write source")
		}
		details := map[string]any{"name": wanted.Name, "priority": wanted.Priority, "created": created}
		if !created {
			details["priority_before"] = before.Priority
			tag, err := tx.Exec(ctx, rederiveContacts, wanted.Name, registry.ConfidenceTable(),
				registry.Confidence(0, 0, true), registry.ConfidenceSources)
			if err != nil {
				return wrapped(err, "derive contacts anew")
			}
			details["contacts_changed"] = tag.RowsAffected()
		}
		return audit(ctx, tx, now, auditEntry{Action: "source.upserted", Details: details})
	})
	return wanted, err
}

// -- name: source_by_name
const selectSourceByName = `
SELECT id, name, priority
FROM sources
WHERE name = $1`

func findSource(ctx context.Context, q querier, name string) (source, error) {
	rows, err := q.Query(ctx, selectSourceByName, name)
	if err != nil {
		return source{}, wrapped(err, "read source")
	}
	one, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[source])
	return one, found(err, "read source")
}
