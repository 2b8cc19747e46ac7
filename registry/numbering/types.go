// Package numbering reads telephone numbers as people write them and says what
// they are: the E.164 number, its region and line type, whether the numbering
// plan knows it, and, when the text had to be rewritten, by which rule.
//
// The numbering plans come from Google's libphonenumber metadata (by way of
// github.com/nyaruka/phonenumbers); on top of them stands versioned rule data of
// our own for what the metadata does not cover: plan migrations that ended, dialling
// prefixes that people still write down, local numbers without their area, and
// damage done by spreadsheets. See data/rules.json.
//
// The package is pure: no I/O, no clock, no globals that change. A Normalizer is
// safe for concurrent use. No error text and no reason ever carries a number.
package numbering

// LineType is the kind of line a number belongs to by the numbering plan. The
// values are those of the GraphQL enum.
type LineType string

// The line types. FixedLineOrMobile is for plans that do not tell the two apart
// (Mexico, the United States); Unknown for numbers that are not valid.
const (
	Mobile            LineType = "MOBILE"
	FixedLine         LineType = "FIXED_LINE"
	FixedLineOrMobile LineType = "FIXED_LINE_OR_MOBILE"
	TollFree          LineType = "TOLL_FREE"
	PremiumRate       LineType = "PREMIUM_RATE"
	SharedCost        LineType = "SHARED_COST"
	VoIP              LineType = "VOIP"
	PersonalNumber    LineType = "PERSONAL_NUMBER"
	Pager             LineType = "PAGER"
	UAN               LineType = "UAN"
	Voicemail         LineType = "VOICEMAIL"
	Unknown           LineType = "UNKNOWN"
)

// Reason says why an input is not a valid number. It is "" for a valid one.
// The codes are stable: they are stored with rejected rows.
type Reason string

// The reasons.
const (
	// Empty: nothing but blanks.
	Empty Reason = "EMPTY"
	// TooLongInput: the text is longer than MaxInput bytes and was not read.
	TooLongInput Reason = "TOO_LONG_INPUT"
	// TooManyNumbers: the text holds more than MaxPieces numbers; the rest was
	// not read.
	TooManyNumbers Reason = "TOO_MANY_NUMBERS"
	// NotANumber: no digits at all, or digits that cannot be a telephone number.
	NotANumber Reason = "NOT_A_NUMBER"
	// Letters: digits stuck together with letters that are no known label.
	Letters Reason = "LETTERS"
	// TooShort: fewer digits than any number of the region has.
	TooShort Reason = "TOO_SHORT"
	// TooLong: more digits than any number of the region, or than E.164 allows.
	TooLong Reason = "TOO_LONG"
	// InvalidLength: a number of digits between the shortest and the longest
	// that no number of the region has.
	InvalidLength Reason = "INVALID_LENGTH"
	// InvalidCountryCode: an international number of no known country.
	InvalidCountryCode Reason = "INVALID_COUNTRY_CODE"
	// NoRegion: a national number, and no (supported) region to read it in.
	NoRegion Reason = "NO_REGION"
	// NoArea: a local number, and no area or city to complete it with.
	NoArea Reason = "NO_AREA"
	// InvalidForRegion: the right length, but no such range in the plan.
	InvalidForRegion Reason = "INVALID_FOR_REGION"
	// PrecisionLost: a spreadsheet rounded digits away that cannot be restored.
	PrecisionLost Reason = "PRECISION_LOST"
	// RepeatedDigits: one digit over and over, as in 0000000: a placeholder, even
	// where the plan would allow it.
	RepeatedDigits Reason = "REPEATED_DIGITS"
	// Fragment: a few left-over digits beside other numbers of the same text.
	Fragment Reason = "FRAGMENT"
)

// Limits on what is read.
const (
	// MaxInput is the longest text, in bytes, that is looked at.
	MaxInput = 512
	// MaxPieces is how many numbers one text yields at most.
	MaxPieces = 32
)

// Options is what is known about where a text comes from.
type Options struct {
	// Region is the region to read national numbers in, as an ISO 3166-1 alpha-2
	// code; "" when none is known: then only international numbers are read.
	Region string
	// Area completes local numbers: "601" or "1" for Bogotá, the NIR ("55") in
	// Mexico, the area code without trunk prefix elsewhere.
	Area string
	// City is the city, department or state of the row ("Medellín", "Armenia,
	// Quindío"). It outranks Area when it is in the area table.
	City string
}

// Result is what was read from a text, or from one piece of it.
type Result struct {
	// Input is the text, or the piece of it, as received.
	Input string
	// Number is 0 unless the result is valid (Describe keeps the number given).
	Number Number
	// Region is the ISO 3166-1 alpha-2 code of the number's own region, "001"
	// for international services such as +800, "" when it has none.
	Region   string
	LineType LineType
	// IsPossible tells that the length fits the plan, IsValid that the number
	// lies in a range of the plan. Neither says that the number is in service.
	IsPossible, IsValid bool
	// Reason is "" exactly when IsValid.
	Reason Reason
	// AppliedRule names the rule of the rule data that rewrote the text, "" if it
	// could be read as it stood. Several rules are joined with "+" in the order
	// they were applied: "list-ending+co-local".
	AppliedRule string
	// Extension holds the digits to dial after the connection; several of them
	// are joined with a comma.
	Extension string
	// OriginalCarrier is the operator that the prefix was first assigned to;
	// after porting it may be another. Location is the area of a geographic
	// number, or its country, in Spanish where the data has it. TimeZones are
	// the IANA zones the number may be in. They are set by Normalize,
	// NormalizeAll, Enrich and Describe.
	OriginalCarrier, Location string
	TimeZones                 []string
	// NationalFormat and InternationalFormat show the number as it is customary
	// in its own region and abroad. They are set by Normalize, NormalizeAll and
	// Describe.
	NationalFormat, InternationalFormat string
}
