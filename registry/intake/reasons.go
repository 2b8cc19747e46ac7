package intake

import (
	"fmt"

	"phoneregistry/registry/numbering"
)

// Reason codes of quarantine that concern rows. Those of numbers are numbering's; those of records are Faults.
const (
	// NoPhone: all phone cells of the row are empty.
	NoPhone = "NO_PHONE"
	// RaggedRow: the row has more or fewer fields than the header, so that its phone or its customer is not certain.
	RaggedRow = "RAGGED_ROW"
	// InvalidCustomer: the customer's id is too long or holds control characters.
	InvalidCustomer = "INVALID_CUSTOMER_ID"
	// TooManyPhones: the customer already has the allowed number of phones.
	TooManyPhones = "TOO_MANY_PHONES"
)

// Explain says what a fault of a record means.
func (f Fault) Explain() string {
	switch f {
	case TooLong:
		return fmt.Sprintf("the row is longer than %d bytes", MaxRecord)
	case UnterminatedQuote:
		return "the row opens a quote that is never closed"
	}
	return ""
}

// explain says why a piece of a cell was not accepted. It never repeats the piece.
func explain(r numbering.Reason) string {
	switch r {
	case numbering.Empty:
		return "empty"
	case numbering.TooLongInput:
		return fmt.Sprintf("longer than %d bytes", numbering.MaxInput)
	case numbering.TooManyNumbers:
		return fmt.Sprintf("more than %d numbers; the rest was not read", numbering.MaxPieces)
	case numbering.NotANumber:
		return "no number"
	case numbering.Letters:
		return "letters among the digits"
	case numbering.TooShort:
		return "fewer digits than any number of the region has"
	case numbering.TooLong:
		return "more digits than any number of the region has"
	case numbering.InvalidLength:
		return "no number of the region has this many digits"
	case numbering.InvalidCountryCode:
		return "an international number of no known country"
	case numbering.NoRegion:
		return "a national number, and no region to read it in"
	case numbering.NoArea:
		return "a local number, and no area or city to complete it with"
	case numbering.InvalidForRegion:
		return "no such range in the region's numbering plan"
	case numbering.PrecisionLost:
		return "a spreadsheet rounded digits away"
	case numbering.RepeatedDigits:
		return "one digit over and over: a placeholder"
	case numbering.Fragment:
		return "a few digits left over beside other numbers"
	}
	return "not a valid number"
}
