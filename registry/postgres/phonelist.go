package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// Lists are put together from the conditions of their filter, so there are many statements, each of them seldom. They
// are planned for the values at hand, as the best plan depends on them, and only their description is cached.
const listMode = pgx.QueryExecModeCacheDescribe

// Phones returns one page of the numbers that match.
func (s *Store) Phones(ctx context.Context, f registry.PhoneFilter, o registry.PhoneOrder, p registry.PageRequest) (registry.Page[registry.Phone], error) {
	list := phoneList{filter: f, descending: o.Descending, after: p.After, limit: p.First + 1, now: s.moment(), fields: p.Fields}
	byScore := o.Field == registry.OrderByScore
	none, err := list.prepare(ctx, s.pool, byScore)
	if err != nil || none {
		return registry.Page[registry.Phone]{}, wrapped(err, "list phones")
	}
	var found []listed[registry.Phone]
	switch o.Field {
	case registry.OrderByCreatedAt:
		found, err = list.byTime(ctx, s.pool, "p.created_at", "createdAt")
	case registry.OrderByUpdatedAt:
		found, err = list.byTime(ctx, s.pool, "p.updated_at", "updatedAt")
	case registry.OrderByScore:
		err = s.inSnapshot(ctx, func(tx pgx.Tx, _ time.Time) error {
			found, err = list.byScore(ctx, tx)
			return err
		})
	default:
		found, err = list.byNumber(ctx, s.pool)
	}
	if err != nil {
		return registry.Page[registry.Phone]{}, wrapped(err, "list phones")
	}
	return pageOf(found, p.First), nil
}

// listed is an entry of a list and its place there.
type listed[T any] struct {
	item     T
	position registry.Position
}

// pageOf makes a page of the entries read, one more of which may have been asked for to know whether more follow.
func pageOf[T any](found []listed[T], first int) registry.Page[T] {
	page := registry.Page[T]{HasMore: len(found) > first}
	found = found[:min(len(found), first)]
	page.Items, page.Positions = make([]T, len(found)), make([]registry.Position, len(found))
	for i, l := range found {
		page.Items[i], page.Positions[i] = l.item, l.position
	}
	return page
}

// phoneList is one page of phones to read.
type phoneList struct {
	filter     registry.PhoneFilter
	descending bool
	after      *registry.Position
	limit      int
	now        time.Time
	fields     registry.Fields
	pointless  bool // only numbers without a score or with a total of 0

	sources         []int16 // the ids of filter.Sources
	given           []int64 // the numbers these sources gave, when they are few; nil: they are many
	lowest, highest int64   // no number that matches lies outside
}

// The smallest and the largest number that phones can hold.
const lowestNumber, highestNumber = 1e6, 1e15 - 1

// -- name: span_of_regions
const selectRegionsSpan = `
SELECT min(low), max(high)
FROM unnest($1::text[]) AS r (region)
CROSS JOIN LATERAL (
	SELECT (SELECT min(p.number) FROM phones p WHERE p.region = r.region) AS low,
		(SELECT max(p.number) FROM phones p WHERE p.region = r.region) AS high) s`

// -- name: numbers_of_sources
const selectNumbersOfSources = `
SELECT number
FROM customer_phones
WHERE source_ids && $1::smallint[]
LIMIT $2`

// few is how many numbers of a source are listed one by one.
const few = 2000

// prepare reads what the statements of the list depend on. none: no number can match.
func (l *phoneList) prepare(ctx context.Context, q querier, byScore bool) (none bool, err error) {
	f := l.filter
	l.lowest, l.highest = lowestNumber, highestNumber
	if len(f.Sources) > 0 {
		if none, err := l.prepareSources(ctx, q); err != nil || none {
			return none, err
		}
	}
	lookups := len(f.Sources) > 0 || f.IsVerified != nil || len(f.Platforms) > 0 || l.needsScore() || byScore
	if len(f.Regions) == 0 || !lookups {
		return false, nil
	}
	// Numbers of a country lie together: where other tables are looked up, knowing between which numbers keeps the
	// search short.
	l.lowest, l.highest, none, err = spanOfRegions(ctx, q, f.Regions)
	return none, err
}

// prepareSources finds out whether the sources gave many numbers, which are met soon in any order, or few, which are
// best looked up. PostgreSQL cannot tell: its statistics do not hold values as rare as that.
func (l *phoneList) prepareSources(ctx context.Context, q querier) (none bool, err error) {
	if l.sources, err = sourceIDs(ctx, q, l.filter.Sources); err != nil || len(l.sources) == 0 {
		return true, err
	}
	rows, err := q.Query(ctx, selectNumbersOfSources, listMode, l.sources, few+1)
	if err != nil {
		return false, wrapped(err, "read numbers of sources")
	}
	given, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if len(given) <= few {
		l.given = given
	}
	return len(given) == 0, wrapped(err, "read numbers of sources")
}

