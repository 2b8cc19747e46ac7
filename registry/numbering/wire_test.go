package numbering

import (
	"fmt"
	"strings"
	"testing"
)

// TestWire: the names of accounts as messaging services write them.
func TestWire(t *testing.T) {
	z := newNormalizer(t)
	for _, c := range []struct{ name, id, want string }{
		{"as it is", "573001234567", "+573001234567 MOBILE "},
		{"with a plus", "+573001234567", "+573001234567 MOBILE "},
		{"Mexico with the old 1", "5215512345678", "+525512345678 FIXED_LINE_OR_MOBILE mx-mobile-1"},
		{"Mexico without it", "525512345678", "+525512345678 FIXED_LINE_OR_MOBILE "},
		{"Brazil with the 9", "5511987654321", "+5511987654321 MOBILE "},
		{"Brazil without it, São Paulo", "551187654321", "+5511987654321 MOBILE br-ninth-digit"},
		{"Brazil without it, Porto Alegre", "555180201045", "+5551980201045 MOBILE br-ninth-digit"},
		{"Brazil, a fixed line", "551132345678", "+551132345678 FIXED_LINE "},
		{"Argentina with the 9", "5491123456789", "+5491123456789 MOBILE "},
		{"Argentina without it", "541123456789", "+541123456789 FIXED_LINE , +5491123456789 MOBILE ar-wire-9"},
		{"Argentina without it, three-digit area", "543415551234", "+543415551234 FIXED_LINE , +5493415551234 MOBILE ar-wire-9"},
		{"Argentina with the 15 of home", "54111523456789", "+5491123456789 MOBILE "},
		{"an id of a user", "US.13491208655302741918", ""},
		{"an id of a group", "120363041234567890", ""},
		{"a number of no country", "2101234567", ""},
		{"too short", "123", ""},
		{"nothing", "", ""},
		{"a leading 0", "0573001234567", ""},
		{"punctuation", "57 300 123 4567", ""},
		{"too long", strings.Repeat("5", 17), ""},
	} {
		var got []string
		for _, r := range z.Wire(c.id) {
			if !r.IsValid {
				t.Errorf("%s: not valid: %+v", c.name, r)
			}
			got = append(got, fmt.Sprintf("%s %s %s", r.Number, r.LineType, r.AppliedRule))
		}
		if all := strings.Join(got, ", "); all != c.want {
			t.Errorf("%s: %q reads as %q, want %q", c.name, c.id, all, c.want)
		}
	}
}
