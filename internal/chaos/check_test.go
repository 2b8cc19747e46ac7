package chaos

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

func platformNamed(name string) scoring.Platform { return scoring.Platform(name) }

func numberOf(n int64) numbering.Number { return numbering.Number(n) }

// check compares what the registry holds with the model. Everything must have settled.
func (w *world) check(ctx context.Context) {
	w.checkSums(ctx)
	w.checkPromises(ctx)
	w.checkEvidence(ctx)
	w.checkScores(ctx)
	w.checkSubscribers(ctx)
	w.checkAudit(ctx)
	w.checkStreams(ctx)
	w.checkEvents(ctx)
	w.checkImports(ctx)
}

// none reports rows that should not be there.
func (w *world) none(ctx context.Context, what, sql string, args ...any) {
	rows, err := w.database.pool.Query(ctx, sql, args...)
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
		return
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
	if len(found) > 0 {
		w.t.Errorf("%s: %d, such as\n  %s", what, len(found), strings.Join(found[:min(len(found), 5)], "\n  "))
	}
}

// checkSums compares counters with what they count.
func (w *world) checkSums(ctx context.Context) {
	w.none(ctx, "jobs whose counters are not the sums over their chunks", `
		SELECT j.id || ' ' || j.status || ' ' || j.succeeded || '+' || j.failed || ' chunks ' || c.succeeded || '+' || c.failed
		FROM validation_jobs j
		CROSS JOIN LATERAL (SELECT coalesce(sum(succeeded), 0) AS succeeded, coalesce(sum(failed - retried), 0) AS failed
			FROM validation_chunks WHERE job_id = j.id AND state = 'DONE') c
		WHERE j.succeeded <> c.succeeded OR j.failed <> c.failed`)
	w.none(ctx, "platforms whose counters are not the sums over their chunks", `
		SELECT p.job_id || ' ' || p.platform
		FROM validation_job_platforms p
		CROSS JOIN LATERAL (SELECT coalesce(sum(succeeded), 0) AS succeeded, coalesce(sum(failed - retried), 0) AS failed
			FROM validation_chunks WHERE job_id = p.job_id AND platform = p.platform AND state = 'DONE') c
		WHERE p.succeeded <> c.succeeded OR p.failed <> c.failed`)
	w.none(ctx, "ended jobs with open chunks", `
		SELECT j.id || ' ' || j.status || ' ' || c.platform || '/' || c.chunk_no || ' ' || c.state
		FROM validation_jobs j JOIN validation_chunks c ON c.job_id = j.id
		WHERE c.state NOT IN ('DONE', 'CANCELLED') OR (c.state = 'CANCELLED' AND j.status <> 'CANCELLED')`)
	w.none(ctx, "finished jobs that are not done", `
		SELECT id || ' ' || status || ' ' || processed || '/' || total
		FROM validation_jobs WHERE status <> 'CANCELLED' AND (NOT planned OR processed <> total)`)
	w.none(ctx, "jobs whose failures are not as many as they count", `
		SELECT j.id || ' ' || j.failed || ' ' || count(f.number)
		FROM validation_jobs j LEFT JOIN validation_failures f ON f.job_id = j.id
		GROUP BY j.id HAVING j.failed <> count(f.number)`)
	w.none(ctx, "ends of jobs that were written down more or less than once", `
		SELECT j.id || ' ' || j.status || ' ends ' || count(a.id)
		FROM validation_jobs j
		LEFT JOIN audit_trail a ON a.object_id = j.id AND a.action IN ('job.completed', 'job.failed', 'job.cancelled')
		WHERE NOT EXISTS (SELECT FROM audit_trail r WHERE r.object_id = j.id AND r.action = 'job.retried')
		GROUP BY j.id HAVING count(a.id) <> 1`)
	w.none(ctx, "jobs that were started twice under one key", `
		SELECT name || ' ' || count(*) FROM validation_jobs GROUP BY name HAVING count(*) > 1`)
}

// chunkRow is what the ledger holds of a job on a platform.
type chunkRow struct {
	numbers []int64 // each as often as it was asked about
	retried int64
}

// checkPromises makes sure that every accepted job is there, holds what it was asked for, and failed on nothing but
// numbers that no platform can tell about.
func (w *world) checkPromises(ctx context.Context) {
	missing, failures := 0, 0
	for _, a := range w.load.accepted() {
		id, err := opaque.ParseUUID("job", a.id)
		if err != nil {
			w.t.Errorf("%s is no id", a.id)
			continue
		}
		var status string
		err = w.database.pool.QueryRow(ctx, `SELECT status::text FROM validation_jobs WHERE id = $1`, id).Scan(&status)
		if err != nil {
			if !w.beforeRestore(a.at) {
				w.t.Errorf("job %s (%s) was accepted and is not there: %v", a.id, a.key, err)
			}
			missing++
			continue
		}
		if status == "CANCELLED" {
			if !a.steered.Load() {
				w.t.Errorf("job %s was cancelled by nobody", a.id)
			}
			continue
		}
		failures += w.checkJob(ctx, id, a)
	}
	w.say("%-9s %d jobs accepted, %d of them undone by a restored database, %d checks fail for ever",
		"check", len(w.load.accepted()), missing, failures)
}

