package postgres_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// TestConfidencesAreMended: those that an earlier version wrote, through 32 bits or with noise behind the last place, are
// afterwards what they are when they are written now.
func TestConfidencesAreMended(t *testing.T) {
	w := newWorld(t)
	ctx := testkit.Context(t)
	if err := postgres.MigrateDown(ctx, w.url, 16, testkit.Logger(t)); err != nil {
		t.Fatal(err)
	}
	var want []float64
	for _, c := range append(registry.ConfidenceTable(), registry.Confidence(0, 0, true), 0, 0.5, 1) {
		want = append(want, c, c)
	}
	w.exec(t, `INSERT INTO customers (customer_id, created_at, updated_at) VALUES ('c1', now(), now())`)
	for i, c := range want {
		written := math.Nextafter(c, 0.5)
		if i%2 == 0 {
			written = float64(float32(c))
		}
		w.exec(t, `INSERT INTO phones (number, region, line_type, valid, original_carrier, location, timezones, plan_version, created_at, updated_at)
			VALUES ($1, 'CO', 'MOBILE', true, '', '', '{}', 'test', now(), now())`, firstNumber+registry.Number(i))
		w.exec(t, `INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, first_seen_at, last_seen_at)
			SELECT 'c1', $1, false, $2, min(id), ARRAY[min(id)], now(), now() FROM sources`, firstNumber+registry.Number(i), written)
	}
	if err := postgres.Migrate(ctx, w.url, testkit.Logger(t)); err != nil {
		t.Fatal(err)
	}
	rows, err := w.pool.Query(ctx, `SELECT confidence FROM customer_phones ORDER BY number`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[float64])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
