package postgres

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

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

// span is where the numbers of a list lie. PostgreSQL does not conclude from p.number > $1 AND v.number = p.number that
// v.number > $1; told so, it does not begin each table at its start.
type span struct {
	low, high string // SQL of the lowest and the highest number; "": no limit
}

// span makes arguments of the lowest and the highest number.
func (w *where) span(lowest, highest int64) span {
	var s span
	if lowest > lowestNumber {
		s.low = w.arg(lowest)
	}
	if highest < highestNumber {
		s.high = w.arg(highest)
	}
	return s
}

// conditions are those on the number of a table.
func (s span) conditions(table string) []string {
	var out []string
	if s.low != "" {
		out = append(out, table+".number >= "+s.low)
	}
	if s.high != "" {
		out = append(out, table+".number <= "+s.high)
	}
	return out
}

// of is the conditions on the number of a table as one text, with AND in front.
func (s span) of(table string) string {
	var text strings.Builder
	for _, condition := range s.conditions(table) {
		text.WriteString(" AND " + condition)
	}
	return text.String()
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

// inRanges adds that the number of a table lies in one of the ranges.
func (w *where) inRanges(table string, r ranges) {
	alternatives := make([]string, len(r.lows))
	for i := range r.lows {
		alternatives[i] = table + ".number BETWEEN " + w.arg(r.lows[i]) + " AND " + w.arg(r.highs[i])
	}
	w.conditions = append(w.conditions, "("+strings.Join(alternatives, " OR ")+")")
}

// byTotal is a list in the order of totals and, among those with the same one, of numbers: best first, or the reverse.
type byTotal struct {
	columns, from string // from must name lead_scores s
	after         *registry.Position
	ascending     bool
	limit         int
}

// statement is the list of what w says of s. Behind a position it has two parts, each a range of lead_scores_best_idx:
// the rest of those with the same total, and those with another one.
func (l byTotal) statement(w *where) string {
	order, worse, behind := "%[1]stotal DESC, "+tie("%[1]snumber")+" ASC, %[1]snumber ASC", "<", ">"
	if l.ascending {
		order, worse, behind = "%[1]stotal ASC, "+tie("%[1]snumber")+" DESC, %[1]snumber DESC", ">", "<"
	}
	limit := w.arg(l.limit)
	part := func(conditions ...string) string {
		restricted := where{conditions: append(slices.Clone(w.conditions), conditions...)}
		return "SELECT " + l.columns + "\nFROM " + l.from + restricted.String() + "\nORDER BY " + fmt.Sprintf(order, "s.") + "\nLIMIT " + limit
	}
	if l.after == nil {
		return part()
	}
	total, number := w.arg(l.after.Sort), w.arg(int64(l.after.Number))
	same := "(" + tie("s.number") + ", s.number) " + behind + " (" + tie(number+"::bigint") + ", " + number + ")"
	return "SELECT * FROM ((" + part("s.total = "+total, same) + ")\nUNION ALL\n(" + part("s.total "+worse+" "+total) +
		")) l\nORDER BY " + fmt.Sprintf(order, "l.") + "\nLIMIT " + limit
}
