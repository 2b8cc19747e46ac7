package postgres_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
)

// lastQuery remembers the query that was run last.
type lastQuery struct {
	mu        sync.Mutex
	sql       []string
	arguments [][]any
}

func (l *lastQuery) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sql, l.arguments = append(l.sql, q.SQL), append(l.arguments, q.Args)
	return ctx
}

func (*lastQuery) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns the lists that were read since the last call.
func (l *lastQuery) take() (sql []string, arguments [][]any) {
	all, with := l.takeAll()
	for i, s := range all {
		if strings.Contains(s, "LIMIT") {
			sql, arguments = append(sql, s), append(arguments, with[i])
		}
	}
	return sql, arguments
}

// takeAll returns what was run since the last call.
func (l *lastQuery) takeAll() (sql []string, arguments [][]any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	sql, arguments = l.sql, l.arguments
	l.sql, l.arguments = nil, nil
	return sql, arguments
}

// node is a part of a plan.
type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Index    string  `json:"Index Name"`
	Actual   float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []node  `json:"Plans"`
}

// walk visits all parts of a plan.
func (n node) walk(visit func(node)) {
	visit(n)
	for _, p := range n.Plans {
		p.walk(visit)
	}
}

// fill makes a registry of so many numbers, half of them Colombian and half Mexican, one in a thousand from the United States.
func fill(t testing.TB, w *world, rows int) {
	t.Helper()
	now := w.clock.Now()
	for _, statement := range []string{
		`INSERT INTO phones
		SELECT CASE i % 2 WHEN 0 THEN 573000000000 ELSE 525500000000 END + i * 37, CASE WHEN i % 1000 = 0 THEN 'US' WHEN i % 2 = 0 THEN 'CO' ELSE 'MX' END,
			CASE WHEN i % 1000 = 1 THEN 'TOLL_FREE' WHEN i % 10 < 7 THEN 'MOBILE' ELSE 'FIXED_LINE' END::line_type, i % 5000 <> 0, 'Claro', 'Bogotá',
			'{America/Bogota}', 'p1', $2::timestamptz - i * interval '1 second', $2::timestamptz - (i * 7919 % $1) * interval '1 second'
		FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO customers SELECT 'c' || i, $2, $2 FROM generate_series(1, $1::bigint) i`,
		`INSERT INTO customer_phones (customer_id, number, is_primary, is_verified, verification_method, verified_at, confidence, source_id, source_ids, first_seen_at, last_seen_at)
		SELECT 'c' || i, CASE i % 2 WHEN 0 THEN 573000000000 ELSE 525500000000 END + i * 37, true, i % 100 = 0, CASE WHEN i % 100 = 0 THEN 'call' END,
			CASE WHEN i % 100 = 0 THEN $2::timestamptz END, 0.5, s, ARRAY[s], $2, $2
		FROM generate_series(1, $1::bigint) i CROSS JOIN LATERAL (SELECT CASE WHEN i % 10000 = 0 THEN 1 ELSE 2 + i % 4 END::smallint) x (s)`,
		`INSERT INTO platform_validations
		SELECT CASE i % 2 WHEN 0 THEN 573000000000 ELSE 525500000000 END + i * 37, p, CASE WHEN (i / 7 + n) % 3 = 0 THEN 'ACTIVE' ELSE 'NOT_FOUND' END::validation_status,
			'simulator', 1, true, 1, 5, $2, $2::timestamptz + interval '30 days'
		FROM generate_series(1, $1::bigint) i CROSS JOIN unnest(enum_range(NULL::platform)) WITH ORDINALITY AS e (p, n)
		WHERE i % 5 > 0`,
		`INSERT INTO lead_scores (number, total, coverage, tier, simulated, model_version, updated_at)
		SELECT CASE i % 2 WHEN 0 THEN 573000000000 ELSE 525500000000 END + i * 37, t, 1,
			CASE WHEN t >= 80 THEN 'PREMIUM' WHEN t >= 60 THEN 'HIGH' WHEN t >= 40 THEN 'MEDIUM' WHEN t >= 20 THEN 'LOW' ELSE 'POOR' END::quality_tier,
			true, '1', $2::timestamptz - (i * 104729 % $1) * interval '1 second'
		FROM generate_series(1, $1::bigint) i CROSS JOIN LATERAL (SELECT (i * 7919 / 13 % 101)::smallint) x (t)
		WHERE i % 5 > 0`,
	} {
		if strings.Contains(statement, "$2") {
			w.exec(t, statement, rows, now)
		} else {
			w.exec(t, statement, rows)
		}
	}
	w.exec(t, "VACUUM ANALYZE")
}