// spanOfRegions returns between which numbers those of the regions lie; none when there are none.
func spanOfRegions(ctx context.Context, q querier, regions []string) (lowest, highest int64, none bool, err error) {
	var low, high *int64
	err = q.QueryRow(ctx, selectRegionsSpan, regions).Scan(&low, &high)
	return orZero(low), orZero(high), low == nil || high == nil, wrapped(err, "read span of regions")
}

// needsScore reports whether only numbers with a score can match.
func (l *phoneList) needsScore() bool { return l.filter.MinScore != nil || len(l.filter.Tiers) > 0 }

// direction returns the words of SQL for the direction of the list: beyond is the operator for what follows.
func (l *phoneList) direction() (order, beyond string) {
	if l.descending {
		return "DESC", "<"
	}
	return "ASC", ">"
}

// phoneConditions adds what the filter asks of phones p, but for the score and the number prefix. within is said of
// each number that is looked up, see span.
func (l *phoneList) phoneConditions(w *where, within span) {
	f := l.filter
	anyOf(w, "p.region", "", f.Regions)
	w.lineTypes(f.LineTypes)
	if f.IsValid != nil {
		w.and(negated("p.valid", *f.IsValid)) // as text, so that the partial index on invalid numbers is used
	}
	if len(f.CustomerIDs) > 0 {
		w.and("p.number IN (SELECT c.number FROM customer_phones c WHERE c.customer_id = ANY (%s::text[])"+within.of("c")+")", f.CustomerIDs)
	}
	switch {
	case l.given != nil:
		w.and("p.number = ANY (%s::bigint[])", l.given)
	case len(f.Sources) > 0:
		w.and("EXISTS (SELECT FROM customer_phones c WHERE c.number = p.number AND c.source_ids && %s::smallint[]"+within.of("c")+")", l.sources)
	}
	if f.IsVerified != nil {
		w.and(negated("EXISTS (SELECT FROM customer_phones c WHERE c.number = p.number AND c.is_verified"+within.of("c")+")", *f.IsVerified))
	}
	for _, platform := range f.Platforms {
		w.and(`EXISTS (SELECT FROM platform_validations v WHERE v.number = p.number AND v.platform = %s::text::platform
		AND v.status = 'ACTIVE' AND (v.expires_at IS NULL OR v.expires_at > %s)`+within.of("v")+")", string(platform), l.now)
	}
}

// conditions adds those of the filter on phones p, without the number prefix.
func (l *phoneList) conditions(w *where, within span) {
	l.phoneConditions(w, within)
	if l.needsScore() {
		scored := &where{arguments: w.arguments, conditions: []string{"s.number = p.number" + within.of("s")}}
		scored.scoreConditions(l.filter.MinScore, l.filter.Tiers)
		w.arguments = scored.arguments
		w.conditions = append(w.conditions, "EXISTS (SELECT FROM lead_scores s"+scored.String()+")")
	}
	if l.pointless {
		w.and("NOT EXISTS (SELECT FROM lead_scores s WHERE s.number = p.number AND s.total > 0" + within.of("s") + ")")
	}
}

// byNumber reads in the order of numbers: a range scan on the key. A prefix is a range for each length of numbers;
// they are read one after the other, each no further than the page needs, and put in order at the end.
func (l *phoneList) byNumber(ctx context.Context, q querier) ([]listed[registry.Phone], error) {
	sql, arguments, err := l.numberStatement(phoneShown.of(l.fields))
	if err != nil || sql == "" {
		return nil, err
	}
	rows, err := q.Query(ctx, sql, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.Phone], error) {
		p, err := scanPhone(row)
		return listed[registry.Phone]{p, registry.Position{Number: p.Number}}, err
	})
}

// numberStatement is the statement of byNumber with its arguments; "" when nothing can match.
func (l *phoneList) numberStatement(columns string) (sql string, arguments []any, err error) {
	lowest, highest := l.lowest, l.highest
	if l.after != nil && l.descending {
		highest = min(highest, int64(l.after.Number)-1)
	} else if l.after != nil {
		lowest = max(lowest, int64(l.after.Number)+1)
	}
	w := &where{}
	order, _ := l.direction()
	if l.filter.NumberPrefix == "" {
		source := l.inOrder(w, w.span(lowest, highest))
		return "SELECT " + columns + "\nFROM (" + source + ") p\nORDER BY p.number " + order, listArguments(w), nil
	}
	r, err := prefixRanges(l.filter.NumberPrefix)
	if err != nil {
		return "", nil, err
	}
	if r = r.within(lowest, highest); len(r.lows) == 0 {
		return "", nil, nil
	}
	source := l.inOrder(w, span{low: "r.low", high: "r.high"})
	lows, highs, limit := w.arg(r.lows), w.arg(r.highs), w.arg(l.limit)
	sql = fmt.Sprintf(`SELECT %s
FROM unnest(%s::bigint[], %s::bigint[]) AS r (low, high)
CROSS JOIN LATERAL (%s) p
ORDER BY p.number %s
LIMIT %s`, columns, lows, highs, source, order, limit)
	return sql, listArguments(w), nil
}

