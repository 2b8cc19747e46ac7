package intake

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf8"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// customerID brings the cell of a customer column into its kept form: blanks around it are cut, those inside become
// one each. ok is false when it cannot be an id.
func customerID(cell string) (id string, ok bool) {
	id = strings.Join(strings.Fields(cell), " ")
	if utf8.RuneCountInString(id) > registry.MaxCustomerID {
		return "", false
	}
	return id, strings.IndexFunc(id, unicode.IsControl) < 0
}

// madeIDs begin the customer ids that are made from rows.
const madeIDs = "row_"

// makeID makes a customer id for a row that names none. It stays the same when the file comes again with other phones,
// in another order, spelled with other accents and cases, or with other columns changed, as long as the cells stay by
// which people tell such rows apart:
//
//   - e-mail and name, where the row has an e-mail;
//   - name, address and city, where it has a name and an address;
//   - else name, city and the first accepted number: a name alone is shared by too many.
//
// The source is part of it: rows of different sources are different customers until somebody matches them.
func makeID(source string, l *Layout, cells []string, n numbering.Number) string {
	names, mails := joined(cells, l.Columns.Names), joined(cells, l.Columns.Mails)
	addresses, cities := joined(cells, l.Columns.Addresses), joined(cells, l.Columns.Cities)
	h := sha256.New()
	part := func(text string) {
		var size [4]byte
		binary.BigEndian.PutUint32(size[:], uint32(len(text)))
		h.Write(size[:])
		h.Write([]byte(text))
	}
	part(source)
	switch {
	case strings.Contains(mails, "@"):
		part("mail")
		part(mails)
		part(names)
	case names != "" && addresses != "":
		part("address")
		part(names)
		part(addresses)
		part(cities)
	default:
		part("number")
		part(names)
		part(cities)
		part(n.String())
	}
	encoding := base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)
	return madeIDs + encoding.EncodeToString(h.Sum(nil)[:16])
}

// joined returns the cells of some columns in a form that only words make a difference to.
func joined(cells []string, columns []int) string {
	var parts []string
	for _, i := range columns {
		if i < len(cells) {
			if text := plainText(cells[i]); text != "" {
				parts = append(parts, text)
			}
		}
	}
	return strings.Join(parts, "\x1f")
}
