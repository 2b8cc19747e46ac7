package numbering

import (
	"errors"
	"strconv"

	"github.com/nyaruka/phonenumbers/v2/metadata"
)

// The lengths of an E.164 number in digits, country code included. ITU-T E.164
// sets the upper one; below the lower one no country assigns numbers that can be
// dialled from abroad.
const (
	MinDigits = 7
	MaxDigits = 15
)

// ErrNotE164 reports text that is not an E.164 number. It never carries the text.
var ErrNotE164 = errors.New("not an E.164 number: want + and 7 to 15 digits, the first not 0")

// Number is an E.164 number as an integer: its digits without the plus, at most
// 15, the first not 0. The zero value means no number.
type Number int64

// String returns the number in E.164 form, "+573001234567", and "" for 0.
func (n Number) String() string {
	if n <= 0 {
		return ""
	}
	var buf [24]byte
	return string(strconv.AppendInt(append(buf[:0], '+'), int64(n), 10))
}

// Masked returns the number with its middle hidden, "+5730****67": the country
// code and two digits stay at the front, two at the end. Of a short national
// number only the country code stays. It is "" for 0.
func (n Number) Masked() string {
	if n <= 0 {
		return ""
	}
	var buf [24]byte
	digits := strconv.AppendInt(buf[:0], int64(n), 10)
	code := callingCodeLength(digits)
	if len(digits)-code < maskedShortest {
		return "+" + string(digits[:code]) + "****"
	}
	return "+" + string(digits[:code+maskedFront]) + "****" + string(digits[len(digits)-2:])
}

// What a mask shows behind the calling code, and the shortest national number of
// which it does.
const (
	maskedFront    = 2
	maskedShortest = 7
)

// CallingCode returns the country calling code, 57 for +573001234567, and 0 when
// the number starts with none that is assigned.
func (n Number) CallingCode() int {
	if n <= 0 {
		return 0
	}
	var buf [24]byte
	digits := strconv.AppendInt(buf[:0], int64(n), 10)
	code := 0
	for _, d := range digits[:callingCodeLength(digits)] {
		code = code*10 + int(d-'0')
	}
	return code
}

// ParseE164 reads a number in strict E.164 form: a plus and 7 to 15 digits of
// which the first is not 0, nothing else. It does not ask the numbering plan.
func ParseE164(s string) (Number, error) {
	if len(s) < 1+MinDigits || len(s) > 1+MaxDigits || s[0] != '+' || s[1] == '0' {
		return 0, ErrNotE164
	}
	var n Number
	for i := 1; i < len(s); i++ {
		d := s[i] - '0'
		if d > 9 {
			return 0, ErrNotE164
		}
		n = n*10 + Number(d)
	}
	return n, nil
}

// SupportedRegion tells whether region (ISO 3166-1 alpha-2, upper case) is one
// that numbers can be read in.
func SupportedRegion(region string) bool {
	return metadata.SupportedRegions()[region]
}

// callingCodeLength returns how many of the leading digits are the calling code:
// 1 to 3, and 0 when there is none. No calling code is a prefix of another.
func callingCodeLength(digits []byte) int {
	code := 0
	for i := 0; i < len(digits) && i < 3; i++ {
		code = code*10 + int(digits[i]-'0')
		if code == 0 {
			return 0
		}
		if _, ok := metadata.CountryCodeToRegion()[code]; ok {
			return i + 1
		}
	}
	return 0
}
