package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// platformCount is how many platforms evidence may be of, and scoredCount how many of them count in a score; arrays by
// platform are in the order of scoring.Checkable, which begins with those that count.
const (
	platformCount = 6
	scoredCount   = 5
)

// place is a platform's place in arrays by platform; -1 for one that does not exist.
func place(p registry.Platform) int {
	switch p {
	case scoring.WhatsApp:
		return 0
	case scoring.Instagram:
		return 1
	case scoring.Facebook:
		return 2
	case scoring.Google:
		return 3
	case scoring.Apple:
		return 4
	case scoring.Line:
		return 5
	}
	return -1
}

// subject is a number that is scored, with all that its score depends on.
type subject struct {
	number   int64
	known    bool // it is in the registry
	valid    bool
	region   string
	scored   bool
	score    storedScore // when scored
	evidence [platformCount]scoring.Evidence
	changed  bool // evidence was added
}

// storedScore is a row of lead_scores.
type storedScore struct {
	total        int16
	coverage     float32
	tier         string
	points       [scoredCount]*float32
	simulated    bool
	modelVersion string
	until        *time.Time
	updated      time.Time
}

// -- name: lock_scores
const lockScores = `
SELECT number, total, coverage, tier::text, whatsapp, instagram, facebook, google, apple, simulated, model_version, evidence_until,
	updated_at
FROM lead_scores
WHERE number = ANY ($1::bigint[])
ORDER BY number
FOR NO KEY UPDATE`

// -- name: subjects
const selectSubjects = `
SELECT number, region, valid
FROM phones
WHERE number = ANY ($1::bigint[])
ORDER BY number`

// -- name: evidence
const selectEvidence = `
SELECT number, platform::text, status::text, strength, simulated, checked_at, expires_at
FROM platform_validations
WHERE number = ANY ($1::bigint[])
ORDER BY number`

// loadSubjects reads what the scores of numbers depend on. The numbers are ascending and distinct. Scores are locked
// before evidence is read, so that evidence which was written together with a score is seen.
func loadSubjects(ctx context.Context, tx pgx.Tx, numbers []int64) ([]subject, error) {
	subjects := make([]subject, len(numbers))
	for i, n := range numbers {
		subjects[i] = subject{number: n, region: registry.NoRegion}
	}
	var batch pgx.Batch
	batch.Queue(lockScores, numbers).Query(func(rows pgx.Rows) error { return scanScores(rows, subjects) })
	batch.Queue(selectSubjects, numbers).Query(func(rows pgx.Rows) error {
		var (
			number int64
			s      subject
			at     = finder{subjects: subjects}
		)
		_, err := pgx.ForEachRow(rows, []any{&number, &s.region, &s.valid}, func() error {
			found := at.find(number)
			found.known, found.region, found.valid = true, s.region, s.valid
			return nil
		})
		return err
	})
	batch.Queue(selectEvidence, numbers).Query(func(rows pgx.Rows) error { return scanEvidence(rows, subjects) })
	return subjects, wrapped(tx.SendBatch(ctx, &batch).Close(), "read numbers to score")
}

// finder finds subjects by numbers that come ascending, all of which are there.
type finder struct {
	subjects []subject
	at       int
}

func (f *finder) find(number int64) *subject {
	for f.subjects[f.at].number < number {
		f.at++
	}
	return &f.subjects[f.at]
}

func scanScores(rows pgx.Rows, subjects []subject) error {
	at := finder{subjects: subjects}
	var number int64
	for rows.Next() {
		var s storedScore
		err := rows.Scan(&number, &s.total, &s.coverage, &s.tier, &s.points[0], &s.points[1], &s.points[2], &s.points[3], &s.points[4],
			&s.simulated, &s.modelVersion, &s.until, &s.updated)
		if err != nil {
			return err
		}
		found := at.find(number)
		found.scored, found.score = true, s
	}
	return rows.Err()
}

func scanEvidence(rows pgx.Rows, subjects []subject) error {
	var (
		at      = finder{subjects: subjects}
		number  int64
		e       scoring.Evidence
		expires *time.Time
	)
	_, err := pgx.ForEachRow(rows, []any{&number, &e.Platform, &e.Status, &e.Strength, &e.Simulated, &e.CheckedAt, &expires}, func() error {
		e.ExpiresAt = orZero(expires)
		at.find(number).evidence[place(e.Platform)] = e
		return nil
	})
	return err
}

// readSubjects reads the numbers of the settled chunks.
func (a *application) readSubjects(ctx context.Context) ([]subject, error) {
	n := 0
	for _, c := range a.settled {
		n += len(c.Checks)
	}
	numbers := make([]int64, 0, n)
	for _, c := range a.settled {
		for _, check := range c.Checks {
			numbers = append(numbers, int64(check.Number))
		}
	}
	slices.Sort(numbers)
	return loadSubjects(ctx, a.tx, slices.Compact(numbers))
}

// rescored is the new score of a subject.
type rescored struct {
	*subject
	storedScore
	recorded bool // the change belongs into the history
	visible  bool // the change is more than when evidence runs out
}

// rescore scores a subject as of now. changed is false when its score stays as it is. The times of the scores of a
// number grow, so that its history is in the order in which they were made.
func (s *subject) rescore(model *scoring.Model, now time.Time) (r rescored, changed bool) {
	evidence := make([]scoring.Evidence, 0, platformCount)
	for _, e := range s.evidence {
		if e.Platform != "" {
			evidence = append(evidence, e)
		}
	}
	score := model.Score(s.valid, evidence, now)
	r = rescored{subject: s, storedScore: storedScore{
		total: int16(score.Total), coverage: float32(score.Coverage), tier: string(score.Tier),
		simulated: score.Simulated, modelVersion: model.Version, until: orNull(score.EvidenceUntil), updated: now,
	}}
	for _, c := range score.Components {
		if c.Points != nil {
			points := float32(*c.Points)
			r.points[place(c.Platform)] = &points
		}
	}
	old := s.score
	r.recorded = !s.scored || old.total != r.total || old.coverage != r.coverage || old.tier != r.tier || old.modelVersion != r.modelVersion
	if s.scored && !now.After(old.updated) {
		// This transaction began before the one that made the old score, or the clock was set back.
		r.updated = old.updated.Add(time.Microsecond)
	}
	r.visible = r.recorded || old.simulated != r.simulated || !slices.EqualFunc(old.points[:], r.points[:], equal)
	return r, r.visible || !sameMoment(old.until, r.until)
}

// equal compares values that may be null.
func equal[T comparable](a, b *T) bool {
	return a == b || (a != nil && b != nil && *a == *b)
}

func sameMoment(a, b *time.Time) bool {
	return a == b || (a != nil && b != nil && a.Equal(*b))
}
