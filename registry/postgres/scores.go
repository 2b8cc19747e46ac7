package postgres

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// validationColumns are the columns of platform_validations v that make a registry.Validation.
const validationColumns = `v.number, v.platform::text, v.status::text, v.method, v.strength, v.simulated, v.attempts, v.latency_ms,
	v.checked_at, v.expires_at, v.details`

// fieldComponents is wanted where a score is to be explained.
const fieldComponents = "components"

var validationShown = columnsOf(validationColumns, //nolint:gochecknoglobals // a constant
	always(), always(), forFields("''", "status", fieldComponents), forFields("''", "method", fieldComponents),
	forFields("0::float8", "strength", fieldComponents), forFields("false", "simulated", fieldComponents), forFields("0", "attempts"),
	forFields("0", "latencyMs"), forFields("'epoch'::timestamptz", "checkedAt", fieldComponents),
	forFields("NULL::timestamptz", "expiresAt", fieldComponents), forFields("NULL::jsonb", "details"))

// fromValidations is behind the columns of platform_validations v. An enum sorts in the order in which its values were
// declared: that of the platforms.
const fromValidations = `
FROM platform_validations v
WHERE v.number = ` + anyNumber + `
ORDER BY v.number, v.platform`

// Validations returns the evidence on each number, in the order of platforms, with these fields; none named: all.
func (s *Store) Validations(ctx context.Context, numbers []registry.Number, fields ...string) (map[registry.Number][]registry.Validation, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+validationShown.of(fields)+fromValidations, integers(numbers))
	if err != nil {
		return nil, wrapped(err, "read validations")
	}
	all, err := pgx.CollectRows(rows, scanValidation)
	if err != nil {
		return nil, wrapped(err, "read validations")
	}
	of := make(map[registry.Number][]registry.Validation, len(numbers))
	for _, v := range all {
		of[v.Number] = append(of[v.Number], v)
	}
	return of, nil
}

// decimal takes off what a decimal fraction gets behind its sixth place on the way through the 32 bits in which results are
// written: 0.6 comes back as 0.6000000238.
func decimal(v float64) float64 { return math.Round(v*1e6) / 1e6 }

func scanValidation(row pgx.CollectableRow) (registry.Validation, error) {
	var (
		v       registry.Validation
		expires *time.Time
		details []byte
	)
	err := row.Scan(&v.Number, &v.Platform, &v.Status, &v.Method, &v.Strength, &v.Simulated, &v.Attempts, &v.LatencyMS,
		&v.CheckedAt, &expires, &details)
	v.ExpiresAt, v.Details, v.Strength = orZero(expires), details, decimal(v.Strength)
	return v, err
}

// scoreColumns are the columns of lead_scores s that make a registry.LeadScore.
const scoreColumns = `s.number, s.total, s.coverage, s.tier::text, s.whatsapp, s.instagram, s.facebook, s.google, s.apple,
	s.simulated, s.model_version, s.evidence_until, s.updated_at`

// A list shows points by the evidence behind them, see registry.Service.Explain.
var scoreShown = columnsOf(scoreColumns, //nolint:gochecknoglobals // a constant
	always(), always(), forFields("0::float8", "coverage", fieldComponents), forFields("''", "tier", fieldComponents),
	forFields("NULL::float8", "points"), forFields("NULL::float8", "points"), forFields("NULL::float8", "points"),
	forFields("NULL::float8", "points"), forFields("NULL::float8", "points"), forFields("false", "simulated"),
	forFields("''", "modelVersion"), forFields("NULL::timestamptz", "evidenceUntil"), forFields("'epoch'::timestamptz", "updatedAt", fieldComponents))

func scanScore(row pgx.CollectableRow) (registry.LeadScore, error) {
	var (
		l      registry.LeadScore
		points [scoredCount]*float64
		until  *time.Time
	)
	err := row.Scan(&l.Number, &l.Total, &l.Coverage, &l.Tier, &points[0], &points[1], &points[2], &points[3], &points[4],
		&l.Simulated, &l.ModelVersion, &until, &l.UpdatedAt)
	l.EvidenceUntil, l.Coverage = orZero(until), decimal(l.Coverage)
	l.Points = make(map[registry.Platform]float64, len(points))
	for i, platform := range scoring.Platforms() {
		if points[i] != nil {
			l.Points[platform] = decimal(*points[i])
		}
	}
	return l, err
}

// fromScores is behind the columns of lead_scores s.
const fromScores = `
FROM lead_scores s
WHERE s.number = ` + anyNumber

// LeadScores returns the scores of those of the numbers that have one, with these fields; none named: all.
func (s *Store) LeadScores(ctx context.Context, numbers []registry.Number, fields ...string) (map[registry.Number]registry.LeadScore, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+scoreShown.of(fields)+fromScores, integers(numbers))
	if err != nil {
		return nil, wrapped(err, "read scores")
	}
	scores, err := pgx.CollectRows(rows, scanScore)
	if err != nil {
		return nil, wrapped(err, "read scores")
	}
	of := make(map[registry.Number]registry.LeadScore, len(scores))
	for _, score := range scores {
		of[score.Number] = score
	}
	return of, nil
}

