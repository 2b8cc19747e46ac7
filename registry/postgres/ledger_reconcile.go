package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: return_claims
const returnClaims = `
WITH back AS (
	SELECT c.job_id, c.platform, c.chunk_no
	FROM validation_chunks c
	WHERE c.state = 'CLAIMED' AND c.deadline_at <= $1
	ORDER BY c.job_id, c.platform, c.chunk_no
	FOR UPDATE SKIP LOCKED
)
UPDATE validation_chunks c
SET state = 'PENDING', deadline_at = NULL
FROM back b
WHERE c.job_id = b.job_id AND c.platform = b.platform AND c.chunk_no = b.chunk_no`

// ReturnClaims makes chunks pending again whose relay has died before it could mark them, and returns how many. Some
// of them may have been published: a second publication does no harm.
func (s *Store) ReturnClaims(ctx context.Context) (int64, error) {
	return s.execTx(ctx, "return claims", returnClaims, s.moment())
}

// -- name: overdue_chunks
const selectOverdueChunks = `
SELECT job_id, platform::text, chunk_no, epoch, stream_seq, published_at
FROM validation_chunks
WHERE state = 'PUBLISHED' AND deadline_at <= $1
ORDER BY deadline_at
LIMIT $2`

// OverdueChunks returns published chunks whose result did not come before their deadline, the longest overdue first.
func (s *Store) OverdueChunks(ctx context.Context, limit int) ([]registry.OverdueChunk, error) {
	rows, err := s.pool.Query(ctx, selectOverdueChunks, s.moment(), limit)
	if err != nil {
		return nil, wrapped(err, "list overdue chunks")
	}
	chunks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (registry.OverdueChunk, error) {
		var c registry.OverdueChunk
		err := row.Scan(&c.Job, &c.Platform, &c.No, &c.Epoch, &c.StreamSeq, &c.PublishedAt)
		return c, err
	})
	return chunks, wrapped(err, "list overdue chunks")
}

// -- name: extend_chunks
const extendChunks = `
WITH waiting AS (
	SELECT c.job_id, c.platform, c.chunk_no
	FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[]) AS a (job_id, platform, chunk_no, epoch)
	JOIN validation_chunks c ON c.job_id = a.job_id AND c.platform = a.platform::platform AND c.chunk_no = a.chunk_no
	WHERE c.state = 'PUBLISHED' AND c.epoch = a.epoch
	ORDER BY c.job_id, c.platform, c.chunk_no
	FOR UPDATE OF c
)
UPDATE validation_chunks c
SET deadline_at = $5
FROM waiting w
WHERE c.job_id = w.job_id AND c.platform = w.platform AND c.chunk_no = w.chunk_no`

// ExtendChunks gives published chunks that are known to be on their way another lease from now on.
func (s *Store) ExtendChunks(ctx context.Context, chunks []registry.PublishedChunk, lease time.Duration) error {
	k := keysOf(chunks)
	_, err := s.execTx(ctx, "extend chunks", extendChunks, k.jobs, k.platforms, k.numbers, k.epochs, s.moment().Add(lease))
	return err
}

// -- name: last_published
const selectLastPublished = `
SELECT platform::text, max(stream_seq)
FROM validation_chunks
WHERE state = 'PUBLISHED'
GROUP BY platform`

// LastPublished returns, for each platform that has chunks out, the highest sequence in its stream that any of them
// was given.
func (s *Store) LastPublished(ctx context.Context) (map[registry.Platform]uint64, error) {
	rows, err := s.pool.Query(ctx, selectLastPublished)
	if err != nil {
		return nil, wrapped(err, "read last published")
	}
	last := map[registry.Platform]uint64{}
	var (
		platform registry.Platform
		sequence uint64
	)
	_, err = pgx.ForEachRow(rows, []any{&platform, &sequence}, func() error {
		last[platform] = sequence
		return nil
	})
	return last, wrapped(err, "read last published")
}

// -- name: return_published
const returnPublished = `
WITH back AS (
	SELECT c.job_id, c.platform, c.chunk_no
	FROM validation_chunks c
	WHERE c.state = 'PUBLISHED' AND c.platform = $1::text::platform AND c.stream_seq > $2 AND c.stream_seq <= $3
	ORDER BY c.job_id, c.platform, c.chunk_no
	FOR UPDATE
)
UPDATE validation_chunks c
SET state = 'PENDING', deadline_at = NULL
FROM back b
WHERE c.job_id = b.job_id AND c.platform = b.platform AND c.chunk_no = b.chunk_no`

// ReturnPublished makes the chunks of a platform pending again whose sequence in the stream is above after, up to last
// included, and returns how many: the stream does not reach that far any more.
func (s *Store) ReturnPublished(ctx context.Context, p registry.Platform, after, last uint64) (int64, error) {
	return s.execTx(ctx, "return published chunks", returnPublished, string(p), int64(after), int64(last))
}

// -- name: ledger_state
const selectLedgerState = `
SELECT p.platform::text,
	(SELECT count(*) FROM validation_jobs j JOIN validation_chunks c ON c.job_id = j.id
		WHERE j.status IN ('QUEUED', 'RUNNING') AND c.state = 'PENDING' AND c.platform = p.platform),
	(SELECT count(*) FROM validation_chunks c WHERE c.state IN ('CLAIMED', 'PUBLISHED') AND c.platform = p.platform)
FROM unnest(enum_range(NULL::platform)) AS p (platform)`

// LedgerState returns how much the ledger holds of each platform.
func (s *Store) LedgerState(ctx context.Context) ([]registry.LedgerState, error) {
	rows, err := s.pool.Query(ctx, selectLedgerState)
	if err != nil {
		return nil, wrapped(err, "read ledger state")
	}
	state, err := pgx.CollectRows(rows, pgx.RowToStructByPos[registry.LedgerState])
	return state, wrapped(err, "read ledger state")
}
