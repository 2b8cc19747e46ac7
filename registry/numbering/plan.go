package numbering

import (
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/metadata"
)

// nonGeographic is the region of services that belong to no country, as +800.
const nonGeographic = "001"

// A plan is the numbering plans of the world, compiled from the library's
// metadata into automata. The library answers the same questions with two regular
// expressions behind one lock for each pattern tried; here it is one pass over the
// digits. Tests hold the two against each other for every region.
type plan struct {
	regions map[string]*territory
	codes   [1000]*callingPlan
}

// A callingPlan is what shares a calling code: one territory or, as for +1 and
// +44, several. The first is the main one.
type callingPlan struct {
	code        int
	territories []*territory
}

// A territory is one region's numbering plan. What is costly to build is built
// when the territory is first needed.
type territory struct {
	id   string
	code int
	meta *phonenumbers.PhoneMetadata
	// lengths and local have bit n set when numbers of n digits are possible,
	// local when only for dialling inside an area.
	lengths, local uint32

	once    sync.Once
	err     error
	types   *automaton // general description and line types, see descs
	byLen   [32]uint16 // which of them numbers of a length may be
	leading *automaton // tells the territory by the first digits, if that is how
	idd     prefix     // dialled to leave the country
	trunk   prefix     // dialled inside the country, not part of the number
}

// The bits of territory.types. The special ones are asked in this order, before
// fixed and mobile.
const (
	descGeneral = iota
	descPremium
	descTollFree
	descSharedCost
	descVoIP
	descPersonal
	descPager
	descUAN
	descVoicemail
	descFixed
	descMobile
)

// specialType returns the type of a bit between general and fixed.
func specialType(desc int) LineType {
	switch desc {
	case descPremium:
		return PremiumRate
	case descTollFree:
		return TollFree
	case descSharedCost:
		return SharedCost
	case descVoIP:
		return VoIP
	case descPersonal:
		return PersonalNumber
	case descPager:
		return Pager
	case descUAN:
		return UAN
	case descVoicemail:
		return Voicemail
	}
	return Unknown
}

func newPlan() *plan {
	p := &plan{regions: map[string]*territory{}}
	for code, ids := range metadata.CountryCodeToRegion() {
		calling := &callingPlan{code: code}
		for _, id := range ids {
			meta, ok := metadata.RegionMetadata(id)
			if id == nonGeographic {
				meta, ok = metadata.NonGeoMetadata(code)
			}
			if !ok {
				continue
			}
			t := newTerritory(id, code, meta)
			calling.territories = append(calling.territories, t)
			if id != nonGeographic {
				p.regions[id] = t
			}
		}
		if len(calling.territories) > 0 {
			p.codes[code] = calling
		}
	}
	return p
}

func newTerritory(id string, code int, meta *phonenumbers.PhoneMetadata) *territory {
	t := &territory{id: id, code: code, meta: meta}
	for _, n := range meta.GetGeneralDesc().GetPossibleLength() {
		if n > 0 && n < 32 {
			t.lengths |= 1 << n
		}
	}
	for _, n := range meta.GetGeneralDesc().GetPossibleLengthLocalOnly() {
		if n > 0 && n < 32 {
			t.local |= 1 << n
		}
	}
	return t
}

// ready compiles the territory on first use. If the metadata cannot be compiled
// (a test proves that all of it can) its numbers are not valid.
func (t *territory) ready() bool {
	t.once.Do(func() { t.err = t.compile() })
	return t.err == nil
}

func (t *territory) compile() (err error) {
	descs := [...]*phonenumbers.PhoneNumberDesc{
		descGeneral: t.meta.GetGeneralDesc(), descPremium: t.meta.GetPremiumRate(),
		descTollFree: t.meta.GetTollFree(), descSharedCost: t.meta.GetSharedCost(),
		descVoIP: t.meta.GetVoip(), descPersonal: t.meta.GetPersonalNumber(),
		descPager: t.meta.GetPager(), descUAN: t.meta.GetUan(),
		descVoicemail: t.meta.GetVoicemail(), descFixed: t.meta.GetFixedLine(),
		descMobile: t.meta.GetMobile(),
	}
	patterns := make([]string, len(descs))
	for i, d := range descs {
		patterns[i] = d.GetNationalNumberPattern()
		lengths := d.GetPossibleLength()
		if len(lengths) == 0 { // as the general description, which is always checked
			for n := range t.byLen {
				t.byLen[n] |= 1 << i
			}
		}
		for _, n := range lengths {
			if n > 0 && int(n) < len(t.byLen) {
				t.byLen[n] |= 1 << i
			}
		}
	}
	if t.types, err = compileAutomaton(patterns...); err != nil {
		return fmt.Errorf("region %s: %w", t.id, err)
	}
	if leading := t.meta.GetLeadingDigits(); leading != "" {
		if t.leading, err = compileAutomaton(leading); err != nil {
			return fmt.Errorf("region %s: leading digits: %w", t.id, err)
		}
	}
	if t.idd, err = compilePrefix(t.meta.GetInternationalPrefix()); err != nil {
		return fmt.Errorf("region %s: international prefix: %w", t.id, err)
	}
	if t.trunk, err = compilePrefix(t.meta.GetNationalPrefixForParsing()); err != nil {
		return fmt.Errorf("region %s: national prefix: %w", t.id, err)
	}
	return nil
}

