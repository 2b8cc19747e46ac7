package scalar

import (
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// MaxDuration is the longest span that is read: ten years.
const MaxDuration = 3650 * day

const day = 24 * time.Hour

// unit is a designator of ISO 8601 and its length. Months count 30 days, years 365.
type unit struct {
	letter byte
	length time.Duration
}

// dateUnits are the designators before the T, in the order in which they may follow each other.
func dateUnits() []unit {
	return []unit{{'Y', 365 * day}, {'M', 30 * day}, {'W', 7 * day}, {'D', day}}
}

// timeUnits are the designators behind the T.
func timeUnits() []unit {
	return []unit{{'H', time.Hour}, {'M', time.Minute}, {'S', time.Second}}
}

// MarshalDuration writes a span as ISO 8601 in days, hours, minutes and seconds, "P30D" or "PT12H".
func MarshalDuration(d time.Duration) graphql.Marshaler {
	return graphql.MarshalString(FormatDuration(d))
}

// FormatDuration writes a span as ISO 8601; a negative one counts as zero.
func FormatDuration(d time.Duration) string {
	d = max(d, 0).Truncate(time.Microsecond)
	if d == 0 {
		return "PT0S"
	}
	var b strings.Builder
	b.WriteByte('P')
	if days := d / day; days > 0 {
		b.WriteString(strconv.FormatInt(int64(days), 10) + "D")
	}
	if d %= day; d == 0 {
		return b.String()
	}
	b.WriteByte('T')
	for _, u := range timeUnits()[:2] {
		if n := d / u.length; n > 0 {
			b.WriteString(strconv.FormatInt(int64(n), 10) + string(u.letter))
			d %= u.length
		}
	}
	if d > 0 {
		b.WriteString(strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "S")
	}
	return b.String()
}

// UnmarshalDuration reads a span of ISO 8601 in the grammar of RFC 3339, appendix A, with whole numbers: "P30D",
// "P1Y6M", "P2W", "PT1H30M". At most MaxDuration.
func UnmarshalDuration(v any) (time.Duration, error) {
	text, isText := v.(string)
	units, isPeriod := strings.CutPrefix(text, "P")
	date, clock, hasClock := strings.Cut(units, "T")
	if !isText || !isPeriod || units == "" || (hasClock && clock == "") {
		return 0, notDuration()
	}
	total, err := sumUnits(0, date, dateUnits())
	if err != nil {
		return 0, err
	}
	return sumUnits(total, clock, timeUnits())
}

// sumUnits adds up "1Y6M": numbers, each followed by its designator, in the order of units and none of them twice.
func sumUnits(total time.Duration, text string, units []unit) (time.Duration, error) {
	for text != "" {
		digits := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if digits < 1 || digits > 12 { // 12 digits of seconds are far beyond MaxDuration
			return 0, notDuration()
		}
		n, err := strconv.ParseInt(text[:digits], 10, 64)
		if err != nil {
			return 0, notDuration()
		}
		u, rest, ok := takeUnit(text[digits], units)
		if !ok {
			return 0, notDuration()
		}
		units = rest
		if n > int64((MaxDuration-total)/u.length) {
			return 0, registry.Errorf(registry.CodeInvalidInput, nil,
				"longer than allowed: at most %s", FormatDuration(MaxDuration))
		}
		total += time.Duration(n) * u.length
		text = text[digits+1:]
	}
	return total, nil
}

func takeUnit(letter byte, units []unit) (unit, []unit, bool) {
	for i, u := range units {
		if u.letter == letter {
			return u, units[i+1:], true
		}
	}
	return unit{}, nil, false
}

func notDuration() *registry.Error {
	return registry.Errorf(registry.CodeInvalidInput, nil,
		"not a duration of ISO 8601 in whole numbers; right is for example P30D or PT12H")
}
