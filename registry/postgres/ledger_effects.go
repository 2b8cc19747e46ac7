package postgres

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// writeEffects writes evidence, scores, history and failures, and settles the chunks.
func (a *application) writeEffects(ctx context.Context, subjects []subject) error {
	var batch pgx.Batch
	known, first := a.evidenceOf(subjects)
	known.queue(&batch, a.now)
	a.queueFailures(&batch, subjects)
	a.queueChunks(&batch)
	leads, err := writeScores(ctx, a.tx, &batch, a.model, a.now, subjects)
	if err != nil {
		return err
	}
	a.applied.Leads = leads
	if err := beaten(first.copy(ctx, a.tx, copyEvidence)); err != nil {
		return wrapped(err, "write first evidence")
	}
	return a.writeLines(ctx)
}

// newEvidence is rows of platform_validations as columns.
type newEvidence struct {
	numbers             []int64
	platforms           []string
	statuses            []string
	methods             []string
	strengths           []float32
	simulated           []bool
	attempts, latencies []int32
	checked             []time.Time
	expires             []*time.Time
	details             []*string
}

// evidenceOf finds out which checks say something that supersedes what is known of their number, and lets the subjects
// know it. Of several checks of the same number on the same platform, of different jobs, one remains. The first
// evidence of a platform on a number comes apart: there is nothing that it could meet, so it is copied in.
func (a *application) evidenceOf(subjects []subject) (known *newEvidence, first *copyRows) {
	type winner struct {
		*registry.Check
		first bool
	}
	winners := make([][platformCount]winner, len(subjects))
	for _, c := range a.settled {
		p, at := place(c.Platform), 0
		for i := range c.Checks {
			check := &c.Checks[i]
			for subjects[at].number < int64(check.Number) {
				at++
			}
			s := &subjects[at]
			if !s.known {
				continue
			}
			normalize(check, c.Platform, a.now)
			e, old := check.Evidence(), s.evidence[p]
			if old.Platform == "" || e.Supersedes(old, a.now) {
				winners[at][p] = winner{check, old.Platform == "" || winners[at][p].first}
				s.evidence[p] = e
				s.changed = s.changed || c.Platform.Scored()
			}
		}
	}
	known, first = &newEvidence{}, &copyRows{}
	for at := range winners {
		for _, w := range winners[at] {
			switch {
			case w.Check == nil:
			case w.first:
				first.evidence(w.Check)
			default:
				known.add(w.Check)
			}
		}
	}
	return known, first
}

// -- name: copy_evidence
const copyEvidence = `
COPY platform_validations (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details)
FROM STDIN BINARY`

// evidence adds a row of copyEvidence.
func (c *copyRows) evidence(check *registry.Check) {
	c.row(11)
	c.int64(int64(check.Number))
	c.text(string(check.Platform))
	c.text(string(check.Status))
	c.text(check.Method)
	c.float64(float64(float32(check.Strength)))
	c.bool(check.Simulated)
	c.int16(int16(check.Attempts))
	c.int32(int32(check.LatencyMS))
	c.time(check.CheckedAt)
	c.time(check.ExpiresAt)
	c.jsonb(check.Details)
}

// normalize brings a check into the form in which it is kept: times in UTC with microseconds and not in the future,
// where the clock of a worker may be; a strength for what is ACTIVE and no other.
func normalize(c *registry.Check, p registry.Platform, now time.Time) {
	c.Platform = p
	c.CheckedAt = c.CheckedAt.UTC().Truncate(time.Microsecond)
	if c.CheckedAt.After(now) {
		c.CheckedAt = now
	}
	if !c.ExpiresAt.IsZero() {
		c.ExpiresAt = c.ExpiresAt.UTC().Truncate(time.Microsecond)
	}
	if c.Status != scoring.Active || !(c.Strength > 0) { // also NaN
		c.Strength = 0
	}
	c.Strength = min(c.Strength, 1)
	c.Attempts, c.LatencyMS = min(max(c.Attempts, 0), math.MaxInt16), min(max(c.LatencyMS, 0), math.MaxInt32)
}

