package intake

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/registry"
)

func TestInspectDialect(t *testing.T) {
	const rows = "nombre,teléfono\nAna,3001234567\nLuis,3001234568\n"
	with := func(delimiter string) string { return strings.ReplaceAll(rows, ",", delimiter) }
	tests := map[string]struct {
		text string
		want Dialect
		data int64
	}{
		"comma":                 {rows, Dialect{UTF8, ',', '\n'}, 17},
		"semicolon":             {with(";"), Dialect{UTF8, ';', '\n'}, 17},
		"tab":                   {with("\t"), Dialect{UTF8, '\t', '\n'}, 17},
		"bar":                   {with("|"), Dialect{UTF8, '|', '\n'}, 17},
		"CRLF":                  {strings.ReplaceAll(rows, "\n", "\r\n"), Dialect{UTF8, ',', '\n'}, 18},
		"CR":                    {strings.ReplaceAll(rows, "\n", "\r"), Dialect{UTF8, ',', '\r'}, 17},
		"mark":                  {"\xef\xbb\xbf" + rows, Dialect{UTF8, ',', '\n'}, 20},
		"windows-1252":          {"nombre;tel\xe9fono\nMu\xf1oz;1\n", Dialect{Windows1252, ';', '\n'}, 16},
		"latin-1 late":          {"nombre;telefono\n" + strings.Repeat("Ana;1\n", 100) + "Mu\xf1oz;1\n", Dialect{Windows1252, ';', '\n'}, 16},
		"ASCII":                 {"nombre,telefono\nAna,1\n", Dialect{UTF8, ',', '\n'}, 16},
		"UTF-16 little":         {"\xff\xfe" + string(utf16Bytes(with("\t"), UTF16LE)), Dialect{UTF16LE, '\t', '\n'}, 2 + 2*16},
		"UTF-16 big":            {"\xfe\xff" + string(utf16Bytes(rows, UTF16BE)), Dialect{UTF16BE, ',', '\n'}, 2 + 2*16},
		"UTF-16 without mark":   {string(utf16Bytes(rows, UTF16LE)), Dialect{UTF16LE, ',', '\n'}, 2 * 16},
		"separator line":        {"sep=;\r\n" + with(";"), Dialect{UTF8, ';', '\n'}, 7 + 17},
		"one column":            {"teléfono\n300 1, 301 2\n300 1; 5\n", Dialect{UTF8, NoDelimiter, '\n'}, 10},
		"commas in semicolons":  {"nombre;telefono;saldo\nPaz, Ana;1;2,5\nPaz, Luis;2;3,5\n", Dialect{UTF8, ';', '\n'}, 22},
		"semicolons in commas":  {"nombre,telefono,ciudad\nAna,1;2;3,Cali\nLuis,4;5;6,Cali\n", Dialect{UTF8, ',', '\n'}, 23},
		"trailing commas":       {"ZONA, telefono, C\n1,2,3,\n4,5,6,\n", Dialect{UTF8, ',', '\n'}, 18},
		"blank lines before it": {"\n\n" + rows, Dialect{UTF8, ',', '\n'}, 19},
		"quoted header":         {"\"nombre, apellido\";\"tel\r\néfono\"\nAna;1\n", Dialect{UTF8, ';', '\n'}, 33},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := Inspect([]byte(test.text), true, nil)
			if err != nil {
				t.Fatal(err)
			}
			if l.Dialect != test.want {
				t.Errorf("dialect %+v, want %+v", l.Dialect, test.want)
			}
			if l.Data != (Position{Offset: test.data}) {
				t.Errorf("data at %+v, want offset %d", l.Data, test.data)
			}
		})
	}
}

