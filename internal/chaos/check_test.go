package chaos

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go/jetstream"

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

type evidenceKey struct {
	number   int64
	platform scoring.Platform
}

// checkEvidence compares every piece of evidence with what the platform answers when it is well. Of checks that belong
// to cancelled jobs only, or to none any more, a failure may be all there is.
func (w *world) checkEvidence(ctx context.Context) {
	owed := map[evidenceKey]bool{}
	rows, err := w.database.pool.Query(ctx, `SELECT DISTINCT unnest(c.numbers), c.platform::text
		FROM validation_chunks c JOIN validation_jobs j ON j.id = c.job_id WHERE j.status <> 'CANCELLED'`)
	if err != nil {
		w.t.Error(err)
		return
	}
	var k evidenceKey
	if _, err := pgx.ForEachRow(rows, []any{&k.number, &k.platform}, func() error { owed[k] = true; return nil }); err != nil {
		w.t.Error(err)
	}
	rows, err = w.database.pool.Query(ctx, `SELECT number, platform::text, status::text, strength, simulated FROM platform_validations`)
	if err != nil {
		w.t.Error(err)
		return
	}
	var (
		status    scoring.Status
		strength  float64
		simulated bool
		wrong     int
	)
	_, err = pgx.ForEachRow(rows, []any{&k.number, &k.platform, &status, &strength, &simulated}, func() error {
		a := w.platform.answers.of(k.platform, numberOf(k.number))
		must := owed[k]
		delete(owed, k)
		if status == a.status && math.Abs(strength-a.strength) < 1e-6 && !simulated || !must && !status.Answered() {
			return nil
		}
		wrong++
		if wrong <= 5 {
			w.t.Errorf("evidence on %s is %s %g, the platform says %s %g", k.platform, status, strength, a.status, a.strength)
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
	if wrong > 5 {
		w.t.Errorf("%d pieces of evidence are wrong", wrong)
	}
	if len(owed) > 0 {
		w.t.Errorf("%d checks were done and left no evidence", len(owed))
	}
}

// checkScores makes every score anew from the evidence, and compares it and the end of its history.
func (w *world) checkScores(ctx context.Context) {
	evidence := map[int64][]scoring.Evidence{}
	rows, err := w.database.pool.Query(ctx, `SELECT number, platform::text, status::text, strength, method, simulated, checked_at,
		coalesce(expires_at, 'epoch'::timestamptz) FROM platform_validations`)
	if err != nil {
		w.t.Error(err)
		return
	}
	var (
		n       int64
		e       scoring.Evidence
		expires time.Time
	)
	_, err = pgx.ForEachRow(rows, []any{&n, &e.Platform, &e.Status, &e.Strength, &e.Method, &e.Simulated, &e.CheckedAt, &expires}, func() error {
		if e.ExpiresAt = expires; expires.Unix() == 0 {
			e.ExpiresAt = time.Time{}
		}
		evidence[n] = append(evidence[n], e)
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
	model := scoring.DefaultModel()
	scores, wrong := 0, 0
	rows, err = w.database.pool.Query(ctx, `SELECT s.number, p.is_valid, s.total, s.coverage, s.tier::text FROM
		(SELECT s.*, 0 FROM lead_scores s) s JOIN (SELECT number, valid AS is_valid FROM phones) p USING (number)`)
	if err != nil {
		w.t.Error(err)
		return
	}
	var got scoring.Score
	var valid bool
	_, err = pgx.ForEachRow(rows, []any{&n, &valid, &got.Total, &got.Coverage, &got.Tier}, func() error {
		scores++
		want := model.Score(valid, evidence[n], time.Now())
		if got.Total != want.Total || math.Abs(got.Coverage-want.Coverage) > 1e-6 || got.Tier != want.Tier {
			if wrong++; wrong <= 5 {
				w.t.Errorf("a score is %d %g %s, its evidence makes %d %g %s", got.Total, got.Coverage, got.Tier, want.Total, want.Coverage, want.Tier)
			}
		}
		return nil
	})
	if err != nil {
		w.t.Error(err)
	}
	if scores != len(evidence) {
		w.t.Errorf("%d scores for %d numbers with evidence", scores, len(evidence))
	}
	w.none(ctx, "scores that are not the last of their history", `
		SELECT s.total || ' ' || s.tier || ' history ' || coalesce(h.total::text, 'none')
		FROM lead_scores s
		LEFT JOIN LATERAL (SELECT total, tier, coverage FROM lead_score_history WHERE number = s.number ORDER BY recorded_at DESC LIMIT 1) h ON true
		WHERE h.total IS DISTINCT FROM s.total OR h.tier IS DISTINCT FROM s.tier OR h.coverage IS DISTINCT FROM s.coverage`)
	w.none(ctx, "histories that tell the same twice in a row", `
		SELECT number || ' ' || total FROM (SELECT number, total, coverage, tier, model_version,
			lag((total, coverage, tier, model_version)::text) OVER (PARTITION BY number ORDER BY recorded_at) AS before
			FROM lead_score_history) h
		WHERE before = (total, coverage, tier, model_version)::text`)
	w.say("%-9s %d scores agree with their evidence", "check", scores-wrong)
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

// checkStreams waits until nothing is left in the streams, and all of them have their copies.
func (w *world) checkStreams(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	js, err := jetstream.New(w.conn)
	if err != nil {
		w.t.Error(err)
		return
	}
	for {
		left := map[string]string{}
		for _, name := range allStreams() {
			s, err := js.Stream(ctx, name)
			if err != nil {
				left[name] = err.Error()
				continue
			}
			info := s.CachedInfo()
			switch {
			case info.Config.Replicas != natsNodes:
				left[name] = fmt.Sprintf("%d copies, want %d", info.Config.Replicas, natsNodes)
			case info.State.Msgs > 0 && slices.Contains(streams(), name):
				left[name] = fmt.Sprintf("%d messages", info.State.Msgs)
			}
		}
		if len(left) == 0 {
			return
		}
		if limit.Err() != nil {
			w.t.Errorf("streams are not drained: %v\n%s", left, w.streamDump(context.Background()))
			return
		}
		pause(limit, 500*time.Millisecond)
	}
}

func (w *world) streamDump(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var b strings.Builder
	b.WriteString("streams:\n")
	js, err := jetstream.New(w.conn)
	if err != nil {
		return err.Error()
	}
	for _, name := range allStreams() {
		s, err := js.Stream(ctx, name)
		if err != nil {
			fmt.Fprintf(&b, "  %s: %v\n", name, err)
			continue
		}
		i := s.CachedInfo()
		fmt.Fprintf(&b, "  %s: %d messages, %d to %d", name, i.State.Msgs, i.State.FirstSeq, i.State.LastSeq)
		consumer := "workers"
		if strings.HasSuffix(name, "RESULTS") {
			consumer = "applier"
		}
		if c, err := s.Consumer(ctx, consumer); err == nil {
			ci := c.CachedInfo()
			fmt.Fprintf(&b, "; consumer: %d pending, %d unacknowledged, %d waiting pulls", ci.NumPending, ci.NumAckPending, ci.NumWaiting)
		} else {
			fmt.Fprintf(&b, "; consumer: %v", err)
		}
		b.WriteString("\n")
	}
	return b.String()
}
