package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: count_lines
const countLines = `
SELECT p.region, (` + lineType + `)::text, count(*)
FROM phones p
GROUP BY p.region, ` + lineType + `
ORDER BY count(*) DESC, p.region, ` + lineType

// -- name: count_tiers
const countTiers = `
SELECT tier::text, count(*)
FROM lead_scores
GROUP BY tier`

// -- name: count_customers
// A customer with phones has exactly one primary phone.
const countCustomers = `
SELECT count(*)
FROM customer_phones
WHERE is_primary`

// Stats counts the whole registry as of one moment. It reads every phone and every score: callers keep the result for
// a while.
func (s *Store) Stats(ctx context.Context) (registry.Stats, error) {
	var stats registry.Stats
	err := s.inSnapshot(ctx, func(tx pgx.Tx, now time.Time) error {
		stats = registry.Stats{AsOf: now, Tiers: map[registry.Tier]int64{}}
		rows, err := tx.Query(ctx, countLines)
		if err != nil {
			return wrapped(err, "count phones")
		}
		if stats.Lines, err = pgx.CollectRows(rows, pgx.RowToStructByPos[registry.LineCount]); err != nil {
			return wrapped(err, "count phones")
		}
		rows, err = tx.Query(ctx, countTiers)
		if err != nil {
			return wrapped(err, "count scores")
		}
		var tier registry.Tier
		var n int64
		if _, err := pgx.ForEachRow(rows, []any{&tier, &n}, func() error {
			stats.Tiers[tier] = n
			return nil
		}); err != nil {
			return wrapped(err, "count scores")
		}
		return wrapped(tx.QueryRow(ctx, countCustomers).Scan(&stats.Customers), "count customers")
	})
	return stats, err
}
