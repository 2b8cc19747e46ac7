package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"phoneregistry/registry"
)

// Merge takes rows into the registry and moves the checkpoint, all in one transaction.
func (c *importClaim) Merge(ctx context.Context, rows registry.ImportRows) (registry.ImportBatch, error) {
	var after importRow
	err := c.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		known, err := c.findForRows(ctx, tx, rows, now)
		if err != nil {
			return err
		}
		if known.batch.Status.Ended() {
			return errImportEnded
		}
		if known.batch.BytesRead != c.row.BytesRead || len(rows.Rows) > 0 && rows.Rows[0].No != known.batch.RowsRead+1 {
			return registry.ErrImportBusy
		}
		from, ok := sourceNamed(known.sources, known.batch.Source)
		if !ok {
			return unknownSource(known.batch.Source, known.sources)
		}
		m := newMerger(known.batch, from, known.sources, known.contacts)
		m.merge(rows.Rows)
		after, err = m.write(ctx, tx, now, known.batch, rows)
		return err
	})
	if err != nil {
		return registry.ImportBatch{}, storable(err)
	}
	c.row = after
	return after.ImportBatch, nil
}

// storable tells errors that the rows themselves cause from all others: data exceptions (class 22 of SQLSTATE) and
// violated constraints (23). What the server says of them may quote the rows, so only its code is kept.
func storable(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if ok && (strings.HasPrefix(e.Code, "22") || strings.HasPrefix(e.Code, "23")) {
		return fmt.Errorf("%w: SQLSTATE %s %s", registry.ErrUnstorable, e.Code, e.ConstraintName)
	}
	return err
}

// knownForRows is what merging rows depends on. The customers are locked, so none of their contacts change.
type knownForRows struct {
	batch    importRow
	sources  []source
	contacts []contact
}

// -- name: lock_customers
// Locks the customers, made if needed, until the end of the transaction.
const lockCustomers = `
INSERT INTO customers (customer_id, created_at, updated_at)
SELECT customer_id, $2, $2
FROM unnest($1::text[]) AS c (customer_id)
ORDER BY customer_id
ON CONFLICT (customer_id) DO UPDATE SET updated_at = greatest(customers.updated_at, excluded.updated_at)`

func (c *importClaim) findForRows(ctx context.Context, tx pgx.Tx, rows registry.ImportRows, now time.Time) (known knownForRows, err error) {
	customers := customersOf(rows.Rows)
	batch := &pgx.Batch{}
	batch.Queue(shareSources, sourcesLock)
	batch.Queue(selectImportForUpdate, c.row.ID).Query(func(rows pgx.Rows) (err error) {
		known.batch, err = pgx.CollectExactlyOneRow(rows, scanImport)
		return err
	})
	batch.Queue(selectSources).Query(func(rows pgx.Rows) (err error) {
		known.sources, err = pgx.CollectRows(rows, pgx.RowToStructByPos[source])
		return err
	})
	batch.Queue(lockCustomers, customers, now)
	batch.Queue(selectContacts, customers).Query(func(rows pgx.Rows) (err error) {
		known.contacts, err = pgx.CollectRows(rows, scanContact)
		return err
	})
	return known, wrapped(tx.SendBatch(ctx, batch).Close(), "read customers")
}

