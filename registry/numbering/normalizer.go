package numbering

import (
	"sync"

	"github.com/nyaruka/phonenumbers/v2/metadata"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// A Normalizer reads numbers. Make one with New and share it: it is safe for
// concurrent use and keeps small bounded caches.
type Normalizer struct {
	plan     *plan
	rules    *ruleSet
	areas    *areaTable
	cells    sync.Pool // of *cell
	results  sync.Pool // of *[]Result
	hints    *boundedCache[hintKey, []string]
	enriched *boundedCache[enrichKey, enrichment]
	zones    *boundedCache[int32, []string] // by calling code
	// The names of countries, to tell a place from a country.
	spanish, english display.Namer
}

// New compiles the rule and area data. The error would be one in the data that is
// built in; tests prove there is none.
func New() (*Normalizer, error) {
	rules, err := loadRules()
	if err != nil {
		return nil, err
	}
	areas, err := loadAreas()
	if err != nil {
		return nil, err
	}
	return &Normalizer{
		plan: newPlan(), rules: rules, areas: areas,
		cells:    sync.Pool{New: func() any { return new(cell) }},
		results:  sync.Pool{New: func() any { return new([]Result) }},
		hints:    newBoundedCache[hintKey, []string](4 << 10),
		enriched: newBoundedCache[enrichKey, enrichment](64 << 10),
		zones:    newBoundedCache[int32, []string](1 << 10),
		spanish:  display.Regions(language.Spanish), english: display.Regions(language.English),
	}, nil
}

// PlanVersion names the numbering plans, the rules and the area data that results
// come from: "v9.0.37+rules.2026.11.1+areas.2026.11.1". It is stored with each
// number, to find those that want another look after an update.
func (z *Normalizer) PlanVersion() string {
	return metadata.Version + "+rules." + z.rules.version + "+areas." + z.areas.version
}

// Rules returns the rule data, in the order of the file.
func (z *Normalizer) Rules() []Rule {
	return append([]Rule(nil), z.rules.rules...)
}

// Normalize reads one number: the only one of a text, or of several the first that
// is valid. The result's Input is the whole text.
func (z *Normalizer) Normalize(raw string, o Options) Result {
	r := z.Parse(raw, o)
	z.finish(&r)
	return r
}

// NormalizeAll reads every number of a text, in order, without repeats. Pieces that
// are no number are in the list as invalid results with their reason. There is
// always at least one result.
func (z *Normalizer) NormalizeAll(raw string, o Options) []Result {
	all := z.AppendAll(nil, raw, o)
	for i := range all {
		z.finish(&all[i])
	}
	return all
}

// Parse is Normalize without carrier, location, time zones and formats: for bulk
// work, where Enrich can fill in what is wanted once per number.
func (z *Normalizer) Parse(raw string, o Options) Result {
	if r, ok := z.plain(raw, &o); ok {
		return r
	}
	room := z.results.Get().(*[]Result)
	all := z.appendCell((*room)[:0], raw, &o)
	best := all[0]
	for i := range all {
		if all[i].IsValid {
			best = all[i]
			break
		}
	}
	best.Input = raw
	clear(all) // keep nothing of the text
	*room = all[:0]
	z.results.Put(room)
	return best
}

// ParseAll is NormalizeAll without carrier, location, time zones and formats.
func (z *Normalizer) ParseAll(raw string, o Options) []Result {
	return z.AppendAll(nil, raw, o)
}

// AppendAll appends what ParseAll would return to dst, to reuse its memory.
func (z *Normalizer) AppendAll(dst []Result, raw string, o Options) []Result {
	if r, ok := z.plain(raw, &o); ok {
		return append(dst, r)
	}
	return z.appendCell(dst, raw, &o)
}

// Describe says what the plan knows of a stored number, everything included. The
// number stays in the result even if it is no longer valid.
func (z *Normalizer) Describe(n Number) Result {
	r := Result{Input: n.String(), Number: n, LineType: Unknown}
	if n <= 0 {
		r.Reason = Empty
		return r
	}
	in := digitsOf([]byte(r.Input[1:]))
	found := z.exact(in.bytes())
	r.fill(&found)
	r.Number = n
	z.finish(&r)
	return r
}

// plain reads the usual text, one number in digits and the usual punctuation,
// without the work that cells with several numbers or words need. It reports false
// for all others, and for what is not valid.
func (z *Normalizer) plain(raw string, o *Options) (Result, bool) {
	var d digits
	var groups, first, dots int
	plus, open := false, false
	if len(raw) > 32 {
		return Result{}, false
	}
	for i := range len(raw) {
		switch b := raw[i]; {
		case isDigit(b):
			if !open {
				groups++
				open = true
			}
			if groups == 1 {
				first++
			}
			if !d.push(b) {
				return Result{}, false
			}
			continue
		case b == '+' && d.n == 0 && !plus:
			plus = true
		case b == '.':
			dots++
		case b == ' ' || b == '-' || b == '(' || b == ')':
		default:
			return Result{}, false
		}
		open = false
	}
	if d.n < MinDigits || (dots == 1 && d.d[d.n-1] == '0') { // perhaps a decimal
		return Result{}, false
	}
	hint := areaHint{city: o.City, area: o.Area}
	r := z.resolve(d.bytes(), form{plus, exitGroup(groups, first)}, z.home(o), &hint)
	if !r.valid() || (groups > 1 && first >= MinDigits && r.rule != "") {
		return Result{}, false
	}
	var out Result
	out.Input = raw
	out.fill(&r)
	return out, true
}

// exitGroup returns the length of the first of several groups, 0 for a single one.
func exitGroup(groups, first int) int {
	if groups > 1 {
		return first
	}
	return 0
}

// home returns the default region's plan, nil if there is none.
func (z *Normalizer) home(o *Options) *territory {
	if t := z.plan.regions[o.Region]; t != nil || len(o.Region) != 2 {
		return t
	}
	var upper [2]byte
	for i := range upper {
		if upper[i] = o.Region[i]; upper[i]-'a' <= 'z'-'a' {
			upper[i] -= 'a' - 'A'
		}
	}
	return z.plan.regions[string(upper[:])]
}

// fill takes over what a reading found.
func (r *Result) fill(from *reading) {
	r.Reason, r.IsPossible = from.reason, from.possible
	if !from.valid() {
		r.LineType = Unknown
		return
	}
	r.Number, r.IsValid = from.number(), true
	r.Region, r.LineType, r.AppliedRule = from.home.id, from.lineType, from.rule
}
