package chaos

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry/scoring"
)

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
		right := status == a.status && math.Abs(strength-a.strength) < 1e-6 && !simulated
		failed := !status.Answered() && (a.poison || !must) // of two failures, ERROR and RATE_LIMITED, the newer one remains
		if right || failed {
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