// inOrder is the statement that reads phones in the order of numbers, as many as the list needs. Verified numbers are
// few and may lie anywhere: they are read in their order, and their phones looked up.
func (l *phoneList) inOrder(w *where, within span) string {
	order, _ := l.direction()
	verified := l.filter.IsVerified != nil && *l.filter.IsVerified
	l.conditions(w, within)
	if verified {
		w.conditions = append(w.conditions, "p.number = v.number")
	} else {
		w.conditions = append(w.conditions, within.conditions("p")...)
	}
	limit := w.arg(l.limit)
	if verified {
		// OFFSET 0 keeps the planner from turning the look-up around.
		return fmt.Sprintf(`SELECT p.*
FROM (SELECT DISTINCT c.number FROM customer_phones c WHERE c.is_verified%s ORDER BY c.number %s) v
CROSS JOIN LATERAL (SELECT p.* FROM phones p%s OFFSET 0) p
ORDER BY v.number %[2]s
LIMIT %[4]s`, within.of("c"), order, w, limit)
	}
	return fmt.Sprintf("SELECT p.*\nFROM phones p%s\nORDER BY p.number %s\nLIMIT %s", w, order, limit)
}

// listArguments are the arguments of a list, with the mode in which it is run in front.
func listArguments(w *where) []any { return append([]any{listMode}, w.arguments...) }

// byTime reads in the order of a time, and those of the same time in no order that can be told. column is a constant of this package, field what is made of it.
func (l *phoneList) byTime(ctx context.Context, q querier, column, field string) ([]listed[registry.Phone], error) {
	order, beyond := l.direction()
	w := &where{}
	within := w.span(l.lowest, l.highest)
	l.conditions(w, within)
	w.conditions = append(w.conditions, within.conditions("p")...)
	if err := l.prefix(w, "p"); err != nil {
		return nil, err
	}
	keys := []string{column, tie("p.number"), "p.number"}
	if l.after != nil {
		w.and("("+strings.Join(keys, ", ")+") "+beyond+" (%[1]s, "+tie("%[2]s::bigint")+", %[2]s)", time.UnixMicro(l.after.Sort), int64(l.after.Number))
	}
	sql := fmt.Sprintf("\nFROM phones p%s\nORDER BY %s %s\nLIMIT %s", w, strings.Join(keys, " "+order+", "), order, w.arg(l.limit))
	rows, err := q.Query(ctx, "SELECT "+phoneShown.of(l.fields, field)+sql, listArguments(w)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.Phone], error) {
		p, err := scanPhone(row)
		at := p.CreatedAt
		if column == "p.updated_at" {
			at = p.UpdatedAt
		}
		return listed[registry.Phone]{p, registry.Position{Sort: at.UnixMicro(), Number: p.Number}}, err
	})
}

// prefix adds the condition of the number prefix, if any, on the number of a table.
func (l *phoneList) prefix(w *where, table string) error {
	if l.filter.NumberPrefix == "" {
		return nil
	}
	r, err := prefixRanges(l.filter.NumberPrefix)
	if err != nil {
		return err
	}
	w.inRanges(table, r)
	return nil
}

// CountPhones counts the numbers that match.
func (s *Store) CountPhones(ctx context.Context, f registry.PhoneFilter) (int64, error) {
	list := phoneList{filter: f, now: s.moment()}
	none, err := list.prepare(ctx, s.pool, false)
	if err != nil || none {
		return 0, wrapped(err, "count phones")
	}
	w := &where{}
	within := w.span(list.lowest, list.highest)
	list.conditions(w, within)
	w.conditions = append(w.conditions, within.conditions("p")...)
	if err := list.prefix(w, "p"); err != nil {
		return 0, err
	}
	var n int64
	err = s.pool.QueryRow(ctx, "SELECT count(*)\nFROM phones p"+w.String(), listArguments(w)...).Scan(&n)
	return n, wrapped(err, "count phones")
}

// matchingNumbers returns up to limit numbers behind after that match a filter, in order: for those who go through all
// of them, as the planner of jobs does.
func matchingNumbers(ctx context.Context, q querier, f registry.PhoneFilter, now time.Time, after registry.Number, limit int) ([]registry.Number, error) {
	list := phoneList{filter: f, after: &registry.Position{Number: after}, limit: limit, now: now}
	none, err := list.prepare(ctx, q, false)
	if err != nil || none {
		return nil, wrapped(err, "list numbers")
	}
	sql, arguments, err := list.numberStatement("p.number")
	if err != nil || sql == "" {
		return nil, err
	}
	rows, err := q.Query(ctx, sql, arguments...)
	if err != nil {
		return nil, wrapped(err, "list numbers")
	}
	numbers, err := pgx.CollectRows(rows, pgx.RowTo[registry.Number])
	return numbers, wrapped(err, "list numbers")
}
