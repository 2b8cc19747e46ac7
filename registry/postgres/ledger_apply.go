package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// maxRefused is how many results of a chunk may be refused before it is settled as failed: what a worker keeps saying
// wrongly would else be asked for ever.
const maxRefused = 3

// reasonRefused is the reason of the failures of such a chunk.
const reasonRefused = "the worker's answers did not fit what it was asked"

// ApplyResults settles the chunks of results that are not settled yet and writes what follows from them: evidence,
// scores with their history, failures, counters, the end of jobs. All of it is one transaction, so that each check
// counts exactly once, however often its result comes and whoever else applies results at the same time.
//
// Locks are taken in the order chunks, scores, first scores, evidence, jobs, each of them in the order of their keys. A
// transaction holds the lock on the scores of its numbers before it reads their evidence and until it commits, so that
// of two at once, with evidence of different platforms, the second sees what the first has written; see writeScores for
// numbers without a score.
func (s *Store) ApplyResults(ctx context.Context, model *scoring.Model, results []registry.ChunkResult) (registry.Applied, error) {
	var applied registry.Applied
	apply := func() error {
		return s.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
			a := application{tx: tx, now: now, model: model, results: results}
			err := a.run(ctx)
			applied = a.applied
			return err
		})
	}
	err := apply()
	// What another transaction has done to a number after it was read, scored or erased it, is seen the next time.
	for attempt := 1; attempt < maxBeaten && ctx.Err() == nil && (isForeignKey(err) || errors.Is(err, errBeaten)); attempt++ {
		err = apply()
	}
	if err != nil {
		return registry.Applied{}, rejected(err)
	}
	return applied, nil
}

// maxBeaten is how often a transaction is tried that others were faster than. Each time at least one of them has got
// on, so all do in the end.
const maxBeaten = 50

// application is one transaction of ApplyResults.
type application struct {
	tx      pgx.Tx
	now     time.Time
	model   *scoring.Model
	results []registry.ChunkResult

	open    map[registry.ChunkKey]openChunk // locked, not settled
	settled []settledChunk
	refused []registry.ChunkKey
	applied registry.Applied
}

// openChunk is a chunk that waits for a result.
type openChunk struct {
	numbers []int64
	refused int
}

// settledChunk is a result that counts.
type settledChunk struct {
	registry.ChunkResult
	succeeded, failed int
}

func (a *application) run(ctx context.Context) error {
	if err := a.lockChunks(ctx); err != nil {
		return err
	}
	if err := a.judge(ctx); err != nil {
		return err
	}
	if len(a.settled) > 0 {
		subjects, err := a.readSubjects(ctx)
		if err != nil {
			return err
		}
		if err := a.writeEffects(ctx, subjects); err != nil {
			return err
		}
		a.applied.Checks = a.countChecks(subjects)
	}
	if err := a.writeRefused(ctx); err != nil {
		return err
	}
	return a.settleJobs(ctx)
}

// -- name: lock_chunks
const lockChunks = `
SELECT c.job_id, c.platform::text, c.chunk_no, c.numbers, c.refused
FROM validation_chunks c
JOIN unnest($1::uuid[], $2::text[], $3::integer[]) AS r (job_id, platform, chunk_no)
	ON c.job_id = r.job_id AND c.platform = r.platform::platform AND c.chunk_no = r.chunk_no
WHERE c.state IN ('PENDING', 'CLAIMED', 'PUBLISHED')
ORDER BY c.job_id, c.platform, c.chunk_no
FOR UPDATE OF c`

// lockChunks locks the chunks of the results that are not settled. One that is pending counts too: its result was
// faster than the note that it is published, or came when it had been given up for lost.
func (a *application) lockChunks(ctx context.Context) error {
	named := make(map[registry.ChunkKey]struct{}, len(a.results))
	var k keys
	for _, r := range a.results {
		if _, ok := named[r.ChunkKey]; ok {
			continue
		}
		named[r.ChunkKey] = struct{}{}
		k.jobs, k.platforms, k.numbers = append(k.jobs, r.Job), append(k.platforms, string(r.Platform)), append(k.numbers, int32(r.No))
	}
	rows, err := a.tx.Query(ctx, lockChunks, k.jobs, k.platforms, k.numbers)
	if err != nil {
		return wrapped(err, "lock chunks")
	}
	a.open = make(map[registry.ChunkKey]openChunk, len(named))
	var key registry.ChunkKey
	for rows.Next() {
		var c openChunk
		if err := rows.Scan(&key.Job, &key.Platform, &key.No, &c.numbers, &c.refused); err != nil {
			rows.Close()
			return wrapped(err, "lock chunks")
		}
		a.open[key] = c
	}
	return wrapped(rows.Err(), "lock chunks")
}

// judge says what becomes of each result.
func (a *application) judge(ctx context.Context) error {
	a.applied.Verdicts = make([]registry.Verdict, len(a.results))
	var missing []int
	for i, r := range a.results {
		chunk, ok := a.open[r.ChunkKey]
		switch {
		case !ok:
			missing = append(missing, i)
		case r.GiveUp != "":
			a.giveUp(i, r, chunk, r.GiveUp, 0)
		case chunk.settles(r.Checks):
			a.settle(i, r)
		case chunk.refused+1 >= maxRefused:
			a.giveUp(i, r, chunk, reasonRefused, maxRefused)
		default:
			chunk.refused++
			a.open[r.ChunkKey] = chunk
			a.refused = append(a.refused, r.ChunkKey)
			a.applied.Verdicts[i] = registry.ResultRefused
		}
	}
	a.refused = slices.DeleteFunc(a.refused, func(k registry.ChunkKey) bool { _, ok := a.open[k]; return !ok })
	return a.judgeMissing(ctx, missing)
}

