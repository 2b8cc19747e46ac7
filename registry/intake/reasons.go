package intake

import "fmt"

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