func (w *world) checkJob(ctx context.Context, id uuid.UUID, a *accepted) (failures int) {
	for _, p := range a.platforms {
		var c chunkRow
		err := w.database.pool.QueryRow(ctx, `SELECT array_agg(n ORDER BY n), coalesce(sum(retried) FILTER (WHERE first), 0)
			FROM (SELECT unnest(numbers) AS n, retried, generate_subscripts(numbers, 1) = 1 AS first
				FROM validation_chunks WHERE job_id = $1 AND platform = $2::text::platform) c`, id, string(p)).Scan(&c.numbers, &c.retried)
		if err != nil {
			w.t.Errorf("job %s on %s: %v", a.id, p, err)
			continue
		}
		distinct := slices.Compact(slices.Clone(c.numbers))
		if !slices.EqualFunc(distinct, a.numbers, func(x int64, y numbering.Number) bool { return x == int64(y) }) {
			w.t.Errorf("job %s on %s asked about %d numbers, want %d", a.id, p, len(distinct), len(a.numbers))
		}
		if int64(len(c.numbers))-c.retried != int64(len(a.numbers)) {
			w.t.Errorf("job %s on %s: %d checks with %d retried, want %d", a.id, p, len(c.numbers), c.retried, len(a.numbers))
		}
		failures += w.checkFailures(ctx, id, a, p)
	}
	return failures
}

func (w *world) checkFailures(ctx context.Context, id uuid.UUID, a *accepted, p scoring.Platform) int {
	rows, err := w.database.pool.Query(ctx, `SELECT number FROM validation_failures WHERE job_id = $1 AND platform = $2::text::platform ORDER BY number`, id, string(p))
	if err != nil {
		w.t.Error(err)
		return 0
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		w.t.Error(err)
	}
	var want []int64
	for _, n := range a.numbers {
		if w.platform.answers.of(p, n).poison {
			want = append(want, int64(n))
		}
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("job %s on %s: %d failures, want %d", a.id, p, len(got), len(want))
	}
	return len(got)
}

// checkSubscribers compares the final states that subscribers were told with the jobs, and that sequences never fell.
func (w *world) checkSubscribers(ctx context.Context) {
	w.load.mu.Lock()
	defer w.load.mu.Unlock()
	for _, fall := range w.load.backwards {
		w.t.Errorf("a subscriber saw an older state after a newer one: %s", fall)
	}
	told := 0
	for _, a := range w.load.jobs {
		final, ok := w.load.watched[a.id]
		if !ok {
			if !w.beforeRestore(a.at) {
				w.t.Errorf("the subscriber of job %s was never told its end", a.id)
			}
			continue
		}
		told++
		if a.steered.Load() || a.retried || w.beforeRestore(a.at) {
			continue // it may have gone on since
		}
		id, err := opaque.ParseUUID("job", a.id)
		if err != nil {
			continue
		}
		now := job{ID: a.id}
		if err := w.database.pool.QueryRow(ctx, `SELECT status::text, total, processed, succeeded, failed FROM validation_jobs WHERE id = $1`, id).
			Scan(&now.Status, &now.Total, &now.Processed, &now.Succeeded, &now.Failed); err != nil {
			w.t.Errorf("job %s: %v", a.id, err)
			continue
		}
		if diff := cmp.Diff(now, final); diff != "" {
			w.t.Errorf("the subscriber of a job was told another end than it has (-is +told):\n%s", diff)
		}
	}
	w.say("%-9s %d subscribers were told the end of their job", "check", told)
}

// checkAudit waits until the trail is sealed, and verifies its chain.
func (w *world) checkAudit(ctx context.Context) {
	for ctx.Err() == nil {
		var unsealed int
		if err := w.database.pool.QueryRow(ctx, `SELECT count(*) FROM audit_trail WHERE chain_no IS NULL`).Scan(&unsealed); err == nil && unsealed == 0 {
			break
		}
		pause(ctx, 200*time.Millisecond)
	}
	report, err := postgres.New(w.database.pool, postgres.Options{}).VerifyAudit(ctx)
	if err != nil {
		w.t.Errorf("audit trail: %v", err)
	}
	w.say("%-9s the audit trail holds: %d entries", "check", report.Sealed)
}
