package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// byScore reads in the order of scores. Most numbers may have no score, and count as 0. So the list has two parts,
// each in the order of an index: those with points, in the order of lead_scores_best_idx (best first, then by number;
// backwards when ascending), and those without, in the order of numbers.
func (l phoneList) byScore(ctx context.Context, tx pgx.Tx) ([]listed[registry.Phone], error) {
	parts := []func(context.Context, pgx.Tx) ([]listed[registry.Phone], error){l.withPoints, l.withoutPoints}
	if !l.descending {
		parts[0], parts[1] = parts[1], parts[0]
	}
	var found []listed[registry.Phone]
	for _, part := range parts {
		more, err := part(ctx, tx)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if len(found) >= l.limit {
			return found[:l.limit], nil
		}
	}
	return found, nil
}

// withPoints reads the part of numbers with a total above 0.
func (l phoneList) withPoints(ctx context.Context, tx pgx.Tx) ([]listed[registry.Phone], error) {
	w := &where{}
	w.phoneConditions(l.filter, l.sources, l.now)
	w.scoreConditions(l.filter.MinScore, l.filter.Tiers)
	if err := l.prefix(w); err != nil {
		return nil, err
	}
	w.and("s.total > 0")
	order := "s.total DESC, s.number ASC"
	switch {
	case !l.descending:
		order = "s.total ASC, s.number DESC"
		if l.after != nil && l.after.Sort > 0 {
			// One bound for the index, and the rest of what "behind" means.
			w.and("s.total >= %s AND (s.total > %[1]s OR s.number < %[2]s)", l.after.Sort, int64(l.after.Number))
		}
	case l.after != nil && l.after.Sort == 0:
		return nil, nil // the page begins behind this part
	case l.after != nil:
		w.and("s.total <= %s AND (s.total < %[1]s OR s.number > %[2]s)", l.after.Sort, int64(l.after.Number))
	}
	limit := w.arg(l.limit)
	rows, err := tx.Query(ctx, fmt.Sprintf("SELECT %s, s.total\nFROM lead_scores s\nJOIN phones p ON p.number = s.number%s\nORDER BY %s\nLIMIT %s",
		phoneColumns, w, order, limit), listArguments(w)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.Phone], error) {
		var l listed[registry.Phone]
		err := row.Scan(append(phoneFields(&l.item), &l.position.Sort)...)
		l.position.Number = l.item.Number
		return l, err
	})
}

// withoutPoints reads the part of numbers without a score or with a total of 0.
func (l phoneList) withoutPoints(ctx context.Context, tx pgx.Tx) ([]listed[registry.Phone], error) {
	if l.filter.MinScore != nil && *l.filter.MinScore > 0 {
		return nil, nil
	}
	if l.after != nil && l.after.Sort > 0 {
		if !l.descending {
			return nil, nil // the page begins behind this part
		}
		l.after = nil // the page may reach into this part, from its start
	}
	l.pointless = true
	l.descending = !l.descending // numbers run as they do in the other part: up when the best come first
	return l.byNumber(ctx, tx)
}
