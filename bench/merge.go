package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
	"phoneregistry/registry/numbering"
)

// load is the rows of a file, normalised, in the form in which COPY takes them.
type load struct {
	staged, raw, quarantine [][]any
}

// prepareLoad normalises a file and works out which numbers are beyond what a customer may have. It is not timed.
func prepareLoad(path string, numbers *numbering.Normalizer) (*load, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	layout, err := intake.Inspect(content[:min(len(content), intake.HeadSize)], len(content) <= intake.HeadSize, nil)
	if err != nil {
		return nil, err
	}
	convert := intake.NewConverter(layout, intake.Context{Source: importSource}, numbers)
	records := intake.NewReader(bytes.NewReader(content[layout.Data.Offset:]), layout.Dialect, layout.Data)
	l, now, held := &load{}, time.Now(), map[string][]registry.Number{}
	for {
		record, err := records.Next()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return nil, err
		}
		l.add(convert.Convert(record), now, held)
	}
}

func (l *load) add(row registry.ImportRow, now time.Time, held map[string][]registry.Number) {
	l.raw = append(l.raw, []any{1, row.No, now, row.Raw, row.Hash[:]})
	piece := 0
	reject := func(reason, message string) {
		l.quarantine = append(l.quarantine, []any{1, row.No, piece, reason, message, row.Raw, now})
		piece++
	}
	for _, r := range row.Rejections {
		reject(r.Reason, r.Message)
	}
	for _, n := range row.Numbers {
		p, known := n.Phone, held[row.CustomerID]
		if !slices.Contains(known, p.Number) {
			if len(known) >= registry.DefaultMaxPhones {
				reject(intake.TooManyPhones, "too many")
				continue
			}
			held[row.CustomerID] = append(known, p.Number)
		}
		l.staged = append(l.staged, []any{
			row.No, row.CustomerID, int64(p.Number), p.Region, string(p.LineType), p.OriginalCarrier, p.Location,
			p.TimeZones, p.PlanVersion, n.Extension,
		})
	}
}

// run is how one would load the rows by hand: all in one transaction.
func (l *load) run(ctx context.Context, db *registryDatabase) error {
	return pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		for _, statement := range loadBegin() {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("load: %w", err)
			}
		}
		for _, c := range []struct {
			table   string
			columns []string
			rows    [][]any
		}{
			{"staged", []string{"row_no", "customer_id", "number", "region", "line_type", "carrier", "location", "zones", "plan", "extension"}, l.staged},
			{"source_records", []string{"batch_no", "row_no", "received_at", "raw", "hash"}, l.raw},
			{"quarantine", []string{"batch_no", "row_no", "piece", "reason", "message", "raw", "created_at"}, l.quarantine},
		} {
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{c.table}, c.columns, pgx.CopyFromRows(c.rows)); err != nil {
				return fmt.Errorf("copy into %s: %w", c.table, err)
			}
		}
		for _, statement := range loadMerge() {
			if _, err := tx.Exec(ctx, statement); err != nil {
				return fmt.Errorf("load: %w", err)
			}
		}
		return nil
	})
}

func loadBegin() []string {
	return []string{
		`CREATE TEMP TABLE staged (row_no bigint, customer_id text COLLATE "C", number bigint, region text, line_type line_type,
			carrier text, location text, zones text[], plan text, extension text) ON COMMIT DROP`,
		`INSERT INTO import_batches (id, source_id, options, content_hash, options_hash, encoding, status, bytes_total, created_by, created_at, updated_at)
			SELECT gen_random_uuid(), id, '{}', sha256('a'), sha256('b'), 'utf-8', 'RUNNING', 0, 'bench', now(), now()
			FROM sources WHERE name = '` + importSource + `'`,
	}
}

func loadMerge() []string {
	return []string{
		`ANALYZE staged`,
		`INSERT INTO customers (customer_id, created_at, updated_at)
			SELECT DISTINCT customer_id, now(), now() FROM staged ON CONFLICT (customer_id) DO NOTHING`,
		`INSERT INTO phones (number, region, line_type, valid, original_carrier, location, timezones, plan_version, created_at, updated_at)
			SELECT DISTINCT ON (number) number, region, line_type, true, carrier, location, zones, plan, now(), now()
			FROM staged ORDER BY number ON CONFLICT (number) DO NOTHING`,
		`INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, extension, first_seen_at, last_seen_at)
			SELECT customer_id, number, row_number() OVER (PARTITION BY customer_id ORDER BY row_no) = 1, 0.6, s.id, ARRAY[s.id],
				nullif(extension, ''), now(), now()
			FROM (SELECT DISTINCT ON (customer_id, number) * FROM staged ORDER BY customer_id, number, row_no) d
			CROSS JOIN (SELECT id FROM sources WHERE name = '` + importSource + `') s
			ON CONFLICT (customer_id, number) DO UPDATE SET last_seen_at = excluded.last_seen_at`,
		`INSERT INTO import_numbers (batch_no, number, row_no)
			SELECT 1, number, min(row_no) FROM staged GROUP BY number ON CONFLICT DO NOTHING`,
	}
}
