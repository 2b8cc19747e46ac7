package numbering

import (
	"strings"
	"testing"
)

// fires has, for every rule of the rule data, texts that it rewrites.
var fires = map[string][]struct {
	in   string
	o    Options
	want string
}{
	"co-fixed-2021": {
		{"+5711234567", co, "+576011234567"}, {"5748647181", co, "+576048647181"}, {"(4) 848 27 40", co, "+576048482740"},
		{"0057 1 2345678", co, "+576012345678"}, {"031 2281260", co, "+576012281260"}, {"(054)551 13 13", co, "+576045511313"},
		{"094- 3786301", co, "+576043786301"}, {"+57 031 2281260", co, "+576012281260"}, {"+5712345678", mx, "+576012345678"},
	},
	"co-trunk-zero-lost": {{"948200026", co, "+576048200026"}, {"548435050", co, "+576048435050"}},
	"co-zero-mobile":     {{"03001234567", co, "+573001234567"}, {"+5703001234567", co, "+573001234567"}},
	"co-code-repeated":   {{"+57573001234567", co, "+573001234567"}, {"+5700576012345678", co, "+576012345678"}, {"57573001234567", co, "+573001234567"}},
	"co-local":           {{"4177828", bogota, "+576014177828"}, {"4177828", Options{Region: "CO", Area: "1"}, "+576014177828"}, {"+57 4177828", bogota, "+576014177828"}},
	"mx-mobile-1":        {{"+5215512345678", mx, "+525512345678"}, {"5215512345678", mx, "+525512345678"}, {"+52 1 55 1234 5678", co, "+525512345678"}, {"005215512345678", mx, "+525512345678"}},
	"mx-trunk":           {{"0445512345678", mx, "+525512345678"}, {"015512345678", mx, "+525512345678"}, {"01 800 288 2872", mx, "+528002882872"}, {"+52 01 55 1234 5678", mx, "+525512345678"}, {"045 449 994 2761", mx, "+524499942761"}, {"02 55 1234 5678", mx, "+525512345678"}},
	"mx-zero":            {{"04422096000", mx, "+524422096000"}},
	"mx-code-repeated":   {{"+52525512345678", mx, "+525512345678"}, {"+525215512345678", mx, "+525512345678"}},
	"mx-local":           {{"53185334", Options{Region: "MX", Area: "55"}, "+525553185334"}, {"9942761", Options{Region: "MX", City: "Aguascalientes"}, "+524499942761"}},
	"br-ninth-digit":     {{"+551181234567", co, "+5511981234567"}, {"(11) 8123-4567", Options{Region: "BR"}, "+5511981234567"}, {"0 15 11 8123-4567", Options{Region: "BR"}, "+5511981234567"}},
	"ar-15-after-9":      {{"+54 9 11 15 1234-5678", co, "+5491112345678"}},
	"ar-15-after-9-area-3": {
		{"+54 9 221 15 456-7890", co, "+5492214567890"},
	},
	"ar-15-after-9-area-4": {{"+54 9 2920 15 412345", co, "+5492920412345"}},
	"ci-2021-moov":         {{"+22501234567", co, "+2250101234567"}, {"40123456", Options{Region: "CI"}, "+2250140123456"}},
	"ci-2021-mtn":          {{"+22505123456", co, "+2250505123456"}, {"64123456", Options{Region: "CI"}, "+2250564123456"}},
	"ci-2021-orange":       {{"+22507123456", co, "+2250707123456"}, {"87123456", Options{Region: "CI"}, "+2250787123456"}},
	"ci-2021-fixed-moov":   {{"+22520812345", co, "+2252120812345"}},
	"ci-2021-fixed-mtn":    {{"+22520012345", co, "+2252520012345"}},
	"ci-2021-fixed":        {{"+22520212345", co, "+2252720212345"}, {"22412345", Options{Region: "CI"}, "+2252722412345"}},
	"bj-2024":              {{"+22997123456", co, "+2290197123456"}, {"20212345", Options{Region: "BJ"}, "+2290120212345"}},
	"area-local":           {{"555-2671", Options{Region: "US", Area: "415"}, "+14155552671"}, {"15 1234-5678", Options{Region: "AR", Area: "11"}, "+5491112345678"}},
	"idd-00":               {{"00573001234567", co, "+573001234567"}, {"0014155552671", co, "+14155552671"}},
	"sheet-scientific":     {{"9.2723065E8", es, "+34927230650"}, {"9,27129851E8", es, "+34927129851"}, {"5.73001234567E11", co, "+573001234567"}, {"5.73001234567E+11", co, "+573001234567"}},
	"sheet-decimal":        {{"5550879914.0", mx, "+525550879914"}, {"573001234567,00", co, "+573001234567"}},
	"sheet-thousands":      {{"3,001,234,567", co, "+573001234567"}},
	"list-ending":          {{"449 994 27 61 y 62", mx, "+524499942761 +524499942762"}},
	"list-range":           {{"55 4166 0780 al 81", mx, "+525541660780 +525541660781"}},
	"list-glued":           {{"26882812444707", bogota, "+576012688281 +576012444707"}, {"30012345673109876543", co, "+573001234567 +573109876543"}},
}

