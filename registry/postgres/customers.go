package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"phoneregistry/registry"
)

// -- name: customer
const selectCustomer = `
SELECT customer_id, created_at, updated_at
FROM customers
WHERE customer_id = $1`

// Customer returns a customer; registry.ErrNotFound when no source has named them.
func (s *Store) Customer(ctx context.Context, customerID string) (registry.Customer, error) {
	rows, err := s.pool.Query(ctx, selectCustomer, customerID)
	if err != nil {
		return registry.Customer{}, wrapped(err, "read customer")
	}
	c, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[registry.Customer])
	return c, found(err, "read customer")
}

// contact is a row of customer_phones: what is known of one number of one customer.
type contact struct {
	registry.CustomerPhone
	sourceID  int16
	sourceIDs []int16 // ascending
}

// contactColumns are the columns of customer_phones c and sources s that make a contact.
const contactColumns = `c.customer_id, c.number, c.is_primary, c.is_verified, coalesce(c.verification_method, ''), c.confidence,
	s.name, coalesce(c.extension, ''), c.first_seen_at, c.last_seen_at, c.source_id, c.source_ids`

func scanContact(row pgx.CollectableRow) (contact, error) {
	var c contact
	err := row.Scan(&c.CustomerID, &c.Number, &c.IsPrimary, &c.IsVerified, &c.VerificationMethod, &c.Confidence,
		&c.Source, &c.Extension, &c.FirstSeenAt, &c.LastSeenAt, &c.sourceID, &c.sourceIDs)
	return c, err
}

// shownColumns are the columns of customer_phones c and sources s of a contact as it is shown.
const shownColumns = `c.customer_id, c.number, c.is_primary, c.is_verified, coalesce(c.verification_method, ''), c.confidence,
	s.name, coalesce(c.extension, ''), c.first_seen_at, c.last_seen_at`

// The order of a customer's phones needs their confidence.
var contactShown = columnsOf(shownColumns, //nolint:gochecknoglobals // a constant
	always(), always(), always(), forFields("false", "isVerified"), forFields("''", "verificationMethod"), always(),
	forFields("''", "source"), forFields("''", "extension"), forFields("'epoch'::timestamptz", "firstSeenAt"), forFields("'epoch'::timestamptz", "lastSeenAt"))

// Joins of customer_phones c. Few lines have been looked up, and those have an index of their own: where nothing else of
// the phone is wanted, a look into that index tells that there is nothing to know of the line.
const (
	joinSources = "\nJOIN sources s ON s.id = c.source_id"
	joinPhones  = "\nJOIN phones p ON p.number = c.number"
	joinLines   = "\nLEFT JOIN phones p ON p.number = c.number AND p.lookup_in_service IS NOT NULL"
)

// contactList is how contacts are read for a list.
type contactList struct {
	columns string
	joins   string
	phones  bool // with the columns of the phone
}

// contactsFor is the list of contacts c with what is wanted of them and, unless that is nil, of their phones.
func contactsFor(contact, phone registry.Fields) contactList {
	l := contactList{columns: contactShown.of(contact) + ", " + lineInService, phones: phone != nil}
	if contact.Has("source") {
		l.joins = joinSources
	}
	if l.phones {
		l.columns += ", " + phoneShown.of(phone)
		l.joins += joinPhones
	} else {
		l.joins += joinLines
	}
	return l
}

// contactRow is where the rows of a list are read into, one after the other.
type contactRow struct {
	contact   registry.CustomerPhone
	inService *bool
	phone     registry.Phone
	fields    []any // that the columns are read into
	phones    bool
}

func (l contactList) row() *contactRow {
	r := &contactRow{phones: l.phones}
	c := &r.contact
	r.fields = []any{
		&c.CustomerID, &c.Number, &c.IsPrimary, &c.IsVerified, &c.VerificationMethod, &c.Confidence,
		&c.Source, &c.Extension, &c.FirstSeenAt, &c.LastSeenAt, &r.inService,
	}
	if l.phones {
		r.fields = append(r.fields, phoneFields(&r.phone)...)
	}
	return r
}

// shown is the contact that was read, as it is shown: its confidence is that of the sources, in the light of what is known
// of the line. Contacts that are to be changed are read without that.
func (r *contactRow) shown() registry.CustomerPhone {
	c := r.contact
	c.Confidence = registry.ConfidenceOnLine(c.Confidence, r.inService)
	if r.phones {
		phone := r.phone
		c.Phone = &phone
		r.phone.TimeZones = nil // this one has them now
	}
	return c
}

// scan reads one contact.
func (l contactList) scan(row pgx.CollectableRow) (registry.CustomerPhone, error) {
	r := l.row()
	err := row.Scan(r.fields...)
	return r.shown(), err
}