func TestInspectRefuses(t *testing.T) {
	tests := map[string]struct{ text, want string }{
		"empty":            {"", "the file is empty"},
		"blank":            {" \r\n\n\t", "the file is empty"},
		"mark only":        {"\xef\xbb\xbf\n", "the file is empty"},
		"header only":      {"nombre,telefono\n", "holds a header and no rows"},
		"header and blank": {"nombre,telefono\n \n\n", "holds a header and no rows"},
		"xlsx":             {"PK\x03\x04\x14\x00\x06\x00xxxx[Content_Types].xml xl/workbook.xml", "Excel workbook (xlsx), not CSV: save it as CSV"},
		"ods":              {"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK", "OpenDocument spreadsheet"},
		"zip":              {"PK\x03\x04\x14\x00contactos.csv", "a zip archive, not CSV: unpack it"},
		"xls":              {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1xx", "old Excel"},
		"gzip":             {"\x1f\x8b\x08\x00", "a gzip file"},
		"pdf":              {"%PDF-1.7\n", "a PDF document"},
		"parquet":          {"PAR1\x15\x04", "a Parquet file"},
		"html":             {"\n <HTML><table>", "a web page"},
		"json":             {`{"telefono": "300"}`, "looks like JSON"},
		"json lines":       {`[{"telefono": "300"}]`, "looks like JSON"},
		"vcard":            {"BEGIN:VCARD\r\nTEL:300", "a vCard file"},
		"zero bytes":       {"telefono,x\n\x00\x01\x02,y\n", "binary data"},
		"UTF-32":           {"\xff\xfe\x00\x00t\x00\x00\x00", "UTF-32"},
		"no phone column":  {"nombre;correo\nAna;a@example.com\n", `2 columns: "nombre", "correo"; name it with --map phone=COLUMN`},
		"no header":        {"Ana,3001234567\nLuis,3001234568\n", "the first line holds data"},
		"open quote":       {"nombre,\"telefono\nAna,300\n", "opens a quote"},
		"one long line":    {strings.Repeat("x,", HeadSize), "no line end"},
		"too many columns": {strings.Repeat("telefono,", MaxColumns+1) + "x\n1\n", "allowed"},
		"too many phones":  {strings.Repeat("telefono,", MaxPhoneColumns+1) + "x\n1\n", "65 columns hold phones"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			head := []byte(test.text)
			_, err := Inspect(head[:min(len(head), HeadSize)], len(head) <= HeadSize, nil)
			e, ok := errors.AsType[*registry.Error](err)
			if !ok || e.Code != registry.CodeInvalidInput || !strings.Contains(e.Message, test.want) {
				t.Errorf("error %v, want INVALID_INPUT with %q", err, test.want)
			}
		})
	}
}

