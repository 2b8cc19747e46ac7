package postgres

import (
	"cmp"
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// -- name: lock_clocks
// Whoever holds these locks decides alone what goes out next.
const lockClocks = `
SELECT platform::text, turn FROM relay_clocks ORDER BY platform FOR UPDATE`

// -- name: chunks_out
const selectChunksOut = `
SELECT platform::text, count(*), count(*) FILTER (WHERE state = 'CLAIMED')
FROM validation_chunks
WHERE state IN ('CLAIMED', 'PUBLISHED')
GROUP BY platform`

// -- name: contenders
// Of each platform with so many chunks free, the jobs with the lowest turns that have chunks waiting and may send one.
// The chunks that wait are looked at in the order of turns, and only until there are enough jobs: with thousands of jobs
// and millions of chunks this costs a look at each job's counters and at the chunks of some.
const selectContenders = `
WITH o AS MATERIALIZED (
	SELECT job_id, platform, count(*) AS chunks
	FROM validation_chunks
	WHERE state IN ('CLAIMED', 'PUBLISHED')
	GROUP BY job_id, platform
), j AS MATERIALIZED (
	SELECT j.id, p.platform, j.batch_size, j.max_concurrent,
		CASE j.priority WHEN 'LOW' THEN 1 WHEN 'HIGH' THEN 4 ELSE 2 END AS weight,
		greatest(p.turn, r.turn) AS turn,
		coalesce(o.chunks, 0) AS here,
		coalesce(sum(o.chunks) OVER w, 0)::bigint AS everywhere,
		count(*) OVER w AS working
	FROM validation_jobs j
	JOIN validation_job_platforms p ON p.job_id = j.id
	JOIN relay_clocks r ON r.platform = p.platform
	LEFT JOIN o ON o.job_id = p.job_id AND o.platform = p.platform
	WHERE j.status IN ('QUEUED', 'RUNNING') AND p.processed < p.total
	WINDOW w AS (PARTITION BY j.id)
)
SELECT c.*
FROM unnest($1::text[], $2::bigint[]) AS f (platform, free)
CROSS JOIN LATERAL (
	SELECT s.id, s.platform::text, s.turn, s.weight::double precision, s.batch_size, n.pending, s.here,
		s.max_concurrent - s.everywhere, s.max_concurrent, s.working
	FROM (
		SELECT *
		FROM j
		WHERE j.platform = f.platform::platform AND j.everywhere < j.max_concurrent
			AND j.here < ceil(j.max_concurrent / j.working::numeric) AND (j.here = 0 OR j.here < 0.75 * j.weight * f.free)
		ORDER BY j.turn, j.id
		OFFSET 0
	) s
	CROSS JOIN LATERAL (
		SELECT count(*) AS pending
		FROM (
			SELECT 1
			FROM validation_chunks c
			WHERE c.job_id = s.id AND c.platform = s.platform AND c.state = 'PENDING'
			LIMIT least(f.free, $3, s.max_concurrent - s.everywhere)
		) x
	) n
	WHERE n.pending > 0
	LIMIT least(f.free, $3)
) c`

// -- name: lock_jobs_to_relay
const lockJobsToRelay = `
SELECT id
FROM validation_jobs
WHERE id = ANY ($1::uuid[]) AND status IN ('QUEUED', 'RUNNING')
ORDER BY id
FOR NO KEY UPDATE`

// -- name: claim_chunks
// Chunks that are locked, as by results that came early, are left alone.
const claimChunks = `
WITH taken AS (
	SELECT c.job_id, c.platform, c.chunk_no
	FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS t (job_id, platform, chunks)
	CROSS JOIN LATERAL (
		SELECT c.job_id, c.platform, c.chunk_no
		FROM validation_chunks c
		WHERE c.job_id = t.job_id AND c.platform = t.platform::platform AND c.state = 'PENDING'
		ORDER BY c.chunk_no
		LIMIT t.chunks
		FOR UPDATE SKIP LOCKED
	) c
)
UPDATE validation_chunks c
SET state = 'CLAIMED', epoch = c.epoch + 1, deadline_at = $4
FROM taken t
JOIN validation_jobs j ON j.id = t.job_id
WHERE c.job_id = t.job_id AND c.platform = t.platform AND c.chunk_no = t.chunk_no
RETURNING c.job_id, c.platform::text, c.chunk_no, c.epoch, c.numbers, j.retry_attempts, j.request_id`

// -- name: move_turns
const moveTurns = `
UPDATE validation_job_platforms p
SET turn = t.turn
FROM unnest($1::uuid[], $2::text[], $3::double precision[]) AS t (job_id, platform, turn)
WHERE p.job_id = t.job_id AND p.platform = t.platform::platform`

// -- name: move_clocks
const moveClocks = `
UPDATE relay_clocks r
SET turn = greatest(r.turn, t.turn)
FROM (SELECT platform, max(turn) AS turn FROM unnest($1::text[], $2::double precision[]) AS t (platform, turn) GROUP BY platform) t
WHERE r.platform = t.platform::platform`

// ClaimChunks takes chunks that are to be published next, shared among the jobs by turns and priority. What is not marked
// as published or released within the lease goes back by itself; see ReturnClaims.
func (s *Store) ClaimChunks(ctx context.Context, claim registry.Claim) ([]registry.ClaimedChunk, error) {
	var claimed []registry.ClaimedChunk
	err := s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		claimed = nil
		platforms, err := lockRelay(ctx, tx)
		if err != nil {
			return err
		}
		free, limit, err := whatIsFree(ctx, tx, claim, platforms)
		if err != nil || limit <= 0 || len(free) == 0 {
			return err
		}
		contenders, err := readContenders(ctx, tx, free, limit)
		if err != nil || len(contenders) == 0 {
			return err
		}
		shareOut(contenders, free, limit)
		contenders, err = stillOpen(ctx, tx, contenders)
		if err != nil || len(contenders) == 0 {
			return err
		}
		claimed, err = takeChunks(ctx, tx, contenders, now.Add(claim.Lease))
		return err
	})
	return claimed, err
}