func (e *newEvidence) add(c *registry.Check) {
	e.numbers, e.platforms = append(e.numbers, int64(c.Number)), append(e.platforms, string(c.Platform))
	e.statuses, e.methods = append(e.statuses, string(c.Status)), append(e.methods, c.Method)
	e.strengths, e.simulated = append(e.strengths, float32(c.Strength)), append(e.simulated, c.Simulated)
	e.attempts, e.latencies = append(e.attempts, int32(c.Attempts)), append(e.latencies, int32(c.LatencyMS))
	e.checked, e.expires = append(e.checked, c.CheckedAt), append(e.expires, orNull(c.ExpiresAt))
	var details *string
	if len(c.Details) > 0 {
		text := string(c.Details)
		details = &text
	}
	e.details = append(e.details, details)
}

// -- name: upsert_evidence
// The condition is the rule of scoring.Evidence.Supersedes. It was applied before; here it guards against what another
// transaction has written since.
const upsertEvidence = `
INSERT INTO platform_validations AS v (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details)
SELECT number, platform::platform, status::validation_status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details::jsonb
FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::real[], $7::boolean[], $8::integer[], $9::integer[],
		$10::timestamptz[], $11::timestamptz[], $12::text[])
	AS e (number, platform, status, method, strength, simulated, attempts, latency_ms, checked_at, expires_at, details)
ON CONFLICT (number, platform) DO UPDATE
SET status = excluded.status, method = excluded.method, strength = excluded.strength, simulated = excluded.simulated,
	attempts = excluded.attempts, latency_ms = excluded.latency_ms, checked_at = excluded.checked_at,
	expires_at = excluded.expires_at, details = excluded.details
WHERE (CASE WHEN excluded.status IN ('ERROR', 'RATE_LIMITED') OR excluded.expires_at <= $1 THEN 0
		ELSE CASE WHEN excluded.simulated THEN 1 ELSE 3 END
			+ CASE WHEN excluded.status IN ('UNKNOWN', 'NOT_CHECKABLE') THEN 0 ELSE 1 END END, excluded.checked_at)
	>= (CASE WHEN v.status IN ('ERROR', 'RATE_LIMITED') OR v.expires_at <= $1 THEN 0
		ELSE CASE WHEN v.simulated THEN 1 ELSE 3 END
			+ CASE WHEN v.status IN ('UNKNOWN', 'NOT_CHECKABLE') THEN 0 ELSE 1 END END, v.checked_at)`

// queue adds the statement. The rows are in the order of their keys, in which they are locked.
func (e *newEvidence) queue(batch *pgx.Batch, now time.Time) {
	if len(e.numbers) > 0 {
		batch.Queue(upsertEvidence, now, e.numbers, e.platforms, e.statuses, e.methods, e.strengths, e.simulated,
			e.attempts, e.latencies, e.checked, e.expires, e.details)
	}
}

// newScores is new values of rows of lead_scores as columns.
type newScores struct {
	numbers      []int64
	totals       []int16
	coverages    []float32
	tiers        []string
	points       [scoredCount][]*float32
	simulated    []bool
	untils       []*time.Time
	updated      []time.Time
	visible      []bool
	modelVersion string
}

func (n *newScores) add(r rescored) {
	n.numbers, n.totals, n.coverages = append(n.numbers, r.number), append(n.totals, r.total), append(n.coverages, r.coverage)
	n.tiers, n.simulated, n.untils = append(n.tiers, r.tier), append(n.simulated, r.storedScore.simulated), append(n.untils, r.until)
	n.updated, n.visible = append(n.updated, r.updated), append(n.visible, r.visible)
	for i := range n.points {
		n.points[i] = append(n.points[i], r.points[i])
	}
	n.modelVersion = r.modelVersion
}

// -- name: copy_scores
const copyScores = `
COPY lead_scores (number, total, coverage, tier, whatsapp, instagram, facebook, google, apple, simulated, model_version, evidence_until, updated_at)
FROM STDIN BINARY`

// score adds a row of copyScores.
func (c *copyRows) score(r *rescored) {
	c.row(8 + scoredCount)
	c.int64(r.number)
	c.int16(r.total)
	c.float64(float64(r.coverage))
	c.text(r.tier)
	for _, points := range r.points {
		if points == nil {
			c.null()
		} else {
			c.float64(float64(*points))
		}
	}
	c.bool(r.storedScore.simulated)
	c.text(r.modelVersion)
	c.time(orZero(r.until))
	c.time(r.updated)
}

