package numbering

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers/v2"
	"pgregory.net/rapid"
)

// invariant checks what holds for every result, whatever the text.
func invariant(t errorer, z *Normalizer, r Result) {
	t.Helper()
	if r.IsValid != (r.Reason == "") || r.IsValid != (r.Number != 0) {
		t.Errorf("valid %t, reason %q, number set %t", r.IsValid, r.Reason, r.Number != 0)
	}
	for _, id := range strings.FieldsFunc(r.AppliedRule, func(c rune) bool { return c == '+' }) {
		if !knownRule(z, id) {
			t.Errorf("rule %q is not in the rule data", id)
		}
	}
	if !r.IsValid {
		if r.LineType != Unknown || r.Region != "" {
			t.Errorf("invalid, yet %s %s", r.LineType, r.Region)
		}
		return
	}
	if !r.IsPossible || r.LineType == Unknown || r.Region == "" {
		t.Errorf("valid, yet possible %t, %s, region %q", r.IsPossible, r.LineType, r.Region)
	}
	e164 := r.Number.String()
	if back, err := ParseE164(e164); err != nil || back != r.Number {
		t.Errorf("no E.164 number: %v", err)
	}
	n := libraryNumber(r.Number)
	if got := phonenumbers.Format(n, phonenumbers.E164); got != e164 {
		t.Errorf("the library writes another number")
	}
	if !phonenumbers.IsValidNumber(n) || lineTypeNames[phonenumbers.GetNumberType(n)] != r.LineType || phonenumbers.GetRegionCodeForNumber(n) != r.Region {
		t.Errorf("%s: the library says valid %t, %s, %s; we %s, %s", e164, phonenumbers.IsValidNumber(n),
			lineTypeNames[phonenumbers.GetNumberType(n)], phonenumbers.GetRegionCodeForNumber(n), r.LineType, r.Region)
	}
	for _, region := range []string{"", "CO", "MX", r.Region} {
		again := z.Parse(e164, Options{Region: region})
		if again.Number != r.Number || again.AppliedRule != "" {
			t.Errorf("%s in %q becomes %s by %q", e164, region, again.Number, again.AppliedRule)
		}
	}
}

func knownRule(z *Normalizer, id string) bool {
	for _, r := range z.Rules() {
		if r.ID == id {
			return true
		}
	}
	return false
}

// checkText reads a text every way there is and checks that they agree.
func checkText(t errorer, z *Normalizer, text string, o Options) []Result {
	t.Helper()
	all := z.ParseAll(text, o)
	if len(all) == 0 || len(all) > MaxPieces+maxRange {
		t.Errorf("%d results", len(all))
		return all
	}
	seen := map[Number]bool{}
	var best *Result
	for i := range all {
		r := all[i]
		invariant(t, z, r)
		if r.IsValid && seen[r.Number] {
			t.Errorf("%s is there twice", r.Number)
		}
		seen[r.Number] = true
		if r.IsValid && best == nil {
			best = &all[i]
		}
		if !strings.Contains(text, r.Input) {
			t.Errorf("the piece %q is not of the text", r.Input)
		}
		if utf8.ValidString(text) && !utf8.ValidString(r.Input) {
			t.Errorf("the piece %q cuts a character", r.Input)
		}
	}
	if best == nil {
		best = &all[0]
	}
	one := z.Parse(text, o)
	if one.Number != best.Number || one.Reason != best.Reason || one.Input != text {
		t.Errorf("Parse: %s %q, ParseAll: %s %q", one.Number, one.Reason, best.Number, best.Reason)
	}
	return all
}