// lineType returns the type of a national number by this territory's plan.
func (t *territory) lineType(nsn []byte) LineType {
	if len(nsn) >= len(t.byLen) || !t.ready() {
		return Unknown
	}
	found := t.types.matchAll(nsn) & t.byLen[len(nsn)]
	if found&(1<<descGeneral) == 0 {
		return Unknown
	}
	for i := descPremium; i <= descVoicemail; i++ {
		if found&(1<<i) != 0 {
			return specialType(i)
		}
	}
	same := t.meta.GetSameMobileAndFixedLinePattern()
	fixed, mobile := found&(1<<descFixed) != 0, found&(1<<descMobile) != 0
	switch {
	case fixed && (same || mobile):
		return FixedLineOrMobile
	case fixed:
		return FixedLine
	case mobile && !same:
		return Mobile
	}
	return Unknown
}

// general tells whether a national number fits the territory's general pattern,
// whatever its length.
func (t *territory) general(nsn []byte) bool {
	return t.ready() && t.types.matchAll(nsn)&(1<<descGeneral) != 0
}

// find returns the territory a national number belongs to, nil if none does.
func (c *callingPlan) find(nsn []byte) *territory {
	if len(c.territories) == 1 {
		return c.territories[0]
	}
	for _, t := range c.territories {
		if !t.ready() {
			continue
		}
		if t.leading != nil {
			if t.leading.matchPrefix(nsn) {
				return t
			}
		} else if t.lineType(nsn) != Unknown {
			return t
		}
	}
	return nil
}

// classify returns the region and line type of a national number; the type is
// Unknown when the number is not valid.
func (c *callingPlan) classify(nsn []byte) (*territory, LineType) {
	t := c.find(nsn)
	if t == nil {
		return nil, Unknown
	}
	return t, t.lineType(nsn)
}

// fit is how the length of a national number fits a plan.
type fit int

const (
	fits fit = iota
	fitsLocal
	fitsNot // between the shortest and the longest, but no length of the plan
	fitShort
	fitLong
)

func (t *territory) fit(n int) fit {
	switch {
	case n < 32 && t.local&(1<<n) != 0:
		return fitsLocal
	case n < 32 && t.lengths&(1<<n) != 0:
		return fits
	case n >= 32 || t.lengths < 1<<n:
		return fitLong
	case t.lengths&(1<<n-1) == 0:
		return fitShort
	}
	return fitsNot
}

// split finds the calling code that digits start with.
func (p *plan) split(digits []byte) (*callingPlan, []byte) {
	if n := callingCodeLength(digits); n > 0 {
		code := 0
		for _, d := range digits[:n] {
			code = code*10 + int(d-'0')
		}
		if c := p.codes[code]; c != nil {
			return c, digits[n:]
		}
	}
	return nil, nil
}

// A prefix is a dialling prefix: an automaton says quickly that a number does not
// start with it, which is nearly always so; the expression says what it takes off.
type prefix struct {
	quick *automaton
	exact *regexp.Regexp
}

func compilePrefix(pattern string) (prefix, error) {
	if pattern == "" {
		return prefix{}, nil
	}
	quick, err := compileAutomaton(pattern)
	if err != nil {
		return prefix{}, err
	}
	exact, err := regexp.Compile("^(?:" + strings.TrimPrefix(pattern, "^") + ")")
	if err != nil {
		return prefix{}, err
	}
	return prefix{quick, exact}, nil
}

// match returns the positions of the prefix and its groups, nil if digits do not
// start with it or it takes nothing off.
func (p prefix) match(digits []byte) []int {
	if p.quick == nil || !p.quick.matchPrefix(digits) {
		return nil
	}
	at := p.exact.FindSubmatchIndex(append([]byte(nil), digits...))
	if at == nil || at[1] == 0 {
		return nil
	}
	return at
}
