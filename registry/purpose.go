package registry

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxPurpose is how long a purpose may be, in characters.
const MaxPurpose = 200

// How many digits in a row make a purpose look as if it held a phone number: with nothing between them, or behind a plus
// sign; and with separators between them, where ten leave room for a date.
const (
	digitsTogether = 7
	digitsApart    = 10
)

// ParsePurpose reads for what whole numbers are asked: 1 to 200 characters without control characters. Blanks around it
// are cut off. It is written to the access log and shown to administrators, so it must not hold what may be a phone
// number. Its error never repeats the text.
func ParsePurpose(text string) (string, error) {
	wrong := func(why string) (string, error) {
		return "", Errorf(CodeInvalidInput, []string{"purpose"}, "the purpose %s", why)
	}
	if !utf8.ValidString(text) {
		return wrong("is not UTF-8")
	}
	text = strings.TrimSpace(text)
	switch count := utf8.RuneCountInString(text); {
	case count == 0:
		return wrong("is empty: say in a few words what the numbers are for")
	case count > MaxPurpose:
		return wrong("is too long: at most 200 characters are allowed")
	case strings.ContainsFunc(text, unprintable):
		return wrong("holds a control character")
	case holdsNumber(text):
		return wrong("holds what may be a phone number: it is kept in the access log, so leave numbers out")
	}
	return text, nil
}

// unprintable reports what changes how the text around it is shown, or is no character.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == utf8.RuneError
}

// holdsNumber reports whether a text holds what may be a phone number.
func holdsNumber(text string) bool {
	together, apart, gap, plus := 0, 0, 0, false
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			together, apart, gap = together+1, apart+1, 0
			if together >= digitsTogether || apart >= digitsApart || plus && apart >= digitsTogether {
				return true
			}
			continue
		case strings.ContainsRune(" .-()/\u00a0\u2010\u2011\u2012\u2013", r) && gap < 2:
			gap++
		default:
			apart, gap, plus = 0, 0, r == '+' || r == '＋'
		}
		together = 0
	}
	return false
}
