package numbering

import (
	"encoding/csv"
	"slices"
	"strconv"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/carrier"
	"github.com/nyaruka/phonenumbers/v2/geocoding"
	"github.com/nyaruka/phonenumbers/v2/timezone"
)

// exampleNumbers returns the library's example numbers of every region and type.
func exampleNumbers() []*phonenumbers.PhoneNumber {
	var all []*phonenumbers.PhoneNumber
	for region := range phonenumbers.GetSupportedRegions() {
		for lineType := range lineTypeNames {
			if n := phonenumbers.GetExampleNumberForTypeInRegion(region, lineType); n != nil {
				all = append(all, n)
			}
		}
	}
	for code := range phonenumbers.GetSupportedGlobalNetworkCallingCodes() {
		if n := phonenumbers.GetExampleNumberForNonGeoEntity(code); n != nil {
			all = append(all, n)
		}
	}
	return all
}

// outOfE164 tells that a number the library holds valid is not one of E.164: more
// than 15 digits, or fewer than any country has.
func outOfE164(e164 string) bool {
	return len(e164) > 1+MaxDigits || len(e164) < 1+MinDigits
}

// TestAgreesWithLibraryOnExamples reads every example number in the three ways the
// library writes it and compares all that is said about it.
func TestAgreesWithLibraryOnExamples(t *testing.T) {
	z := newNormalizer(t)
	checked, outside := 0, 0
	for _, n := range exampleNumbers() {
		if !phonenumbers.IsValidNumber(n) {
			continue
		}
		e164 := phonenumbers.Format(n, phonenumbers.E164)
		region := phonenumbers.GetRegionCodeForNumber(n)
		ways := map[string]string{
			e164: "",
			phonenumbers.Format(n, phonenumbers.INTERNATIONAL): "GB",
		}
		if region != nonGeographic {
			ways[phonenumbers.Format(n, phonenumbers.NATIONAL)] = region
		}
		for in, home := range ways {
			got := z.Normalize(in, Options{Region: home})
			if outOfE164(e164) {
				outside++
				if got.IsValid {
					t.Errorf("%s in %q is valid, though no E.164 number", in, home)
				}
				continue
			}
			if again, err := phonenumbers.Parse(in, home); home != "" && (err != nil || phonenumbers.Format(again, phonenumbers.E164) != e164) {
				continue // the library does not read its own format back
			}
			checked++
			if got.Number.String() != e164 || !got.IsValid {
				t.Errorf("%s in %q: got %q %s, want %s", in, home, got.Number, got.Reason, e164)
				continue
			}
			compareWithLibrary(t, got, n)
		}
	}
	t.Logf("%d readings compared, %d of numbers outside E.164", checked, outside)
	if checked < 3000 {
		t.Errorf("only %d readings compared", checked)
	}
}

// compareWithLibrary holds a full result against what the library says.
func compareWithLibrary(t errorer, got Result, n *phonenumbers.PhoneNumber) {
	t.Helper()
	if want := lineTypeNames[phonenumbers.GetNumberType(n)]; got.LineType != want {
		t.Errorf("%s: line type %s, library %s", got.Number, got.LineType, want)
	}
	if want := phonenumbers.GetRegionCodeForNumber(n); got.Region != want {
		t.Errorf("%s: region %s, library %s", got.Number, got.Region, want)
	}
	if want := phonenumbers.Format(n, phonenumbers.NATIONAL); got.NationalFormat != want {
		t.Errorf("%s: national format %q, library %q", got.Number, got.NationalFormat, want)
	}
	if want := phonenumbers.Format(n, phonenumbers.INTERNATIONAL); got.InternationalFormat != want {
		t.Errorf("%s: international format %q, library %q", got.Number, got.InternationalFormat, want)
	}
	if want, _ := carrier.GetNameForNumber(n, "en"); got.OriginalCarrier != want {
		t.Errorf("%s: carrier %q, library %q", got.Number, got.OriginalCarrier, want)
	}
	zones, _ := timezone.GetTimeZonesForNumber(n)
	if len(zones) == 1 && zones[0] == timezone.Unknown {
		zones = nil
	}
	if !slices.Equal(got.TimeZones, zones) {
		t.Errorf("%s: zones %v, library %v", got.Number, got.TimeZones, zones)
	}
	es, _ := geocoding.GetDescriptionForNumber(n, "es")
	en, _ := geocoding.GetDescriptionForNumber(n, "en")
	if got.Location != es && got.Location != en {
		t.Errorf("%s: location %q, library %q or %q", got.Number, got.Location, es, en)
	}
}