func customersOf(rows []registry.ImportRow) []string {
	seen := make(map[string]struct{}, len(rows))
	ids := make([]string, 0, len(rows))
	for i := range rows {
		if len(rows[i].Numbers) == 0 {
			continue
		}
		id := rows[i].CustomerID
		if _, ok := seen[id]; !ok {
			seen[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	return ids
}

// write makes all changes.
func (m *merger) write(ctx context.Context, tx pgx.Tx, now time.Time, b importRow, rows registry.ImportRows) (after importRow, err error) {
	phones := m.given()
	if err := m.writePhones(ctx, tx, phones, now); err != nil {
		return after, err
	}
	batch := &pgx.Batch{}
	m.queueContacts(batch)
	queueImportNumbers(batch, b.no, phones)
	if err := queueAudit(ctx, batch, now, m.counts.entry(b)); err != nil {
		return after, err
	}
	if err := m.counts.queue(batch, b, rows.To, now); err != nil {
		return after, err
	}
	batch.Queue(selectImport, b.ID).Query(func(rows pgx.Rows) (err error) {
		after, err = pgx.CollectExactlyOneRow(rows, scanImport)
		return err
	})
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return after, wrapped(err, "write contacts")
	}
	return after, m.copyRows(ctx, tx, b, rows.Rows, now)
}

// -- name: describe_phones
// Describes numbers anew that were described by another version of the plan.
const describePhones = `
UPDATE phones p
SET region = g.region, line_type = g.line_type::line_type, valid = g.valid, original_carrier = g.carrier, location = g.location,
	timezones = string_to_array(g.zones, ','), plan_version = g.plan, updated_at = greatest(p.updated_at, $1)
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[], $8::text[], $9::text[])
	AS g (number, region, line_type, valid, carrier, location, zones, plan)
WHERE p.number = g.number
	AND p.number IN (SELECT number FROM phones WHERE number = ANY ($2) AND plan_version <> ALL ($9) ORDER BY number FOR UPDATE)`

// writePhones registers the numbers that are new.
func (m *merger) writePhones(ctx context.Context, tx pgx.Tx, phones []*givenPhone, now time.Time) error {
	if len(phones) == 0 {
		return nil
	}
	arguments := phoneArguments(phones, now)
	tag, err := tx.Exec(ctx, registerPhonesSQL, arguments...)
	if err != nil {
		return wrapped(err, "write phones")
	}
	m.counts.phonesCreated = tag.RowsAffected()
	if m.counts.phonesCreated == int64(len(phones)) {
		return nil
	}
	tag, err = tx.Exec(ctx, describePhones, arguments...)
	m.counts.phonesDescribed = tag.RowsAffected()
	return wrapped(err, "describe phones")
}

func phoneArguments(phones []*givenPhone, now time.Time) []any {
	n := len(phones)
	numbers, valid := make([]int64, n), make([]bool, n)
	regions, types, carriers := make([]string, n), make([]string, n), make([]string, n)
	locations, zones, plans := make([]string, n), make([]string, n), make([]string, n)
	for i, p := range phones {
		numbers[i], valid[i] = int64(p.Number), p.Valid
		regions[i], types[i], carriers[i] = p.Region, string(p.LineType), p.OriginalCarrier
		locations[i], zones[i], plans[i] = p.Location, strings.Join(p.TimeZones, ","), p.PlanVersion
	}
	return []any{now, numbers, regions, types, valid, carriers, locations, zones, plans}
}

// -- name: lose_primaries
const losePrimaries = `
UPDATE customer_phones c
SET is_primary = false
FROM unnest($1::text[], $2::bigint[]) AS l (customer_id, number)
WHERE c.customer_id = l.customer_id AND c.number = l.number`

// -- name: update_contacts
const updateContacts = `
UPDATE customer_phones c
SET is_primary = u.is_primary, confidence = u.confidence, source_id = u.source_id, source_ids = u.source_ids::smallint[],
	extension = nullif(u.extension, ''), last_seen_at = u.last_seen_at
FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::double precision[], $5::smallint[], $6::text[], $7::text[], $8::timestamptz[])
	AS u (customer_id, number, is_primary, confidence, source_id, source_ids, extension, last_seen_at)
WHERE c.customer_id = u.customer_id AND c.number = u.number`

// -- name: insert_contacts
// $4, $5 and $6 are of the one source that gives them all.
const insertContacts = `
INSERT INTO customer_phones (customer_id, number, is_primary, extension, confidence, source_id, source_ids, first_seen_at, last_seen_at)
SELECT a.customer_id, a.number, a.is_primary, nullif(a.extension, ''), $5, $6, ARRAY[$6::smallint], $7, $7
FROM unnest($1::text[], $2::bigint[], $3::boolean[], $4::text[]) AS a (customer_id, number, is_primary, extension)`

// queueContacts writes the contacts. Those that lose the primary place come first: a customer has one at any time.
func (m *merger) queueContacts(batch *pgx.Batch) {
	losing, changed, added := m.changes()
	if len(losing) > 0 {
		customers, numbers := contactKeys(losing)
		batch.Queue(losePrimaries, customers, numbers)
	}
	if n := len(changed); n > 0 {
		customers, numbers := contactKeys(changed)
		primary, confidence, sources := make([]bool, n), make([]float64, n), make([]int16, n)
		sourceLists, extensions, seen := make([]string, n), make([]string, n), make([]time.Time, n)
		for i, h := range changed {
			primary[i], confidence[i], sources[i] = h.IsPrimary, h.Confidence, h.sourceID
			sourceLists[i], extensions[i], seen[i] = arrayText(h.sourceIDs), h.Extension, h.LastSeenAt
		}
		batch.Queue(updateContacts, customers, numbers, primary, confidence, sources, sourceLists, extensions, seen)
	}
	if n := len(added); n > 0 {
		customers, numbers := contactKeys(added)
		primary, extensions := make([]bool, n), make([]string, n)
		for i, h := range added {
			primary[i], extensions[i] = h.IsPrimary, h.Extension
		}
		confidence := registry.Confidence(m.from.Priority, 1, false)
		batch.Queue(insertContacts, customers, numbers, primary, extensions, confidence, m.from.ID, m.seen)
	}
}

func contactKeys(contacts []*heldContact) (customers []string, numbers []int64) {
	customers, numbers = make([]string, len(contacts)), make([]int64, len(contacts))
	for i, h := range contacts {
		customers[i], numbers[i] = h.CustomerID, int64(h.Number)
	}
	return customers, numbers
}

// arrayText is an array as PostgreSQL writes it.
func arrayText(ids []int16) string {
	b := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(id), 10)
	}
	return string(append(b, '}'))
}