// lockRelay waits for the turn of this relay and returns the platforms in their order.
func lockRelay(ctx context.Context, tx pgx.Tx) ([]registry.Platform, error) {
	rows, err := tx.Query(ctx, lockClocks)
	if err != nil {
		return nil, wrapped(err, "lock relay")
	}
	platforms, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (registry.Platform, error) {
		var (
			p    registry.Platform
			turn float64
		)
		return p, row.Scan(&p, &turn)
	})
	return platforms, wrapped(err, "lock relay")
}

// whatIsFree returns how many chunks each platform can take and all of them together. What other relays have claimed and
// not yet published is taken off: the broker, where the claim comes from, does not know of it.
func whatIsFree(ctx context.Context, tx pgx.Tx, claim registry.Claim, platforms []registry.Platform) (map[registry.Platform]int, int, error) {
	free := map[registry.Platform]int{}
	for _, p := range platforms {
		free[p] = math.MaxInt32
		if claim.Free != nil {
			free[p] = claim.Free[p]
		}
	}
	rows, err := tx.Query(ctx, selectChunksOut)
	if err != nil {
		return nil, 0, wrapped(err, "count chunks out")
	}
	var (
		platform         registry.Platform
		out, claimed, in int
	)
	_, err = pgx.ForEachRow(rows, []any{&platform, &out, &claimed}, func() error {
		in += out
		if claim.Free != nil {
			free[platform] -= claimed
		}
		return nil
	})
	maps.DeleteFunc(free, func(_ registry.Platform, n int) bool { return n <= 0 })
	return free, min(claim.Limit, claim.MaxOut-in), wrapped(err, "count chunks out")
}

func readContenders(ctx context.Context, tx pgx.Tx, free map[registry.Platform]int, limit int) ([]*contender, error) {
	var (
		names  []string
		places []int64
	)
	for p, n := range free {
		names, places = append(names, string(p)), append(places, int64(n))
	}
	rows, err := tx.Query(ctx, selectContenders, names, places, int64(limit))
	if err != nil {
		return nil, wrapped(err, "read contenders")
	}
	rooms := map[uuid.UUID]*room{}
	contenders, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*contender, error) {
		var (
			c             contender
			left          int
			most, working int
		)
		err := row.Scan(&c.job, &c.platform, &c.turn, &c.weight, &c.numbers, &c.pending, &c.out, &left, &most, &working)
		if rooms[c.job] == nil {
			rooms[c.job] = &room{left}
		}
		c.room, c.share = rooms[c.job], shareOfPlatform(most, working)
		return &c, err
	})
	slices.SortStableFunc(contenders, func(a, b *contender) int { return cmp.Compare(orderOf(a.platform), orderOf(b.platform)) })
	return contenders, wrapped(err, "read contenders")
}