// collect reads all contacts.
func (l contactList) collect(rows pgx.Rows) ([]registry.CustomerPhone, error) {
	r := l.row()
	contacts := make([]registry.CustomerPhone, 0, 4)
	_, err := pgx.ForEachRow(rows, r.fields, func() error {
		contacts = append(contacts, r.shown())
		return nil
	})
	return contacts, err
}

// shown is the contact as it is shown.
func (c contact) shown(lineInService *bool) registry.CustomerPhone {
	shown := c.CustomerPhone
	shown.Confidence = registry.ConfidenceOnLine(c.Confidence, lineInService)
	return shown
}

// newContact is a number that a source gives a customer for the first time.
func newContact(customerID string, n registry.Number, from source, extension string, now time.Time) contact {
	return contact{
		CustomerPhone: registry.CustomerPhone{
			CustomerID: customerID, Number: n, Confidence: registry.Confidence(from.Priority, 1, false),
			Source: from.Name, Extension: extension, FirstSeenAt: now, LastSeenAt: now,
		},
		sourceID: from.ID, sourceIDs: []int16{from.ID},
	}
}

// merge returns the contact after a source gave the number again, and the columns that changed.
func (c contact) merge(from source, extension string, now time.Time, sources []source) (contact, []string) {
	var changed []string
	if !slices.Contains(c.sourceIDs, from.ID) {
		c.sourceIDs = append(slices.Clone(c.sourceIDs), from.ID)
		slices.Sort(c.sourceIDs)
		changed = append(changed, "source_ids")
	}
	before := c
	best := bestSource(c.sourceIDs, sources)
	if extension != "" && extension != c.Extension && (c.Extension == "" || from.outdoes(before, now, sources)) {
		c.Extension = extension
		changed = append(changed, "extension")
	}
	c.sourceID, c.Source = best.ID, best.Name
	c.Confidence = registry.Confidence(best.Priority, len(c.sourceIDs), c.IsVerified)
	if c.sourceID != before.sourceID {
		changed = append(changed, "source")
	}
	if c.Confidence != before.Confidence {
		changed = append(changed, "confidence")
	}
	if now.After(c.LastSeenAt) {
		c.LastSeenAt = now
		changed = append(changed, "last_seen_at")
	}
	return c, changed
}

// outdoes reports whether what a source says at a moment replaces what is known: its priority is higher than that of the
// contact's source, or it is the same and the word is not older.
func (s source) outdoes(known contact, at time.Time, sources []source) bool {
	i := slices.IndexFunc(sources, func(other source) bool { return other.ID == known.sourceID })
	if i < 0 || s.Priority != sources[i].Priority {
		return i < 0 || s.Priority > sources[i].Priority
	}
	return !at.Before(known.LastSeenAt)
}

// bestSource returns the one with the highest priority among the keys; of several, the one created first.
func bestSource(ids []int16, sources []source) source {
	var best source
	for _, s := range sources {
		if slices.Contains(ids, s.ID) && (s.Priority > best.Priority || (s.Priority == best.Priority && s.ID < best.ID)) {
			best = s
		}
	}
	return best
}

// -- name: contacts_of_customers
const selectContacts = `
SELECT ` + contactColumns + `
FROM customer_phones c
JOIN sources s ON s.id = c.source_id
WHERE c.customer_id = ANY ($1)
ORDER BY c.customer_id, c.is_primary DESC, c.confidence DESC, c.number`

// CustomerPhones returns the phones of each customer: the primary one first, then by confidence and number. One customer,
// as they are read most, is looked up by equality: PostgreSQL plans a list each time anew, since it may be short or long,
// and that takes four times as long as reading one customer.
func (s *Store) CustomerPhones(ctx context.Context, customerIDs []string, want registry.ContactFields) (map[string][]registry.CustomerPhone, error) {
	list, condition, argument := contactsFor(want.Contact, want.Phone), "ANY ($1)", any(customerIDs)
	if len(customerIDs) == 1 {
		condition, argument = "$1", customerIDs[0]
	}
	rows, err := s.pool.Query(ctx, "SELECT "+list.columns+"\nFROM customer_phones c"+list.joins+"\nWHERE c.customer_id = "+condition, argument)
	if err != nil {
		return nil, wrapped(err, "read phones of customers")
	}
	contacts, err := list.collect(rows)
	if err != nil {
		return nil, wrapped(err, "read phones of customers")
	}
	slices.SortFunc(contacts, bySupport)
	if len(customerIDs) == 1 {
		return map[string][]registry.CustomerPhone{customerIDs[0]: contacts}, nil
	}
	phones := make(map[string][]registry.CustomerPhone, len(customerIDs))
	for _, c := range contacts {
		phones[c.CustomerID] = append(phones[c.CustomerID], c)
	}
	return phones, nil
}

