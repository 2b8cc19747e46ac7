package importer_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"phoneregistry/registry/importer"
)

func realFile(t testing.TB, path string) string {
	t.Helper()
	dir := os.Getenv("PHONEREGISTRY_REAL_DATA")
	if dir == "" {
		dir = "../../../shared/data"
	}
	path = filepath.Join(dir, path)
	if _, err := os.Stat(path); err != nil {
		t.Skip("the real data files are not here: ", err)
	}
	return path
}

func TestProbe(t *testing.T) {
	for path, o := range map[string]importer.Options{
		"co_colegios_bogota/colegios_bogota.csv":           {Source: "web_forms", Region: "CO", Area: "601"},
		"co_hospitales_antioquia/hospitales_antioquia.csv": {Source: "web_forms", Region: "CO"},
		"mx_museos_2024/museo_directorio.csv":              {Source: "web_forms", Region: "MX"},
		"gt_colegios_mineduc/establecimientos.csv":         {Source: "web_forms", Region: "GT"},
		"es_caceres/caceres_hosteleria.csv":                {Source: "web_forms", Region: "ES"},
	} {
		f := newFixture(t)
		b, _, err := f.ImportFile(t.Context(), realFile(t, path), o, nil)
		fmt.Printf("%s %+v %v %s\n", path, sumsOf(b), err, b.Status)
		for _, s := range f.strings(t, `SELECT reason||' '||message||' '||left(convert_from(raw,'latin1'),200) FROM quarantine order by reason, row_no limit 60`) {
			fmt.Println("   ", s)
		}
	}
}
