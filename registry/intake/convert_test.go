package intake

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// normalizer is made once: it is expensive and does not change.
var normalizer = sync.OnceValues(numbering.New)

// convertText reads a file as an import does.
func convertText(t testing.TB, text string, c Context, fields map[string]string) []registry.ImportRow {
	t.Helper()
	n, err := normalizer()
	if err != nil {
		t.Fatal(err)
	}
	l, err := Inspect([]byte(text), true, fields)
	if err != nil {
		t.Fatal(err)
	}
	convert := NewConverter(l, c, n)
	r := NewReader(strings.NewReader(text[l.Data.Offset:]), l.Dialect, l.Data)
	var rows []registry.ImportRow
	for {
		rec, err := r.Next()
		if err != nil {
			return rows
		}
		rows = append(rows, convert.Convert(rec))
	}
}

// brief is a row in short: customer, numbers (with *: primary, with x and digits: extension), reasons.
func brief(rows []registry.ImportRow) []string {
	var all []string
	for _, r := range rows {
		parts := []string{r.CustomerID}
		if strings.HasPrefix(r.CustomerID, madeIDs) {
			parts[0] = madeIDs
		}
		for _, n := range r.Numbers {
			text := n.Phone.Number.String()
			if n.Extension != "" {
				text += "x" + n.Extension
			}
			if n.MakePrimary {
				text += "*"
			}
			parts = append(parts, text)
		}
		for _, rejected := range r.Rejections {
			parts = append(parts, rejected.Reason)
		}
		all = append(all, strings.Join(parts, " "))
	}
	return all
}

