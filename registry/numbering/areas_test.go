package numbering

import (
	"archive/zip"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestAreasOfPlaces(t *testing.T) {
	table, err := loadAreas()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		region, city, fallback, want string
	}{
		{"CO", "Bogotá", "", "601"}, {"CO", "BOGOTA D.C.", "", "601"}, {"CO", "Bogotá, D.C.", "", "601"}, {"CO", "Soacha", "", "601"},
		{"CO", "Cundinamarca", "", "601"}, {"CO", "Santiago de Cali", "", "602"}, {"CO", "Popayán", "", "602"}, {"CO", "pasto", "", "602"},
		{"CO", "Medellin", "", "604"}, {"CO", "Antioquia", "", "604"}, {"CO", "Montería", "", "604"}, {"CO", "Quibdó", "", "604"},
		{"CO", "Barranquilla", "", "605"}, {"CO", "Cartagena de Indias", "", "605"}, {"CO", "Santa Marta", "", "605"}, {"CO", "Sincelejo", "", "605"},
		{"CO", "Valledupar", "", "605"}, {"CO", "Riohacha", "", "605"}, {"CO", "Manizales", "", "606"}, {"CO", "Pereira", "", "606"}, {"CO", "Armenia", "", "606"},
		{"CO", "Bucaramanga", "", "607"}, {"CO", "Cúcuta", "", "607"}, {"CO", "Arauca", "", "607"}, {"CO", "Villavicencio", "", "608"}, {"CO", "Tunja", "", "608"},
		{"CO", "Ibagué", "", "608"}, {"CO", "Neiva", "", "608"}, {"CO", "Yopal", "", "608"}, {"CO", "Florencia", "", "608"}, {"CO", "Leticia", "", "608"}, {"CO", "San Andrés", "", "608"},
		// One name, several places.
		{"CO", "Armenia, Antioquia", "", "604"}, {"CO", "Armenia (Quindío)", "", "606"}, {"CO", "Antioquia - Armenia", "", "604"}, {"CO", "Armenia", "604", "604"},
		{"CO", "Caldas", "", "606"}, {"CO", "Caldas, Antioquia", "", "604"}, {"CO", "Caldas", "604", "604"}, {"CO", "Rionegro", "", "604"}, {"CO", "Rionegro, Santander", "", "607"},
		{"CO", "Balboa", "", ""}, {"CO", "Vereda El Tigre, Antioquia", "", "604"}, {"CO", "Springfield", "", ""},
		{"MX", "Guadalajara, Jalisco", "", "33"}, {"MX", "Monterrey", "", "81"}, {"MX", "Cd. de México", "", "55"}, {"MX", "Querétaro", "", "442"}, {"MX", "CANCÚN", "", "998"},
		{"MX", "Benito Juárez, Quintana Roo", "", "998"}, {"MX", "Benito Juárez, Ciudad de México", "", "55"}, {"MX", "Guadalupe", "", "81 492"}, {"MX", "Cuauhtémoc, Chihuahua", "", "625"},
		{"MX", "Nowhere, Puebla", "", ""}, {"MX", "Nowhere, Jalisco", "", "33"}, {"MX", "La Paz, México", "", "55"}, {"MX", "La Paz", "", "612"},
		{"AR", "Buenos Aires", "11", ""}, {"CO", "", "", ""},
	} {
		if got := strings.Join(table.find(c.region, c.city, c.fallback), " "); got != c.want {
			t.Errorf("%s %q (file's area %q): %q, want %q", c.region, c.city, c.fallback, got, c.want)
		}
	}
}

func TestCityOutranksArea(t *testing.T) {
	z := newNormalizer(t)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Region: "CO", Area: "601"}, "+576014177828"},
		{Options{Region: "CO", Area: "60-1"}, "+576014177828"},
		{Options{Region: "CO", Area: "601", City: "Medellín"}, "+576044177828"},
		{Options{Region: "CO", Area: "601", City: "unknown"}, "+576014177828"},
		{Options{Region: "CO", Area: "601", City: "Balboa"}, "NO_AREA"}, // two places, neither in 601
		{Options{Region: "CO", Area: "606", City: "Balboa"}, "+576064177828"},
	} {
		if got := brief(z.NormalizeAll("4177828", c.o)); got != c.want {
			t.Errorf("%+v: %s, want %s", c.o, got, c.want)
		}
	}
}

// TestColombianAreasAreInThePlan: a number of each area of the table is valid.
func TestColombianAreasAreInThePlan(t *testing.T) {
	z := newNormalizer(t)
	for name := range z.areas.regions["CO"].places {
		areas := z.areas.find("CO", name, "")
		if len(areas) == 0 {
			continue // several places of the name
		}
		if r := z.Parse("+57"+areas[0]+"4177828", Options{}); !r.IsValid {
			t.Errorf("%s: area %s is not in the plan", name, areas[0])
		}
	}
}

// TestMexicanAreasAgainstThePlan holds the table against the regulator's plan: in
// the municipality of the name, the area code has most of the numbers.
func TestMexicanAreasAgainstThePlan(t *testing.T) {
	f := realData(t, "mx_pnn_2019_05", "pnn_Publico_13_05_2019.zip")
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := archive.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := plan.Close(); err != nil {
			t.Error(err)
		}
	}()
	codes := numbersByArea(t, plan)

	z := newNormalizer(t)
	r := z.areas.regions["MX"]
	abbreviations := []string{"CDMX", "MEX", "JAL", "NL", "PUE", "GTO", "QRO", "BC", "BCS", "CHIH", "COAH", "TAMPS", "VER", "YUC", "QROO", "SLP", "SON", "SIN", "MICH", "MOR", "GRO", "OAX", "CHIS", "TAB", "CAMP", "HGO", "TLAX", "AGS", "ZAC", "DGO", "NAY", "COL"}
	if len(abbreviations) != len(r.stateArea) {
		t.Fatalf("%d states in the table", len(r.stateArea))
	}
	checked := 0
	for name, places := range r.places {
		for _, p := range places {
			byArea := codes[abbreviations[p.state]+"|"+name]
			if byArea == nil {
				continue // a usual name that is not the municipality's
			}
			checked++
			for area, n := range byArea {
				if n > byArea[p.area] {
					t.Errorf("%s, %s: the table says %s, most numbers are in %s", name, abbreviations[p.state], p.area, area)
				}
			}
		}
	}
	t.Logf("%d places checked", checked)
	if checked < 200 {
		t.Errorf("only %d places checked", checked)
	}
}

// numbersByArea counts the numbers of the plan by "STATE|municipality" and area.
func numbersByArea(t *testing.T, r io.Reader) map[string]map[string]int {
	t.Helper()
	rows := csv.NewReader(r)
	rows.FieldsPerRecord, rows.ReuseRecord, rows.LazyQuotes = -1, true, true
	header, err := rows.Read()
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Clone(header)
	at := func(name string) int {
		i := slices.IndexFunc(names, func(h string) bool { return strings.TrimSpace(h) == name })
		if i < 0 {
			t.Fatalf("no column %s", name)
		}
		return i
	}
	state, municipality, nir, size := at("ESTADO"), at("MUNICIPIO"), at("NIR"), at("OCUPACION")
	out := map[string]map[string]int{}
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		key := strings.TrimSpace(row[state]) + "|" + foldName(row[municipality])
		if out[key] == nil {
			out[key] = map[string]int{}
		}
		n := 0
		for _, d := range []byte(strings.TrimSpace(row[size])) {
			n = n*10 + int(d-'0')
		}
		out[key][strings.Clone(strings.TrimSpace(row[nir]))] += n
	}
}
