package registry

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// Bounds of input. The schema of the API states them too.
const (
	MaxRawNumber     = numbering.MaxInput // bytes of a text to be read as a number
	MaxArea          = 64                 // bytes of an area code or city
	MaxCustomerID    = 128                // characters
	MaxFilterIDs     = 1000               // customer ids or numbers in one filter
	MaxFilterChoices = 300                // regions or sources in one filter; there are about 250 regions
	MaxPriority      = 100
	maxSort          = 1 << 57 // of a position: microseconds since 1970, some 4,500 years
)

// namePattern is what names of sources and verification methods look like.
const namePattern = `^[a-z0-9_]{1,64}$`

var nameRegexp = regexp.MustCompile(namePattern)

// pathTo is the place of an input value, as it is shown in a user error.
func pathTo(names ...string) []string { return names }

// checkPage fills in the default size of a page and refuses sizes and positions that are out of bounds.
func checkPage(p PageRequest) (PageRequest, error) {
	if p.First == 0 {
		p.First = DefaultPageSize
	}
	if p.First < 1 || p.First > MaxPageSize {
		return p, Errorf(CodeInvalidInput, pathTo("first"), "first is %d: want 1 to %d", p.First, MaxPageSize)
	}
	if a := p.After; a != nil && (a.Sort < 0 || a.Sort > maxSort || a.Number < 0) {
		return p, Errorf(CodeInvalidInput, pathTo("after"), "after is not a cursor of this list: want the endCursor of an earlier page")
	}
	return p, nil
}

// checkPageOf is checkPage for a page of the lists of several owners.
func checkPageOf(p PageRequest, owners int) (PageRequest, error) {
	if p.After != nil && owners != 1 {
		return p, Errorf(CodeInvalidInput, pathTo("after"), "after continues the list of one owner")
	}
	return checkPage(p)
}

// checkRaw refuses text that cannot be shown back or is too long to be a number.
func checkRaw(raw string, path []string) error {
	if len(raw) > MaxRawNumber {
		return Errorf(CodeInvalidInput, path, "the text has %d bytes: want at most %d", len(raw), MaxRawNumber)
	}
	if !utf8.ValidString(raw) {
		return Errorf(CodeInvalidInput, path, "the text is not valid UTF-8")
	}
	return nil
}

// checkRegion returns the region in upper case. "" means none and is allowed.
func checkRegion(region string, path []string) (string, error) {
	if region == "" {
		return "", nil
	}
	upper := strings.ToUpper(region)
	if len(region) != 2 || !numbering.SupportedRegion(upper) {
		return "", Errorf(CodeInvalidInput, path, "region is %s: want an ISO 3166-1 alpha-2 code such as CO", quoted(region))
	}
	return upper, nil
}

// quoted shows a value of the input in a message, cut short, with what cannot be seen as escapes, and hidden where it might
// hold a number.
func quoted(value string) string {
	digits := 0
	for _, r := range value {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	switch {
	case !utf8.ValidString(value):
		return "not valid UTF-8"
	case digits > 4:
		return "not one"
	case len(value) > 40:
		return "too long"
	}
	return strconv.QuoteToGraphic(value)
}

func checkCustomerID(id string, path []string) error {
	if n := utf8.RuneCountInString(id); n < 1 || n > MaxCustomerID || !storable(id) {
		return Errorf(CodeInvalidInput, path, "the customer id has %d characters: want 1 to %d, none of them NUL", n, MaxCustomerID)
	}
	return nil
}

// checkNewCustomerID is checkCustomerID for ids that are written. They are as imports write them: a customer that both name
// is one.
func checkNewCustomerID(id string, path []string) error {
	if err := checkCustomerID(id, path); err != nil {
		return err
	}
	if id != strings.Join(strings.Fields(id), " ") || strings.ContainsFunc(id, unicode.IsControl) {
		return Errorf(CodeInvalidInput, path,
			"the customer id holds control characters, or blanks around it or side by side: want it without, as imports write it")
	}
	return nil
}

// checkTitle refuses names for people that cannot be shown in one line.
func checkTitle(name string, path []string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > MaxJobName {
		return Errorf(CodeInvalidInput, path, "the name has %d characters: want 1 to %d", n, MaxJobName)
	}
	if !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		return Errorf(CodeInvalidInput, path, "the name holds control characters: want 1 to %d others", MaxJobName)
	}
	return nil
}

// storable reports whether PostgreSQL can hold the text.
func storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

func checkName(name, what string, path []string) error {
	if !nameRegexp.MatchString(name) {
		return Errorf(CodeInvalidInput, path, "%s is %s: want 1 to 64 of a-z, 0-9 and _", what, quoted(name))
	}
	return nil
}

