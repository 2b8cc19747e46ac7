package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/registry"
	"phoneregistry/registry/importer"
)

// realFile is a file of real input, which is not part of the project.
func realFile(t testing.TB, path string) string {
	t.Helper()
	dir := os.Getenv("PHONEREGISTRY_REAL_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	path = filepath.Join(dir, path)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("the real data files are not here (set PHONEREGISTRY_REAL_DATA): %v", err)
	}
	return path
}

// The sums were checked by reading the cells: the empty ones were counted, the digits in the others cut by another
// program, and what differed was looked at one by one.
func TestRealFiles(t *testing.T) {
	tests := map[string]struct {
		o    importer.Options
		want sums
	}{
		// 3,718 numbers stand whole; 25 are abbreviated (7187796--7168031--7168033/34), 20 stand in pairs without a gap
		// (40304454030446), one is a third behind such a pair; extensions are no numbers. All fragments have six digits
		// behind four whole numbers: the column was 40 characters wide.
		"co_colegios_bogota/colegios_bogota.csv": {
			importer.Options{Source: "web_forms", Region: "CO", Area: "601"},
			sums{2193, 2173, 20, 3764, 3706, 3763, 1, map[string]int64{"NO_PHONE": 19, "FRAGMENT": 11, "INVALID_FOR_REGION": 1}},
		},
		// 131 cells, 13 of them with 32 numbers; one has a digit too many.
		"co_hospitales_antioquia/hospitales_antioquia.csv": {
			importer.Options{Source: "web_forms", Region: "CO", Area: "604"},
			sums{131, 130, 1, 149, 149, 149, 0, map[string]int64{"INVALID_FOR_REGION": 1}},
		},
		// 96 cells are empty; of seven rows nothing is left, among them a number of Guatemala and one that is "(388)".
		"mx_museos_2024/museo_directorio.csv": {
			importer.Options{Source: "web_forms", Region: "MX"},
			sums{1420, 1317, 103, 1407, 1292, 1407, 0, map[string]int64{
				"NO_PHONE": 96, "TOO_SHORT": 4, "INVALID_FOR_REGION": 2, "TOO_LONG": 1, "FRAGMENT": 1, "TOO_MANY_PHONES": 1,
			}},
		},
		// 562 cells are empty; most that are too short have the seven digits of before 2004. Schools are listed once for
		// each plan, so many customers come again.
		"gt_colegios_mineduc/establecimientos.csv": {
			importer.Options{Source: "web_forms", Region: "GT"},
			sums{5311, 4668, 643, 4771, 2616, 3847, 924, map[string]int64{
				"NO_PHONE": 562, "TOO_SHORT": 103, "INVALID_FOR_REGION": 8, "FRAGMENT": 5, "REPEATED_DIGITS": 3, "PRECISION_LOST": 2, "TOO_LONG": 1,
			}},
		},
		// 12 cells are empty, 12 in scientific notation; 15 hold 31 numbers.
		"es_caceres/caceres_hosteleria.csv": {
			importer.Options{Source: "web_forms", Region: "ES"},
			sums{140, 128, 12, 144, 131, 144, 0, map[string]int64{"NO_PHONE": 12}},
		},
	}
	for path, test := range tests {
		t.Run(filepath.Dir(path), func(t *testing.T) {
			file := realFile(t, path)
			f := newFixture(t)
			b, _, err := f.ImportFile(t.Context(), file, test.o, nil)
			if err != nil || b.Status != registry.ImportCompleted {
				t.Fatalf("%s, %v", b.Status, err)
			}
			if diff := cmp.Diff(test.want, sumsOf(b)); diff != "" {
				t.Error(diff)
			}
			kept := f.strings(t, `SELECT concat_ws(' ', count(*), (SELECT count(*) FROM quarantine)) FROM source_records`)
			entries := int64(0)
			for _, n := range b.Rejections {
				entries += n
			}
			if want := fmt.Sprint(b.RowsRead, entries); kept[0] != want {
				t.Errorf("kept rows and rejections: %s, want %s", kept[0], want)
			}
		})
	}
}

// A museum's cell "449 994 27 61 y 62" and a range with extensions, "55 4166 0780 al 84 exts. 413506, 413512".
func TestRealMuseums(t *testing.T) {
	file := realFile(t, "mx_museos_2024/museo_directorio.csv")
	f := newFixture(t)
	if _, _, err := f.ImportFile(t.Context(), file, importer.Options{Source: "web_forms", Region: "MX"}, nil); err != nil {
		t.Fatal(err)
	}
	got := f.strings(t, `SELECT concat_ws(' ', customer_id, number, extension) FROM customer_phones
		WHERE customer_id = '929' OR number BETWEEN 525541660780 AND 525541660784 ORDER BY number, customer_id LIMIT 4`)
	if diff := cmp.Diff([]string{"929 524499942761", "929 524499942762"}, got[:min(len(got), 2)]); diff != "" {
		t.Error(diff)
	}
	if len(got) < 4 {
		t.Errorf("the range is missing: %v", got)
	}
	name := f.strings(t, `SELECT convert_from(raw, 'windows-1252') FROM source_records WHERE row_no = 1`)
	if want := "Dirección de Promoción y Difusión"; len(name) != 1 || !strings.Contains(name[0], want) {
		t.Errorf("row 1 is %q, want it with %q", name, want)
	}
}