// An error may repeat what stands in the first line, which in a file without header is data: never a phone number.
func TestErrorsHoldNoNumbers(t *testing.T) {
	for _, text := range []string{"Ana,300 123 4567\nLuis,3\n", "300123,x\n1,2\n", "nombre 3001234567,correo\na,b\n"} {
		_, err := Inspect([]byte(text), true, map[string]string{"city": "3001234567"})
		if err == nil || strings.Contains(err.Error(), "300") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A head that is cut anywhere says the same of the dialect as the whole file, or refuses.
func TestInspectHead(t *testing.T) {
	text := "nombre;teléfono;ciudad\n" + strings.Repeat("Ana, María;\"300 123 4567\";Bogotá\n", 20_000)
	l, err := Inspect([]byte(text)[:HeadSize], false, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Dialect{UTF8, ';', '\n'}); l.Dialect != want {
		t.Errorf("dialect %+v, want %+v", l.Dialect, want)
	}
}

// FuzzInspect holds that whatever comes is laid out or refused, and that what is laid out can be read to its end.
func FuzzInspect(f *testing.F) {
	for _, seed := range []string{
		"nombre,telefono\nAna,300\n", "\xef\xbb\xbfa;tel\r\n\"x\";1", "sep=\t\ntel\tb\n1\t2\n", "PK\x03\x04", "tel\n1\n", "\xff\xfet\x00e\x00l\x00\n\x001\x00",
		"a,\"b\ntel\",c\r1\r", "{\"a\":1}",
	} {
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		l, err := Inspect(data, whole, map[string]string{"phone": "#1"})
		if err != nil {
			if _, ok := errors.AsType[*registry.Error](err); !ok {
				t.Fatalf("%v is not for the caller", err)
			}
			return
		}
		if l.Data.Offset <= 0 || l.Data.Offset > int64(len(data)) || len(l.Header) == 0 {
			t.Fatalf("data at %d of %d with header %q", l.Data.Offset, len(data), l.Header)
		}
		rest := data[l.Data.Offset:]
		if l.width() == 2 {
			rest = rest[:len(rest)&^1]
		}
		records, err := readAll(NewReader(bytes.NewReader(rest), l.Dialect, l.Data))
		for _, rec := range records {
			l.Split(l.Encoding.Decode(rec.Raw))
		}
		if err == nil {
			t.Fatal("no end")
		}
	})
}

func TestFold(t *testing.T) {
	for name, want := range map[string]string{
		"Teléfono_1": "telefono 1", "TELEFONO1": "telefono 1", "phoneNumber": "phone number", "  Número de  Contacto: ": "numero de contacto",
		"": "", "id_cliente": "id cliente", "IDCliente": "idcliente", "tele\u0301fono": "telefono", "Tel./Fax": "tel fax",
	} {
		if got := fold(name); got != want {
			t.Errorf("fold(%q) = %q, want %q", name, got, want)
		}
	}
}

// named are the columns of a layout by their names.
type named struct {
	Phones, Places, Names, Mails, Addresses []string
	Customer, Region, Extension, Primary    string
}

func namesOf(header []string, c Columns) named {
	all := func(columns []int) (names []string) {
		for _, i := range columns {
			names = append(names, header[i])
		}
		return names
	}
	one := func(i int) string {
		if i == None {
			return ""
		}
		return header[i]
	}
	return named{
		all(c.Phones), all(c.Places), all(c.Names), all(c.Mails), all(c.Addresses),
		one(c.Customer), one(c.Region), one(c.Extension), one(c.Primary),
	}
}

func TestGuesses(t *testing.T) {
	tests := map[string]named{
		"name,address,phone,levels,journal": {Phones: []string{"phone"}, Names: []string{"name"}, Addresses: []string{"address"}},
		"Código Región,Nombre Región,Código Municipio,Nombre Municipio,Código Habilitación Prestador Salud,Razón Social Organización," +
			"Nombre Sede,Número NIT,Dirección,Número Teléfono,Punto": {
			Phones: []string{"Número Teléfono"}, Places: []string{"Nombre Municipio"}, Customer: "Número NIT",
			Names: []string{"Razón Social Organización", "Nombre Sede"}, Addresses: []string{"Dirección"},
		},
		"museo_id,museo_nombre,estado_id,nom_ent,municipio_id,nom_mun,localidad_id,nom_loc,museo_calle_numero,museo_telefono1": {
			Phones: []string{"museo_telefono1"}, Customer: "museo_id", Places: []string{"nom_mun", "nom_ent"},
			Names: []string{"museo_nombre"}, Addresses: []string{"museo_calle_numero"},
		},
		"CODIGO,DISTRITO,DEPARTAMENTO,MUNICIPIO,ESTABLECIMIENTO,DIRECCION,TELEFONO,NIVEL,AREA": {
			Phones: []string{"TELEFONO"}, Places: []string{"MUNICIPIO", "DEPARTAMENTO"}, Names: []string{"ESTABLECIMIENTO"}, Addresses: []string{"DIRECCION"},
		},
		"tipo,nombre,telefono,calle,cp": {Phones: []string{"telefono"}, Names: []string{"nombre"}, Addresses: []string{"calle"}},
		"rec_id,given_name,surname,street_number,address_1,suburb,state,phone_number": {
			Phones: []string{"phone_number"}, Customer: "rec_id", Names: []string{"given_name", "surname"},
			Places: []string{"suburb", "state"}, Addresses: []string{"street_number", "address_1"},
		},
		"documento,nombres,celular,teléfono fijo,ext,ciudad,país,es principal,correo electrónico,tipo de teléfono": {
			Phones: []string{"celular", "teléfono fijo"}, Customer: "documento", Names: []string{"nombres"}, Extension: "ext", Places: []string{"ciudad"},
			Region: "país", Primary: "es principal", Mails: []string{"correo electrónico"},
		},
		"Customer ID,Mobile Phone,Primary Phone,Home phone 2,Phone Type,Phone Country": {
			Phones: []string{"Primary Phone", "Mobile Phone", "Home phone 2"}, Customer: "Customer ID", Region: "Phone Country",
		},
		"id_cliente,contacto,número de contacto":   {Phones: []string{"número de contacto"}, Customer: "id_cliente"},
		"cliente,Teléfono y Ext":                   {Phones: []string{"Teléfono y Ext"}, Customer: "cliente"},
		"NIT,tel1,tel2,WhatsApp,fax":               {Phones: []string{"tel1", "tel2", "WhatsApp"}, Customer: "NIT"},
		"id,cell,is_primary_phone":                 {Phones: []string{"cell"}, Customer: "id", Primary: "is_primary_phone"},
		"id_cliente,telefono,documento,cliente,id": {Phones: []string{"telefono"}, Customer: "id_cliente"},
	}
	for header, want := range tests {
		names := strings.Split(header, ",")
		c, err := findColumns(names, nil)
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		if diff := cmp.Diff(want, namesOf(names, c)); diff != "" {
			t.Errorf("%s: %s", header, diff)
		}
	}
}

func TestMap(t *testing.T) {
	header := strings.Split("Cliente Nº,Teléfono,Otro, con coma,Ciudad,Depto,Nota", ",")
	header = []string{header[0], header[1], "Otro, con coma", "Ciudad", "Depto", "Nota"}
	tests := map[string]struct {
		fields map[string]string
		want   named
	}{
		"by name":       {map[string]string{"customer": "cliente nº"}, named{Phones: []string{"Teléfono"}, Customer: "Cliente Nº", Places: []string{"Ciudad", "Depto"}}},
		"in place of":   {map[string]string{"phone": "nota"}, named{Phones: []string{"Nota"}, Places: []string{"Ciudad", "Depto"}}},
		"several":       {map[string]string{"phone10": "Depto", "phone2": "TELEFONO", "phone": "Nota"}, named{Phones: []string{"Nota", "Teléfono", "Depto"}, Places: []string{"Ciudad"}}},
		"list":          {map[string]string{"phone": "nota,telefono"}, named{Phones: []string{"Nota", "Teléfono"}, Places: []string{"Ciudad", "Depto"}}},
		"with a comma":  {map[string]string{"phone": "otro, con coma"}, named{Phones: []string{"Otro, con coma"}, Places: []string{"Ciudad", "Depto"}}},
		"by place":      {map[string]string{"phone": "#2", "extension": "#6"}, named{Phones: []string{"Teléfono"}, Extension: "Nota", Places: []string{"Ciudad", "Depto"}}},
		"none":          {map[string]string{"city": "-"}, named{Phones: []string{"Teléfono"}}},
		"several towns": {map[string]string{"city": "Depto,Ciudad"}, named{Phones: []string{"Teléfono"}, Places: []string{"Depto", "Ciudad"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, err := findColumns(header, test.fields)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, namesOf(header, c)); diff != "" {
				t.Error(diff)
			}
		})
	}
	for fields, want := range map[[2]string]string{
		{"phone", "movil"}:         `phone="movil" names a column that is not there: the file has 6 columns: "Cliente Nº"`,
		{"phone", "nota,movil"}:    `phone="movil"`,
		{"customer", "nota,depto"}: `names a column that is not there`,
		{"correo", "nota"}:         `there is no field "correo"`,
		{"phoneX", "nota"}:         `there is no field "phoneX"`,
		{"phone", "#7"}:            `names a column that is not there`,
		{"phone", ""}:              `no column seems to hold phone numbers`,
	} {
		_, err := findColumns(header, map[string]string{fields[0]: fields[1]})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", fields, err, want)
		}
	}
}
