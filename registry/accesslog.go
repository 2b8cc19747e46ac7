package registry

import (
	"context"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// AccessEntry is one operation, event of a stream or part of a download that showed whole numbers.
type AccessEntry struct {
	ID        uuid.UUID // version 7, made by who showed them: grows with At
	At        time.Time // to the microsecond
	Actor     string
	Token     string // which token bore that name; "": none, or not told
	Role      Role
	Purpose   string // "": none was told
	Operation string // see Shown
	Fields    []string
	Revealed  int64
	RequestID string
}

// Shown is what was shown whole, or is about to be.
type Shown struct {
	Operation string   // the operation's name, or the address of a download without its ids; "": none
	Fields    []string // as Type.field
	Values    int64
	Standing  bool // to a receiver that an administrator has set up: however many, that is what it is for
}

// AccessRecorder remembers who is shown whole numbers. What it did not take must not leave the server.
type AccessRecorder interface {
	// Ready tells whether Record would take an entry now.
	Ready() error
	// Record takes an entry. When it returns nil the entry outlives the process.
	Record(who Actor, what Shown) error
}

// AccessStore holds the access log.
type AccessStore interface {
	// AddAccessEntries writes entries. One whose id is there already is left as it is.
	AddAccessEntries(ctx context.Context, entries []AccessEntry) error
	// AccessEntries pages through the entries, newest first.
	AccessEntries(ctx context.Context, f AccessFilter, p PageRequest) (Page[AccessEntry], error)
	CountAccessEntries(ctx context.Context, f AccessFilter) (int64, error)
	AccessEntry(ctx context.Context, id uuid.UUID) (AccessEntry, error)
	// PurgeAccessLog deletes entries from before a time, oldest first, at most limit of them, and returns how many.
	PurgeAccessLog(ctx context.Context, before time.Time, limit int) (int64, error)
}

// AccessFilter is which reads. All conditions must hold; zero values mean no condition.
type AccessFilter struct {
	Actor       *string
	RequestID   *string
	Since       *time.Time
	Until       *time.Time // not included
	MinRevealed *int64
}

// Bounds of the texts of an entry, in characters. What is longer is cut.
const (
	MaxOperationName = 64
	maxAccessText    = 200
)

// longDigits is what may be a phone number in a text that callers choose.
var longDigits = regexp.MustCompile(`[0-9]{7,}`)

// NewAccessEntry makes an entry without its id. Texts are cut and cleaned: the name of an operation is what a caller
// writes, and may hold a number.
func NewAccessEntry(at time.Time, who Actor, what Shown) AccessEntry {
	if what.Fields == nil {
		what.Fields = []string{}
	}
	return AccessEntry{
		At: at.UTC().Truncate(time.Microsecond), Actor: clean(who.Name, maxAccessText), Token: clean(who.Token, maxAccessText), Role: who.Role,
		Purpose: clean(who.Purpose, MaxPurpose), Operation: operationName(what.Operation), Fields: what.Fields,
		Revealed: what.Values, RequestID: clean(who.RequestID, maxAccessText),
	}
}

func operationName(name string) string {
	digits := 0
	for i := range len(name) {
		if '0' <= name[i] && name[i] <= '9' {
			digits++
		}
	}
	if digits >= digitsTogether { // most names have none
		name = longDigits.ReplaceAllString(name, "#")
	}
	return clean(name, MaxOperationName)
}

// clean cuts a text, and makes it one that every store can keep.
func clean(text string, most int) string {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	}
	if len(text) <= most {
		return text
	}
	count := 0
	for at := range text {
		if count++; count > most {
			return text[:at]
		}
	}
	return text
}
