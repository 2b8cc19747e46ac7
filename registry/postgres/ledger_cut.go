package postgres

import (
	"context"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// cut takes the next numbers of the target and writes their chunks.
func (p plan) cut(ctx context.Context, tx pgx.Tx, now time.Time) (cutting, error) {
	limit := max(planNumbers/p.batch, 1) * p.batch
	numbers, err := p.next(ctx, tx, now, limit)
	c := cutting{found: len(numbers), last: p.cursor, nextChunk: p.nextChunk, wrapped: p.wrapped}
	if err != nil {
		return c, err
	}
	atEnd := len(numbers) < limit
	if i, _ := slices.BinarySearch(numbers, p.from+1); p.wrapped && i < len(numbers) {
		numbers, atEnd = numbers[:i], true // the rest is where planning began
	}
	fresh, err := p.fresh(ctx, tx, now, numbers)
	if err != nil {
		return c, err
	}
	numbers, c.done = p.fit(numbers, fresh, &c)
	if len(numbers) > 0 {
		c.last = numbers[len(numbers)-1]
	}
	switch {
	case c.done: // the budget is used up
	case atEnd && !p.wrapped && p.from > 0:
		c.last, c.wrapped = 0, true
	default:
		c.done = atEnd
	}
	pieces := cutNumbers(scattered(integers(numbers), fresh, len(p.platforms), p.batch), fresh, len(p.platforms), p.batch)
	c.platforms, c.checks = p.platforms, make([]int64, len(p.platforms))
	for i, place := range pieces.platforms {
		c.checks[place] += int64(pieces.to[i] - pieces.from[i])
		c.nextChunk = max(c.nextChunk, p.nextChunk+int(pieces.no[i])+1)
	}
	return c, p.insert(ctx, tx, pieces)
}

// fit returns the numbers that fit into what the job may still hold, and whether that is used up; it counts what is
// fresh of them. A number goes in whole. Only where nothing at all would fit, the first one goes in for some of its
// platforms: else a budget of less checks than platforms would never check anything.
func (p plan) fit(numbers []registry.Number, fresh map[int64]uint16, c *cutting) ([]registry.Number, bool) {
	left := int64(math.MaxInt64)
	if p.budget != nil {
		left = *p.budget - p.total
	}
	nothing := p.total == 0
	for i, n := range numbers {
		have := fresh[int64(n)]
		due := int64(len(p.platforms) - bits.OnesCount16(have))
		if due > left && !nothing {
			return numbers[:i], true
		}
		c.skipped += int64(bits.OnesCount16(have))
		if due > left {
			fresh[int64(n)] = allBut(left, have, len(p.platforms))
			return numbers[:i+1], true
		}
		left -= due
		nothing = nothing && due == 0
	}
	return numbers, false
}

// allBut returns the bits of all platforms but for the first few whose bit is not set yet.
func allBut(few int64, have uint16, platforms int) uint16 {
	out := uint16(1)<<platforms - 1
	for place := range platforms {
		if bit := uint16(1) << place; have&bit == 0 && few > 0 {
			out &^= bit
			few--
		}
	}
	return out
}

// -- name: fresh_evidence
const selectFreshEvidence = `
SELECT v.number, v.platform::text
FROM platform_validations v
WHERE v.number = ANY ($1::bigint[]) AND v.platform = ANY ($2::text[]::platform[]) AND v.checked_at > $3
	AND (v.expires_at IS NULL OR v.expires_at > $4) AND v.status NOT IN ('ERROR', 'RATE_LIMITED')`

// fresh returns, for numbers whose evidence is younger than the job asks for, on which of its platforms: bit i is
// set for platform i.
func (p plan) fresh(ctx context.Context, tx pgx.Tx, now time.Time, numbers []registry.Number) (map[int64]uint16, error) {
	fresh := map[int64]uint16{}
	if len(numbers) == 0 || p.recheck == nil && !p.onlyStale {
		return fresh, nil
	}
	var since time.Time
	if p.recheck != nil {
		since = now.Add(-time.Duration(*p.recheck) * time.Second)
	}
	rows, err := tx.Query(ctx, selectFreshEvidence, integers(numbers), p.platforms, since, now)
	if err != nil {
		return nil, wrapped(err, "read fresh evidence")
	}
	var (
		number   int64
		platform string
	)
	_, err = pgx.ForEachRow(rows, []any{&number, &platform}, func() error {
		fresh[number] |= 1 << slices.Index(p.platforms, platform)
		return nil
	})
	return fresh, wrapped(err, "read fresh evidence")
}

// scattered puts the numbers of a step that are to be checked into batches by chance, each of them ascending. When a number
// was checked shows to those who see it masked, and must not tell how it compares with others.
func scattered(numbers []int64, fresh map[int64]uint16, platforms, batch int) []int64 {
	all := uint16(1)<<platforms - 1
	due := slices.DeleteFunc(numbers, func(n int64) bool { return fresh[n] == all })
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] }) //nolint:gosec // ChaCha8, seeded by the system; an order, no secret
	for some := range slices.Chunk(due, batch) {
		slices.Sort(some)
	}
	return due
}