func TestEveryRuleFires(t *testing.T) {
	z := newNormalizer(t)
	for _, rule := range z.Rules() {
		if rule.Kind == "wire" {
			continue // see TestWire
		}
		if len(fires[rule.ID]) == 0 {
			t.Errorf("no text for rule %s", rule.ID)
		}
		for _, c := range fires[rule.ID] {
			all := z.NormalizeAll(c.in, c.o)
			if got := brief(all); got != c.want {
				t.Errorf("%s: %q in %v reads as %s, want %s", rule.ID, c.in, c.o, got, c.want)
			}
			if rules := all[len(all)-1].AppliedRule; !strings.Contains("+"+rules+"+", "+"+rule.ID+"+") {
				t.Errorf("%s: %q was rewritten by %q", rule.ID, c.in, rules)
			}
		}
	}
}

// TestRulesLeaveAlone has texts that look like a rule's and are not its.
func TestRulesLeaveAlone(t *testing.T) {
	z := newNormalizer(t)
	for _, c := range []struct {
		in   string
		o    Options
		want string
	}{
		{"+5741234567", co, "INVALID_FOR_REGION"},   // upgrades to a range that does not exist
		{"+573601234567", co, "INVALID_FOR_REGION"}, // 360 is not assigned, and 36… is no fixed line
		{"14155552671", mx, "TOO_LONG"},             // the 1 of mobiles only after +52
		{"+551132345678", co, "+551132345678"},      // fixed lines keep eight digits
		{"+22981123456", co, "+22981123456"},        // 8… did not change in Benin
		{"009 1 415 555 2671", co, "+14155552671"},  // the carrier is written apart
		{"9.27E+08", es, "PRECISION_LOST"},
		{"9.2723E8", es, "PRECISION_LOST"},
		{"5.73001234567E12", co, "INVALID_FOR_REGION"},
		{"4177828", co, "NO_AREA"},
		{"0177828", bogota, "INVALID_FOR_REGION"},
		{"3333333333", co, "REPEATED_DIGITS"},
		{"+525555555555", co, "REPEATED_DIGITS"},
		{"573001234567", Options{}, "NO_REGION"},
		{"573001234567", Options{Region: "XX"}, "NO_REGION"},
		{"+999123456789", co, "INVALID_COUNTRY_CODE"},
		{"300123456", co, "INVALID_LENGTH"},
		// Guatemala had seven digits until 2004, but a number that lost one looks the same.
		{"2232068", gt, "TOO_SHORT"},
		// Sixteen digits are more than a spreadsheet keeps: the last is a zero of its own.
		{"4210394058993780", gt, "+50242103940 PRECISION_LOST"},
		{"30012345673109800000", co, "+573001234567 PRECISION_LOST"},
	} {
		if got := brief(z.NormalizeAll(c.in, c.o)); got != c.want {
			t.Errorf("%q reads as %s, want %s", c.in, got, c.want)
		}
	}
}

func TestRuleDataIsChecked(t *testing.T) {
	for name, data := range map[string]string{
		"no version":       `{"rules": []}`,
		"unknown field":    `{"version": "1", "rules": [], "more": 1}`,
		"id taken":         `{"version": "1", "rules": [{"id": "a", "kind": "text"}, {"id": "a", "kind": "text"}]}`,
		"no id":            `{"version": "1", "rules": [{"kind": "text"}]}`,
		"unknown kind":     `{"version": "1", "rules": [{"id": "a", "kind": "magic", "region": "CO", "callingCode": 57, "pattern": "^1$", "replace": "2"}]}`,
		"unknown region":   `{"version": "1", "rules": [{"id": "a", "kind": "rewrite", "region": "XX", "callingCode": 57, "pattern": "^1$", "replace": "2"}]}`,
		"bad pattern":      `{"version": "1", "rules": [{"id": "a", "kind": "rewrite", "region": "CO", "callingCode": 57, "pattern": "(", "replace": "2"}]}`,
		"bad date":         `{"version": "1", "rules": [{"id": "a", "kind": "text", "from": "2021-13-01"}]}`,
		"bad form":         `{"version": "1", "rules": [{"id": "a", "kind": "text", "form": "national"}]}`,
		"local, no area":   `{"version": "1", "rules": [{"id": "a", "kind": "local", "region": "CO", "callingCode": 57, "pattern": "^1$", "replace": "2"}]}`,
		"nothing replaced": `{"version": "1", "rules": [{"id": "a", "kind": "rewrite", "region": "CO", "callingCode": 57, "pattern": "^1$"}]}`,
		"not JSON":         `version: 1`,
	} {
		if _, err := compileRules([]byte(data)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestPlanVersion(t *testing.T) {
	z := newNormalizer(t)
	v := z.PlanVersion()
	if !strings.HasPrefix(v, "v9.0.") || !strings.Contains(v, "+rules.2026") || !strings.Contains(v, "+areas.2026") {
		t.Errorf("plan version %q", v)
	}
	for _, r := range z.Rules() {
		if r.Note == "" || (r.Kind != "text" && r.Source == "") {
			t.Errorf("rule %s has no note or no source", r.ID)
		}
	}
}