// drawText draws texts like those in files: groups of digits with all kinds of
// things between them.
func drawText(t *rapid.T) string {
	var b strings.Builder
	for range rapid.IntRange(1, 12).Draw(t, "parts") {
		b.WriteString(rapid.OneOf(
			rapid.StringMatching(`[0-9]{1,4}`),
			rapid.StringMatching(`[0-9]{6,11}`),
			rapid.SampledFrom([]string{"3001234567", "6012345678", "5512345678", "4177828", "79504027", "927230650", "+57", "0057", "00", "44", "521"}),
			rapid.SampledFrom([]string{" ", " ", "-", " - ", "--", "/", ",", ";", ".", "(", ")", "+", " y ", " al ", " ext. ", "EXT", "x", "#", "Tel. ", " fax ", "\n", "e", "E8", ".0", "’", " ", "٠١٢", "１２３", "abc", "ñ", "\xff", "¿", "opción "}),
			rapid.String(),
		).Draw(t, "part"))
	}
	return b.String()
}

func drawOptions(t *rapid.T) Options {
	return Options{
		Region: rapid.SampledFrom([]string{"CO", "MX", "GT", "ES", "AR", "BR", "US", "DE", "CI", "BJ", "", "co", "XX"}).Draw(t, "region"),
		Area:   rapid.SampledFrom([]string{"", "", "601", "1", "55", "(33)", "11"}).Draw(t, "area"),
		City:   rapid.SampledFrom([]string{"", "", "Medellín", "Guadalajara, Jalisco", "Caldas", "nowhere"}).Draw(t, "city"),
	}
}

func TestAnyText(t *testing.T) {
	z := newNormalizer(t)
	rapid.Check(t, func(t *rapid.T) { checkText(t, z, drawText(t), drawOptions(t)) })
}

// TestWaysToWrite writes a valid number of any region in the usual ways and reads
// it back.
func TestWaysToWrite(t *testing.T) {
	z, all := newNormalizer(t), exampleNumbers()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom(all).Draw(t, "number")
		e164 := phonenumbers.Format(n, phonenumbers.E164)
		if outOfE164(e164) {
			return
		}
		text := rapid.SampledFrom([]string{e164, phonenumbers.Format(n, phonenumbers.INTERNATIONAL),
			"Tel.: " + e164, e164 + " ext. 12", "\u202a" + e164 + "\u202c", "tel:" + e164, "'" + e164, e164 + ";", "(" + e164 + ")"}).Draw(t, "text")
		if rapid.Bool().Draw(t, "other digits") {
			zero := rapid.SampledFrom([]rune{'٠', '۰', '०', '০', '０', '𝟎'}).Draw(t, "zero")
			text = strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' {
					return zero + r - '0'
				}
				return r
			}, text)
		}
		if got := z.Normalize(text, drawOptions(t)); got.Number.String() != e164 {
			t.Fatalf("%q reads as %s %q", text, got.Number, got.Reason)
		}
	})
}

// TestEnrichCache: what the cache says of a number is what a fresh look says.
func TestEnrichCache(t *testing.T) {
	cached, all := newNormalizer(t), exampleNumbers()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom(all).Draw(t, "near")
		digits := []byte(phonenumbers.Format(n, phonenumbers.E164))
		for i := range 2 {
			digits[len(digits)-1-i] = byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
		}
		got := cached.Parse(string(digits), Options{})
		if !got.IsValid {
			return
		}
		cached.Enrich(&got)
		fresh := cached.enrich(&got)
		if got.OriginalCarrier != fresh.carrier || got.Location != fresh.location || !cmp.Equal(got.TimeZones, fresh.zones) {
			t.Fatalf("%s: cached %q %q %v, fresh %+v", got.Number, got.OriginalCarrier, got.Location, got.TimeZones, fresh)
		}
		cached.finish(&got)
		compareWithLibrary(t, got, libraryNumber(got.Number))
	})
}

