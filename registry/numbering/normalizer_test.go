package numbering

import (
	"strings"
	"testing"
)

func newNormalizer(t testing.TB) *Normalizer {
	t.Helper()
	z, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// want is an expected result: "" for reason means valid.
type want struct {
	number string
	line   LineType
	reason Reason
	rule   string
	ext    string
}

func check(t *testing.T, got Result, w want) {
	t.Helper()
	if got.Number.String() != w.number || got.Reason != w.reason || got.IsValid != (w.reason == "") {
		t.Errorf("number %q reason %q valid %t, want %q %q", got.Number, got.Reason, got.IsValid, w.number, w.reason)
	}
	if w.line != "" && got.LineType != w.line {
		t.Errorf("line type %s, want %s", got.LineType, w.line)
	}
	if got.AppliedRule != w.rule {
		t.Errorf("rule %q, want %q", got.AppliedRule, w.rule)
	}
	if got.Extension != w.ext {
		t.Errorf("extension %q, want %q", got.Extension, w.ext)
	}
}

func TestAcceptance(t *testing.T) {
	z := newNormalizer(t)
	for _, c := range []struct {
		in, region string
		want
	}{
		{"+57 300 123 4567", "CO", want{number: "+573001234567", line: Mobile}},
		{"300-123-4567", "CO", want{number: "+573001234567", line: Mobile}},
		{"(300) 123 4567", "CO", want{number: "+573001234567", line: Mobile}},
		{"573001234567", "CO", want{number: "+573001234567", line: Mobile}},
		{"00573001234567", "CO", want{number: "+573001234567", line: Mobile, rule: "idd-00"}},
		{"+5711234567", "CO", want{number: "+576011234567", line: FixedLine, rule: "co-fixed-2021"}},
		{"+14155552671", "CO", want{number: "+14155552671", line: FixedLineOrMobile}},
		{"123", "CO", want{reason: TooShort}},
		{"+57123", "CO", want{reason: TooShort}},
		{"abc123def", "CO", want{reason: Letters}},
		{"", "CO", want{reason: Empty}},
		{"+5215512345678", "MX", want{number: "+525512345678", line: FixedLineOrMobile, rule: "mx-mobile-1"}},
		{"0445512345678", "MX", want{number: "+525512345678", line: FixedLineOrMobile, rule: "mx-trunk"}},
	} {
		t.Run(c.in, func(t *testing.T) { check(t, z.Normalize(c.in, Options{Region: c.region}), c.want) })
	}
	t.Run("two numbers", func(t *testing.T) {
		got := z.NormalizeAll("3001234567 / 6012345678 ext 12", Options{Region: "CO"})
		if len(got) != 2 {
			t.Fatalf("%d results, want 2: %+v", len(got), got)
		}
		check(t, got[0], want{number: "+573001234567", line: Mobile})
		check(t, got[1], want{number: "+576012345678", line: FixedLine, ext: "12"})
	})
	t.Run("449 994 27 61 y 62", func(t *testing.T) {
		got := z.NormalizeAll("449 994 27 61 y 62", Options{Region: "MX"})
		if len(got) != 2 {
			t.Fatalf("%d results, want 2: %+v", len(got), got)
		}
		check(t, got[0], want{number: "+524499942761"})
		check(t, got[1], want{number: "+524499942762", rule: "list-ending"})
	})
	t.Run("spreadsheet", func(t *testing.T) {
		check(t, z.Normalize("9.2723065E8", Options{Region: "ES"}), want{number: "+34927230650", line: FixedLine, rule: "sheet-scientific"})
		check(t, z.Normalize("5550879914.0", Options{Region: "MX"}), want{number: "+525550879914", rule: "sheet-decimal"})
		check(t, z.Normalize("5.73001E+11", Options{Region: "CO"}), want{reason: PrecisionLost})
	})
	t.Run("local", func(t *testing.T) {
		check(t, z.Normalize("4177828", Options{Region: "CO", Area: "601"}), want{number: "+576014177828", rule: "co-local"})
		check(t, z.Normalize("4177828", Options{Region: "CO"}), want{reason: NoArea})
	})
}

// brief renders results for tables of cells: numbers and reasons in order.
func brief(all []Result) string {
	var parts []string
	for _, r := range all {
		s := r.Number.String()
		if !r.IsValid {
			s = string(r.Reason)
		}
		if r.Extension != "" {
			s += "x" + r.Extension
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, " ")
}
