package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// outboxEvent is something that happened to a job or an import, to be told to others.
type outboxEvent struct {
	Type    registry.EventType
	Subject uuid.UUID // of the job or import
}

// finished makes an event of each of the subjects.
func finished(t registry.EventType, subjects ...uuid.UUID) []outboxEvent {
	events := make([]outboxEvent, len(subjects))
	for i, id := range subjects {
		events[i] = outboxEvent{t, id}
	}
	return events
}

// utc writes a time behind it as messages hold it: RFC 3339 with microseconds. utcEnd closes it.
const (
	utc    = `to_char(`
	utcEnd = ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
)

// -- name: insert_job_events
// The message is made here, of the job as it is in this transaction, so that it tells of this end and not of a later
// one.
const insertJobEvents = `
INSERT INTO outbox (id, type, created_at, data)
SELECT e.id, 'job.finished', $1, json_build_object('id', 'job_' || replace(j.id::text, '-', ''), 'name', j.name,
	'status', j.status, 'priority', j.priority, 'clientKey', j.client_key,
	'scheduleId', 'sch_' || replace(j.schedule_id::text, '-', ''), 'platforms', j.platforms, 'total', j.total,
	'processed', j.processed, 'succeeded', j.succeeded, 'failed', j.failed, 'skipped', j.skipped, 'createdBy', j.created_by, 'createdAt', ` + utc + `j.created_at` + utcEnd + `,
	'startedAt', ` + utc + `j.started_at` + utcEnd + `, 'completedAt', ` + utc + `j.completed_at` + utcEnd + `,
	'errorMessage', nullif(j.error_message, ''))
FROM unnest($2::uuid[], $3::uuid[]) AS e (id, job_id)
JOIN validation_jobs j ON j.id = e.job_id`

// -- name: insert_import_events
const insertImportEvents = `
INSERT INTO outbox (id, type, created_at, data)
SELECT e.id, 'import.finished', $1, json_build_object('id', 'imp_' || replace(b.id::text, '-', ''), 'fileName', nullif(b.file_name, ''),
	'source', s.name, 'status', b.status, 'rowsRead', b.rows_read, 'rowsAccepted', b.rows_accepted,
	'rowsRejected', b.rows_rejected, 'numbersAccepted', b.numbers_accepted, 'phonesCreated', b.phones_created,
	'contactsCreated', b.contacts_created, 'contactsMerged', b.contacts_merged, 'createdBy', b.created_by,
	'createdAt', ` + utc + `b.created_at` + utcEnd + `, 'startedAt', ` + utc + `b.started_at` + utcEnd + `,
	'completedAt', ` + utc + `b.completed_at` + utcEnd + `, 'errorMessage', nullif(b.error_message, ''))
FROM unnest($2::uuid[], $3::uuid[]) AS e (id, import_id)
JOIN import_batches b ON b.id = e.import_id
JOIN sources s ON s.id = b.source_id`

// emit writes events to the outbox, in the transaction of what happened and behind it. None is lost from there.
func emit(ctx context.Context, tx pgx.Tx, now time.Time, events ...outboxEvent) error {
	ids, subjects := map[registry.EventType][]uuid.UUID{}, map[registry.EventType][]uuid.UUID{}
	for _, e := range events {
		id, err := uuid.NewV7()
		if err != nil {
			return wrapped(err, "write outbox")
		}
		ids[e.Type], subjects[e.Type] = append(ids[e.Type], id), append(subjects[e.Type], e.Subject)
	}
	for t, statement := range map[registry.EventType]string{
		registry.EventJobFinished: insertJobEvents, registry.EventImportFinished: insertImportEvents,
	} {
		if len(ids[t]) == 0 {
			continue
		}
		if _, err := tx.Exec(ctx, statement, now, ids[t], subjects[t]); err != nil {
			return wrapped(err, "write outbox")
		}
	}
	return nil
}

// tierChanges is scores that moved to another tier, as columns.
type tierChanges struct {
	numbers       []int64
	before, after []int16
	totals        []int16
}

// add notes what became of a score when that is another tier. The first tier of a number is a change from none.
func (c *tierChanges) add(r *rescored) {
	before := int16(0)
	if r.scored {
		before = tierCode(r.score.tier)
	}
	after := tierCode(r.tier)
	if before == after {
		return
	}
	c.numbers, c.before = append(c.numbers, r.number), append(c.before, before)
	c.after, c.totals = append(c.after, after), append(c.totals, r.total)
}

// -- name: insert_tier_event
const insertTierEvent = `
INSERT INTO outbox (id, type, created_at, numbers, tiers_before, tiers_after, totals)
VALUES ($1, 'lead.tier_changed', $2, $3, $4, $5, $6)`

// queue adds one event for all changes of the transaction, however many they are.
func (c *tierChanges) queue(batch *pgx.Batch, now time.Time) error {
	if len(c.numbers) == 0 {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return wrapped(err, "write outbox")
	}
	batch.Queue(insertTierEvent, id, now, c.numbers, c.before, c.after, c.totals)
	return nil
}

// tierCode is the place of a tier in the enum quality_tier, from 1; 0 for none. A switch, because it is asked for
// every score that is made.
func tierCode(tier string) int16 {
	switch registry.Tier(tier) {
	case scoring.TierPremium:
		return 1
	case scoring.TierHigh:
		return 2
	case scoring.TierMedium:
		return 3
	case scoring.TierLow:
		return 4
	case scoring.TierPoor:
		return 5
	case scoring.TierUnknown:
		return 6
	}
	return 0
}

// tierOf is the tier of a code; "" for none.
func tierOf(code int16) registry.Tier {
	tiers := [...]registry.Tier{"", scoring.TierPremium, scoring.TierHigh, scoring.TierMedium, scoring.TierLow, scoring.TierPoor, scoring.TierUnknown}
	if code < 0 || int(code) >= len(tiers) {
		return ""
	}
	return tiers[code]
}

// changes are the changes of tier that columns of the outbox hold.
func (c *tierChanges) changes() []registry.TierChange {
	if len(c.numbers) == 0 {
		return nil
	}
	out := make([]registry.TierChange, len(c.numbers))
	for i, n := range c.numbers {
		out[i] = registry.TierChange{Number: registry.Number(n), From: tierOf(c.before[i]), To: tierOf(c.after[i]), Total: int(c.totals[i])}
	}
	return out
}
