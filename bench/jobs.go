package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// checksWanted is how many checks a second a job is to do on this kind of machine.
const checksWanted = 10_000

// batchRows is how many rows of evidence the upserts write at once, each batch in a transaction of its own.
const batchRows = 10_000

// measureJobs runs a job over all numbers of a registry on all platforms, with the simulator that takes no time, from
// its start by the API until the API says that it is completed; and then writes the same evidence, and nothing else,
// into the same table of the same database in batches, by one connection and by as many as the job has appliers.
func measureJobs(ctx context.Context, b *bench) error {
	var ours, raw, twice []float64
	var total jobResult
	for round := range b.rounds {
		b.say("jobs: %d numbers, round %d of %d", b.rows, round+1, b.rounds)
		r, err := b.timeJob(ctx)
		if err != nil {
			return err
		}
		ours, raw, twice = append(ours, r.ours), append(raw, r.raw), append(twice, r.rawTwice)
		total.size, total.spent, total.rawSpent = r.size, total.spent.plus(r.spent), total.rawSpent.plus(r.rawSpent)
	}
	b.report.add(line{
		What: "job on five platforms, end to end into scores", Unit: "checks/s", Ours: median(ours),
		Against: "upserts of the evidence", Peer: median(raw), Wanted: 0.6, WantedOwn: checksWanted,
	})
	b.report.add(line{
		What: "the same job against two connections", Unit: "checks/s", Ours: median(ours),
		Against: "upserts by two at once", Peer: median(twice),
	})
	b.report.note("jobs: core time for a check %s; upserts of the evidence %s", total.spent, total.rawSpent)
	b.report.note("upserts of evidence in batches of %d rows; the job wrote %d in a transaction", batchRows, total.size)
	return nil
}

// jobResult is what a round found.
type jobResult struct {
	ours, raw       float64 // checks and rows a second
	rawTwice        float64 // the same, by two connections
	size            int     // rows of evidence in a transaction of the job
	spent, rawSpent effort
}

func (b *bench) timeJob(ctx context.Context) (r jobResult, err error) {
	db, err := b.server.fresh(ctx)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	if err := db.loadPhones(ctx, b.rows); err != nil {
		return r, err
	}
	if r.ours, r.spent, err = b.runJob(ctx, db); err != nil {
		return r, err
	}
	err = db.pool.QueryRow(ctx, "SELECT count(*) / count(DISTINCT xmin::text) FROM platform_validations").Scan(&r.size)
	if err != nil {
		return r, err
	}
	batches, rows, err := readEvidence(ctx, db, batchRows)
	if err != nil {
		return r, err
	}
	if r.raw, r.rawSpent, err = b.upsertEvidence(ctx, db, batches, rows, 1); err != nil {
		return r, err
	}
	r.rawTwice, _, err = b.upsertEvidence(ctx, db, batches, rows, 2)
	return r, err
}

// runJob returns the checks a second of a job over all numbers.
func (b *bench) runJob(ctx context.Context, db *registryDatabase) (rate float64, spent effort, err error) {
	p, err := b.startProgram(ctx, db)
	if err != nil {
		return 0, spent, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	var job jobState
	err = b.watch(ctx, p, "jobs", func() (err error) {
		spent, err = b.measureEffort(p.command.Process.Pid, func() (checks int, err error) {
			started := time.Now()
			if job, err = startJob(ctx, p.graphql); err == nil {
				err = job.wait(ctx, p.graphql)
			}
			rate = float64(job.Processed) / time.Since(started).Seconds()
			return int(job.Processed), err
		})
		return err
	})
	if err != nil {
		return 0, spent, err
	}
	return rate, spent, checkJob(ctx, db, job)
}

// checkJob makes sure that the job has done what it says.
func checkJob(ctx context.Context, db *registryDatabase, job jobState) error {
	phones, err := db.count(ctx, "phones")
	if err != nil {
		return err
	}
	evidence, err := db.count(ctx, "platform_validations")
	if err != nil {
		return err
	}
	scores, err := db.count(ctx, "lead_scores")
	if err != nil {
		return err
	}
	if job.Status != "COMPLETED" || job.Processed != job.Total || job.Total != 5*phones || evidence != job.Total || scores != phones {
		return fmt.Errorf("the job ended as %s with %d of %d checks, %d rows of evidence and %d scores for %d numbers",
			job.Status, job.Processed, job.Total, evidence, scores, phones)
	}
	return nil
}

// jobState is what is asked of a job.
type jobState struct {
	ID                     string
	Status                 string
	Total, Processed       int64
	CreatedAt, CompletedAt time.Time
}

const jobFields = `{ id status total processed createdAt completedAt }`

func startJob(ctx context.Context, at endpoint) (jobState, error) {
	var answer struct {
		StartValidationJob struct {
			Job        *jobState
			UserErrors []struct{ Message string }
		}
	}
	err := at.ask(ctx, `mutation { startValidationJob(input: { name: "bench",
		platforms: [WHATSAPP, INSTAGRAM, FACEBOOK, GOOGLE, APPLE], target: { filter: {} } }) {
		job `+jobFields+` userErrors { message } } }`, nil, &answer)
	switch payload := answer.StartValidationJob; {
	case err != nil:
		return jobState{}, err
	case payload.Job == nil && len(payload.UserErrors) > 0:
		return jobState{}, errors.New(payload.UserErrors[0].Message)
	case payload.Job == nil:
		return jobState{}, errors.New("no job was started")
	default:
		return *payload.Job, nil
	}
}

// wait asks until the job has ended.
func (j *jobState) wait(ctx context.Context, at endpoint) error {
	return j.follow(ctx, at, func() bool { return false })
}

// follow asks until the job has ended or enough reports true, which it does after each answer.
func (j *jobState) follow(ctx context.Context, at endpoint, enough func() bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for j.CompletedAt.IsZero() && !enough() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		var answer struct{ ValidationJob *jobState }
		if err := at.ask(ctx, `query ($id: ID!) { validationJob(id: $id) `+jobFields+` }`, map[string]any{"id": j.ID}, &answer); err != nil {
			return err
		}
		if answer.ValidationJob == nil {
			return errors.New("the job is not there any more")
		}
		*j = *answer.ValidationJob
	}
	enough()
	return nil
}

