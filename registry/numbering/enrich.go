package numbering

import (
	"strconv"
	"sync"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/carrier"
	"github.com/nyaruka/phonenumbers/v2/geocoding"
	"github.com/nyaruka/phonenumbers/v2/timezone"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// The languages that names are looked up in. Carriers are only asked for in
// English: the library, unlike the original, does not fall back to it. Places are
// asked for in Spanish first and in English where Spanish only knows the country.
const (
	placeLanguage    = "es"
	fallbackLanguage = "en"
)

// enrichment is what the prefix of a number tells about it.
type enrichment struct {
	carrier, location string
	zones             []string
}

// enrichKey is all that an enrichment depends on: the library's tables look at no
// more than nine digits, at eleven for Argentina's mobiles, from which it takes the
// 9 first.
type enrichKey struct {
	prefix   int64
	lineType LineType
	region   string
}

// Enrich fills in carrier, location and time zones of a valid result. They come
// from a cache for numbers that share their first nine digits.
func (z *Normalizer) Enrich(r *Result) {
	if !r.IsValid {
		return
	}
	key := enrichKey{int64(r.Number), r.LineType, r.Region}
	keep := int64(1e9)
	if r.Number.CallingCode() == 54 {
		keep = 1e11
	}
	for key.prefix >= keep {
		key.prefix /= 10
	}
	e, ok := z.enriched.get(key)
	if !ok {
		e = z.enrich(r)
		z.enriched.put(key, e)
	}
	r.OriginalCarrier, r.Location, r.TimeZones = e.carrier, e.location, e.zones
}

// finish fills in everything that Parse leaves out.
func (z *Normalizer) finish(r *Result) {
	if !r.IsValid {
		return
	}
	z.Enrich(r)
	n := libraryNumber(r.Number)
	r.NationalFormat = phonenumbers.Format(n, phonenumbers.NATIONAL)
	r.InternationalFormat = phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}

// enrich looks the names and zones of a valid number up. Line type and region are
// known already; the library would find them out again, at ten times the cost of
// the look-ups. Its tables are built in, so that errors are of no interest: the
// field stays empty.
func (z *Normalizer) enrich(r *Result) enrichment {
	var e enrichment
	n := libraryNumber(r.Number)
	switch r.LineType {
	case Mobile, FixedLineOrMobile, Pager:
		e.carrier, _ = carrier.GetNameForValidNumber(n, fallbackLanguage)
	}
	var zones []string
	if isGeographic(r.LineType, int(n.GetCountryCode())) {
		e.location = z.place(n)
		zones, _ = timezone.GetTimeZonesForGeographicalNumber(n)
	} else {
		e.location = countryName(z.spanish, z.country(n))
		zones = z.nationalZones(n)
	}
	if len(zones) != 1 || zones[0] != timezone.Unknown {
		e.zones = zones
	}
	return e
}

// isGeographic tells whether numbers of a line type have a place in the country.
func isGeographic(lineType LineType, code int) bool {
	switch lineType {
	case FixedLine, FixedLineOrMobile:
		return true
	case Mobile:
		return phonenumbers.IsNumberGeographicalForType(phonenumbers.MOBILE, code)
	}
	return false
}

// place names where a geographic number is: in Spanish, in English where Spanish
// knows no more than the country, else the country in Spanish.
func (z *Normalizer) place(n *phonenumbers.PhoneNumber) string {
	place, _ := geocoding.GetDescriptionForValidNumber(n, placeLanguage)
	country := z.country(n)
	if place != countryName(z.spanish, country) {
		return place
	}
	english, _ := geocoding.GetDescriptionForValidNumber(n, fallbackLanguage)
	if english == "" || english == countryName(z.english, country) {
		return place
	}
	return english
}

// country returns the one region that a number is valid in, "" if there are several
// (as with +1 800).
func (z *Normalizer) country(n *phonenumbers.PhoneNumber) string {
	c := z.plan.codes[n.GetCountryCode()]
	if c == nil {
		return ""
	}
	if len(c.territories) == 1 {
		return c.territories[0].id
	}
	nsn, found := []byte(phonenumbers.GetNationalSignificantNumber(n)), ""
	for _, t := range c.territories {
		if t.lineType(nsn) == Unknown {
			continue
		}
		if found != "" {
			return ""
		}
		found = t.id
	}
	return found
}

// nationalZones returns the zones of a number that has no place: those of all the
// regions that share its calling code.
func (z *Normalizer) nationalZones(n *phonenumbers.PhoneNumber) []string {
	code := n.GetCountryCode()
	zones, ok := z.zones.get(code)
	if !ok {
		zones, _ = timezone.GetTimeZonesForNumber(n)
		z.zones.put(code, zones)
	}
	return zones
}

// countryName returns the name of a region, "" for one that is no country.
func countryName(names display.Namer, region string) string {
	r, err := language.ParseRegion(region)
	if err != nil || region == nonGeographic {
		return ""
	}
	return names.Name(r)
}

// libraryNumber makes the library's form of a number, without parsing: parsing
// would take digits for a trunk prefix in a few plans.
func libraryNumber(n Number) *phonenumbers.PhoneNumber {
	var buf [24]byte
	all := strconv.AppendInt(buf[:0], int64(n), 10)
	nsn := all[callingCodeLength(all):]
	code := int32(n.CallingCode())
	out := &phonenumbers.PhoneNumber{CountryCode: &code}
	zeros := int32(0)
	for int(zeros) < len(nsn)-1 && nsn[zeros] == '0' {
		zeros++
	}
	if zeros > 0 {
		leading := true
		out.ItalianLeadingZero = &leading
	}
	if zeros > 1 {
		out.NumberOfLeadingZeros = &zeros
	}
	var value uint64
	for _, d := range nsn {
		value = value*10 + uint64(d-'0')
	}
	out.NationalNumber = &value
	return out
}

// A boundedCache is a map that forgets everything when it is full. That is crude
// but cannot grow, and what it keeps is cheap to find again.
type boundedCache[K comparable, V any] struct {
	mu    sync.RWMutex
	limit int
	items map[K]V
}

func newBoundedCache[K comparable, V any](limit int) *boundedCache[K, V] {
	return &boundedCache[K, V]{limit: limit, items: map[K]V{}}
}

func (c *boundedCache[K, V]) get(k K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	v, ok := c.items[k]
	return v, ok
}

func (c *boundedCache[K, V]) put(k K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.items) >= c.limit {
		clear(c.items)
	}
	c.items[k] = v
}
