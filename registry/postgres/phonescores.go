package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// byScore reads in the order of scores. Most numbers may have no score, and count as 0. So the list has two parts,
// each in the order of an index: those with points, in the order of lead_scores_best_idx (best first;
// backwards when ascending), and those without, in the order of numbers.
func (l *phoneList) byScore(ctx context.Context, tx pgx.Tx) ([]listed[registry.Phone], error) {
	if l.needsScore() {
		return l.scored(ctx, tx, l.after)
	}
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
func (l *phoneList) withPoints(ctx context.Context, tx pgx.Tx) ([]listed[registry.Phone], error) {
	if l.after == nil || l.after.Sort > 0 {
		return l.scored(ctx, tx, l.after, "s.total > 0")
	}
	if l.descending {
		return nil, nil // the page begins behind this part
	}
	return l.scored(ctx, tx, nil, "s.total > 0")
}

// withoutPoints reads the part of numbers without a score or with a total of 0.
func (l *phoneList) withoutPoints(ctx context.Context, tx pgx.Tx) ([]listed[registry.Phone], error) {
	rest := *l
	if l.after != nil && l.after.Sort > 0 {
		if !l.descending {
			return nil, nil // the page begins behind this part
		}
		rest.after = nil // the page may reach into this part, from its start
	}
	rest.pointless = true
	rest.descending = !l.descending // numbers run as they do in the other part: up when the best come first
	return rest.byNumber(ctx, tx)
}

// scored reads numbers that have a score, of which the conditions hold beside those of the filter.
func (l *phoneList) scored(ctx context.Context, tx pgx.Tx, after *registry.Position, conditions ...string) ([]listed[registry.Phone], error) {
	w := &where{conditions: conditions}
	within := w.span(l.lowest, l.highest)
	l.phoneConditions(w, within)
	w.scoreConditions(l.filter.MinScore, l.filter.Tiers)
	w.conditions = append(w.conditions, within.conditions("s")...)
	if err := l.prefix(w, "s"); err != nil {
		return nil, err
	}
	list := byTotal{
		columns: phoneShown.of(l.fields) + ", s.total", from: "lead_scores s\nJOIN phones p ON p.number = s.number",
		after: after, ascending: !l.descending, limit: l.limit,
	}
	rows, err := tx.Query(ctx, list.statement(w), listArguments(w)...)
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
