package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// -- name: expire_lookups
// When a lookup has run out, the number changes for whoever reads it: from then on the numbering plan tells its line. Numbers
// that somebody else is changing are left for the next time, so nobody waits.
const expireLookups = `
UPDATE phones p
SET lookup_line_type = NULL, lookup_in_service = NULL, lookup_at = NULL, lookup_until = NULL, updated_at = greatest(p.updated_at, $1)
FROM (
	SELECT number
	FROM phones
	WHERE lookup_until <= $1
	ORDER BY lookup_until
	LIMIT $2
	FOR NO KEY UPDATE SKIP LOCKED) e
WHERE p.number = e.number`

// ExpireLookups takes what lookups told of lines out of the phones once it does not hold any more, of at most limit
// phones, the longest overdue first, and returns of how many. Their evidence stays.
func (s *Store) ExpireLookups(ctx context.Context, limit int) (expired int, err error) {
	tag, err := s.pool.Exec(ctx, expireLookups, s.moment(), limit)
	return int(tag.RowsAffected()), wrapped(err, "expire lookups")
}

// -- name: lock_expired_scores
const lockExpiredScores = `
SELECT number
FROM lead_scores
WHERE evidence_until <= $1
ORDER BY evidence_until
LIMIT $2
FOR NO KEY UPDATE SKIP LOCKED`

// RescoreExpired makes those scores anew of which some evidence has run out, at most limit of them, the longest overdue
// first. It returns how many it made and the numbers whose score changed. Scores that somebody else is making are left
// to them.
func (s *Store) RescoreExpired(ctx context.Context, model *scoring.Model, limit int) (made int, changed []registry.Number, err error) {
	err = s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, lockExpiredScores, now, limit)
		if err != nil {
			return wrapped(err, "lock expired scores")
		}
		numbers, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if made = len(numbers); err != nil || made == 0 {
			return wrapped(err, "lock expired scores")
		}
		slices.Sort(numbers)
		subjects, err := loadSubjects(ctx, tx, numbers)
		if err != nil {
			return err
		}
		for i := range subjects {
			subjects[i].changed = true
		}
		changed, err = writeScores(ctx, tx, &pgx.Batch{}, model, now, subjects)
		return err
	})
	return made, changed, err
}