func ptr[T any](v T) *T { return &v }

// A page of a list is read by an index in its order: the work follows the size of the page, not that of the registry.
// PHONEREGISTRY_PLAN_ROWS makes the registry larger than that of every day's test.
func TestPlansOfLists(t *testing.T) {
	rows := 50_000
	if n, err := strconv.Atoi(os.Getenv("PHONEREGISTRY_PLAN_ROWS")); err == nil {
		rows = n
	}
	tracer := &lastQuery{}
	w := newWorld(t)
	pool, err := postgres.OpenPool(t.Context(), w.url, postgres.PoolOptions{Tracer: tracer, StatementTimeout: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w.pool, w.Store = pool, postgres.New(pool, postgres.Options{Now: w.clock.Now})
	fill(t, w, rows)
	middle := registry.Number(573000000000 + int64(rows)/2*37)
	after := &registry.Position{Number: middle}
	customers := make([]string, 100)
	for i := range customers {
		customers[i] = fmt.Sprint("c", i*3+1)
	}
	type shape struct {
		name  string
		f     registry.PhoneFilter
		o     registry.PhoneOrder
		after *registry.Position
		most  int // rows that may be touched; 0: usual
	}
	for _, s := range []shape{
		{name: "all by number"},
		{name: "all by number, further on", after: after},
		{name: "all by number, backwards", o: registry.PhoneOrder{Descending: true}, after: after},
		{name: "by registration", o: registry.PhoneOrder{Field: registry.OrderByCreatedAt, Descending: true}},
		{name: "by registration, further on", o: registry.PhoneOrder{Field: registry.OrderByCreatedAt}, after: &registry.Position{Sort: w.clock.Now().Add(-time.Duration(rows/2) * time.Second).UnixMicro(), Number: middle}},
		{name: "by change", o: registry.PhoneOrder{Field: registry.OrderByUpdatedAt, Descending: true}},
		{name: "by score, best first", o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}},
		{name: "by score, further on", o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}, after: &registry.Position{Sort: 50, Number: middle}},
		{name: "by score, no points", o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}, after: &registry.Position{Sort: 0, Number: middle}},
		{name: "by score, worst first", o: registry.PhoneOrder{Field: registry.OrderByScore}},
		{name: "country", f: registry.PhoneFilter{Regions: []string{"CO"}}, after: after},
		{name: "rare country", f: registry.PhoneFilter{Regions: []string{"US"}}},
		{name: "two countries", f: registry.PhoneFilter{Regions: []string{"CO", "MX"}}},
		{name: "country by registration", f: registry.PhoneFilter{Regions: []string{"CO"}}, o: registry.PhoneOrder{Field: registry.OrderByCreatedAt, Descending: true}},
		{name: "country by score", f: registry.PhoneFilter{Regions: []string{"CO"}}, o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}},
		{name: "line type", f: registry.PhoneFilter{LineTypes: []registry.LineType{numbering.Mobile}}},
		{name: "customers", f: registry.PhoneFilter{CustomerIDs: customers}},
		{name: "customers by score", f: registry.PhoneFilter{CustomerIDs: customers}, o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}},
		{name: "source", f: registry.PhoneFilter{Sources: []string{"web_forms"}}, most: 12_000}, // whether it gave few or many
		{name: "source of nobody", f: registry.PhoneFilter{Sources: []string{"no_such"}}},
		{name: "rare source", f: registry.PhoneFilter{Sources: []string{"crm_salesforce"}}},
		{name: "verified", f: registry.PhoneFilter{IsVerified: ptr(true)}},
		{name: "not verified", f: registry.PhoneFilter{IsVerified: ptr(false)}},
		{name: "not valid", f: registry.PhoneFilter{IsValid: ptr(false)}},
		{name: "valid", f: registry.PhoneFilter{IsValid: ptr(true)}},
		{name: "prefix of a country", f: registry.PhoneFilter{NumberPrefix: "57"}, after: after},
		{name: "prefix of an area", f: registry.PhoneFilter{NumberPrefix: "573000"}},
		{name: "prefix of ten", f: registry.PhoneFilter{NumberPrefix: "57300000"}},
		{name: "prefix of nobody", f: registry.PhoneFilter{NumberPrefix: "44"}},
		{name: "prefix by registration", f: registry.PhoneFilter{NumberPrefix: "5730"}, o: registry.PhoneOrder{Field: registry.OrderByCreatedAt, Descending: true}},
		{name: "prefix by score", f: registry.PhoneFilter{NumberPrefix: "57300"}, o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}},
		{name: "minimum score", f: registry.PhoneFilter{MinScore: ptr(80)}},
		{name: "minimum score by score", f: registry.PhoneFilter{MinScore: ptr(80)}, o: registry.PhoneOrder{Field: registry.OrderByScore, Descending: true}},
		{name: "tier", f: registry.PhoneFilter{Tiers: []registry.Tier{scoring.TierPremium}}},
		{name: "tier by score", f: registry.PhoneFilter{Tiers: []registry.Tier{scoring.TierMedium}}, o: registry.PhoneOrder{Field: registry.OrderByScore}},
		{name: "platform", f: registry.PhoneFilter{Platforms: []registry.Platform{scoring.WhatsApp}}},
		{name: "platforms", f: registry.PhoneFilter{Platforms: []registry.Platform{scoring.WhatsApp, scoring.Google}}},
		{name: "country, mobile, WhatsApp", f: registry.PhoneFilter{Regions: []string{"CO"}, LineTypes: []registry.LineType{numbering.Mobile}, Platforms: []registry.Platform{scoring.WhatsApp}}},
	} {
		t.Run(s.name, func(t *testing.T) {
			tracer.take()
			begun := time.Now()
			if _, err := w.Phones(t.Context(), s.f, s.o, registry.PageRequest{First: 50, After: s.after}); err != nil {
				t.Fatal(err)
			}
			took := time.Since(begun)
			inspect(t, w, tracer, took, cmp.Or(s.most, usual))
		})
	}
	for _, l := range []struct {
		name  string
		f     registry.LeadFilter
		after *registry.Position
	}{
		{name: "all"},
		{name: "further on", after: &registry.Position{Sort: 50, Number: middle}},
		{name: "country", f: registry.LeadFilter{Regions: []string{"CO"}}},
		{name: "tier", f: registry.LeadFilter{Tiers: []registry.Tier{scoring.TierLow}}},
		{name: "minimum score", f: registry.LeadFilter{MinScore: ptr(60)}, after: &registry.Position{Sort: 70, Number: middle}},
		{name: "coverage", f: registry.LeadFilter{MinCoverage: ptr(0.8)}},
	} {
		t.Run("leads, "+l.name, func(t *testing.T) {
			tracer.take()
			begun := time.Now()
			if _, err := w.Leads(t.Context(), l.f, registry.PageRequest{First: 50, After: l.after}); err != nil {
				t.Fatal(err)
			}
			inspect(t, w, tracer, time.Since(begun), usual)
		})
		t.Run("latest lead, "+l.name, func(t *testing.T) {
			tracer.take()
			begun := time.Now()
			if _, err := w.LatestLead(t.Context(), l.f); err != nil {
				t.Fatal(err)
			}
			inspect(t, w, tracer, time.Since(begun), usual)
		})
	}
}

