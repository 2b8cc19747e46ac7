package sample_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/sample"
	"phoneregistry/registry"
	"phoneregistry/registry/intake"
	"phoneregistry/registry/numbering"
)

func made(t testing.TB, o sample.Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := sample.Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSameSeedSameBytes(t *testing.T) {
	one, again := made(t, sample.Options{Rows: 3000, Seed: 7}), made(t, sample.Options{Rows: 3000, Seed: 7})
	if !bytes.Equal(one, again) {
		t.Error("the same seed made other bytes")
	}
	if bytes.Equal(one, made(t, sample.Options{Rows: 3000, Seed: 8})) {
		t.Error("another seed made the same bytes")
	}
	if more := made(t, sample.Options{Rows: 4000, Seed: 7}); !bytes.HasPrefix(more, one) {
		t.Error("more rows made other first rows")
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// The bytes of a seed stay the same from version to version.
func TestGolden(t *testing.T) {
	o := sample.Options{Rows: 40, Seed: 1}
	path := filepath.Join("testdata", o.FileName())
	got := made(t, o)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// Every row is CSV as the standard library reads it, and says that it is made up, but for those cut off on purpose.
func TestRowsAreMarked(t *testing.T) {
	const rows = 20_000
	r := csv.NewReader(bytes.NewReader(made(t, sample.Options{Rows: rows, Seed: 1})))
	r.FieldsPerRecord = -1
	all, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != rows+1 || strings.Join(all[0], ",") != sample.Header {
		t.Fatalf("%d rows with header %q, want %d with %q", len(all)-1, all[0], rows, sample.Header)
	}
	ragged := 0
	for _, row := range all[1:] {
		if len(row) != len(all[0]) {
			ragged++
			continue
		}
		if row[len(row)-1] != "si" {
			t.Fatalf("a row is not marked: %q", row)
		}
	}
	if ragged == 0 || ragged > rows/200 {
		t.Errorf("%d rows of %d are ragged, want a few", ragged, rows)
	}
}

// What is made reads like real files do: nearly all rows hold a number, of all kinds, and what does not is refused for
// several reasons.
func TestRealisticShares(t *testing.T) {
	const rows = 20_000
	text := made(t, sample.Options{Rows: rows, Seed: 1})
	numbers, err := numbering.New()
	if err != nil {
		t.Fatal(err)
	}
	layout, err := intake.Inspect(text, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	convert := intake.NewConverter(layout, intake.Context{Source: "web_forms"}, numbers)
	r := intake.NewReader(bytes.NewReader(text[layout.Data.Offset:]), layout.Dialect, layout.Data)
	count := tally{lines: map[string]int{}, reasons: map[string]int{}}
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		count.add(convert.Convert(rec))
	}
	if share := 100 * count.accepted / count.rows; count.rows != rows || share < 92 || share > 97 {
		t.Errorf("%d rows, of which %d%% hold a number; want %d and 92 to 97", count.rows, share, rows)
	}
	for _, line := range []string{"CO MOBILE", "CO FIXED_LINE", "MX FIXED_LINE_OR_MOBILE"} {
		if count.lines[line] < rows/10 {
			t.Errorf("%d numbers are %s, want a good part", count.lines[line], line)
		}
	}
	for _, reason := range []string{intake.NoPhone, "LETTERS", "TOO_SHORT", "REPEATED_DIGITS", "PRECISION_LOST", "NO_AREA"} {
		if count.reasons[reason] == 0 {
			t.Errorf("nothing was refused as %s; have %v", reason, count.reasons)
		}
	}
	if count.several < rows/50 || count.extensions < rows/100 {
		t.Errorf("%d rows hold several numbers and %d an extension, want more", count.several, count.extensions)
	}
}

// tally counts what rows hold.
type tally struct {
	rows, accepted, several, extensions int
	lines, reasons                      map[string]int
}

func (c *tally) add(row registry.ImportRow) {
	c.rows++
	if len(row.Numbers) > 0 {
		c.accepted++
	}
	if len(row.Numbers) > 2 {
		c.several++
	}
	for _, n := range row.Numbers {
		c.lines[n.Phone.Region+" "+string(n.Phone.LineType)]++
		if n.Extension != "" {
			c.extensions++
		}
	}
	for _, r := range row.Rejections {
		c.reasons[r.Reason]++
	}
}

func TestBadOptions(t *testing.T) {
	if err := sample.Write(io.Discard, sample.Options{Rows: -1}); err == nil {
		t.Error("-1 rows: no error")
	}
	full := errors.New("disk full")
	if err := sample.Write(failing{full}, sample.Options{Rows: 10_000}); !errors.Is(err, full) {
		t.Errorf("a writer that fails: %v, want %v", err, full)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func BenchmarkWrite(b *testing.B) {
	if err := sample.Write(io.Discard, sample.Options{Rows: b.N, Seed: 1}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}

func TestFileName(t *testing.T) {
	if got, want := (sample.Options{Rows: 1000, Seed: 42}).FileName(), "contactos-sinteticos-1000-semilla-42.csv"; got != want {
		t.Errorf("FileName() = %q, want %q", got, want)
	}
}
