package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
)

// querier is a pool or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// phoneColumns are the columns of phones p that make a registry.Phone.
const phoneColumns = `p.number, p.region, (` + lineType + `)::text, ` + lineLookedUp + `, ` + lineInService + `,
	p.valid, p.original_carrier, p.location, p.timezones, p.plan_version, p.created_at, p.updated_at`

// phoneShown are phoneColumns by the fields that are made of them.
var phoneShown = columnsOf(phoneColumns, //nolint:gochecknoglobals // a constant
	always(), forFields("''", "region"), forFields("''", "lineType"), forFields("false", "lineTypeSource"), forFields("NULL::boolean", "lineInService"),
	forFields("false", "isValid"), forFields("''", "originalCarrier"), forFields("''", "location"), forFields("NULL::text[]", "timezones"),
	forFields("''", "planVersion"), forFields("'epoch'::timestamptz", "createdAt"), forFields("'epoch'::timestamptz", "updatedAt"))

// phoneFields returns where the columns of phoneColumns go.
func phoneFields(p *registry.Phone) []any {
	return []any{
		&p.Number, &p.Region, &p.LineType, &p.LineLookedUp, &p.LineInService, &p.Valid, &p.OriginalCarrier, &p.Location, &p.TimeZones,
		&p.PlanVersion, &p.CreatedAt, &p.UpdatedAt,
	}
}

func scanPhone(row pgx.CollectableRow) (registry.Phone, error) {
	var p registry.Phone
	err := row.Scan(phoneFields(&p)...)
	return p, err
}

// anyNumber is the list $1 of numbers that are looked up one by one. Behind a subquery its length does not show, so that
// PostgreSQL keeps the plan of a statement and does not make it anew each time, which for short lists takes longer than
// to read them.
const anyNumber = `ANY (ARRAY(SELECT unnest($1::bigint[])))`

// fromPhonesByNumber is behind the columns of phones p.
const fromPhonesByNumber = `
FROM phones p
WHERE p.number = ` + anyNumber

// -- name: phones_by_number
const selectPhonesByNumber = `
SELECT ` + phoneColumns + fromPhonesByNumber

// Phone returns a number of the registry; registry.ErrNotFound when it is not there.
func (s *Store) Phone(ctx context.Context, n registry.Number) (registry.Phone, error) {
	return findPhone(ctx, s.pool, n)
}

func findPhone(ctx context.Context, q querier, n registry.Number) (registry.Phone, error) {
	rows, err := q.Query(ctx, selectPhonesByNumber, []int64{int64(n)})
	if err != nil {
		return registry.Phone{}, wrapped(err, "read phone")
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanPhone)
	return p, found(err, "read phone")
}

// PhonesByNumber returns those of the numbers that are in the registry, with these fields; none named: all.
func (s *Store) PhonesByNumber(ctx context.Context, numbers []registry.Number, fields ...string) (map[registry.Number]registry.Phone, error) {
	rows, err := s.pool.Query(ctx, "SELECT "+phoneShown.of(fields)+fromPhonesByNumber, integers(numbers))
	if err != nil {
		return nil, wrapped(err, "read phones")
	}
	phones, err := pgx.CollectRows(rows, scanPhone)
	if err != nil {
		return nil, wrapped(err, "read phones")
	}
	found := make(map[registry.Number]registry.Phone, len(phones))
	for _, p := range phones {
		found[p.Number] = p
	}
	return found, nil
}

func integers(numbers []registry.Number) []int64 {
	out := make([]int64, len(numbers))
	for i, n := range numbers {
		out[i] = int64(n)
	}
	return out
}
