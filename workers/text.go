package workers

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"phoneregistry/internal/bus"
)

const (
	maxMethodBytes = 64
	// fewestDigits is how many digits make a phone number out of a run of digits; E.164 has none with fewer.
	fewestDigits = 7
	numberMark   = "[number]"
)

// validMethod reports whether m can be stored as a method.
func validMethod(m string) bool {
	return m != "" && len(m) <= maxMethodBytes && !strings.ContainsFunc(m, func(r rune) bool {
		return r == utf8.RuneError || !unicode.IsPrint(r)
	})
}

// cleanReason makes a text from outside fit to be stored and shown: valid UTF-8 on one line, no phone number, at most
// bus.MaxReasonBytes.
func cleanReason(s string) string {
	if len(s) > 8*bus.MaxReasonBytes {
		s = s[:8*bus.MaxReasonBytes]
	}
	return cut(strings.TrimSpace(withoutNumbers(oneLine(s))))
}

func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
}

// withoutNumbers replaces every run of digits, with whatever people write between the digits of a phone number, that
// is long enough to be one. It takes some dates with it; losing a date is better than telling a number.
func withoutNumbers(s string) string {
	var out strings.Builder
	for rest := s; rest != ""; {
		start := strings.IndexFunc(rest, isDigitOrPlus)
		if start < 0 {
			out.WriteString(rest)
			break
		}
		out.WriteString(rest[:start])
		end, digits := numberRun(rest[start:])
		if digits >= fewestDigits {
			out.WriteString(numberMark)
		} else {
			out.WriteString(rest[start : start+end])
		}
		rest = rest[start+end:]
	}
	return out.String()
}

// numberRun returns where a run of digits that s starts with ends, and how many digits it has.
func numberRun(s string) (end, digits int) {
	for i, r := range s {
		switch {
		case unicode.IsDigit(r):
			digits++
			end = i + utf8.RuneLen(r)
		case i == 0: // the plus
			end = i + utf8.RuneLen(r)
		case !unicode.IsSpace(r) && !unicode.IsPunct(r) && !unicode.IsSymbol(r):
			return end, digits
		}
	}
	return end, digits
}

func isDigitOrPlus(r rune) bool { return r == '+' || unicode.IsDigit(r) }

// cut shortens s to at most bus.MaxReasonBytes without splitting a character.
func cut(s string) string {
	n := bus.MaxReasonBytes
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