// CheckPhoneFilter returns the filter in its normal form, or what is wrong with it: regions in upper case, lists
// without repeats, the prefix as bare digits. path is where the filter stands in the input.
func CheckPhoneFilter(f PhoneFilter, path ...string) (PhoneFilter, error) {
	var es Errors
	f.Regions = checkRegions(&es, f.Regions, path)
	f.LineTypes = checkEach(&es, f.LineTypes, "lineTypes", path, knownLineType)
	f.Tiers = checkEach(&es, f.Tiers, "tiers", path, knownTier)
	f.Platforms = checkEach(&es, f.Platforms, "platforms", path, Platform.Valid)
	ids, sources := f.CustomerIDs, f.Sources
	f.CustomerIDs = distinct(ids)
	if len(f.CustomerIDs) > MaxFilterIDs {
		es = append(es, tooMany(len(f.CustomerIDs), MaxFilterIDs, "customerIds", path))
	}
	for _, id := range f.CustomerIDs[:min(len(f.CustomerIDs), MaxFilterIDs)] {
		if checkCustomerID(id, nil) != nil {
			es = collect(es, checkCustomerID(id, at(path, "customerIds", ids, id)))
			break
		}
	}
	f.Sources = distinct(sources)
	if len(f.Sources) > MaxFilterChoices {
		es = append(es, tooMany(len(f.Sources), MaxFilterChoices, "sources", path))
	}
	for _, name := range f.Sources[:min(len(f.Sources), MaxFilterChoices)] {
		es = collect(es, checkName(name, "source", at(path, "sources", sources, name)))
	}
	es = collect(es, checkScore(f.MinScore, path))
	if f.NumberPrefix != "" {
		prefix := strings.TrimPrefix(f.NumberPrefix, "+")
		if !isPrefix(prefix) {
			es = append(es, Errorf(CodeInvalidInput, in(path, "numberPrefix"),
				"the number prefix cannot begin a number: want 1 to %d digits, the first not 0, with or without a plus", numbering.MaxDigits))
		}
		f.NumberPrefix = prefix
	}
	return f, es.orNil()
}

// CheckLeadFilter returns the filter in its normal form, or what is wrong with it.
func CheckLeadFilter(f LeadFilter, path ...string) (LeadFilter, error) {
	var es Errors
	f.Regions = checkRegions(&es, f.Regions, path)
	f.Tiers = checkEach(&es, f.Tiers, "tiers", path, knownTier)
	es = collect(es, checkScore(f.MinScore, path))
	if c := f.MinCoverage; c != nil && !(*c >= 0 && *c <= 1) { // also refuses NaN
		es = append(es, Errorf(CodeInvalidInput, in(path, "minCoverage"), "minCoverage is %g: want 0 to 1", *c))
	}
	f.Numbers = slices.Compact(slices.Sorted(slices.Values(f.Numbers))) // Matches looks them up, for each score that changes
	if len(f.Numbers) > MaxFilterIDs {
		es = append(es, tooMany(len(f.Numbers), MaxFilterIDs, "numbers", path))
	}
	return f, es.orNil()
}

func checkRegions(es *Errors, sent, path []string) []string {
	regions := distinct(sent)
	if len(regions) > MaxFilterChoices {
		*es = append(*es, tooMany(len(regions), MaxFilterChoices, "regions", path))
		return nil
	}
	checked := make([]string, 0, len(regions))
	for _, region := range regions {
		upper := strings.ToUpper(region)
		if upper == NoRegion || upper == NonGeographic {
			checked = append(checked, upper)
			continue
		}
		known, err := checkRegion(region, at(path, "regions", sent, region))
		if err == nil && known == "" {
			err = Errorf(CodeInvalidInput, at(path, "regions", sent, region), "a region is empty: want ISO 3166-1 alpha-2 codes such as CO")
		}
		*es = collect(*es, err)
		checked = append(checked, known)
	}
	return distinct(checked)
}

func checkScore(score *int, path []string) error {
	if score != nil && (*score < 0 || *score > 100) {
		return Errorf(CodeInvalidInput, in(path, "minScore"), "minScore is %d: want 0 to 100", *score)
	}
	return nil
}

// checkEach refuses values of a list that are not known.
func checkEach[T ~string](es *Errors, values []T, name string, path []string, known func(T) bool) []T {
	values = distinct(values)
	for _, v := range values {
		if !known(v) {
			*es = append(*es, Errorf(CodeInvalidInput, in(path, name), "%s holds %s, which is not known", name, quoted(string(v))))
			break
		}
	}
	return values
}

func knownLineType(t LineType) bool {
	switch t {
	case numbering.Mobile, numbering.FixedLine, numbering.FixedLineOrMobile, numbering.TollFree, numbering.PremiumRate,
		numbering.SharedCost, numbering.VoIP, numbering.PersonalNumber, numbering.Pager, numbering.UAN,
		numbering.Voicemail, numbering.Unknown:
		return true
	}
	return false
}

func knownTier(t Tier) bool {
	switch t {
	case scoring.TierPremium, scoring.TierHigh, scoring.TierMedium, scoring.TierLow, scoring.TierPoor, scoring.TierUnknown:
		return true
	}
	return false
}

func isPrefix(digits string) bool {
	if len(digits) < 1 || len(digits) > numbering.MaxDigits || digits[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

func tooMany(have, most int, name string, path []string) *Error {
	return Errorf(CodeInvalidInput, in(path, name), "%s has %d entries: want at most %d", name, have, most)
}

// in is the path of a field inside of path.
func in(path []string, field string) []string { return append(slices.Clone(path), field) }

// at is the path of a value in a list inside of path, as it was sent: where it first stands.
func at[T comparable](path []string, field string, sent []T, value T) []string {
	return append(in(path, field), strconv.Itoa(slices.Index(sent, value)))
}

// distinct returns the values without repeats, in their order.
func distinct[T comparable](values []T) []T {
	if len(values) < 2 {
		return values
	}
	seen := make(map[T]struct{}, len(values))
	kept := make([]T, 0, len(values))
	for _, v := range values {
		if _, ok := seen[v]; !ok {
			seen[v] = struct{}{}
			kept = append(kept, v)
		}
	}
	return kept
}
