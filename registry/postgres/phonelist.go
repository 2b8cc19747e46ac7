package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// Lists are put together from the conditions of their filter, so there are many statements, each of them seldom. They
// are planned for the values at hand, as the best plan depends on them, and only their description is cached.
const listMode = pgx.QueryExecModeCacheDescribe

// Phones returns one page of the numbers that match.
func (s *Store) Phones(ctx context.Context, f registry.PhoneFilter, o registry.PhoneOrder, p registry.PageRequest) (registry.Page[registry.Phone], error) {
	list := phoneList{filter: f, descending: o.Descending, after: p.After, limit: p.First + 1, now: s.moment()}
	var err error
	if list.sources, err = sourceIDs(ctx, s.pool, f.Sources); err != nil {
		return registry.Page[registry.Phone]{}, err
	}
	var found []listed[registry.Phone]
	switch o.Field {
	case registry.OrderByCreatedAt:
		found, err = list.byTime(ctx, s.pool, "p.created_at")
	case registry.OrderByUpdatedAt:
		found, err = list.byTime(ctx, s.pool, "p.updated_at")
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
	sources    []int16 // the ids of filter.Sources
	descending bool
	after      *registry.Position
	limit      int
	now        time.Time
	pointless  bool // only numbers without a score or with a total of 0
}

// direction returns the words of SQL for the direction of the list: beyond is the operator for what follows.
func (l phoneList) direction() (order, beyond string) {
	if l.descending {
		return "DESC", "<"
	}
	return "ASC", ">"
}

// conditions are those of the filter on phones p, without the number prefix.
func (l phoneList) conditions() *where {
	w := &where{}
	w.phoneConditions(l.filter, l.sources, l.now)
	if l.filter.MinScore != nil || len(l.filter.Tiers) > 0 {
		scored := &where{arguments: w.arguments}
		scored.scoreConditions(l.filter.MinScore, l.filter.Tiers)
		scored.and("s.number = p.number")
		w.arguments = scored.arguments
		w.conditions = append(w.conditions, "EXISTS (SELECT FROM lead_scores s"+scored.String()+")")
	}
	if l.pointless {
		w.and("NOT EXISTS (SELECT FROM lead_scores s WHERE s.number = p.number AND s.total > 0)")
	}
	return w
}

// byNumber reads in the order of numbers: a range scan on the key. A prefix is a range for each length of numbers;
// they are read one after the other, each no further than the page needs, and put in order at the end.
func (l phoneList) byNumber(ctx context.Context, q querier) ([]listed[registry.Phone], error) {
	sql, arguments, err := l.numberStatement(phoneColumns)
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
func (l phoneList) numberStatement(columns string) (sql string, arguments []any, err error) {
	order, beyond := l.direction()
	w := l.conditions()
	if l.filter.NumberPrefix == "" {
		if l.after != nil {
			w.and("p.number "+beyond+" %s", int64(l.after.Number))
		}
		limit := w.arg(l.limit)
		sql = "SELECT " + columns + "\nFROM phones p" + w.String() + "\nORDER BY p.number " + order + "\nLIMIT " + limit
		return sql, listArguments(w), nil
	}
	r, err := prefixRanges(l.filter.NumberPrefix)
	if err != nil {
		return "", nil, err
	}
	if l.after != nil && l.descending {
		r = r.within(0, int64(l.after.Number)-1)
	} else if l.after != nil {
		r = r.within(int64(l.after.Number)+1, math.MaxInt64)
	}
	if len(r.lows) == 0 {
		return "", nil, nil
	}
	w.conditions = append(w.conditions, "p.number BETWEEN r.low AND r.high")
	lows, highs, limit := w.arg(r.lows), w.arg(r.highs), w.arg(l.limit)
	sql = fmt.Sprintf(`SELECT %s
FROM unnest(%s::bigint[], %s::bigint[]) AS r (low, high)
CROSS JOIN LATERAL (SELECT p.* FROM phones p%s
	ORDER BY p.number %s LIMIT %s) p
ORDER BY p.number %s
LIMIT %s`, columns, lows, highs, w, order, limit, order, limit)
	return sql, listArguments(w), nil
}

// listArguments are the arguments of a list, with the mode in which it is run in front.
func listArguments(w *where) []any { return append([]any{listMode}, w.arguments...) }

// byTime reads in the order of a time, then of numbers. column is a constant of this package.
func (l phoneList) byTime(ctx context.Context, q querier, column string) ([]listed[registry.Phone], error) {
	order, beyond := l.direction()
	w := l.conditions()
	if err := l.prefix(w); err != nil {
		return nil, err
	}
	if l.after != nil {
		w.and("("+column+", p.number) "+beyond+" (%s, %s)", time.UnixMicro(l.after.Sort), int64(l.after.Number))
	}
	limit := w.arg(l.limit)
	rows, err := q.Query(ctx, fmt.Sprintf("SELECT %s\nFROM phones p%s\nORDER BY %s %s, p.number %s\nLIMIT %s",
		phoneColumns, w, column, order, order, limit), listArguments(w)...)
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

// prefix adds the condition of the number prefix, if any.
func (l phoneList) prefix(w *where) error {
	if l.filter.NumberPrefix == "" {
		return nil
	}
	r, err := prefixRanges(l.filter.NumberPrefix)
	if err != nil {
		return err
	}
	w.inRanges(r)
	return nil
}

// CountPhones counts the numbers that match.
func (s *Store) CountPhones(ctx context.Context, f registry.PhoneFilter) (int64, error) {
	list := phoneList{filter: f, now: s.moment()}
	var err error
	if list.sources, err = sourceIDs(ctx, s.pool, f.Sources); err != nil {
		return 0, err
	}
	w := list.conditions()
	if err := list.prefix(w); err != nil {
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
	var err error
	if list.sources, err = sourceIDs(ctx, q, f.Sources); err != nil {
		return nil, err
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
