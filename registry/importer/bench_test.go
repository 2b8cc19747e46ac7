package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/sample"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/intake"
)

const benchRows = 100_000

// BenchmarkImport measures rows a second from a file into the registry, beside a raw COPY of the same rows, already
// normalised, into a staging table and one statement for each table that merges them: the least that the database has to
// do. Both begin with an empty registry. The ratio is reported with the raw side.
func BenchmarkImport(b *testing.B) {
	path := sampleFile(b, benchRows, 1)
	var ours float64
	b.Run("importer", func(b *testing.B) {
		for range b.N {
			f := newFixture(b)
			b.ResetTimer()
			start := time.Now()
			batch, _, err := f.ImportFile(b.Context(), path, importer.Options{Source: "web_forms"}, nil)
			if err != nil || batch.RowsRead != benchRows {
				b.Fatalf("%d rows, %v", batch.RowsRead, err)
			}
			ours = benchRows / time.Since(start).Seconds()
			b.ReportMetric(ours, "rows/s")
		}
	})
	b.Run("raw", func(b *testing.B) {
		rows := convertAll(b, path)
		for range b.N {
			f := newFixture(b)
			b.ResetTimer()
			start := time.Now()
			rawMerge(b, f, rows)
			raw := benchRows / time.Since(start).Seconds()
			b.ReportMetric(raw, "rows/s")
			b.ReportMetric(ours/raw, "importer/raw")
		}
	})
}

// BenchmarkConvert measures what comes before the database: records, columns, numbers.
func BenchmarkConvert(b *testing.B) {
	var text bytes.Buffer
	if err := sample.Write(&text, sample.Options{Rows: 20_000, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	layout, err := intake.Inspect(text.Bytes(), true, nil)
	if err != nil {
		b.Fatal(err)
	}
	convert := intake.NewConverter(layout, intake.Context{Source: "web_forms"}, numbers(b))
	rows := 0
	b.ReportAllocs()
	for b.Loop() {
		r := intake.NewReader(bytes.NewReader(text.Bytes()[layout.Data.Offset:]), layout.Dialect, layout.Data)
		for {
			rec, err := r.Next()
			if err != nil {
				break
			}
			convert.Convert(rec)
			rows++
		}
	}
	b.ReportMetric(float64(rows)/b.Elapsed().Seconds(), "rows/s")
}

func sampleFile(t testing.TB, rows int, seed uint64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("sample-%d-%d.csv", rows, seed))
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(sample.Write(f, sample.Options{Rows: rows, Seed: seed}), f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

func convertAll(t testing.TB, path string) []registry.ImportRow {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	layout, err := intake.Inspect(text[:min(len(text), intake.HeadSize)], len(text) < intake.HeadSize, nil)
	if err != nil {
		t.Fatal(err)
	}
	convert := intake.NewConverter(layout, intake.Context{Source: "web_forms"}, numbers(t))
	r := intake.NewReader(bytes.NewReader(text[layout.Data.Offset:]), layout.Dialect, layout.Data)
	var rows []registry.ImportRow
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return rows
		}
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, convert.Convert(rec))
	}
}

// rawMerge is how one would load the rows by hand.
func rawMerge(t testing.TB, f *fixture, rows []registry.ImportRow) {
	t.Helper()
	ctx := context.Background()
	tx, err := f.pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after a commit it does nothing
	exec := func(sql string) {
		if _, err := tx.Exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	exec(`CREATE TEMP TABLE staged (row_no bigint, customer_id text, number bigint, region text, line_type text, carrier text,
		location text, zones text[], plan text, extension text) ON COMMIT DROP`)
	exec(`INSERT INTO import_batches (id, source_id, options, content_hash, options_hash, encoding, status, bytes_total, created_by, created_at, updated_at)
		SELECT gen_random_uuid(), 1, '{}', sha256('a'), sha256('b'), 'utf-8', 'RUNNING', 0, 'raw', now(), now()`)
	var staged [][]any
	for _, r := range rows {
		for _, n := range r.Numbers {
			p := n.Phone
			staged = append(staged, []any{r.No, r.CustomerID, int64(p.Number), p.Region, string(p.LineType), p.OriginalCarrier, p.Location, p.TimeZones, p.PlanVersion, n.Extension})
		}
	}
	copyIn := func(table string, columns []string, source pgx.CopyFromSource) {
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{table}, columns, source); err != nil {
			t.Fatalf("copy into %s: %v", table, err)
		}
	}
	copyIn("staged", []string{"row_no", "customer_id", "number", "region", "line_type", "carrier", "location", "zones", "plan", "extension"}, pgx.CopyFromRows(staged))
	received := time.Now()
	copyIn("source_records", []string{"batch_no", "row_no", "received_at", "raw", "hash"}, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
		return []any{1, rows[i].No, received, rows[i].Raw, rows[i].Hash[:]}, nil
	}))
	exec(`ANALYZE staged`)
	exec(`INSERT INTO customers SELECT DISTINCT customer_id, now(), now() FROM staged ON CONFLICT DO NOTHING`)
	exec(`INSERT INTO phones SELECT DISTINCT ON (number) number, region, line_type::line_type, true, carrier, location, zones, plan, now(), now()
		FROM staged ORDER BY number ON CONFLICT DO NOTHING`)
	exec(`INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, extension, first_seen_at, last_seen_at)
		SELECT customer_id, number, row_number() OVER (PARTITION BY customer_id ORDER BY row_no) = 1, 0.6, 3, '{3}', nullif(extension, ''), now(), now()
		FROM (SELECT DISTINCT ON (customer_id, number) * FROM staged ORDER BY customer_id, number, row_no) s
		ON CONFLICT (customer_id, number) DO UPDATE SET last_seen_at = excluded.last_seen_at`)
	exec(`INSERT INTO import_numbers SELECT 1, number, min(row_no) FROM staged GROUP BY number ON CONFLICT DO NOTHING`)
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
}
