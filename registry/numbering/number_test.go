package numbering

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseE164(t *testing.T) {
	for in, want := range map[string]Number{
		"+573001234567": 573001234567, "+1234567": 1234567, "+999999999999999": 999999999999999,
		"": 0, "+": 0, "573001234567": 0, "+123456": 0, "+1234567890123456": 0, "+0573001234": 0,
		"+57 3001234567": 0, "+57300123456７": 0, "+57300123456a": 0, "++573001234567": 0,
	} {
		got, err := ParseE164(in)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("ParseE164(%q) = %d, %v", in, got, err)
		}
		if err != nil && in != "" && len(in) > 2 && strings.Contains(err.Error(), in[1:]) {
			t.Errorf("the error repeats the input")
		}
	}
}

func TestNumberForms(t *testing.T) {
	for _, c := range []struct {
		n            Number
		text, masked string
		calling      int
	}{
		{n: 573001234567, text: "+573001234567", masked: "+5730****67", calling: 57},
		{n: 14155552671, text: "+14155552671", masked: "+141****71", calling: 1},
		{n: 50279504027, text: "+50279504027", masked: "+50279****27", calling: 502},
		{n: 2906123, text: "+2906123", masked: "+290****", calling: 290},
		{n: 0, text: "", masked: "", calling: 0},
		{n: -5, text: "", masked: "", calling: 0},
	} {
		if c.n.String() != c.text || c.n.Masked() != c.masked || c.n.CallingCode() != c.calling {
			t.Errorf("%d: %q %q %d", c.n, c.n.String(), c.n.Masked(), c.n.CallingCode())
		}
	}
}

func TestE164RoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := Number(rapid.Int64Range(1_000_000, 999_999_999_999_999).Draw(t, "n"))
		if back, err := ParseE164(n.String()); err != nil || back != n {
			t.Fatalf("%d → %q → %d, %v", n, n.String(), back, err)
		}
		if masked := n.Masked(); strings.Contains(masked, n.String()[1:]) || !strings.Contains(masked, "****") {
			t.Fatalf("%d is shown as %q", n, masked)
		}
	})
}