// -- name: copy_history
const copyHistory = `
COPY lead_score_history (number, recorded_at, total, coverage, tier, model_version)
FROM STDIN BINARY`

// history adds a row of copyHistory.
func (c *copyRows) history(r *rescored) {
	c.row(6)
	c.int64(r.number)
	c.time(r.updated)
	c.int16(r.total)
	c.float64(float64(r.coverage))
	c.text(r.tier)
	c.text(r.modelVersion)
}

// -- name: update_scores
const updateScores = `
UPDATE lead_scores s
SET total = n.total, coverage = n.coverage, tier = n.tier::quality_tier, whatsapp = n.whatsapp, instagram = n.instagram,
	facebook = n.facebook, google = n.google, apple = n.apple, simulated = n.simulated, model_version = $1,
	evidence_until = n.evidence_until, updated_at = CASE WHEN n.visible THEN n.updated_at ELSE s.updated_at END
FROM unnest($2::bigint[], $3::smallint[], $4::real[], $5::text[], $6::real[], $7::real[], $8::real[], $9::real[], $10::real[],
		$11::boolean[], $12::timestamptz[], $13::timestamptz[], $14::boolean[])
	AS n (number, total, coverage, tier, whatsapp, instagram, facebook, google, apple, simulated, evidence_until, updated_at, visible)
WHERE s.number = n.number`

func (n *newScores) arguments() []any {
	return []any{
		n.modelVersion, n.numbers, n.totals, n.coverages, n.tiers, n.points[0], n.points[1], n.points[2], n.points[3],
		n.points[4], n.simulated, n.untils, n.updated,
	}
}

// -- name: insert_history
const insertHistory = `
INSERT INTO lead_score_history (number, recorded_at, total, coverage, tier, model_version)
SELECT number, recorded_at, total, coverage, tier::quality_tier, $1
FROM unnest($2::bigint[], $3::timestamptz[], $4::smallint[], $5::real[], $6::text[])
	AS h (number, recorded_at, total, coverage, tier)
ON CONFLICT (number, recorded_at) DO NOTHING`

// errBeaten ends a transaction that was to write the first score of a number, or the first evidence of a platform on
// it, when another one was faster. Tried again it sees that score and the evidence behind it.
var errBeaten = errors.New("another transaction has written about a number at the same time")

// writeScores scores the subjects whose evidence changed, sends the batch with what is to be written behind the
// statements that it holds already, and returns the numbers whose score changed, ascending.
//
// A number without a score has nothing to lock, so first scores are written before everything else. When another
// transaction gives one of these numbers a score meanwhile, this one waits for that, and fails with errBeaten when it
// has been committed. Locking the score only then could have the two wait for each other.
func writeScores(ctx context.Context, tx pgx.Tx, batch *pgx.Batch, model *scoring.Model, now time.Time, subjects []subject) ([]registry.Number, error) {
	var (
		leads               []registry.Number
		first, firstHistory copyRows
		updates, history    newScores
		tiers               tierChanges
	)
	for i := range subjects {
		s := &subjects[i]
		if !s.known || !s.changed {
			continue
		}
		r, changed := s.rescore(model, now)
		if !changed {
			continue
		}
		if s.scored {
			updates.add(r)
			if r.recorded {
				history.add(r)
			}
		} else {
			first.score(&r)
			firstHistory.history(&r)
		}
		if r.visible {
			leads = append(leads, registry.Number(s.number))
		}
		tiers.add(&r)
	}
	if err := first.copy(ctx, tx, copyScores); err != nil {
		return nil, wrapped(beaten(err), "write first scores")
	}
	if err := firstHistory.copy(ctx, tx, copyHistory); err != nil {
		return nil, wrapped(err, "write first scores")
	}
	if len(updates.numbers) > 0 {
		batch.Queue(updateScores, append(updates.arguments(), updates.visible)...)
	}
	if len(history.numbers) > 0 {
		batch.Queue(insertHistory, history.modelVersion, history.numbers, history.updated, history.totals, history.coverages, history.tiers)
	}
	if err := tiers.queue(batch, now); err != nil {
		return nil, err
	}
	return leads, wrapped(tx.SendBatch(ctx, batch).Close(), "write evidence and scores")
}