// bySupport orders the phones of a customer as they are shown: the primary one first, then by confidence and number.
func bySupport(a, b registry.CustomerPhone) int {
	if a.IsPrimary != b.IsPrimary {
		if a.IsPrimary {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Number, b.Number))
}

// fromHolders is behind the columns of contacts c.
const fromHolders = `
FROM unnest($1::bigint[]) AS n (number)
CROSS JOIN LATERAL (
	SELECT c.*
	FROM customer_phones c
	WHERE c.number = n.number AND c.customer_id > $2
	ORDER BY c.customer_id
	LIMIT $3) c`

// PhoneHolders returns one page of the customers of each number, by customer id.
func (s *Store) PhoneHolders(ctx context.Context, numbers []registry.Number, p registry.PageRequest) (map[registry.Number]registry.Page[registry.CustomerPhone], error) {
	after := ""
	if p.After != nil {
		after = p.After.Text
	}
	list := contactsFor(p.Fields, nil)
	rows, err := s.pool.Query(ctx, "SELECT "+list.columns+fromHolders+list.joins+"\nORDER BY c.number, c.customer_id",
		integers(numbers), after, p.First+1)
	if err != nil {
		return nil, wrapped(err, "read holders of phones")
	}
	pages, err := pagesOf(rows, p.First, func(row pgx.CollectableRow) (registry.Number, listed[registry.CustomerPhone], error) {
		c, err := list.scan(row)
		return c.Number, listed[registry.CustomerPhone]{c, registry.Position{Text: c.CustomerID}}, err
	})
	return pages, wrapped(err, "read holders of phones")
}

// -- name: count_holders
const countHolders = `
SELECT n.number, (SELECT count(*) FROM customer_phones c WHERE c.number = n.number)
FROM unnest($1::bigint[]) AS n (number)`

// CountPhoneHolders counts the customers of each number.
func (s *Store) CountPhoneHolders(ctx context.Context, numbers []registry.Number) (map[registry.Number]int64, error) {
	rows, err := s.pool.Query(ctx, countHolders, integers(numbers))
	if err != nil {
		return nil, wrapped(err, "count holders of phones")
	}
	counts, err := countsOf[registry.Number](rows)
	return counts, wrapped(err, "count holders of phones")
}

// -- name: touch_customer
// Locks the customer until the end of the transaction.
const touchCustomer = `
UPDATE customers
SET updated_at = greatest(updated_at, $2)
WHERE customer_id = $1`

// -- name: verify_contact
// A verification that is known, of the same moment or a later one, is left as it is.
const verifyContact = `
UPDATE customer_phones
SET is_verified = true, verification_method = $3, verified_at = $4, confidence = $5
WHERE customer_id = $1 AND number = $2
	AND (verified_at IS NULL OR verified_at < $4 OR (verified_at = $4 AND verification_method <> $3))`

// VerifyPhone records that a customer was verified to hold a number.
func (s *Store) VerifyPhone(ctx context.Context, customerID string, n registry.Number, method string) (registry.CustomerPhone, error) {
	var verified *registry.CustomerPhone
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		var changed int64
		verified = nil
		batch := &pgx.Batch{}
		batch.Queue(shareSources, sourcesLock)
		batch.Queue(touchCustomer, customerID, now)
		batch.Queue(verifyContact, customerID, n, method, now, registry.Confidence(0, 0, true)).Exec(func(tag pgconn.CommandTag) error {
			changed = tag.RowsAffected()
			return nil
		})
		list := contactsFor(nil, nil)
		batch.Queue("SELECT "+list.columns+"\nFROM customer_phones c"+list.joins+"\nWHERE c.customer_id = $1 AND c.number = $2", customerID, n).
			Query(func(rows pgx.Rows) error {
				contacts, err := list.collect(rows)
				if len(contacts) > 0 {
					verified = &contacts[0]
				}
				return err
			})
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return wrapped(err, "verify phone")
		}
		if verified == nil {
			return registry.Errorf(registry.CodeNotFound, []string{"input", "number"},
				"the customer does not hold this number: add it with addPhone first")
		}
		if changed == 0 {
			return nil
		}
		return audit(ctx, tx, now, auditEntry{
			Action: "phone.verified", CustomerID: customerID, Number: n, Details: map[string]any{"method": method},
		})
	})
	if err != nil {
		return registry.CustomerPhone{}, err
	}
	return *verified, nil
}

// orEmpty is an empty list for none, which is not NULL.
func orEmpty[T any](values []T) []T {
	if values == nil {
		return []T{}
	}
	return values
}
