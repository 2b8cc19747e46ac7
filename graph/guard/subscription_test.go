package guard

import (
	"strings"
	"testing"
)

// TestOneStreamASubscription: what passes validation can be run.
func TestOneStreamASubscription(t *testing.T) {
	const one, condition = "must select only one top level field", "must not use @skip or @include"
	g := New(theSchema, Limits{})
	for query, want := range map[string]string{
		`subscription { leadScoreChanged { total } }`:                                                                  "",
		`subscription { a: leadScoreChanged { total } a: leadScoreChanged { tier } }`:                                  "",
		`subscription { ...F ...F } fragment F on Subscription { leadScoreChanged { total } }`:                         "",
		`subscription { leadScoreChanged { total @skip(if: true) } }`:                                                  "",
		`subscription { leadScoreChanged { total } importProgress(id: "a") { sequence } }`:                             one,
		`subscription { a: leadScoreChanged { total } b: leadScoreChanged { total } }`:                                 one,
		`subscription { leadScoreChanged { total } ...F } fragment F on Subscription { b: leadScoreChanged { tier } }`: one,
		`subscription S { a: leadScoreChanged { total } ... { b: leadScoreChanged { total } } }`:                       `Subscription "S" ` + one,
		`subscription { __typename }`:                                                                         "introspection",
		`subscription { leadScoreChanged @skip(if: true) { total } }`:                                         condition,
		`subscription($a: Boolean!) { ... @include(if: $a) { leadScoreChanged { total } } }`:                  condition,
		`subscription { ...F @include(if: false) } fragment F on Subscription { leadScoreChanged { total } }`: condition,
		`query { a: viewer { role } b: viewer { role } ... @include(if: true) { viewer { name } } }`:          "",
	} {
		_, _, errs := g.Read(query)
		switch {
		case want == "" && len(errs) > 0:
			t.Errorf("%s: %v", query, errs)
		case want != "" && (len(errs) != 1 || !strings.Contains(errs[0].Message, want) || len(errs[0].Locations) == 0):
			t.Errorf("%s: %v; want %q, with its place", query, errs, want)
		}
	}
}
