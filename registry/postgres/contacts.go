package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// AddPhone adds a described number to a customer, or merges it by source priority and recency.
func (s *Store) AddPhone(ctx context.Context, a registry.PhoneAddition) (registry.AddedPhone, error) {
	var added registry.AddedPhone
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		known, err := findForAddition(ctx, tx, a, now)
		if err != nil {
			return err
		}
		plan, err := planAddition(a, known, now)
		if err != nil {
			return err
		}
		if err := plan.write(ctx, tx, now); err != nil {
			return err
		}
		added = plan.result()
		return nil
	})
	if err != nil {
		return registry.AddedPhone{}, err
	}
	return added, nil
}

// knownForAddition is what an addition depends on. The customer is locked, so none of the customer's contacts change.
type knownForAddition struct {
	sources  []source
	phone    *registry.Phone // nil: new
	contacts []contact       // all of the customer
}

// -- name: lock_customer
// Locks the customer, made if needed, until the end of the transaction.
const lockCustomer = `
INSERT INTO customers (customer_id, created_at, updated_at)
VALUES ($1, $2, $2)
ON CONFLICT (customer_id) DO UPDATE SET updated_at = greatest(customers.updated_at, excluded.updated_at)`

// findForAddition locks and reads in one exchange with the server.
func findForAddition(ctx context.Context, tx pgx.Tx, a registry.PhoneAddition, now time.Time) (known knownForAddition, err error) {
	batch := &pgx.Batch{}
	batch.Queue(shareSources, sourcesLock)
	batch.Queue(lockCustomer, a.CustomerID, now)
	batch.Queue(selectSources).Query(func(rows pgx.Rows) (err error) {
		known.sources, err = pgx.CollectRows(rows, pgx.RowToStructByPos[source])
		return err
	})
	batch.Queue(selectPhonesByNumber, []int64{int64(a.Phone.Number)}).Query(func(rows pgx.Rows) error {
		phones, err := pgx.CollectRows(rows, scanPhone)
		if len(phones) > 0 {
			known.phone = &phones[0]
		}
		return err
	})
	batch.Queue(selectContacts, []string{a.CustomerID}).Query(func(rows pgx.Rows) (err error) {
		known.contacts, err = pgx.CollectRows(rows, scanContact)
		return err
	})
	return known, wrapped(tx.SendBatch(ctx, batch).Close(), "read customer")
}

// addition is what an addition changes.
type addition struct {
	phone        registry.Phone
	phoneIs      change
	contact      contact
	contactIs    change
	changed      []string // fields of a contact that changed
	losesPrimary registry.Number
}

// change says what happens to a row.
type change int

const (
	kept change = iota
	created
	updated
)

// planAddition decides what an addition changes. It is the rule of merging:
//
//   - A number the customer does not hold is added, unless the customer holds the allowed number of phones. It becomes
//     primary when it is the first, or when that is asked for.
//   - A number the customer holds is given by one more source, or again by the same. The source with the highest
//     priority is named as its source (of several, the one that was created first).
//   - An extension is kept when none is known, and replaces the one known when its source has a higher priority than
//     the one named, or the same and its word is not older.
//   - A phone is described anew when it was described by another version of the plan.
func planAddition(a registry.PhoneAddition, known knownForAddition, now time.Time) (addition, error) {
	from, ok := sourceNamed(known.sources, a.Source)
	if !ok {
		return addition{}, registry.Errorf(registry.CodeUnknownSource, []string{"input", "source"},
			"there is no source %q: create it with upsertSource, or use one of those that sources lists", a.Source)
	}
	p := addition{}
	p.phone, p.phoneIs = mergePhone(a.Phone, known.phone, now)
	held, primary := find(known.contacts, a.Phone.Number)
	switch {
	case held != nil:
		p.contact, p.changed = held.merge(from, a.Extension, now, known.sources)
		if len(p.changed) > 0 {
			p.contactIs = updated
		}
	case len(known.contacts) >= a.MaxPhones:
		return addition{}, registry.Errorf(registry.CodeTooManyPhones, []string{"input", "customerId"},
			"the customer has %d phones already: want at most %d", len(known.contacts), a.MaxPhones)
	default:
		p.contactIs = created
		p.contact = newContact(a.CustomerID, a.Phone.Number, from, a.Extension, now)
	}
	if !p.contact.IsPrimary && (a.MakePrimary || primary == 0) {
		p.contact.IsPrimary = true
		p.losesPrimary = primary
		if p.contactIs != created {
			p.contactIs = updated
			p.changed = append(p.changed, "is_primary")
		}
	}
	return p, nil
}

func sourceNamed(sources []source, name string) (source, bool) {
	for _, s := range sources {
		if s.Name == name {
			return s, true
		}
	}
	return source{}, false
}

