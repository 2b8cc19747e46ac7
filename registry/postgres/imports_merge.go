package postgres

import (
	"cmp"
	"slices"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
)

// merger works out what a run of rows changes, row by row in file order, by the same rules as planAddition. It knows
// all contacts of the customers in these rows, who are locked.
type merger struct {
	from      source
	sources   []source
	seen      time.Time // when the import was received: that is when its source gave the numbers
	maxPhones int

	customers map[string]*customer
	phones    map[registry.Number]*givenPhone

	quarantine []quarantined
	counts     importCounts
}

// customer is a customer and their contacts, those that rows added last.
type customer struct {
	id       string
	contacts []*heldContact
	primary  *heldContact
}

// heldContact is a contact and what becomes of it.
type heldContact struct {
	contact
	is         change
	wasPrimary bool
}

// givenPhone is a number that was accepted, and the first row that gave it.
type givenPhone struct {
	registry.Phone
	row int64
}

type quarantined struct {
	row   *registry.ImportRow
	piece int16
	registry.Rejection
}

// importCounts is what a run of rows adds to the sums of an import.
type importCounts struct {
	rows, accepted, rejected, numbers      int64
	phonesCreated, phonesDescribed         int64 // set when they are written
	contactsCreated, contactsMerged, moved int64 // moved: primaries
	rejections                             map[string]int64
}

func newMerger(b importRow, from source, sources []source, known []contact) *merger {
	m := &merger{
		from: from, sources: sources, seen: b.CreatedAt, maxPhones: b.Options.MaxPhones,
		customers: map[string]*customer{}, phones: map[registry.Number]*givenPhone{},
		counts: importCounts{rejections: map[string]int64{}},
	}
	held := make([]heldContact, len(known))
	for i, k := range known {
		held[i] = heldContact{contact: k, is: kept, wasPrimary: k.IsPrimary}
		c := m.customer(k.CustomerID)
		c.contacts = append(c.contacts, &held[i])
		if k.IsPrimary {
			c.primary = &held[i]
		}
	}
	return m
}

func (m *merger) customer(id string) *customer {
	c := m.customers[id]
	if c == nil {
		c = &customer{id: id}
		m.customers[id] = c
	}
	return c
}

func (m *merger) merge(rows []registry.ImportRow) {
	for i := range rows {
		m.row(&rows[i])
	}
}

func (m *merger) row(row *registry.ImportRow) {
	pieces := int16(0)
	reject := func(r registry.Rejection) {
		m.quarantine = append(m.quarantine, quarantined{row, pieces, r})
		m.counts.rejections[r.Reason]++
		pieces++
	}
	for _, r := range row.Rejections {
		reject(r)
	}
	accepted := false
	for i := range row.Numbers {
		if m.number(row, &row.Numbers[i]) {
			accepted = true
			continue
		}
		reject(registry.Rejection{Reason: intake.TooManyPhones, Message: "the customer has the allowed number of phones already"})
	}
	m.counts.rows++
	if accepted {
		m.counts.accepted++
	} else {
		m.counts.rejected++
	}
}

// number adds a number to the row's customer, or merges it. It reports false when the customer has too many.
func (m *merger) number(row *registry.ImportRow, n *registry.ImportNumber) bool {
	c := m.customer(row.CustomerID)
	held := c.find(n.Phone.Number)
	switch {
	case held != nil:
		merged, changed := held.merge(m.from, n.Extension, m.seen, m.sources)
		held.contact = merged
		if len(changed) > 0 {
			held.update()
		}
		m.counts.contactsMerged++
	case len(c.contacts) >= m.maxPhones:
		return false
	default:
		held = &heldContact{contact: newContact(row.CustomerID, n.Phone.Number, m.from, n.Extension, m.seen), is: created}
		c.contacts = append(c.contacts, held)
		m.counts.contactsCreated++
	}
	if !held.IsPrimary && (n.MakePrimary || c.primary == nil) {
		m.makePrimary(c, held)
	}
	m.counts.numbers++
	if m.phones[n.Phone.Number] == nil {
		m.phones[n.Phone.Number] = &givenPhone{n.Phone, row.No}
	}
	return true
}

func (m *merger) makePrimary(c *customer, held *heldContact) {
	if c.primary != nil {
		c.primary.IsPrimary = false
		c.primary.update()
		m.counts.moved++
	}
	held.IsPrimary = true
	held.update()
	c.primary = held
}

func (c *customer) find(n registry.Number) *heldContact {
	for _, held := range c.contacts {
		if held.Number == n {
			return held
		}
	}
	return nil
}

func (h *heldContact) update() {
	if h.is == kept {
		h.is = updated
	}
}

// changes returns the contacts to write, by customer and number, so that runs of rows always write in one order.
func (m *merger) changes() (losing, changed, added []*heldContact) {
	for _, c := range m.customers {
		for _, held := range c.contacts {
			if held.wasPrimary && !held.IsPrimary {
				losing = append(losing, held)
			}
			switch held.is {
			case created:
				added = append(added, held)
			case updated:
				changed = append(changed, held)
			case kept:
			}
		}
	}
	for _, list := range [][]*heldContact{losing, changed, added} {
		slices.SortFunc(list, func(a, b *heldContact) int {
			return cmp.Or(cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.Number, b.Number))
		})
	}
	return losing, changed, added
}

// given returns the accepted numbers, ascending.
func (m *merger) given() []*givenPhone {
	all := make([]*givenPhone, 0, len(m.phones))
	for _, p := range m.phones {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *givenPhone) int { return cmp.Compare(a.Number, b.Number) })
	return all
}
