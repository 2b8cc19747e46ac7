package numbering

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

//go:embed data/*.json
var dataFiles embed.FS

// Rule is one entry of the rule data: how texts are rewritten, since when, and
// who says so.
type Rule struct {
	// ID names the rule in Result.AppliedRule. It is never reused.
	ID string `json:"id"`
	// Kind is "rewrite" (a pattern on the national number), "local" (a pattern on
	// a local number, completed with an area), "wire" (a pattern on a national
	// number that a messaging service sent; see Wire) or "text" (done in code).
	Kind string `json:"kind"`
	// Region and CallingCode tell where it holds; both empty for text rules.
	Region      string `json:"region,omitempty"`
	CallingCode int    `json:"callingCode,omitempty"`
	// Form is "" or, for rules that only hold where the country code was written,
	// "international".
	Form string `json:"form,omitempty"`
	// Pattern (RE2) matches all of the old form, Replace is the new one with
	// ${1} for a group and {area} for the area.
	Pattern string `json:"pattern,omitempty"`
	Replace string `json:"replace,omitempty"`
	// From is when the new form came into force, Until when the old one ended;
	// both YYYY-MM-DD or empty.
	From  string `json:"from,omitempty"`
	Until string `json:"until,omitempty"`
	// Note says what the rule is for, Source who set it.
	Note   string `json:"note,omitempty"`
	Source string `json:"source,omitempty"`
}

// Ids of the rules that are code, not patterns.
const (
	ruleAreaLocal  = "area-local"
	ruleIDD00      = "idd-00"
	ruleScientific = "sheet-scientific"
	ruleDecimal    = "sheet-decimal"
	ruleThousands  = "sheet-thousands"
	ruleEnding     = "list-ending"
	ruleRange      = "list-range"
	ruleGlued      = "list-glued"
)

// A ruleSet is the rule data, compiled.
type ruleSet struct {
	version string
	rules   []Rule
	byCode  map[int][]compiledRule // rewrite rules in the order of the file
	local   map[string][]compiledRule
	wire    map[int][]compiledRule
}

type compiledRule struct {
	*Rule
	quick   *automaton // says without allocating that the pattern does not match
	pattern *regexp.Regexp
	// before and after are Replace around {area}, for local rules.
	before, after string
}

func loadRules() (*ruleSet, error) {
	raw, err := dataFiles.ReadFile("data/rules.json")
	if err != nil {
		return nil, fmt.Errorf("rule data: %w", err)
	}
	return compileRules(raw)
}

func compileRules(raw []byte) (*ruleSet, error) {
	var file struct {
		Version string `json:"version"`
		About   string `json:"about"`
		Rules   []Rule `json:"rules"`
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("rule data: %w", err)
	}
	if file.Version == "" {
		return nil, fmt.Errorf("rule data: no version")
	}
	set := &ruleSet{version: file.Version, rules: file.Rules, byCode: map[int][]compiledRule{}, local: map[string][]compiledRule{},
		wire: map[int][]compiledRule{}}
	seen := map[string]bool{}
	for i := range file.Rules {
		r := &file.Rules[i]
		if r.ID == "" || seen[r.ID] {
			return nil, fmt.Errorf("rule %d: id %q is empty or taken", i, r.ID)
		}
		seen[r.ID] = true
		if err := set.add(r); err != nil {
			return nil, fmt.Errorf("rule %s: %w", r.ID, err)
		}
	}
	return set, nil
}

func (s *ruleSet) add(r *Rule) error {
	for _, date := range []string{r.From, r.Until} {
		if _, err := time.Parse(time.DateOnly, date); date != "" && err != nil {
			return fmt.Errorf("date: %w", err)
		}
	}
	if r.Form != "" && r.Form != "international" {
		return fmt.Errorf("form %q: want empty or international", r.Form)
	}
	if r.Kind == "text" {
		return nil
	}
	pattern, err := regexp.Compile(r.Pattern)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	if r.Pattern == "" || r.Replace == "" || r.CallingCode == 0 || !SupportedRegion(r.Region) {
		return fmt.Errorf("pattern, replace, callingCode and a supported region are needed")
	}
	quick, err := compileAutomaton(r.Pattern)
	if err != nil {
		return fmt.Errorf("pattern: %w", err)
	}
	c := compiledRule{Rule: r, quick: quick, pattern: pattern}
	switch r.Kind {
	case "rewrite":
		s.byCode[r.CallingCode] = append(s.byCode[r.CallingCode], c)
	case "local":
		before, after, ok := strings.Cut(r.Replace, "{area}")
		if !ok {
			return fmt.Errorf("replace %q: a local rule needs {area}", r.Replace)
		}
		c.before, c.after = before, after
		s.local[r.Region] = append(s.local[r.Region], c)
	case "wire":
		s.wire[r.CallingCode] = append(s.wire[r.CallingCode], c)
	default:
		return fmt.Errorf("kind %q: want rewrite, local, wire or text", r.Kind)
	}
	return nil
}

// rewrite applies the rule to a national number; area is used by local rules.
func (r *compiledRule) rewrite(nsn []byte, area string) (digits, bool) {
	if r.quick.matchAll(nsn) == 0 {
		return digits{}, false
	}
	text := string(nsn)
	at := r.pattern.FindStringSubmatchIndex(text)
	if at == nil {
		return digits{}, false
	}
	template := r.Replace
	if r.Kind == "local" {
		template = r.before + area + r.after
	}
	out := digitsOf(r.pattern.ExpandString(nil, template, text, at))
	return out, out.n > 0
}

// joinRules puts two rule ids together in the order they were applied.
func joinRules(first, second string) string {
	if first == "" {
		return second
	}
	if second == "" {
		return first
	}
	return first + "+" + second
}