// orderOf is where a platform stands in lists.
func orderOf(p registry.Platform) int { return slices.Index(scoring.Checkable(), p) }

// stillOpen locks the jobs that were picked and leaves out those that were held or ended meanwhile.
func stillOpen(ctx context.Context, tx pgx.Tx, contenders []*contender) ([]*contender, error) {
	contenders = slices.DeleteFunc(contenders, func(c *contender) bool { return len(c.picks) == 0 })
	ids := make([]uuid.UUID, len(contenders))
	for i, c := range contenders {
		ids[i] = c.job
	}
	rows, err := tx.Query(ctx, lockJobsToRelay, ids)
	if err != nil {
		return nil, wrapped(err, "lock jobs")
	}
	open, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return slices.DeleteFunc(contenders, func(c *contender) bool { return !slices.Contains(open, c.job) }), wrapped(err, "lock jobs")
}

// takeChunks claims what was picked, in the order in which it was, and moves turns and clocks on.
func takeChunks(ctx context.Context, tx pgx.Tx, contenders []*contender, deadline time.Time) ([]registry.ClaimedChunk, error) {
	type pair struct {
		job      uuid.UUID
		platform registry.Platform
	}
	var (
		k      keys
		counts []int64
		of     = map[pair]*contender{}
	)
	for _, c := range contenders {
		k.jobs, k.platforms, counts = append(k.jobs, c.job), append(k.platforms, string(c.platform)), append(counts, int64(len(c.picks)))
		of[pair{c.job, c.platform}] = c
	}
	rows, err := tx.Query(ctx, claimChunks, k.jobs, k.platforms, counts, deadline)
	if err != nil {
		return nil, wrapped(err, "claim chunks")
	}
	chunks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (registry.ClaimedChunk, error) {
		var (
			c       registry.ClaimedChunk
			numbers []int64
		)
		err := row.Scan(&c.Job, &c.Platform, &c.No, &c.Epoch, &numbers, &c.RetryAttempts, &c.RequestID)
		c.Numbers = numbersOf(numbers)
		return c, err
	})
	if err != nil {
		return nil, wrapped(err, "claim chunks")
	}
	slices.SortFunc(chunks, func(a, b registry.ClaimedChunk) int { return cmp.Compare(a.No, b.No) })
	taken := map[pair]int{}
	order := make(map[registry.ChunkKey]int, len(chunks))
	for _, c := range chunks {
		at := pair{c.Job, c.Platform}
		order[c.ChunkKey] = of[at].picks[taken[at]]
		taken[at]++
	}
	slices.SortFunc(chunks, func(a, b registry.ClaimedChunk) int { return cmp.Compare(order[a.ChunkKey], order[b.ChunkKey]) })
	return chunks, moveOn(ctx, tx, contenders, func(c *contender) int { return taken[pair{c.job, c.platform}] })
}

// moveOn moves the turns of those that were served, and the clocks of their platforms.
func moveOn(ctx context.Context, tx pgx.Tx, contenders []*contender, taken func(*contender) int) error {
	var (
		k             keys
		turns, clocks []float64
	)
	for _, c := range contenders {
		n := taken(c)
		if n == 0 {
			continue
		}
		turn, clock := c.served(n)
		k.jobs, k.platforms = append(k.jobs, c.job), append(k.platforms, string(c.platform))
		turns, clocks = append(turns, turn), append(clocks, clock)
	}
	var batch pgx.Batch
	batch.Queue(moveTurns, k.jobs, k.platforms, turns)
	batch.Queue(moveClocks, k.platforms, clocks)
	return wrapped(tx.SendBatch(ctx, &batch).Close(), "move turns")
}

// -- name: open_platforms
const selectOpenPlatforms = `
SELECT DISTINCT p.platform::text
FROM validation_jobs j
JOIN validation_job_platforms p ON p.job_id = j.id
WHERE j.status IN ('QUEUED', 'RUNNING') AND p.processed < p.total`

// OpenPlatforms returns the platforms for which jobs that are not held have checks to do.
func (s *Store) OpenPlatforms(ctx context.Context) ([]registry.Platform, error) {
	rows, err := s.pool.Query(ctx, selectOpenPlatforms)
	if err != nil {
		return nil, wrapped(err, "list open platforms")
	}
	platforms, err := pgx.CollectRows(rows, pgx.RowTo[registry.Platform])
	return platforms, wrapped(err, "list open platforms")
}
