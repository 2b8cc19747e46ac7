package postgres

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// where collects conditions and the arguments they refer to. Only constants of this package become SQL text; values
// of callers become arguments.
type where struct {
	conditions []string
	arguments  []any
}

// arg adds an argument and returns its placeholder.
func (w *where) arg(value any) string {
	w.arguments = append(w.arguments, value)
	return "$" + strconv.Itoa(len(w.arguments))
}

// and adds a condition in which %s stand for the values, in their order.
func (w *where) and(condition string, values ...any) {
	places := make([]any, len(values))
	for i, v := range values {
		places[i] = w.arg(v)
	}
	w.conditions = append(w.conditions, fmt.Sprintf(condition, places...))
}

// String is the WHERE clause; "" without conditions.
func (w *where) String() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return "\nWHERE " + strings.Join(w.conditions, "\n\tAND ")
}

// anyOf adds the condition that a column is one of the values, cast to the column's type; none means no condition. One
// value becomes an equality, by which an index on the column also gives the order of the column behind it.
func anyOf[T ~string](w *where, column, cast string, values []T) {
	switch len(values) {
	case 0:
	case 1:
		w.and(column+" = %s::text"+cast, string(values[0]))
	default:
		w.and(column+" = ANY (%s::text[]"+arrayOf(cast)+")", texts(values))
	}
}

func arrayOf(cast string) string {
	if cast == "" {
		return ""
	}
	return cast + "[]"
}

func texts[T ~string](values []T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// phoneConditions adds what a filter asks of phones p, but for the number prefix. sources are the ids of f.Sources;
// evidence counts that has not run out at now.
func (w *where) phoneConditions(f registry.PhoneFilter, sources []int16, now time.Time) {
	anyOf(w, "p.region", "", f.Regions)
	anyOf(w, "p.line_type", "::line_type", f.LineTypes)
	if f.IsValid != nil {
		w.and(negated("p.valid", *f.IsValid)) // as text, so that the partial index on invalid numbers is used
	}
	if len(f.CustomerIDs) > 0 {
		w.and("p.number IN (SELECT c.number FROM customer_phones c WHERE c.customer_id = ANY (%s::text[]))", f.CustomerIDs)
	}
	if len(f.Sources) > 0 {
		w.and("EXISTS (SELECT FROM customer_phones c WHERE c.number = p.number AND c.source_ids && %s::smallint[])", sources)
	}
	if f.IsVerified != nil {
		w.and(negated("EXISTS (SELECT FROM customer_phones c WHERE c.number = p.number AND c.is_verified)", *f.IsVerified))
	}
	for _, platform := range f.Platforms {
		w.and(`EXISTS (SELECT FROM platform_validations v WHERE v.number = p.number AND v.platform = %s::text::platform
		AND v.status = 'ACTIVE' AND (v.expires_at IS NULL OR v.expires_at > %s))`, string(platform), now)
	}
}

// scoreConditions adds what a filter asks of lead scores s. The bounds of the tiers' totals, which the table's check
// on tier and total makes true anyway, let the index on the total be used.
func (w *where) scoreConditions(minScore *int, tiers []registry.Tier) {
	if minScore != nil {
		w.and("s.total >= %s", *minScore)
	}
	if len(tiers) == 0 {
		return
	}
	anyOf(w, "s.tier", "::quality_tier", tiers)
	lowest, highest := 100, 0
	for _, tier := range tiers {
		low, high := tierTotals(tier)
		lowest, highest = min(lowest, low), max(highest, high)
	}
	w.and("s.total BETWEEN %s AND %s", lowest, highest)
}

// tierTotals returns the totals a tier spans: the constraint lead_scores_tier.
func tierTotals(tier registry.Tier) (lowest, highest int) {
	switch tier {
	case scoring.TierPremium:
		return 80, 100
	case scoring.TierHigh:
		return 60, 79
	case scoring.TierMedium:
		return 40, 59
	case scoring.TierLow:
		return 20, 39
	case scoring.TierPoor:
		return 0, 19
	}
	return 0, 0
}

func negated(condition string, wanted bool) string {
	if wanted {
		return condition
	}
	return "NOT " + condition
}

// ranges are runs of numbers, from low to high, both included.
type ranges struct {
	lows, highs []int64
}

// prefixRanges returns the numbers that begin with the digits, ascending: one range for each length a number can have.
func prefixRanges(prefix string) (ranges, error) {
	low, err := strconv.ParseInt(prefix, 10, 64)
	if err != nil {
		return ranges{}, fmt.Errorf("number prefix: %w", numbering.ErrNotE164)
	}
	var r ranges
	high := low + 1
	for digits := len(prefix); digits <= numbering.MaxDigits; digits++ {
		if digits >= numbering.MinDigits {
			r.lows, r.highs = append(r.lows, low), append(r.highs, high-1)
		}
		low, high = low*10, high*10
	}
	return r, nil
}

// within returns what of the ranges lies between two numbers, both included.
func (r ranges) within(lowest, highest int64) ranges {
	var out ranges
	for i := range r.lows {
		low, high := max(r.lows[i], lowest), min(r.highs[i], highest)
		if low <= high {
			out.lows, out.highs = append(out.lows, low), append(out.highs, high)
		}
	}
	return out
}

// condition adds that p.number lies in one of the ranges.
func (w *where) inRanges(r ranges) {
	w.and("EXISTS (SELECT FROM unnest(%s::bigint[], %s::bigint[]) AS r (low, high) WHERE p.number BETWEEN r.low AND r.high)", r.lows, r.highs)
}
