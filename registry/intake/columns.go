package intake

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"phoneregistry/registry"
)

// Columns says which columns of a file hold what, by their place in the header, 0 for the first.
type Columns struct {
	Phones    []int // in the order of their numbers; the row's primary phone first
	Customer  int   // the customer's id; None when ids are made from the rows
	Region    int   // the country; None
	Extension int   // of the first phone column; None
	Primary   int   // whether the row's first number is the customer's primary one; None
	Places    []int // city, then state: they complete local numbers

	// What tells rows apart where there is no customer column.
	Names     []int
	Mails     []int
	Addresses []int
	Cities    []int // the first of Places, unless that is a state
}

// None says that a file has no such column.
const None = -1

// Fields that a caller can name columns for, besides phone2, phone3 and so on.
const (
	FieldPhone     = "phone"
	FieldCustomer  = "customer"
	FieldCity      = "city"
	FieldRegion    = "region"
	FieldExtension = "extension"
	FieldPrimary   = "primary"
)

// findColumns tells what the columns hold: those that the caller named, and guesses by their names for the rest.
//
// A field names its column as the header does (case, accents and punctuation do not matter), or as #3 by its place, 1
// for the first. phone and city take several, divided by commas; phone2, phone3 and so on add one each. A dash
// says that there is none, and stops the guessing.
func findColumns(header []string, fields map[string]string) (Columns, error) {
	c := guessColumns(header)
	if err := c.apply(header, fields); err != nil {
		return Columns{}, err
	}
	if len(c.Phones) == 0 {
		return Columns{}, noPhone(header)
	}
	c.release()
	if n := len(c.Phones); n > MaxPhoneColumns {
		return Columns{}, errorf("map", "%d columns hold phones; %d are allowed: name them with --map phone=COLUMN,COLUMN", n, MaxPhoneColumns)
	}
	return c, nil
}

// apply puts the columns named by the caller in the place of guesses.
func (c *Columns) apply(header []string, fields map[string]string) error {
	var phones []string
	for field := range fields {
		if isPhoneField(field) {
			phones = append(phones, field)
		}
	}
	slices.SortFunc(phones, func(a, b string) int { return len(a)*100 + strings.Compare(a, b) - len(b)*100 })
	if len(phones) > 0 {
		c.Phones = nil
	}
	for _, field := range phones {
		found, err := columnsNamed(header, field, fields[field])
		if err != nil {
			return err
		}
		c.Phones = append(c.Phones, found...)
	}
	for field, name := range fields {
		if isPhoneField(field) {
			continue
		}
		if !slices.Contains([]string{FieldCity, FieldCustomer, FieldRegion, FieldExtension, FieldPrimary}, field) {
			return errorf("map", "there is no field %s: want %s, phone2 and so on, %s, %s, %s, %s or %s", Show(field),
				FieldPhone, FieldCustomer, FieldCity, FieldRegion, FieldExtension, FieldPrimary)
		}
		found, err := columnsNamed(header, field, name)
		if err != nil {
			return err
		}
		if err := c.set(field, found); err != nil {
			return err
		}
	}
	return nil
}

func (c *Columns) set(field string, found []int) error {
	if field == FieldCity {
		c.Places, c.Cities = found, found[:min(len(found), 1)]
		return nil
	}
	one := None
	if len(found) > 0 {
		one = found[0]
	}
	if len(found) > 1 {
		return errorf("map", "%s takes one column, not %d", field, len(found))
	}
	switch field {
	case FieldCustomer:
		c.Customer = one
	case FieldRegion:
		c.Region = one
	case FieldExtension:
		c.Extension = one
	case FieldPrimary:
		c.Primary = one
	}
	return nil
}

// release takes a column that the caller named for one field away from the guesses for others.
func (c *Columns) release() {
	c.Phones = slices.Compact(c.Phones)
	for _, other := range []*int{&c.Customer, &c.Region, &c.Extension, &c.Primary} {
		if slices.Contains(c.Phones, *other) {
			*other = None
		}
	}
	taken := func(i int) bool { return slices.Contains(c.Phones, i) || i == c.Extension || i == c.Primary }
	for _, list := range []*[]int{&c.Places, &c.Names, &c.Mails, &c.Addresses, &c.Cities} {
		*list = slices.DeleteFunc(slices.Clone(*list), taken)
	}
}

func isPhoneField(field string) bool {
	number, found := strings.CutPrefix(field, FieldPhone)
	if !found || number == "" {
		return found
	}
	n, err := strconv.Atoi(number)
	return err == nil && n > 0 && n < 100
}

// columnsNamed returns the columns that a caller named.
func columnsNamed(header []string, field, names string) ([]int, error) {
	if names = strings.TrimSpace(names); names == "" || names == "-" {
		return nil, nil
	}
	if i := columnNamed(header, names); i != None {
		return []int{i}, nil
	}
	var found []int
	if field == FieldPhone || field == FieldCity {
		for name := range strings.SplitSeq(names, ",") {
			i := columnNamed(header, name)
			if i == None {
				return nil, notThere(header, field, name)
			}
			found = append(found, i)
		}
		return found, nil
	}
	return nil, notThere(header, field, names)
}

func columnNamed(header []string, name string) int {
	if i := slices.Index(header, name); i >= 0 {
		return i
	}
	if place, found := strings.CutPrefix(strings.TrimSpace(name), "#"); found {
		if n, err := strconv.Atoi(place); err == nil && n >= 1 && n <= len(header) {
			return n - 1
		}
	}
	want := fold(name)
	if want == "" {
		return None
	}
	return slices.IndexFunc(header, func(h string) bool { return fold(h) == want })
}

func notThere(header []string, field, name string) *registry.Error {
	return errorf("map", "%s=%s names a column that is not there: the file has %s", field, Show(name), showAll(header))
}

func noPhone(header []string) *registry.Error {
	for _, name := range header {
		if digitsIn(name) >= 7 {
			return errorf("map", "the first line holds data, not the names of columns: put a header line before it, "+
				"with a column named telefono or phone")
		}
	}
	return errorf("map", "no column seems to hold phone numbers: the file has %s; name it with --map phone=COLUMN", showAll(header))
}

// showAll lists the columns of a file in a message.
func showAll(header []string) string {
	const most = 40
	names := make([]string, 0, most)
	for _, name := range header[:min(len(header), most)] {
		names = append(names, Show(name))
	}
	list := strings.Join(names, ", ")
	if n := len(header) - most; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	if len(header) == 1 {
		return "one column, " + list
	}
	return fmt.Sprintf("%d columns: %s", len(header), list)
}

// Show quotes a name that came from outside: cut short, on one line, and without its digits where it might be a
// phone number.
func Show(name string) string {
	const longest = 60
	name = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, strings.TrimSpace(name))
	if runes := []rune(name); len(runes) > longest {
		name = string(runes[:longest-1]) + "…"
	}
	if digitsIn(name) > 4 {
		name = strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return '#'
			}
			return r
		}, name)
	}
	return `"` + name + `"`
}

func digitsIn(s string) int {
	n := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			n++
		}
	}
	return n
}
