package numbering

import (
	"encoding/csv"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// realData opens a file of the collection of real data, or skips the test where
// the collection is absent.
func realData(t *testing.T, path ...string) *os.File {
	t.Helper()
	dir := os.Getenv("PHONEREGISTRY_REAL_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	f, err := os.Open(filepath.Join(append([]string{dir}, path...)...))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the collection of real data is not here (set PHONEREGISTRY_REAL_DATA)")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// readRows reads a CSV file with a header.
func readRows(t *testing.T, r io.Reader) []map[string]string {
	t.Helper()
	records, err := csv.NewReader(r).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}

// tally counts what became of a file's cells.
type tally struct {
	filled, valid int // cells with anything in them, and with a valid number
	numbers       int // valid numbers in all
	rejected      map[Reason]int
}

func (y tally) rate() float64 { return float64(y.valid) / float64(y.filled) }

// readCells reads every cell and logs those without a valid number or with
// something left over.
func readCells(t *testing.T, z *Normalizer, rows []map[string]string, column string, options func(map[string]string) Options) tally {
	t.Helper()
	y := tally{rejected: map[Reason]int{}}
	for _, row := range rows {
		all := z.ParseAll(row[column], options(row))
		if len(all) == 1 && all[0].Reason == Empty {
			continue
		}
		y.filled++
		ok, all2 := false, true
		for _, r := range all {
			if r.IsValid {
				ok = true
				y.numbers++
			} else {
				all2 = false
				y.rejected[r.Reason]++
			}
		}
		if ok {
			y.valid++
		}
		if !all2 && os.Getenv("NUMBERING_SHOW") != "" {
			t.Logf("%q → %s", row[column], brief(all))
		}
	}
	t.Logf("%d of %d cells valid (%.2f %%), %d numbers, rejected pieces %v", y.valid, y.filled, 100*y.rate(), y.numbers, y.rejected)
	return y
}

// The floors below are the measured rates, rounded down: they may rise, never fall.

func TestRealBogotaSchools(t *testing.T) {
	z := newNormalizer(t)
	rows := readRows(t, realData(t, "co_colegios_bogota", "colegios_bogota.csv"))
	y := readCells(t, z, rows, "phone", func(map[string]string) Options { return Options{Region: "CO", Area: "601"} })
	if y.rate() < 0.999 {
		t.Errorf("rate %.4f", y.rate())
	}
	got := z.NormalizeAll("6763865--6763864--6763866--6763836--676006", Options{Region: "CO", Area: "601"})
	if brief(got) != "+576016763865 +576016763864 +576016763866 +576016763836 FRAGMENT" || got[4].Input != "676006" {
		t.Errorf("got %s, last piece %q", brief(got), got[4].Input)
	}
}

func TestRealAntioquiaHospitals(t *testing.T) {
	rows := readRows(t, realData(t, "co_hospitales_antioquia", "hospitales_antioquia.csv"))
	y := readCells(t, newNormalizer(t), rows, "Número Teléfono", func(row map[string]string) Options {
		return Options{Region: "CO", City: row["Nombre Municipio"] + ", Antioquia"}
	})
	if y.rate() < 0.99 {
		t.Errorf("rate %.4f", y.rate())
	}
}

func TestRealMexicanMuseums(t *testing.T) {
	f := realData(t, "mx_museos_2024", "museo_directorio.csv")
	rows := readRows(t, charmap.Windows1252.NewDecoder().Reader(f))
	y := readCells(t, newNormalizer(t), rows, "museo_telefono1", func(row map[string]string) Options {
		return Options{Region: "MX", City: row["nom_mun"] + ", " + row["nom_ent"]}
	})
	if y.rate() < 0.99 {
		t.Errorf("rate %.4f", y.rate())
	}
}

func TestRealCaceres(t *testing.T) {
	rows := readRows(t, realData(t, "es_caceres", "caceres_hosteleria.csv"))
	y := readCells(t, newNormalizer(t), rows, "telefono", func(map[string]string) Options { return Options{Region: "ES"} })
	if y.rate() < 1 {
		t.Errorf("rate %.4f", y.rate())
	}
}

func TestRealGuatemalanSchools(t *testing.T) {
	rows := readRows(t, realData(t, "gt_colegios_mineduc", "establecimientos.csv"))
	y := readCells(t, newNormalizer(t), rows, "TELEFONO", func(map[string]string) Options { return Options{Region: "GT"} })
	if y.rate() < 0.98 {
		t.Errorf("rate %.4f", y.rate())
	}
}