// find returns the contact with a number, and which number is the primary one; 0 when none is.
func find(contacts []contact, n registry.Number) (held *contact, primary registry.Number) {
	for i := range contacts {
		if contacts[i].Number == n {
			held = &contacts[i]
		}
		if contacts[i].IsPrimary {
			primary = contacts[i].Number
		}
	}
	return held, primary
}

func mergePhone(given registry.Phone, known *registry.Phone, now time.Time) (registry.Phone, change) {
	given.UpdatedAt = now
	switch {
	case known == nil:
		given.CreatedAt = now
		return given, created
	case known.PlanVersion != given.PlanVersion:
		given.CreatedAt = known.CreatedAt
		return given, updated
	}
	return *known, kept
}

// result is what the caller gets to see.
func (p addition) result() registry.AddedPhone {
	return registry.AddedPhone{CustomerPhone: p.contact.shown(p.phone.LineInService), Phone: p.phone, Created: p.contactIs == created}
}

// -- name: upsert_phone
const upsertPhone = `
INSERT INTO phones AS p (number, region, line_type, valid, original_carrier, location, timezones, plan_version, created_at, updated_at)
VALUES ($1, $2, $3::text::line_type, $4, $5, $6, $7, $8, $9, $9)
ON CONFLICT (number) DO UPDATE
SET region = excluded.region, line_type = excluded.line_type, valid = excluded.valid,
	original_carrier = excluded.original_carrier, location = excluded.location, timezones = excluded.timezones,
	plan_version = excluded.plan_version, updated_at = greatest(p.updated_at, excluded.updated_at)
WHERE p.plan_version <> excluded.plan_version`

// -- name: lose_primary
const losePrimary = `
UPDATE customer_phones
SET is_primary = false
WHERE customer_id = $1 AND number = $2`

// -- name: insert_contact
const insertContact = `
INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, extension, first_seen_at, last_seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// -- name: update_contact
const updateContact = `
UPDATE customer_phones
SET is_primary = $3, confidence = $4, source_id = $5, source_ids = $6, extension = $7, last_seen_at = $8
WHERE customer_id = $1 AND number = $2`

// write makes the changes and their audit entries in one exchange with the server.
func (p *addition) write(ctx context.Context, tx pgx.Tx, now time.Time) error {
	batch := &pgx.Batch{}
	if p.phoneIs != kept {
		ph := p.phone
		batch.Queue(upsertPhone, ph.Number, ph.Region, string(ph.LineType), ph.Valid, ph.OriginalCarrier, ph.Location,
			orEmpty(ph.TimeZones), ph.PlanVersion, now)
		// Another transaction may have registered the number at the same time: read what stands.
		batch.Queue(selectPhonesByNumber, []int64{int64(ph.Number)}).Query(func(rows pgx.Rows) (err error) {
			p.phone, err = pgx.CollectExactlyOneRow(rows, scanPhone)
			return err
		})
	}
	if p.losesPrimary != 0 {
		batch.Queue(losePrimary, p.contact.CustomerID, p.losesPrimary)
	}
	c := p.contact
	switch p.contactIs {
	case created:
		batch.Queue(insertContact, c.CustomerID, c.Number, c.IsPrimary, c.Confidence, c.sourceID, c.sourceIDs,
			orNull(c.Extension), c.FirstSeenAt, c.LastSeenAt)
	case updated:
		batch.Queue(updateContact, c.CustomerID, c.Number, c.IsPrimary, c.Confidence, c.sourceID, c.sourceIDs,
			orNull(c.Extension), c.LastSeenAt)
	case kept:
	}
	if err := queueAudit(ctx, batch, now, p.entries()...); err != nil {
		return err
	}
	if batch.Len() == 0 {
		return nil
	}
	return wrapped(tx.SendBatch(ctx, batch).Close(), "write phone of customer")
}

// entries are the audit entries of the changes.
func (p *addition) entries() []auditEntry {
	var entries []auditEntry
	c := p.contact
	details := map[string]any{"source": c.Source, "confidence": c.Confidence}
	switch p.contactIs {
	case created:
		details["primary"] = c.IsPrimary
		entries = append(entries, auditEntry{Action: "phone.added", CustomerID: c.CustomerID, Number: c.Number, Details: details})
	case updated:
		details["changed"] = p.changed
		entries = append(entries, auditEntry{Action: "phone.updated", CustomerID: c.CustomerID, Number: c.Number, Details: details})
	case kept:
	}
	if p.losesPrimary != 0 {
		entries = append(entries, auditEntry{
			Action: "phone.updated", CustomerID: c.CustomerID, Number: p.losesPrimary,
			Details: map[string]any{"changed": []string{"is_primary"}},
		})
	}
	if p.phoneIs == updated {
		entries = append(entries, auditEntry{
			Action: "phone.described", Number: p.phone.Number, Details: map[string]any{"plan_version": p.phone.PlanVersion},
		})
	}
	return entries
}
