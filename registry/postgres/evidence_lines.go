package postgres

import (
	"context"
	"slices"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// What a lookup told of a line stands beside what the numbering plan tells of the number: whoever describes a number
// anew writes the plan's columns, and evidence of the platform LINE writes the others. Which of the two counts is found
// out when a row is read, so that a lookup counts exactly as long as it holds.
const (
	// lookupHolds is whether the lookup of phones p, if there is one, still holds.
	lookupHolds = `(p.lookup_until IS NULL OR p.lookup_until > now())`
	// lineLookedUp is whether the line type of phones p comes from a lookup.
	lineLookedUp = `(p.lookup_line_type IS NOT NULL AND ` + lookupHolds + `)`
	// lineType is the line type of phones p.
	lineType = `CASE WHEN ` + lineLookedUp + ` THEN p.lookup_line_type ELSE p.line_type END`
	// lineInService is whether the line of phones p is in service; null when that is not known.
	lineInService = `CASE WHEN ` + lookupHolds + ` THEN p.lookup_in_service END`
)

// -- name: copy_lookups
// Takes over what the evidence of the platform LINE says as it stands now, for those of the numbers of which something
// else is known. A line whose device is out of reach is in service all the same.
const copyLookups = `
UPDATE phones p
SET lookup_line_type = l.line_type, lookup_in_service = l.in_service, lookup_at = l.at, lookup_until = l.until,
	updated_at = greatest(p.updated_at, $2)
FROM (
	SELECT h.number, w.line_type, w.in_service, t.at, t.until
	FROM phones h
	JOIN platform_validations v ON v.number = h.number AND v.platform = 'LINE'
	CROSS JOIN LATERAL (
		SELECT NOT v.simulated AND v.status NOT IN ('ERROR', 'RATE_LIMITED', 'NOT_CHECKABLE') AS real) r
	CROSS JOIN LATERAL (
		SELECT CASE WHEN r.real AND v.details ->> 'lineType' <> 'UNKNOWN' AND v.details ->> 'lineType' = ANY (enum_range(NULL::line_type)::text[])
				THEN (v.details ->> 'lineType')::line_type END AS line_type,
			CASE WHEN NOT r.real THEN NULL
				WHEN v.status = 'ACTIVE' THEN true
				WHEN v.status = 'NOT_FOUND' OR (v.status = 'INACTIVE' AND v.details ->> 'lineStatus' IS DISTINCT FROM 'unreachable') THEN false
				END AS in_service) w
	CROSS JOIN LATERAL (
		SELECT CASE WHEN w.line_type IS NOT NULL OR w.in_service IS NOT NULL THEN v.checked_at END AS at,
			CASE WHEN w.line_type IS NOT NULL OR w.in_service IS NOT NULL THEN v.expires_at END AS until) t
	WHERE h.number = ANY ($1::bigint[])
		AND (h.lookup_line_type, h.lookup_in_service, h.lookup_at, h.lookup_until) IS DISTINCT FROM (w.line_type, w.in_service, t.at, t.until)
	ORDER BY h.number
	FOR NO KEY UPDATE OF h) l
WHERE p.number = l.number`

// writeLines lets what lookups told of lines follow into the phones. It comes behind the evidence, whose rows are
// locked: the phones are locked in the order of their numbers, and whoever else locks phones holds nothing that this
// transaction waits for.
func (a *application) writeLines(ctx context.Context) error {
	var numbers []int64
	for _, c := range a.settled {
		if c.Platform != scoring.Line {
			continue
		}
		for _, check := range c.Checks {
			numbers = append(numbers, int64(check.Number))
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	slices.Sort(numbers)
	_, err := a.tx.Exec(ctx, copyLookups, slices.Compact(numbers), a.now)
	return wrapped(err, "write what lookups told of lines")
}

// lineTypes adds that the line type of phones p is one of these, whoever told it. The two cases stand apart, so that
// PostgreSQL estimates how many numbers match by what it knows of the columns.
func (w *where) lineTypes(wanted []registry.LineType) {
	if len(wanted) == 0 {
		return
	}
	among := w.arg(texts(wanted)) + "::text[]::line_type[]"
	w.conditions = append(w.conditions, "(p.line_type = ANY ("+among+") AND NOT "+lineLookedUp+
		" OR p.lookup_line_type = ANY ("+among+") AND "+lookupHolds+")")
}