// evidence is rows of platform_validations as the arrays that one statement takes.
type evidence struct {
	numbers             []int64
	platforms, statuses []string
	methods             []string
	strengths           []float32
	simulated           []bool
	attempts, latencies []int32
	checked, expires    []*time.Time
	details             []*string
}

// upsertEvidence empties the table of evidence, writes its rows again in batches by some connections at once, and
// returns rows a second.
func (b *bench) upsertEvidence(ctx context.Context, db *registryDatabase, batches []*evidence, rows, connections int) (rate float64, spent effort, err error) {
	if err := db.exec(ctx, "TRUNCATE platform_validations"); err != nil {
		return 0, spent, err
	}
	if err := db.settle(ctx); err != nil {
		return 0, spent, err
	}
	spent, err = b.measureEffort(os.Getpid(), func() (int, error) {
		started := time.Now()
		err := writeAll(ctx, db, batches, connections)
		rate = float64(rows) / time.Since(started).Seconds()
		return rows, err
	})
	if err != nil {
		return 0, spent, err
	}
	if n, err := db.count(ctx, "platform_validations"); err != nil || n != int64(rows) {
		return 0, spent, errors.Join(err, fmt.Errorf("%d of %d rows of evidence were written", n, rows))
	}
	return rate, spent, nil
}

// writeAll writes batches by some connections at once, each the next one.
func writeAll(ctx context.Context, db *registryDatabase, batches []*evidence, connections int) error {
	var (
		next    atomic.Int64
		running sync.WaitGroup
		errs    = make([]error, connections)
	)
	for c := range connections {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(batches) && errs[c] == nil; i = int(next.Add(1)) - 1 {
				errs[c] = batches[i].write(ctx, db)
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

func readEvidence(ctx context.Context, db *registryDatabase, size int) (batches []*evidence, n int, err error) {
	rows, err := db.pool.Query(ctx, `SELECT number, platform::text, status::text, method, strength, simulated, attempts, latency_ms,
		checked_at, expires_at, details::text FROM platform_validations ORDER BY number, platform`)
	if err != nil {
		return nil, 0, err
	}
	var (
		number                   int64
		platform, status, method string
		strength                 float32
		simulated                bool
		attempts, latency        int32
		checked, expires         *time.Time
		details                  *string
	)
	_, err = pgx.ForEachRow(rows, []any{
		&number, &platform, &status, &method, &strength, &simulated, &attempts, &latency, &checked, &expires, &details,
	}, func() error {
		if n%size == 0 {
			batches = append(batches, &evidence{})
		}
		e := batches[len(batches)-1]
		e.numbers, e.platforms, e.statuses = append(e.numbers, number), append(e.platforms, platform), append(e.statuses, status)
		e.methods, e.strengths = append(e.methods, method), append(e.strengths, strength)
		e.simulated, e.attempts = append(e.simulated, simulated), append(e.attempts, attempts)
		e.latencies, e.details = append(e.latencies, latency), append(e.details, details)
		e.checked, e.expires = append(e.checked, checked), append(e.expires, expires)
		n++
		return nil
	})
	return batches, n, err
}

func (e *evidence) write(ctx context.Context, db *registryDatabase) error {
	return db.exec(ctx, `
INSERT INTO platform_validations AS v (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details)
SELECT number, platform::platform, status::validation_status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details::jsonb
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::real[], $6::boolean[], $7::integer[], $8::integer[],
		$9::timestamptz[], $10::timestamptz[], $11::text[])
	AS e (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details)
ON CONFLICT (number, platform) DO UPDATE
SET status = excluded.status, method = excluded.method, strength = excluded.strength, simulated = excluded.simulated,
	attempts = excluded.attempts, latency_ms = excluded.latency_ms, checked_at = excluded.checked_at,
	expires_at = excluded.expires_at, details = excluded.details
WHERE excluded.checked_at >= v.checked_at`,
		e.numbers, e.platforms, e.statuses, e.methods, e.strengths, e.simulated, e.attempts, e.latencies, e.checked, e.expires, e.details)
}