func TestConvert(t *testing.T) {
	co := Context{Source: "web_forms", Region: "CO"}
	tests := map[string]struct {
		context Context
		text    string
		want    []string
	}{
		"several phones in cells and columns": {
			co, "id_cliente,telefono,celular\n1,6012345678 / 3001234567,300-123-4567\n2,123,\n3,3001234567 / 30012,abc\n",
			[]string{"1 +576012345678 +573001234567", " TOO_SHORT", "3 +573001234567 FRAGMENT NOT_A_NUMBER"},
		},
		"places complete local numbers": {
			co, "id,tel,ciudad,departamento\n1,7428852,Bogotá,\n2,7428852,,\n3,8410012,Rionegro,Antioquia\n",
			[]string{"1 +576017428852", " NO_AREA", "3 +576048410012"},
		},
		"the default area": {
			Context{Source: "web_forms", Region: "CO", Area: "601"}, "id,tel\n1,7428852\n", []string{"1 +576017428852"},
		},
		"countries": {
			co, "id,tel,pais\n1,5512345678,México\n2,5512345678,MEX\n3,3001234567,Colombia\n4,3001234567,\n5,3001234567,Narnia\n6,927242928,ES\n",
			[]string{"1 +525512345678", "2 +525512345678", "3 +573001234567", "4 +573001234567", "5 +573001234567", "6 +34927242928"},
		},
		"no country": {Context{Source: "web_forms"}, "id,tel\n1,3001234567\n2,+573001234567\n", []string{" NO_REGION", "2 +573001234567"}},
		"extensions": {
			co, "id,tel,celular,ext\n1,6012345678,3001234567,12\n2,6012345678 ext 7,,12\n3,,3001234567,12\n4,6012345678,,ext. 12 - 13\n",
			[]string{"1 +576012345678x12 +573001234567", "2 +576012345678x7", "3 +573001234567", "4 +576012345678x12,13"},
		},
		"the primary flag": {
			co, "id,tel,principal\n1,3001234567,Sí\n2,3001234567,no\n3,3001234567 3001234568,X\n4,3001234567,\n",
			[]string{"1 +573001234567*", "2 +573001234567", "3 +573001234567* +573001234568", "4 +573001234567"},
		},
		"no phone": {co, "id,tel,cel\n1,,\n2, ,\t\n", []string{" NO_PHONE", " NO_PHONE"}},
		"customers": {
			co, "id,tel\n  A  1 ,3001234567\n,3001234567\n" + strings.Repeat("é", 128) + ",3001234567\n" + strings.Repeat("é", 129) + ",3001234567\n\"a\x01b\",3001234567\n",
			[]string{"A 1 +573001234567", "row_ +573001234567", strings.Repeat("é", 128) + " +573001234567", " INVALID_CUSTOMER_ID", " INVALID_CUSTOMER_ID"},
		},
		"too few fields": {
			co, "id,nombre,tel,cel,nota\n1,Ana,3001234567\n2,Ana\n3\n4,Ana,3001234567,3001234568\n",
			[]string{"1 +573001234567", " RAGGED_ROW", " RAGGED_ROW", "4 +573001234567 +573001234568"},
		},
		"customer beyond the row": {co, "tel,nombre,id\n3001234567,Ana\n", []string{" RAGGED_ROW"}},
		"too many fields": {
			co, "id,nombre,tel,ciudad\n1,Ana,3001234567,Cali,x\n2,Paz, Ana,3001234567,Cali\n3,Ana,3001234567,Cali,,\n",
			[]string{"1 +573001234567", " RAGGED_ROW", "3 +573001234567"},
		},
		"too many fields before the customer": {co, "tel,nombre,id\n3001234567,Paz, Ana,7\n", []string{" RAGGED_ROW"}},
		"open quote":                          {co, "id,tel\n1,\"3001234567\n2,3001234568\n", []string{" UNTERMINATED_QUOTE", "2 +573001234568"}},
		"a long cell":                         {co, "id,tel\n1,\"" + strings.Repeat("3001234567 ", 60) + "\"\n", []string{" TOO_LONG_INPUT"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, brief(convertText(t, test.text, test.context, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConvertKeepsWhatItRead(t *testing.T) {
	rows := convertText(t, "id,tel\r\n1,\"300 123 4567\"\r\n", Context{Region: "CO"}, nil)
	if len(rows) != 1 || rows[0].No != 1 || !bytes.Equal(rows[0].Raw, []byte(`1,"300 123 4567"`)) || rows[0].Hash == [16]byte{} {
		t.Fatalf("got %+v", rows)
	}
	p := rows[0].Numbers[0].Phone
	if p.Region != "CO" || p.LineType != numbering.Mobile || !p.Valid || p.PlanVersion == "" || len(p.TimeZones) == 0 {
		t.Errorf("phone %+v is not described", p)
	}
}

var update = flag.Bool("update", false, "write the golden files anew")

// The fixtures under testdata are made up, to look like files that people send. Beside each lies what is read from it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.csv")
	if err != nil || len(files) == 0 {
		t.Fatalf("fixtures %v, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.Join(brief(convertText(t, string(text), Context{Source: "web_forms", Region: "CO"}, nil)), "\n") + "\n"
		golden := strings.TrimSuffix(file, ".csv") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

// Messages name the column, never what stands in it.
func TestRejectionsHoldNoNumbers(t *testing.T) {
	for _, row := range convertText(t, "id,Teléfono 1\n1,98765432109876 / 55\n2,987x65\n", Context{Region: "CO"}, nil) {
		for _, r := range row.Rejections {
			if digitsIn(r.Message) > 4 || !strings.Contains(r.Message, `column "Teléfono 1"`) {
				t.Errorf("%s: %s", r.Reason, r.Message)
			}
		}
	}
}

func idsOf(t testing.TB, source, text string) []string {
	t.Helper()
	var ids []string
	for _, r := range convertText(t, text, Context{Source: source, Region: "CO"}, nil) {
		ids = append(ids, r.CustomerID)
	}
	return ids
}

func TestMadeIDs(t *testing.T) {
	id := func(source, header, row string) string {
		ids := idsOf(t, source, header+"\n"+row+"\n")
		if len(ids) != 1 || !strings.HasPrefix(ids[0], madeIDs) || len(ids[0]) > 40 {
			t.Fatalf("%s: ids %q", row, ids)
		}
		return ids[0]
	}
	const addresses = "nombre,direccion,ciudad,telefono,estado"
	base := id("web_forms", addresses, "Ana Muñoz,Calle 1 # 2-3,Cali,3001234567,activo")
	for what, row := range map[string]string{
		"another phone":    "Ana Muñoz,Calle 1 # 2-3,Cali,3019876543,activo",
		"another spelling": " ANA  MUNOZ,calle 1 # 2-3,CALI,300 123 4567,activo",
		"another column":   "Ana Muñoz,Calle 1 # 2-3,Cali,3001234567,inactivo",
		"one more number":  "Ana Muñoz,Calle 1 # 2-3,Cali,3019876543 / 3001234567,",
	} {
		if got := id("web_forms", addresses, row); got != base {
			t.Errorf("%s: the id changed", what)
		}
	}
	if id("web_forms", "telefono,ciudad,nombre,direccion", "3001234567,Cali,Ana Muñoz,Calle 1 # 2-3") != base {
		t.Error("columns in another order: the id changed")
	}
	for what, got := range map[string]string{
		"another name":      id("web_forms", addresses, "Eva Muñoz,Calle 1 # 2-3,Cali,3001234567,activo"),
		"another address":   id("web_forms", addresses, "Ana Muñoz,Calle 1 # 2-4,Cali,3001234567,activo"),
		"another source":    id("mobile_app", addresses, "Ana Muñoz,Calle 1 # 2-3,Cali,3001234567,activo"),
		"without address":   id("web_forms", addresses, "Ana Muñoz,,Cali,3001234567,activo"),
		"shifted in fields": id("web_forms", addresses, "Ana,Muñoz Calle 1 # 2-3,Cali,3001234567,activo"),
	} {
		if got == base {
			t.Errorf("%s: the id is the same", what)
		}
	}
	const mails = "nombre,correo,telefono"
	if id("web_forms", mails, "Ana,ana@example.com,3001234567") != id("web_forms", mails, "ana,ANA@example.com,3019876543") {
		t.Error("e-mail and name are the same, the ids are not")
	}
	// A name alone is shared by too many: the number is part of the key.
	if id("web_forms", "nombre,telefono", "Ana,3001234567") == id("web_forms", "nombre,telefono", "Ana,3019876543") {
		t.Error("two with one name got one id")
	}
	if id("web_forms", "telefono,ciudad", "3001234567,Cali") == id("web_forms", "telefono,ciudad", "3019876543,Cali") {
		t.Error("two in one city got one id")
	}
}

// The order of rows makes no difference to their ids.
func TestMadeIDsDoNotDependOnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Z][a-z]{2,8},Calle [0-9]{1,2},30[0-5][0-9]{7}`), 2, 8, rapid.ID[string]).Draw(t, "rows")
		order := rapid.Permutation(rows).Draw(t, "order")
		of := func(rows []string) map[string]string {
			ids := map[string]string{}
			for i, id := range idsOfRapid(t, rows) {
				ids[rows[i]] = id
			}
			return ids
		}
		if diff := cmp.Diff(of(rows), of(order)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func idsOfRapid(t *rapid.T, rows []string) []string {
	n, err := normalizer()
	if err != nil {
		t.Fatal(err)
	}
	text := "nombre,direccion,telefono\n" + strings.Join(rows, "\n") + "\n"
	l, err := Inspect([]byte(text), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	convert := NewConverter(l, Context{Source: "web_forms", Region: "CO"}, n)
	records, _ := readAll(NewReader(strings.NewReader(text[l.Data.Offset:]), l.Dialect, l.Data))
	var ids []string
	for _, rec := range records {
		ids = append(ids, convert.Convert(rec).CustomerID)
	}
	return ids
}

// FuzzConvert holds that no record, however broken, is lost or makes trouble: it is numbers, or reasons, within bounds
// that the database has, and its messages hold no number.
func FuzzConvert(f *testing.F) {
	f.Add([]byte("1,Ana,3001234567 / 6012345678 ext 5,Cali,Colombia,12,si"))
	f.Add([]byte("\"a\"\"b\",,\"+57 300\",x"))
	f.Add([]byte("\xff\xfe,\x00,300\x00123,,,,,,"))
	n, err := normalizer()
	if err != nil {
		f.Fatal(err)
	}
	l, err := Inspect([]byte("id,nombre,tel,ciudad,pais,ext,principal\n1,2,3,4,5,6,7\n"), true, nil)
	if err != nil {
		f.Fatal(err)
	}
	convert := NewConverter(l, Context{Source: "web_forms", Region: "CO", Area: "601"}, n)
	f.Fuzz(func(t *testing.T, raw []byte) {
		row := convert.Convert(Record{Row: 1, Raw: raw})
		if len(row.Numbers) == 0 && len(row.Rejections) == 0 {
			t.Fatal("the row is lost")
		}
		if len(row.Numbers) > 0 && (row.CustomerID == "" || len([]rune(row.CustomerID)) > registry.MaxCustomerID || strings.ContainsRune(row.CustomerID, 0)) {
			t.Fatalf("customer %q", row.CustomerID)
		}
		for _, number := range row.Numbers {
			if !number.Phone.Valid || number.Phone.Number <= 0 || len(number.Extension) > maxExtension {
				t.Fatalf("number %+v", number)
			}
		}
		for _, r := range row.Rejections {
			if digitsIn(r.Message) > 4 || r.Reason == "" {
				t.Fatalf("%s: %s", r.Reason, r.Message)
			}
		}
	})
}
