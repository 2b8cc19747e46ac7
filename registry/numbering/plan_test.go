package numbering

import (
	"errors"
	"strconv"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"
	"pgregory.net/rapid"
)

// lineTypeNames maps the library's types to ours.
var lineTypeNames = map[phonenumbers.PhoneNumberType]LineType{
	phonenumbers.FIXED_LINE: FixedLine, phonenumbers.MOBILE: Mobile,
	phonenumbers.FIXED_LINE_OR_MOBILE: FixedLineOrMobile, phonenumbers.TOLL_FREE: TollFree,
	phonenumbers.PREMIUM_RATE: PremiumRate, phonenumbers.SHARED_COST: SharedCost,
	phonenumbers.VOIP: VoIP, phonenumbers.PERSONAL_NUMBER: PersonalNumber,
	phonenumbers.PAGER: Pager, phonenumbers.UAN: UAN, phonenumbers.VOICEMAIL: Voicemail,
	phonenumbers.UNKNOWN: Unknown,
}

func TestEveryTerritoryCompiles(t *testing.T) {
	p := newPlan()
	states := 0
	for _, c := range p.codes {
		if c == nil {
			continue
		}
		for _, tr := range c.territories {
			if !tr.ready() {
				t.Errorf("%s +%d: %v", tr.id, tr.code, tr.err)
				continue
			}
			states += len(tr.types.states)
		}
	}
	for region := range phonenumbers.GetSupportedRegions() {
		if p.regions[region] == nil {
			t.Errorf("region %s is missing", region)
		}
		if !SupportedRegion(region) {
			t.Errorf("SupportedRegion(%s) = false", region)
		}
	}
	t.Logf("%d states in all", states)
	if limit := 200_000; states > limit {
		t.Errorf("the automata have %d states, more than %d", states, limit)
	}
}

// sameAsLibrary parses digits both ways and compares everything that follows from
// them.
func sameAsLibrary(t errorer, p *plan, in string, plus bool, region string) {
	t.Helper()
	text := in
	if plus {
		text = "+" + in
	}
	want, err := phonenumbers.Parse(text, region)
	c, nsn, reason := p.parse([]byte(in), plus, p.regions[region])
	if (err == nil) != (reason == "") {
		t.Errorf("%s in %q: library %v, we %q", text, region, err, reason)
		return
	}
	if err != nil {
		// Without a region the library complains of the country code.
		if got := libraryReason(err); got != reason && !(got == InvalidCountryCode && reason == NoRegion) {
			t.Errorf("%s in %q: library %v (%s), we %s", text, region, err, got, reason)
		}
		return
	}
	if int(want.GetCountryCode()) != c.code || phonenumbers.GetNationalSignificantNumber(want) != string(nsn.bytes()) {
		t.Errorf("%s in %q: library +%d %s, we +%d %s", text, region, want.GetCountryCode(),
			phonenumbers.GetNationalSignificantNumber(want), c.code, nsn.bytes())
		return
	}
	tr, lt := c.classify(nsn.bytes())
	id := ""
	if tr != nil {
		id = tr.id
	}
	if r := phonenumbers.GetRegionCodeForNumber(want); r != id {
		t.Errorf("%s in %q: library region %q, we %q", text, region, r, id)
	}
	if wt := lineTypeNames[phonenumbers.GetNumberType(want)]; wt != lt {
		t.Errorf("%s in %q: library type %s, we %s", text, region, wt, lt)
	}
	if valid := phonenumbers.IsValidNumber(want); valid != (lt != Unknown) {
		t.Errorf("%s in %q: library valid %t, we %s", text, region, valid, lt)
	}
	wantFit := map[phonenumbers.ValidationResult]fit{
		phonenumbers.IS_POSSIBLE: fits, phonenumbers.IS_POSSIBLE_LOCAL_ONLY: fitsLocal,
		phonenumbers.TOO_SHORT: fitShort, phonenumbers.TOO_LONG: fitLong,
		phonenumbers.INVALID_LENGTH: fitsNot,
	}[phonenumbers.IsPossibleNumberWithReason(want)]
	if got := c.territories[0].fit(int(nsn.n)); got != wantFit {
		t.Errorf("%s in %q: library fit %d, we %d", text, region, wantFit, got)
	}
}

type errorer interface {
	Helper()
	Errorf(string, ...any)
}

