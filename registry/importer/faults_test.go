package importer_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/importer"
)

// Everything before the fault is kept when a file breaks off, and the same file can be imported again.
func TestFileThatShrinks(t *testing.T) {
	f := newFixture(t, batches(100), func(c *importer.Config) { c.Workers = 1 })
	path := sampleFile(t, 5000, 8)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := false
	b, _, err := f.ImportFile(t.Context(), path, importer.Options{Source: "web_forms"}, func(b registry.ImportBatch) {
		if !cut {
			cut = true
			if err := os.Truncate(path, int64(len(whole)/2)); err != nil {
				t.Error(err)
			}
		}
	})
	if err != nil || b.Status != registry.ImportFailed || !strings.Contains(b.ErrorMessage, "changed while it was read") {
		t.Fatalf("%s %q, %v", b.Status, b.ErrorMessage, err)
	}
	kept := f.strings(t, `SELECT concat_ws(' ', count(*), max(row_no)) FROM source_records`)
	if want := fmt.Sprint(b.RowsRead, b.RowsRead); b.RowsRead < 100 || b.RowsRead >= 5000 || kept[0] != want {
		t.Errorf("kept %s of %d rows, want all before the fault", kept[0], b.RowsRead)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	again, already, err := f.ImportFile(t.Context(), path, importer.Options{Source: "web_forms"}, nil)
	if err != nil || already || again.Status != registry.ImportCompleted || again.RowsRead != 5000 || again.ID == b.ID {
		t.Errorf("again: %s, %d rows, already imported %t, %v", again.Status, again.RowsRead, already, err)
	}
}

const broken = "id;nombre;tel;cel\r\n" +
	"1;Ana;3001234567;\r\n" +
	"2;\"Luis;3001234568;\r\n" + // a quote that is never closed
	"3;Mu\xf1oz;abc;\r\n" + // windows-1252
	"4;Eva\r\n" + // ragged
	"5;%s;3001234569;\r\n" + // a line of ten megabytes
	"6;Juan;3001234570 / 12;55\r\n"

func TestBrokenRows(t *testing.T) {
	f := newFixture(t)
	b := f.importText(t, fmt.Sprintf(broken, strings.Repeat("x", 10<<20)), importer.Options{Source: "web_forms", Region: "CO"})
	want := sums{Read: 6, Accepted: 2, Rejected: 4, Numbers: 3, Phones: 3, Contacts: 3, Rejections: map[string]int64{
		"UNTERMINATED_QUOTE": 1, "NOT_A_NUMBER": 1, "RAGGED_ROW": 1, "LINE_TOO_LONG": 1, "TOO_SHORT": 1,
	}}
	if diff := cmp.Diff(want, sumsOf(b)); diff != "" || b.Status != registry.ImportCompleted {
		t.Errorf("%s: %s", b.Status, diff)
	}
	var out bytes.Buffer
	if err := f.WriteQuarantine(t.Context(), &out, registry.QuarantineFilter{Import: b.ID}, asReceived); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var brief []string
	for _, r := range rows {
		brief = append(brief, r[0]+" "+r[1]+" "+r[3][:min(len(r[3]), 20)])
	}
	if diff := cmp.Diff([]string{
		"row reason raw", `2 UNTERMINATED_QUOTE 2;"Luis;3001234568;`, "3 NOT_A_NUMBER 3;Muñoz;abc;", "4 RAGGED_ROW 4;Eva",
		"5 LINE_TOO_LONG 5;xxxxxxxxxxxxxxxxxx", "6 TOO_SHORT 6;Juan;3001234570 / ",
	}, brief); diff != "" {
		t.Error(diff)
	}
	if n := len(rows[4][3]); n != 64<<10 {
		t.Errorf("of the long line %d bytes are kept, want 64 KiB", n)
	}
	out.Reset()
	if err := f.WriteQuarantine(t.Context(), &out, registry.QuarantineFilter{Import: b.ID, Reason: "RAGGED_ROW"}, asReceived); err != nil || strings.Count(out.String(), "\n") != 2 {
		t.Errorf("only RAGGED_ROW: %q, %v", out.String(), err)
	}
	out.Reset()
	if err := f.WriteQuarantine(t.Context(), &out, registry.QuarantineFilter{Import: uuid.New()}, asReceived); !errors.Is(err, registry.ErrNotFound) || out.Len() > 0 {
		t.Errorf("no such import: %v, wrote %q", err, out.String())
	}
	raw := f.strings(t, `SELECT concat_ws(' ', row_no, encode(raw, 'escape') ) FROM source_records WHERE row_no IN (1, 3) ORDER BY row_no`)
	if diff := cmp.Diff([]string{"1 1;Ana;3001234567;", `3 3;Mu\361oz;abc;`}, raw); diff != "" {
		t.Errorf("rows as received: %s", diff)
	}
}

// An export is longer than a page.
func TestLongQuarantine(t *testing.T) {
	f := newFixture(t)
	const rows = 2*registry.MaxPageSize + 1
	b := f.importText(t, "id,tel,cel\n"+strings.Repeat("1,12,34\n", rows), importer.Options{Source: "web_forms", Region: "CO"})
	var out bytes.Buffer
	if err := f.WriteQuarantine(t.Context(), &out, registry.QuarantineFilter{Import: b.ID}, asReceived); err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(all) != 1+2*rows || all[2*rows][0] != strconv.Itoa(rows) {
		t.Errorf("%d lines, %v; want a header and two for each of %d rows", len(all), err, rows)
	}
}

// Pages of quarantine and of imports hold everything once.
func TestPages(t *testing.T) {
	f := newFixture(t)
	var last uuid.UUID
	for i := range 3 {
		last = f.importText(t, fmt.Sprintf("id,tel,cel\n1,12%d,34\n2,,\n3,56,\n", i), importer.Options{Source: "web_forms", Region: "CO"}).ID
	}
	var got []string
	for p := (registry.PageRequest{First: 1}); ; {
		pages, err := f.store.Quarantine(t.Context(), []uuid.UUID{last}, "", p)
		if err != nil {
			t.Fatal(err)
		}
		page := pages[last]
		for _, e := range page.Items {
			got = append(got, fmt.Sprintf("%d.%d %s", e.Row, e.Piece, e.Reason))
		}
		if !page.HasMore {
			break
		}
		p.After = &page.Positions[len(page.Positions)-1]
	}
	if diff := cmp.Diff([]string{"1.0 TOO_SHORT", "1.1 TOO_SHORT", "2.0 NO_PHONE", "3.0 TOO_SHORT"}, got); diff != "" {
		t.Error(diff)
	}
	if n, err := f.store.CountQuarantine(t.Context(), []uuid.UUID{last}, "TOO_SHORT"); err != nil || n[last] != 3 {
		t.Errorf("%v entries are TOO_SHORT, %v; want 3", n, err)
	}
	seen := map[uuid.UUID]bool{}
	for p := (registry.PageRequest{First: 2}); ; {
		page, err := f.store.Imports(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Items {
			seen[b.ID] = true
		}
		if !page.HasMore {
			break
		}
		p.After = &page.Positions[len(page.Positions)-1]
	}
	if n, err := f.store.CountImports(t.Context()); err != nil || n != 3 || len(seen) != 3 {
		t.Errorf("%d imports in pages, %d counted, %v; want 3", len(seen), n, err)
	}
}

func asReceived(raw []byte) string { return string(raw) }