// -- name: insert_import_numbers
const insertImportNumbers = `
INSERT INTO import_numbers (batch_no, number, row_no)
SELECT $1, number, row_no
FROM unnest($2::bigint[], $3::bigint[]) AS n (number, row_no)
ON CONFLICT DO NOTHING`

func queueImportNumbers(batch *pgx.Batch, no int32, phones []*givenPhone) {
	if len(phones) == 0 {
		return
	}
	numbers, rows := make([]int64, len(phones)), make([]int64, len(phones))
	for i, p := range phones {
		numbers[i], rows[i] = int64(p.Number), p.row
	}
	batch.Queue(insertImportNumbers, no, numbers, rows)
}

// entry is the audit entry of a run of rows.
func (n importCounts) entry(b importRow) auditEntry {
	return auditEntry{Action: "import.rows_merged", ObjectID: b.ID, Details: map[string]any{
		"first_row": b.RowsRead + 1, "rows": n.rows, "accepted": n.accepted, "rejected": n.rejected, "numbers": n.numbers,
		"phones_created": n.phonesCreated, "phones_described": n.phonesDescribed,
		"contacts_created": n.contactsCreated, "contacts_merged": n.contactsMerged, "primaries_moved": n.moved,
	}}
}

// -- name: advance_import
const advanceImport = `
UPDATE import_batches
SET bytes_read = $2, rows_read = rows_read + $3, rows_accepted = rows_accepted + $4, rows_rejected = rows_rejected + $5,
	numbers_accepted = numbers_accepted + $6, phones_created = phones_created + $7, contacts_created = contacts_created + $8,
	contacts_merged = contacts_merged + $9, rejections = $10::jsonb, sequence = sequence + 1, updated_at = $11
WHERE id = $1`

func (n importCounts) queue(batch *pgx.Batch, b importRow, to int64, now time.Time) error {
	for reason, count := range b.Rejections {
		n.rejections[reason] += count
	}
	rejections, err := json.Marshal(n.rejections)
	if err != nil {
		return wrapped(err, "write import")
	}
	batch.Queue(advanceImport, b.ID, to, n.rows, n.accepted, n.rejected, n.numbers, n.phonesCreated,
		n.contactsCreated, n.contactsMerged, string(rejections), now)
	return nil
}

// copyRows keeps the rows as received, and those that were not accepted in quarantine.
func (m *merger) copyRows(ctx context.Context, tx pgx.Tx, b importRow, rows []registry.ImportRow, now time.Time) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"source_records"}, []string{"batch_no", "row_no", "received_at", "raw", "hash"},
		pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			r := &rows[i]
			return []any{b.no, r.No, b.CreatedAt, r.Raw, r.Hash[:]}, nil
		}))
	if err != nil {
		return wrapped(err, "keep rows")
	}
	if len(m.quarantine) == 0 {
		return nil
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"quarantine"}, []string{"batch_no", "row_no", "piece", "reason", "message", "raw", "created_at"},
		pgx.CopyFromSlice(len(m.quarantine), func(i int) ([]any, error) {
			q := &m.quarantine[i]
			raw := q.row.Raw[:min(len(q.row.Raw), registry.MaxQuarantinedRaw)]
			return []any{b.no, q.row.No, q.piece, q.Reason, q.Message, raw, now}, nil
		}))
	return wrapped(err, "keep rejected rows")
}