func libraryReason(err error) Reason {
	switch {
	case errors.Is(err, phonenumbers.ErrInvalidCountryCode):
		return InvalidCountryCode
	case errors.Is(err, phonenumbers.ErrTooShortNSN), errors.Is(err, phonenumbers.ErrTooShortAfterIDD):
		return TooShort
	case errors.Is(err, phonenumbers.ErrNumTooLong):
		return TooLong
	}
	return NotANumber
}

func allRegions() []string {
	var out []string
	p := newPlan()
	for _, c := range p.codes {
		if c == nil {
			continue
		}
		for _, tr := range c.territories {
			if tr.id != nonGeographic {
				out = append(out, tr.id)
			}
		}
	}
	return out
}

// TestParseAgreesWithLibrary draws digit strings that look like numbers of a
// region, with and without its prefixes, and holds our reading against the
// library's.
func TestParseAgreesWithLibrary(t *testing.T) {
	p, regions := newPlan(), allRegions()
	rapid.Check(t, func(t *rapid.T) {
		region := rapid.SampledFrom(regions).Draw(t, "region")
		in, plus := drawDigits(t, p.regions[region])
		if rapid.IntRange(0, 9).Draw(t, "foreign") == 0 {
			region = rapid.SampledFrom(regions).Draw(t, "other region")
		}
		sameAsLibrary(t, p, in, plus, region)
	})
}

// drawDigits draws a national number near one of the region's examples, or any,
// with one of the ways to write it down in front.
func drawDigits(t *rapid.T, tr *territory) (in string, plus bool) {
	national := rapid.StringMatching(`[0-9]{2,14}`).Draw(t, "any number")
	if ex := examples(tr); len(ex) > 0 && rapid.IntRange(0, 4).Draw(t, "near an example") > 0 {
		national = rapid.SampledFrom(ex).Draw(t, "example")
		b := []byte(national)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] = byte('0' + rapid.IntRange(0, 9).Draw(t, "digit"))
		}
		cut := rapid.IntRange(0, 12).Draw(t, "cut")
		if cut < 2 && len(b) > cut+2 {
			b = b[:len(b)-cut]
		}
		national = string(b)
	}
	code := strconv.Itoa(tr.code)
	front := rapid.SampledFrom([]string{"", "", "+", "+", "00", "011", "0", "1", "8", "010", "9", "C", "0C", "00C", "011C", "810C", "001C", "009C", "+0", "+00C", "15", "044", "03", "+54"}).Draw(t, "front")
	if front != "" && front[0] == '+' {
		plus, front = true, front[1:]
		if front == "" || front == "0" {
			front = code + front
		}
	}
	out := ""
	for _, r := range front {
		if r == 'C' {
			out += code
		} else {
			out += string(r)
		}
	}
	return out + national, plus
}

func examples(tr *territory) []string {
	m := tr.meta
	var out []string
	for _, d := range []*phonenumbers.PhoneNumberDesc{m.GetFixedLine(), m.GetMobile(), m.GetTollFree(),
		m.GetPremiumRate(), m.GetSharedCost(), m.GetPersonalNumber(), m.GetVoip(), m.GetPager(), m.GetUan(), m.GetVoicemail()} {
		if e := d.GetExampleNumber(); e != "" {
			out = append(out, e)
		}
	}
	return out
}

func FuzzParseAgreesWithLibrary(f *testing.F) {
	for _, s := range []string{"573001234567", "00573001234567", "5712345678", "0312281260", "91141234567", "5491112345678", "78005553535", "0390612345678"} {
		f.Add(s, true, "CO")
		f.Add(s, false, "CO")
		f.Add(s, false, "AR")
		f.Add(s, true, "")
	}
	p := newPlan()
	f.Fuzz(func(t *testing.T, in string, plus bool, region string) {
		var b []byte
		for _, r := range []byte(in) {
			b = append(b, '0'+r%10)
		}
		if len(b) > 20 {
			b = b[:20]
		}
		if len(b) < 3 { // the library wants three digits before it reads any
			return
		}
		sameAsLibrary(t, p, string(b), plus, region)
	})
}

func BenchmarkPlan(b *testing.B) {
	p := newPlan()
	co := p.regions["CO"]
	in := []byte("3001234567")
	b.ReportAllocs()
	for b.Loop() {
		c, nsn, _ := p.parse(in, false, co)
		if _, lt := c.classify(nsn.bytes()); lt != Mobile {
			b.Fatal(lt)
		}
	}
}
