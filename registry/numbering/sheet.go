package numbering

import "strings"

// maxWritten is the longest number that is looked at with all that may be written
// in front: the exit code, the country code, a carrier.
const maxWritten = 24

// damage is what a spreadsheet can have done to the whole of a text.
type damage struct {
	digits digits
	rule   string
	lost   bool // digits are gone for good
}

// spreadsheet recognises a text that went through a spreadsheet as a number.
// It reports false for all other texts.
//
// Scientific notation is undone when all digits are certain: at least seven are
// written and at most two zeros are left out at the end, as programs do that print
// the shortest exact form (9.2723065E8). Spreadsheets themselves show six digits at
// most (5.73001E+11), so that the rest is lost.
func spreadsheet(text []byte) (damage, bool) {
	if !looksCalculated(text) {
		return damage{}, false
	}
	s := strings.Trim(string(text), " \n+")
	if mantissa, exponent, ok := strings.Cut(s, "e"); ok {
		return scientific(mantissa, exponent)
	}
	whole, fraction, ok := strings.Cut(s, ".")
	if !ok {
		whole, fraction, ok = strings.Cut(s, ",")
	}
	if ok && len(whole) >= MinDigits-1 && len(whole) <= maxWritten && allDigits(whole) && (fraction == "0" || fraction == "00") {
		return damage{digits: digitsOf([]byte(whole)), rule: ruleDecimal}, true
	}
	return thousands(s)
}

// looksCalculated sorts out nearly all texts: a calculated number has digits, a
// decimal point or exponent, and nothing else.
func looksCalculated(text []byte) bool {
	marks := 0
	for _, b := range text {
		switch {
		case b == '.' || b == ',' || b == 'e':
			marks++
		case !isDigit(b) && b != '+' && b != ' ' && b != '\n':
			return false
		}
	}
	return marks > 0
}

func scientific(mantissa, exponent string) (damage, bool) {
	exponent = strings.TrimPrefix(exponent, "+")
	whole, fraction, _ := strings.Cut(strings.Replace(mantissa, ",", ".", 1), ".")
	if len(whole) != 1 || whole == "0" || !allDigits(whole) || (fraction != "" && !allDigits(fraction)) ||
		exponent == "" || len(exponent) > 2 || !allDigits(exponent) {
		return damage{}, false
	}
	power := 0
	for _, d := range []byte(exponent) {
		power = power*10 + int(d-'0')
	}
	written := digitsOf([]byte(whole), []byte(fraction))
	missing := power + 1 - int(written.n)
	if power+1 < MinDigits-1 || power+1 > maxNational || missing < 0 || written.n == 0 {
		return damage{}, false
	}
	if written.n < MinDigits || missing > 2 {
		return damage{lost: true}, true
	}
	written.push([]byte("00")[:missing]...)
	return damage{digits: written, rule: ruleScientific}, true
}

// thousands reads 3,001,234,567: groups of three, at least three of them.
func thousands(s string) (damage, bool) {
	parts := strings.Split(s, ",")
	if len(parts) < 3 || len(parts) > 6 || len(parts[0]) > 3 || !allDigits(parts[0]) {
		return damage{}, false
	}
	for _, p := range parts[1:] {
		if len(p) != 3 || !allDigits(p) {
			return damage{}, false
		}
	}
	return damage{digits: digitsOf([]byte(strings.Join(parts, ""))), rule: ruleThousands}, true
}

func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