// TestDescribe: describing a stored number says what normalising its text says.
func TestDescribe(t *testing.T) {
	z, all := newNormalizer(t), exampleNumbers()
	rapid.Check(t, func(t *rapid.T) {
		e164 := phonenumbers.Format(rapid.SampledFrom(all).Draw(t, "number"), phonenumbers.E164)
		n, err := ParseE164(e164)
		if err != nil {
			return
		}
		if diff := cmp.Diff(z.Normalize(e164, Options{}), z.Describe(n)); diff != "" {
			t.Fatal(diff)
		}
	})
	for _, n := range []Number{0, -1, 5741234567, 5711234567, 999999999999999, 1} {
		if got := z.Describe(n); got.IsValid || got.Reason == "" || got.Number != n {
			t.Errorf("%d: %+v", n, got)
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	z := newNormalizer(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 200 {
				in := []string{"3001234567 / 4177828 ext 2", "+14155552671", "55 1234 5678 y 79", "9.2723065E8"}[(i+j)%4]
				if all := z.NormalizeAll(in, Options{Region: "CO", City: "Cali"}); len(all) == 0 {
					t.Error("nothing read")
				}
			}
		})
	}
	wg.Wait()
}

// TestBounded: texts made to hurt are refused or read in bounded memory.
func TestBounded(t *testing.T) {
	z := newNormalizer(t)
	o := Options{Region: "CO", Area: "601", City: "Bogotá"}
	for _, text := range []string{
		strings.Repeat("9", MaxInput), strings.Repeat("9 ", MaxInput/2), strings.Repeat("12-", MaxInput/3),
		strings.Repeat("3001234567 ", MaxInput/11), strings.Repeat("2345678/", MaxInput/8), strings.Repeat("+57", MaxInput/3),
		"3001234500 al 3001234599", strings.Repeat("3001234500 al 19 ", 30), strings.Repeat("((", MaxInput/2), strings.Repeat("٣", MaxInput/2),
		strings.Repeat("ext 1 ", 85), "3001234567" + strings.Repeat(" ext 1", 80), strings.Repeat("2345678 ", 63) + "1-2-3",
	} {
		var before, after runtime.MemStats
		z.ParseAll(text, o) // compile what is needed
		runtime.ReadMemStats(&before)
		all := z.ParseAll(text, o)
		runtime.ReadMemStats(&after)
		if len(all) == 0 || len(all) > MaxPieces+maxRange {
			t.Errorf("%.20q…: %d results", text, len(all))
		}
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<20 {
			t.Errorf("%.20q…: %d bytes allocated", text, spent)
		}
	}
	for _, n := range []int{MaxInput + 1, 10 << 20} {
		all := z.ParseAll(strings.Repeat("3", n), o)
		if len(all) != 1 || all[0].Reason != TooLongInput {
			t.Errorf("%d bytes: %v", n, brief(all))
		}
	}
}

// TestPlainAllocatesNothing guards the speed of bulk imports.
func TestPlainAllocatesNothing(t *testing.T) {
	z := newNormalizer(t)
	for _, in := range []string{"3001234567", "+57 300 123 4567", "(55) 1234-5678", "6012345678"} {
		for _, region := range []string{"CO", "MX"} {
			if !z.Parse(in, Options{Region: region}).IsValid {
				continue
			}
			if n := testing.AllocsPerRun(100, func() { z.Parse(in, Options{Region: region}) }); n > 0 {
				t.Errorf("%q in %s: %v allocations", in, region, n)
			}
		}
	}
}

func FuzzNormalize(f *testing.F) {
	for _, c := range cells {
		f.Add(c.in, c.o.Region, c.o.Area, c.o.City)
	}
	for _, in := range []string{"", " ", "+", "++57", "tel:+57;ext=5", "tel:1;phone-context=+57", "0e0", "1E400", "+00573001234567", "\xff\xfe3001234567", "٣٠٠١٢٣٤٥٦٧", "3001234567 al 3001234560", "((((3001234567))))"} {
		f.Add(in, "CO", "601", "")
	}
	// Found by drawing: more digits than any number before a .0.
	f.Add("00"+strings.Repeat("3001234567", 3)+".0", "GT", "601", "")
	z := newNormalizer(f)
	f.Fuzz(func(t *testing.T, text, region, area, city string) {
		o := Options{Region: region, Area: area, City: city}
		checkText(t, z, text, o)
		for _, r := range z.NormalizeAll(text, o) {
			if r.IsValid && (r.NationalFormat == "" || r.InternationalFormat == "") {
				t.Errorf("%s has no format", r.Number)
			}
		}
	})
}