// usual is how many rows the parts of a plan may touch together for a page of 50.
const usual = 5000

// inspect runs the lists that were read again, and looks at how.
func inspect(t *testing.T, w *world, tracer *lastQuery, took time.Duration, most int) {
	t.Helper()
	sqls, arguments := tracer.take()
	for i, sql := range sqls {
		var raw []byte
		if err := w.pool.QueryRow(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+sql, arguments[i]...).Scan(&raw); err != nil {
			t.Fatal(err)
		}
		var plans []struct {
			Plan node
			Time float64 `json:"Execution Time"`
		}
		if err := json.Unmarshal(raw, &plans); err != nil {
			t.Fatal(err)
		}
		var read float64
		var words []string
		plans[0].Plan.walk(func(n node) {
			words = append(words, strings.TrimSpace(n.Type+" "+n.Index+n.Relation))
			read += (n.Actual + n.Removed) * n.Loops
			if strings.Contains(n.Type, "Sort") && len(n.Plans) > 0 && n.Plans[0].Actual*n.Plans[0].Loops > 2000 {
				t.Errorf("sorts %v rows", n.Plans[0].Actual)
			}
		})
		if read > float64(most) {
			t.Errorf("touches %.0f rows, want at most %d", read, most)
		}
		t.Logf("%.1f ms whole, %.1f ms, %.0f rows touched: %s", took.Seconds()*1000, plans[0].Time, read, strings.Join(words, " < "))
	}
}
