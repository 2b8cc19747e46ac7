package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// keys are chunk keys with their epochs and sequences as columns.
type keys struct {
	jobs      []uuid.UUID
	platforms []string
	numbers   []int32
	epochs    []int32
	sequences []int64
}

func keysOf(chunks []registry.PublishedChunk) keys {
	var k keys
	for _, c := range chunks {
		k.jobs, k.platforms = append(k.jobs, c.Job), append(k.platforms, string(c.Platform))
		k.numbers, k.epochs = append(k.numbers, int32(c.No)), append(k.epochs, int32(c.Epoch))
		k.sequences = append(k.sequences, int64(c.StreamSeq))
	}
	return k
}

// -- name: mark_published
// A claim that ran out while the broker was asked still counts, unless somebody else has claimed the chunk since. Of a
// chunk that was cancelled meanwhile it is noted where its message is.
const markPublished = `
WITH marked AS (
	SELECT c.job_id, c.platform, c.chunk_no, a.stream_seq
	FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::bigint[]) AS a (job_id, platform, chunk_no, epoch, stream_seq)
	JOIN validation_chunks c ON c.job_id = a.job_id AND c.platform = a.platform::platform AND c.chunk_no = a.chunk_no
	WHERE c.state IN ('PENDING', 'CLAIMED', 'CANCELLED') AND c.epoch = a.epoch
	ORDER BY c.job_id, c.platform, c.chunk_no
	FOR UPDATE OF c
)
UPDATE validation_chunks c
SET state = CASE c.state WHEN 'CANCELLED' THEN c.state ELSE 'PUBLISHED' END, published_at = $6, deadline_at = $7, stream_seq = m.stream_seq
FROM marked m
WHERE c.job_id = m.job_id AND c.platform = m.platform AND c.chunk_no = m.chunk_no`

// -- name: start_jobs
const startJobs = `
WITH queued AS (
	SELECT id FROM validation_jobs WHERE id = ANY ($1::uuid[]) AND status = 'QUEUED' ORDER BY id FOR NO KEY UPDATE
)
UPDATE validation_jobs j
SET status = 'RUNNING', started_at = coalesce(started_at, $2), sequence = sequence + 1, updated_at = $2
FROM queued
WHERE j.id = queued.id
RETURNING j.id`

// MarkPublished notes that the broker has acknowledged claimed chunks. Their results are expected within the lease.
// It returns the jobs that run from now on.
func (s *Store) MarkPublished(ctx context.Context, chunks []registry.PublishedChunk, lease time.Duration) ([]uuid.UUID, error) {
	var started []uuid.UUID
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		k := keysOf(chunks)
		_, err := tx.Exec(ctx, markPublished, k.jobs, k.platforms, k.numbers, k.epochs, k.sequences, now, now.Add(lease))
		if err != nil {
			return wrapped(err, "mark chunks as published")
		}
		rows, err := tx.Query(ctx, startJobs, k.jobs, now)
		if err != nil {
			return wrapped(err, "start jobs")
		}
		started, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		return wrapped(err, "start jobs")
	})
	return started, err
}

// -- name: return_chunks
const returnChunks = `
WITH back AS (
	SELECT c.job_id, c.platform, c.chunk_no
	FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[]) AS a (job_id, platform, chunk_no, epoch)
	JOIN validation_chunks c ON c.job_id = a.job_id AND c.platform = a.platform::platform AND c.chunk_no = a.chunk_no
	WHERE c.state IN ('CLAIMED', 'PUBLISHED') AND c.epoch = a.epoch
	ORDER BY c.job_id, c.platform, c.chunk_no
	FOR UPDATE OF c
)
UPDATE validation_chunks c
SET state = 'PENDING', deadline_at = NULL
FROM back b
WHERE c.job_id = b.job_id AND c.platform = b.platform AND c.chunk_no = b.chunk_no`

// ReturnChunks makes chunks pending again, those that could not be published and those that got lost, and returns how
// many. Chunks of another epoch are left alone. Should a lost one turn up after all, its result counts.
func (s *Store) ReturnChunks(ctx context.Context, chunks []registry.PublishedChunk) (int64, error) {
	k := keysOf(chunks)
	return s.execTx(ctx, "return chunks", returnChunks, k.jobs, k.platforms, k.numbers, k.epochs)
}

// execTx runs one statement in a transaction of its own, again where it meets a deadlock.
func (s *Store) execTx(ctx context.Context, doing, statement string, arguments ...any) (int64, error) {
	var n int64
	err := s.inTx(ctx, func(tx pgx.Tx, _ time.Time) error {
		tag, err := tx.Exec(ctx, statement, arguments...)
		n = tag.RowsAffected()
		return wrapped(err, doing)
	})
	return n, err
}

func numbersOf(integers []int64) []registry.Number {
	out := make([]registry.Number, len(integers))
	for i, n := range integers {
		out[i] = registry.Number(n)
	}
	return out
}
