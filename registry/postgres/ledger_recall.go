package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: recallable_chunks
const selectRecallableChunks = `
(SELECT c.job_id, c.platform::text, c.chunk_no, c.epoch, c.stream_seq, false
FROM validation_jobs j
JOIN validation_chunks c ON c.job_id = j.id
WHERE j.status = 'PAUSED' AND c.state = 'PUBLISHED'
ORDER BY c.stream_seq DESC
LIMIT $1)
UNION ALL
(SELECT c.job_id, c.platform::text, c.chunk_no, c.epoch, c.stream_seq, true
FROM validation_chunks c
WHERE c.state = 'CANCELLED' AND c.deadline_at IS NOT NULL
LIMIT $1)`

// RecallableChunks returns up to limit published chunks of jobs that are held, and as many of jobs that were cancelled,
// whose message may still wait in its stream.
func (s *Store) RecallableChunks(ctx context.Context, limit int) ([]registry.RecallableChunk, error) {
	rows, err := s.pool.Query(ctx, selectRecallableChunks, limit)
	if err != nil {
		return nil, wrapped(err, "list chunks to recall")
	}
	chunks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (registry.RecallableChunk, error) {
		var c registry.RecallableChunk
		err := row.Scan(&c.Job, &c.Platform, &c.No, &c.Epoch, &c.StreamSeq, &c.Cancelled)
		return c, err
	})
	return chunks, wrapped(err, "list chunks to recall")
}

// -- name: forget_chunks
const forgetChunks = `
UPDATE validation_chunks c
SET deadline_at = NULL
FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[]) AS a (job_id, platform, chunk_no, epoch)
WHERE c.job_id = a.job_id AND c.platform = a.platform::platform AND c.chunk_no = a.chunk_no
	AND c.state = 'CANCELLED' AND c.epoch = a.epoch`

// ForgetChunks notes that the messages of cancelled chunks do not wait in a stream any more.
func (s *Store) ForgetChunks(ctx context.Context, chunks []registry.PublishedChunk) error {
	k := keysOf(chunks)
	_, err := s.execTx(ctx, "forget chunks", forgetChunks, k.jobs, k.platforms, k.numbers, k.epochs)
	return err
}
