package intake

import (
	"crypto/sha256"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// Numbers reads phone numbers. *numbering.Normalizer does.
type Numbers interface {
	AppendAll(dst []numbering.Result, raw string, o numbering.Options) []numbering.Result
	Enrich(r *numbering.Result)
	PlanVersion() string
}

// Context is what is known of a file from outside.
type Context struct {
	Source string
	Region string // default region of numbers
	Area   string // default area of local numbers
}

// Converter turns records of one file into rows. It is safe for concurrent use.
type Converter struct {
	layout    *Layout
	context   Context
	numbers   Numbers
	countries map[string]string
}

// NewConverter returns a converter for a file.
func NewConverter(l *Layout, c Context, n Numbers) *Converter {
	return &Converter{layout: l, context: c, numbers: n, countries: countries()}
}

// Convert reads one record. It never fails: what cannot be accepted is among the rejections. A row without numbers has
// at least one rejection.
func (c *Converter) Convert(rec Record) registry.ImportRow {
	row := registry.ImportRow{No: rec.Row, Raw: rec.Raw}
	sum := sha256.Sum256(rec.Raw)
	copy(row.Hash[:], sum[:])
	if rec.Fault != "" {
		reject(&row, string(rec.Fault), rec.Fault.Explain())
		return row
	}
	c.read(&row, c.layout.Split(c.layout.Encoding.Decode(rec.Raw)))
	if len(row.Numbers) == 0 && len(row.Rejections) == 0 {
		reject(&row, NoPhone, "the row has no phone")
	}
	return row
}

func (c *Converter) read(row *registry.ImportRow, cells []string) {
	columns, extra := &c.layout.Columns, c.surplus(cells)
	if allBeyond(columns.Phones, len(cells)) {
		reject(row, RaggedRow, "the row ends before its phone")
		return
	}
	if columns.Customer >= len(cells) {
		reject(row, RaggedRow, "the row ends before its customer")
		return
	}
	if extra > 0 && columns.Customer > columns.Phones[0] {
		reject(row, RaggedRow, "the row has more fields than the header, so its customer is not certain")
		return
	}
	id, ok := "", true
	if columns.Customer != None {
		id, ok = customerID(cells[columns.Customer])
	}
	if !ok {
		reject(row, InvalidCustomer, "the customer id is too long or holds control characters")
		return
	}
	c.readPhones(row, cells)
	if extra > 0 && len(row.Numbers) == 0 {
		row.Rejections = nil
		reject(row, RaggedRow, "the row has more fields than the header, and none in the place of its phone is a number")
		return
	}
	if len(row.Numbers) == 0 {
		return
	}
	if p := columns.Primary; p != None && p < len(cells) && isYes(cells[p]) {
		row.Numbers[0].MakePrimary = true
	}
	if row.CustomerID = id; id == "" {
		row.CustomerID = makeID(c.context.Source, c.layout, cells, row.Numbers[0].Phone.Number)
	}
}

// readPhones reads the numbers of all phone cells.
func (c *Converter) readPhones(row *registry.ImportRow, cells []string) {
	o := c.options(cells)
	var room [4]numbering.Result
	for place, i := range c.layout.Columns.Phones {
		if i >= len(cells) || strings.TrimSpace(cells[i]) == "" {
			continue
		}
		for _, r := range c.numbers.AppendAll(room[:0], cells[i], o) {
			switch {
			case r.IsValid && !has(row, r.Number):
				c.numbers.Enrich(&r)
				row.Numbers = append(row.Numbers, registry.ImportNumber{
					Phone:     registry.PhoneOf(r, c.numbers.PlanVersion()),
					Extension: c.extension(r.Extension, place, cells),
				})
			case !r.IsValid && r.Reason != numbering.Empty:
				reject(row, string(r.Reason), "column "+Show(c.layout.Header[i])+": "+registry.WhyInvalid(r.Reason))
			}
		}
	}
}

// options says by what the numbers of a row are read: the region its country names, and its place.
func (c *Converter) options(cells []string) numbering.Options {
	o := numbering.Options{Region: c.context.Region, Area: c.context.Area}
	columns := &c.layout.Columns
	if columns.Region != None && columns.Region < len(cells) {
		if region := regionOf(cells[columns.Region], c.countries); region != "" {
			o.Region = region
		}
	}
	for _, i := range columns.Places {
		if i >= len(cells) || strings.TrimSpace(cells[i]) == "" {
			continue
		}
		if o.City != "" {
			o.City += ", "
		}
		o.City += strings.TrimSpace(cells[i])
	}
	return o
}

// surplus is how many fields the row has beyond the header, empty ones at its end not counted.
func (c *Converter) surplus(cells []string) int {
	n := len(cells)
	for n > len(c.layout.Header) && strings.TrimSpace(cells[n-1]) == "" {
		n--
	}
	return n - len(c.layout.Header)
}

func reject(row *registry.ImportRow, reason, message string) {
	row.Rejections = append(row.Rejections, registry.Rejection{Reason: reason, Message: message})
}

func has(row *registry.ImportRow, n numbering.Number) bool {
	return slices.ContainsFunc(row.Numbers, func(known registry.ImportNumber) bool { return known.Phone.Number == n })
}

// maxExtension is the longest extension that is kept, in digits and commas.
const maxExtension = 32

// extension returns a number's extension: its own, or, in the first phone column, that of the extension column.
func (c *Converter) extension(own string, place int, cells []string) string {
	i := c.layout.Columns.Extension
	if own == "" && place == 0 && i != None && i < len(cells) {
		own = strings.Join(strings.FieldsFunc(cells[i], func(r rune) bool { return r < '0' || r > '9' }), ",")
	}
	for len(own) > maxExtension { // several: the first ones are kept
		own = own[:max(strings.LastIndexByte(own, ','), 0)]
	}
	return own
}

// isYes reads a cell that says yes or no, in Spanish or English.
func isYes(cell string) bool {
	switch plainText(cell) {
	case "1", "true", "t", "yes", "y", "si", "s", "x", "verdadero", "v", "primary", "principal":
		return true
	}
	return false
}

// plainText is a cell in lower case, without accents, with one blank between words.
func plainText(cell string) string {
	ascii := true
	for i := range len(cell) {
		if cell[i] >= 0x80 {
			ascii = false
		}
	}
	if !ascii {
		cell = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Mn, r) {
				return -1
			}
			return r
		}, norm.NFD.String(cell))
	}
	return strings.Join(strings.Fields(strings.ToLower(cell)), " ")
}

func allBeyond(columns []int, n int) bool {
	return !slices.ContainsFunc(columns, func(i int) bool { return i < n })
}