// leadConditions are those of a filter on lead scores s.
func leadConditions(f registry.LeadFilter) *where {
	w := &where{}
	if len(f.Regions) > 0 {
		phones := &where{arguments: w.arguments, conditions: []string{"p.number = s.number"}}
		anyOf(phones, "p.region", "", f.Regions)
		w.arguments = phones.arguments
		w.conditions = append(w.conditions, "EXISTS (SELECT FROM phones p"+phones.String()+")")
	}
	w.scoreConditions(f.MinScore, f.Tiers)
	if f.MinCoverage != nil {
		w.and("s.coverage >= %s", *f.MinCoverage)
	}
	if len(f.Numbers) > 0 {
		w.and("s.number = ANY (%s::bigint[])", integers(f.Numbers))
	}
	return w
}

// Leads pages through scores, best first; those with the same total in no order that can be told.
func (s *Store) Leads(ctx context.Context, f registry.LeadFilter, p registry.PageRequest) (registry.Page[registry.LeadScore], error) {
	w := leadConditions(f)
	if len(f.Regions) > 0 { // numbers of a country lie together: the index on totals tells which can be of these
		lowest, highest, none, err := spanOfRegions(ctx, s.pool, f.Regions)
		if err != nil || none {
			return registry.Page[registry.LeadScore]{}, err
		}
		w.conditions = append(w.conditions, w.span(lowest, highest).conditions("s")...)
	}
	list := byTotal{columns: scoreShown.of(p.Fields), from: "lead_scores s", after: p.After, limit: p.First + 1}
	rows, err := s.pool.Query(ctx, list.statement(w), listArguments(w)...)
	if err != nil {
		return registry.Page[registry.LeadScore]{}, wrapped(err, "list leads")
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed[registry.LeadScore], error) {
		score, err := scanScore(row)
		return listed[registry.LeadScore]{score, registry.Position{Sort: int64(score.Total), Number: score.Number}}, err
	})
	if err != nil {
		return registry.Page[registry.LeadScore]{}, wrapped(err, "list leads")
	}
	return pageOf(found, p.First), nil
}

// CountLeads counts the scores that match.
func (s *Store) CountLeads(ctx context.Context, f registry.LeadFilter) (n int64, err error) {
	w := leadConditions(f)
	err = s.pool.QueryRow(ctx, "SELECT count(*)\nFROM lead_scores s"+w.String(), listArguments(w)...).Scan(&n)
	return n, wrapped(err, "count leads")
}

// LatestLead returns the score that changed last among those that match, any of several at the same moment; registry.ErrNotFound when none does.
func (s *Store) LatestLead(ctx context.Context, f registry.LeadFilter) (registry.LeadScore, error) {
	w := leadConditions(f)
	rows, err := s.pool.Query(ctx, fmt.Sprintf("SELECT %s\nFROM lead_scores s%s\nORDER BY s.updated_at DESC, %s, s.number\nLIMIT 1",
		scoreColumns, w, tie("s.number")), listArguments(w)...)
	if err != nil {
		return registry.LeadScore{}, wrapped(err, "read latest lead")
	}
	score, err := pgx.CollectExactlyOneRow(rows, scanScore)
	return score, found(err, "read latest lead")
}

var historyShown = columnsOf("h.number, h.total, h.coverage, h.tier::text, h.model_version, h.recorded_at", //nolint:gochecknoglobals // a constant
	always(), forFields("0", "total"), forFields("0::float8", "coverage"), forFields("''", "tier"), forFields("''", "modelVersion"), always())

// fromScoreHistory is behind the columns of lead_score_history h.
const fromScoreHistory = `
FROM unnest($1::bigint[]) AS n (number)
CROSS JOIN LATERAL (
	SELECT h.*
	FROM lead_score_history h
	WHERE h.number = n.number AND h.recorded_at < $2
	ORDER BY h.recorded_at DESC
	LIMIT $3) h
ORDER BY h.number, h.recorded_at DESC`

// ScoreHistory returns one page of the scores of each number, newest first.
func (s *Store) ScoreHistory(ctx context.Context, numbers []registry.Number, p registry.PageRequest) (map[registry.Number]registry.Page[registry.ScoreRecord], error) {
	before := maxTime
	if p.After != nil {
		before = time.UnixMicro(p.After.Sort)
	}
	rows, err := s.pool.Query(ctx, "SELECT "+historyShown.of(p.Fields)+fromScoreHistory, integers(numbers), before, p.First+1)
	if err != nil {
		return nil, wrapped(err, "read score history")
	}
	pages, err := pagesOf(rows, p.First, func(row pgx.CollectableRow) (registry.Number, listed[registry.ScoreRecord], error) {
		var (
			n registry.Number
			l listed[registry.ScoreRecord]
		)
		err := row.Scan(&n, &l.item.Total, &l.item.Coverage, &l.item.Tier, &l.item.ModelVersion, &l.item.RecordedAt)
		l.position.Sort, l.item.Coverage = l.item.RecordedAt.UnixMicro(), decimal(l.item.Coverage)
		return n, l, err
	})
	return pages, wrapped(err, "read score history")
}

// maxTime is later than any time in the database.
var maxTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// -- name: count_score_history
const countScoreHistory = `
SELECT n.number, (SELECT count(*) FROM lead_score_history h WHERE h.number = n.number)
FROM unnest($1::bigint[]) AS n (number)`

// CountScoreHistory counts the scores of each number.
func (s *Store) CountScoreHistory(ctx context.Context, numbers []registry.Number) (map[registry.Number]int64, error) {
	rows, err := s.pool.Query(ctx, countScoreHistory, integers(numbers))
	if err != nil {
		return nil, wrapped(err, "count score history")
	}
	counts, err := countsOf[registry.Number](rows)
	return counts, wrapped(err, "count score history")
}