func (a *application) settle(i int, r registry.ChunkResult) {
	s := settledChunk{ChunkResult: r}
	for _, c := range r.Checks {
		if c.Status.Answered() {
			s.succeeded++
		} else {
			s.failed++
		}
	}
	a.settled = append(a.settled, s)
	a.applied.Verdicts[i] = registry.ResultApplied
	delete(a.open, r.ChunkKey)
}

// settles reports whether checks hold each number of the chunk once. It brings them into the order of the chunk.
func (c openChunk) settles(checks []registry.Check) bool {
	if len(checks) != len(c.numbers) {
		return false
	}
	byNumber := func(x, y registry.Check) int { return int(x.Number - y.Number) }
	if !slices.IsSortedFunc(checks, byNumber) {
		slices.SortFunc(checks, byNumber)
	}
	for i, n := range c.numbers {
		if int64(checks[i].Number) != n {
			return false
		}
	}
	return true
}

// giveUp settles a chunk with a failure of each of its numbers.
func (a *application) giveUp(i int, r registry.ChunkResult, c openChunk, reason string, attempts int) {
	r.Checks = make([]registry.Check, len(c.numbers))
	for i, n := range c.numbers {
		r.Checks[i] = registry.Check{
			Validation: registry.Validation{
				Number: registry.Number(n), Platform: r.Platform, Status: scoring.Failed, Method: "none", Attempts: attempts, CheckedAt: a.now,
			},
			Reason: reason,
		}
	}
	a.settle(i, r)
	a.applied.Verdicts[i] = registry.ResultGivenUp
}

// -- name: known_chunks
const selectKnownChunks = `
SELECT c.job_id, c.platform::text, c.chunk_no
FROM validation_chunks c
JOIN unnest($1::uuid[], $2::text[], $3::integer[]) AS r (job_id, platform, chunk_no)
	ON c.job_id = r.job_id AND c.platform = r.platform::platform AND c.chunk_no = r.chunk_no`

// judgeMissing tells results that come late from those of chunks that do not exist.
func (a *application) judgeMissing(ctx context.Context, missing []int) error {
	if len(missing) == 0 {
		return nil
	}
	var k keys
	for _, i := range missing {
		r := a.results[i]
		k.jobs, k.platforms, k.numbers = append(k.jobs, r.Job), append(k.platforms, string(r.Platform)), append(k.numbers, int32(r.No))
	}
	rows, err := a.tx.Query(ctx, selectKnownChunks, k.jobs, k.platforms, k.numbers)
	if err != nil {
		return wrapped(err, "look for chunks")
	}
	known := map[registry.ChunkKey]bool{}
	var key registry.ChunkKey
	_, err = pgx.ForEachRow(rows, []any{&key.Job, &key.Platform, &key.No}, func() error {
		known[key] = true
		return nil
	})
	for _, i := range missing {
		a.applied.Verdicts[i] = registry.ResultUnknown
		if known[a.results[i].ChunkKey] {
			a.applied.Verdicts[i] = registry.ResultLate
		}
	}
	return wrapped(err, "look for chunks")
}

// -- name: refuse_results
const refuseResults = `
UPDATE validation_chunks c
SET refused = c.refused + r.times, state = 'PENDING', deadline_at = NULL
FROM (SELECT job_id, platform, chunk_no, count(*) AS times
	FROM unnest($1::uuid[], $2::text[], $3::integer[]) AS r (job_id, platform, chunk_no)
	GROUP BY job_id, platform, chunk_no) r
WHERE c.job_id = r.job_id AND c.platform = r.platform::platform AND c.chunk_no = r.chunk_no`

// writeRefused makes chunks pending again whose result was refused.
func (a *application) writeRefused(ctx context.Context) error {
	if len(a.refused) == 0 {
		return nil
	}
	var k keys
	for _, c := range a.refused {
		k.jobs, k.platforms, k.numbers = append(k.jobs, c.Job), append(k.platforms, string(c.Platform)), append(k.numbers, int32(c.No))
	}
	_, err := a.tx.Exec(ctx, refuseResults, k.jobs, k.platforms, k.numbers)
	return wrapped(err, "refuse results")
}

// countChecks counts the settled checks for the metrics, by the region of their numbers.
func (a *application) countChecks(subjects []subject) []registry.CheckCount {
	type group struct {
		platform registry.Platform
		status   registry.Status
		region   string
	}
	counts := map[group]int64{}
	for _, c := range a.settled {
		at := 0
		for _, check := range c.Checks {
			for subjects[at].number < int64(check.Number) {
				at++
			}
			counts[group{c.Platform, check.Status, subjects[at].region}]++
		}
	}
	out := make([]registry.CheckCount, 0, len(counts))
	for g, n := range counts {
		out = append(out, registry.CheckCount{Platform: g.platform, Status: g.status, Region: g.region, Count: n})
	}
	return out
}

// jobsOf returns the jobs of the settled chunks in the order in which they are locked.
func (a *application) jobsOf() []uuid.UUID {
	var jobs []uuid.UUID
	for _, c := range a.settled {
		jobs = append(jobs, c.Job)
	}
	slices.SortFunc(jobs, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
	return slices.Compact(jobs)
}

func isForeignKey(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == codeForeignKey
}

// rejected wraps registry.ErrRejected around errors that come of the data: values that do not fit, constraints, limits
// (SQLSTATE classes 22, 23, 54). A foreign key is not one of them: what it misses was erased at this moment.
func rejected(err error) error {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(e.Code) != 5 || e.Code == codeForeignKey {
		return err
	}
	switch e.Code[:2] {
	case "22", "23", "54":
		return fmt.Errorf("%w: %w", registry.ErrRejected, err)
	}
	return err
}