// pieces are chunks as columns. Their numbers are those from one place to another in one long list, so that the
// platforms of a range can share them.
type pieces struct {
	numbers   []int64
	platforms []int16 // places in the list of platforms
	no        []int32 // counted from 0
	from, to  []int32
}

// cutNumbers cuts numbers, as they stand, into ranges and these into a chunk for each platform, without what is fresh. A
// number that is fresh on every platform takes no place; one that is fresh on some leaves a gap there, so that a range
// has the same chunk number on all platforms.
func cutNumbers(numbers []int64, fresh map[int64]uint16, platforms, batch int) pieces {
	all := uint16(1)<<platforms - 1
	due := numbers
	if len(fresh) > 0 {
		due = slices.DeleteFunc(slices.Clone(numbers), func(n int64) bool { return fresh[n] == all })
	}
	p := pieces{numbers: slices.Clone(due)}
	for no := 0; no*batch < len(due); no++ {
		from, to := no*batch, min((no+1)*batch, len(due))
		var some uint16 // platforms that leave something out
		for _, n := range due[from:to] {
			some |= fresh[n]
		}
		for place := range platforms {
			bit := uint16(1) << place
			if some&bit == 0 {
				p.add(place, no, from, to)
				continue
			}
			start := len(p.numbers)
			for _, n := range due[from:to] {
				if fresh[n]&bit == 0 {
					p.numbers = append(p.numbers, n)
				}
			}
			if len(p.numbers) > start {
				p.add(place, no, start, len(p.numbers))
			}
		}
	}
	return p
}

func (p *pieces) add(place, no, from, to int) {
	p.platforms, p.no = append(p.platforms, int16(place)), append(p.no, int32(no))
	p.from, p.to = append(p.from, int32(from)), append(p.to, int32(to))
}

// -- name: insert_chunks
const insertChunks = `
INSERT INTO validation_chunks (job_id, platform, chunk_no, numbers)
SELECT $1, ($2::text[])[c.place + 1]::platform, $3 + c.no, ($4::bigint[])[c.first + 1:c.last]
FROM unnest($5::smallint[], $6::integer[], $7::integer[], $8::integer[]) AS c (place, no, first, last)`

func (p plan) insert(ctx context.Context, tx pgx.Tx, c pieces) error {
	if len(c.no) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, insertChunks, p.job, p.platforms, p.nextChunk, c.numbers, c.platforms, c.no, c.from, c.to)
	return wrapped(err, "cut chunks")
}

// collect reads what was cut: platform, checks and the next chunk number.
func (c *cutting) collect(rows pgx.Rows) error {
	var (
		platform string
		checks   int64
		next     int
	)
	_, err := pgx.ForEachRow(rows, []any{&platform, &checks, &next}, func() error {
		c.platforms, c.checks = append(c.platforms, platform), append(c.checks, checks)
		c.nextChunk = max(c.nextChunk, next)
		return nil
	})
	return err
}
