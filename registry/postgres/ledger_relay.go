package postgres

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// -- name: lock_jobs_to_relay
// Whoever holds these locks decides alone how much more of each job goes out.
const lockJobsToRelay = `
SELECT j.id
FROM validation_jobs j
WHERE j.status IN ('QUEUED', 'RUNNING')
	AND EXISTS (SELECT FROM validation_chunks c WHERE c.job_id = j.id AND c.state = 'PENDING')
ORDER BY j.id
FOR NO KEY UPDATE`

// -- name: claim_chunks
// A job has room for max_concurrent chunks; each of its platforms that still has work gets an equal share of it, so
// that a slow one does not hold up the others. Within a job ranges go out in order, all platforms of a range together.
// Jobs take turns, chunk by chunk. Chunks that are locked, as by results that came early, are left alone.
const claimChunks = `
WITH jobs AS MATERIALIZED (
	SELECT j.id, j.retry_attempts, j.request_id,
		j.max_concurrent - (SELECT count(*) FROM validation_chunks o
			WHERE o.job_id = j.id AND o.state IN ('CLAIMED', 'PUBLISHED')) AS room,
		ceil(j.max_concurrent / greatest((SELECT count(*) FROM validation_job_platforms p
			WHERE p.job_id = j.id AND p.processed < p.total), 1)::numeric) AS share
	FROM validation_jobs j
	WHERE j.id = ANY ($1::uuid[]) AND j.status IN ('QUEUED', 'RUNNING')
), pending AS MATERIALIZED (
	SELECT c.job_id, c.platform, c.chunk_no
	FROM jobs j
	JOIN validation_job_platforms p ON p.job_id = j.id
	CROSS JOIN LATERAL (
		SELECT c.job_id, c.platform, c.chunk_no
		FROM validation_chunks c
		WHERE c.job_id = j.id AND c.platform = p.platform AND c.state = 'PENDING'
		ORDER BY c.chunk_no
		LIMIT greatest(0, least(j.room, j.share - (SELECT count(*) FROM validation_chunks o
			WHERE o.job_id = j.id AND o.platform = p.platform AND o.state IN ('CLAIMED', 'PUBLISHED'))))
		FOR UPDATE SKIP LOCKED
	) c
	WHERE j.room > 0
), turns AS (
	SELECT p.*, row_number() OVER (PARTITION BY p.job_id ORDER BY p.chunk_no, p.platform) AS turn
	FROM pending p
), taken AS (
	SELECT t.*, j.retry_attempts, j.request_id
	FROM turns t
	JOIN jobs j ON j.id = t.job_id
	WHERE t.turn <= j.room
	ORDER BY t.turn, t.job_id
	LIMIT greatest(0, least($2, $3 - (SELECT count(*) FROM validation_chunks WHERE state IN ('CLAIMED', 'PUBLISHED'))))
)
UPDATE validation_chunks c
SET state = 'CLAIMED', epoch = c.epoch + 1, deadline_at = $4
FROM taken t
WHERE c.job_id = t.job_id AND c.platform = t.platform AND c.chunk_no = t.chunk_no
RETURNING c.job_id, c.platform::text, c.chunk_no, c.epoch, c.numbers, t.retry_attempts, t.request_id, t.turn`

// ClaimChunks takes chunks that are to be published next: at most limit, and no more than maxOut out at a time in all
// jobs together. What is not marked as published or released within the lease goes back by itself; see ReturnClaims.
func (s *Store) ClaimChunks(ctx context.Context, limit, maxOut int, lease time.Duration) ([]registry.ClaimedChunk, error) {
	type turned struct {
		registry.ClaimedChunk
		turn int64
	}
	var claimed []turned
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		rows, err := tx.Query(ctx, lockJobsToRelay)
		if err != nil {
			return wrapped(err, "lock jobs")
		}
		jobs, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(jobs) == 0 {
			return wrapped(err, "lock jobs")
		}
		// A statement of its own: it must see what others did until the locks were given.
		rows, err = tx.Query(ctx, claimChunks, jobs, limit, maxOut, now.Add(lease))
		if err != nil {
			return wrapped(err, "claim chunks")
		}
		claimed, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (turned, error) {
			var (
				c       turned
				numbers []int64
			)
			err := row.Scan(&c.Job, &c.Platform, &c.No, &c.Epoch, &numbers, &c.RetryAttempts, &c.RequestID, &c.turn)
			c.Numbers = numbersOf(numbers)
			return c, err
		})
		return wrapped(err, "claim chunks")
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(claimed, func(a, b turned) int { return cmp.Compare(a.turn, b.turn) })
	chunks := make([]registry.ClaimedChunk, len(claimed))
	for i, c := range claimed {
		chunks[i] = c.ClaimedChunk
	}
	return chunks, nil
}

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
// A claim that ran out while the broker was asked still counts, unless somebody else has claimed the chunk since.
const markPublished = `
WITH marked AS (
	SELECT c.job_id, c.platform, c.chunk_no, a.stream_seq
	FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::integer[], $5::bigint[]) AS a (job_id, platform, chunk_no, epoch, stream_seq)
	JOIN validation_chunks c ON c.job_id = a.job_id AND c.platform = a.platform::platform AND c.chunk_no = a.chunk_no
	WHERE c.state IN ('PENDING', 'CLAIMED') AND c.epoch = a.epoch
	ORDER BY c.job_id, c.platform, c.chunk_no
	FOR UPDATE OF c
)
UPDATE validation_chunks c
SET state = 'PUBLISHED', published_at = $6, deadline_at = $7, stream_seq = m.stream_seq
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