// TestLocationLanguage: Spanish first, English where Spanish only has the country.
func TestLocationLanguage(t *testing.T) {
	z := newNormalizer(t)
	for number, want := range map[Number]string{
		573001234567:  "Colombia",
		576011234567:  "Bogotá",
		525512345678:  "Ciudad de México, CDMX",
		34927230650:   "Cáceres",
		5511987654321: "São Paulo",
		12042345678:   "Manitoba",
		14155552671:   "San Francisco, CA",
		18002345678:   "",
		80012345678:   "",
	} {
		if got := z.Describe(number); got.Location != want || !got.IsValid {
			t.Errorf("%s: location %q valid %t, want %q", got.Number.Masked(), got.Location, got.IsValid, want)
		}
	}
	if got := z.Describe(573102345678); got.OriginalCarrier != "Claro" {
		t.Errorf("carrier %q, want Claro", got.OriginalCarrier)
	}
	if got := z.Describe(525512345678); got.OriginalCarrier != "" || !slices.Equal(got.TimeZones, []string{"America/Mexico_City"}) {
		t.Errorf("Mexico: carrier %q, zones %v", got.OriginalCarrier, got.TimeZones)
	}
}

// TestGoogleExamples reads the example numbers of Google's own metadata file.
func TestGoogleExamples(t *testing.T) {
	z := newNormalizer(t)
	records, err := csv.NewReader(realData(t, "libphonenumber_examples", "example_numbers.csv")).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range records[0] {
		column[name] = i
	}
	types := map[string][]LineType{
		"fixedLine": {FixedLine, FixedLineOrMobile}, "mobile": {Mobile, FixedLineOrMobile}, "tollFree": {TollFree},
		"premiumRate": {PremiumRate}, "sharedCost": {SharedCost}, "voip": {VoIP}, "personalNumber": {PersonalNumber},
		"pager": {Pager}, "uan": {UAN}, "voicemail": {Voicemail},
	}
	disagree, checked := 0, 0
	for _, record := range records[1:] {
		e164, kind := record[column["e164"]], record[column["type"]]
		if outOfE164(e164) {
			continue
		}
		checked++
		got := z.Normalize(e164, Options{})
		if !got.IsValid || got.Number.String() != e164 || !slices.Contains(types[kind], got.LineType) {
			disagree++
			n, err := phonenumbers.Parse(e164, "")
			if err == nil && phonenumbers.IsValidNumber(n) == got.IsValid && (!got.IsValid || lineTypeNames[phonenumbers.GetNumberType(n)] == got.LineType) {
				continue // the library's metadata is of another release than the file
			}
			t.Errorf("example of %s %s: got valid %t %s", record[column["region"]], kind, got.IsValid, got.LineType)
		}
	}
	t.Logf("%d of %d agree", checked-disagree, checked)
	if disagree > checked/50 {
		t.Errorf("%d of %d examples disagree: more than two releases of metadata explain", disagree, checked)
	}
}

// TestCountryCodes: every calling code is found in front of its numbers.
func TestCountryCodes(t *testing.T) {
	for code := range phonenumbers.GetSupportedCallingCodes() {
		n, err := strconv.ParseInt(strconv.Itoa(code)+"23456789", 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if got := Number(n).CallingCode(); got != code {
			t.Errorf("+%d…: calling code %d", code, got)
		}
	}
	if got := Number(2101234567).CallingCode(); got != 0 {
		t.Errorf("+210… is not assigned, got %d", got)
	}
}
