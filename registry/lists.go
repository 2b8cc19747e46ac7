package registry

import (
	"slices"

	"github.com/google/uuid"
)

// MaxPageSize is the largest page of any list; DefaultPageSize is used when nothing is said.
const (
	MaxPageSize     = 500
	DefaultPageSize = 50
)

// Position is where a page of an ordered list ends: the sort value of its last entry and what tells it from others
// with the same value. Which fields a list uses is up to the list.
type Position struct {
	Sort   int64  `json:"s,omitempty"` // a number, a score, or microseconds since 1970
	Number Number `json:"n,omitempty"`
	Text   string `json:"t,omitempty"`
}

// PageRequest asks for one page of a list.
type PageRequest struct {
	First  int       // 1 to MaxPageSize
	After  *Position // nil: from the start
	Fields Fields    // what of the entries is wanted
}

// Fields is what of an object is wanted beside its keys, by the names of the API; nil: everything. What is not wanted
// need not be read and may be the zero value.
type Fields []string

// ContactFields is what of the phones of customers is wanted.
type ContactFields struct {
	Contact Fields // of what is known of the number of the customer; nil: everything
	Phone   Fields // of the number's row in the registry; nil: it is not read
}

// Has reports whether a field is wanted.
func (f Fields) Has(field string) bool { return f == nil || slices.Contains(f, field) }

// Page is one page of a list; Positions[i] is where a page that ends with Items[i] ends.
type Page[T any] struct {
	Items     []T
	Positions []Position
	HasMore   bool
}

// PhoneFilter says which phones. All conditions must hold; the zero value means all.
type PhoneFilter struct {
	Regions      []string   `json:"regions,omitempty"`
	LineTypes    []LineType `json:"lineTypes,omitempty"`
	CustomerIDs  []string   `json:"customerIds,omitempty"`
	Sources      []string   `json:"sources,omitempty"`
	IsVerified   *bool      `json:"isVerified,omitempty"`
	IsValid      *bool      `json:"isValid,omitempty"`
	NumberPrefix string     `json:"numberPrefix,omitempty"` // digits, with or without the plus
	MinScore     *int       `json:"minScore,omitempty"`
	Tiers        []Tier     `json:"tiers,omitempty"`
	Platforms    []Platform `json:"platforms,omitempty"` // ACTIVE on every one of these
}

// PhoneOrderField is what phones are ordered by.
type PhoneOrderField string

// The orders of phones.
const (
	OrderByNumber    PhoneOrderField = "NUMBER"
	OrderByCreatedAt PhoneOrderField = "CREATED_AT"
	OrderByUpdatedAt PhoneOrderField = "UPDATED_AT"
	OrderByScore     PhoneOrderField = "SCORE"
)

// PhoneOrder is how phones are ordered; the number breaks ties. The zero value is by number, ascending.
type PhoneOrder struct {
	Field      PhoneOrderField
	Descending bool
}

// LeadFilter says which leads. All conditions must hold; the zero value means all.
type LeadFilter struct {
	Regions     []string
	Tiers       []Tier
	MinScore    *int
	MinCoverage *float64
	Numbers     []Number
}

// JobFilter says which jobs.
type JobFilter struct {
	Statuses []JobStatus
}

// QuarantineFilter says which quarantine entries of an import.
type QuarantineFilter struct {
	Import uuid.UUID
	Reason string // "": any
}
