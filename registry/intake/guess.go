package intake

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// fold brings the name of a column into the form in which names are compared: words in lower case without accents,
// divided by one blank each. "Teléfono_1", "telefono 1" and "TELEFONO1" are the same, as are "phoneNumber" and "phone
// number".
func fold(name string) string {
	var b strings.Builder
	var last rune
	for _, r := range norm.NFD.String(strings.TrimSpace(name)) {
		switch {
		case unicode.Is(unicode.Mn, r):
			continue
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			r = ' '
		case boundary(last, r):
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
		last = r
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// boundary reports whether a new word begins between two characters that stand side by side.
func boundary(last, r rune) bool {
	if !unicode.IsLetter(last) && !unicode.IsDigit(last) {
		return false
	}
	return unicode.IsLower(last) && unicode.IsUpper(r) || unicode.IsDigit(last) != unicode.IsDigit(r)
}

// words tells which words the names of columns are made of, in Spanish and English.
type words []string

func set(list string) words { return strings.Fields(list) }

func (w words) in(name []string) bool {
	return slices.ContainsFunc(name, func(word string) bool { return slices.Contains(w, word) })
}

// vocabulary is how columns are recognised by their names.
type vocabulary struct {
	phone, notPhone                words
	contact, number                words
	primary, flag                  words
	customer                       []string // whole names, the surest first
	city, state, country, exten    words
	notState                       words
	person, mail, address, notName words
}

func newVocabulary() vocabulary {
	return vocabulary{
		phone: set("telefono telefonos telefonico telefonica tel tels telf telef tlf tlfno tfno fono fonos celular celulares " +
			"cel cels movil moviles whatsapp whats whatsap wasap wapp phone phones telephone telephones mobile mobiles cellphone cell " +
			"msisdn landline conmutador pbx"),
		notPhone: set("tipo type pais country indicativo prefijo prefix lada fecha date " +
			"operador operadora carrier proveedor compania modelo model marca brand valido valid verificado verified status " +
			"tiene has hora horario hour email correo mail id observacion observaciones comentario notas notes area"),
		contact: set("contacto contact llamar call"),
		number:  set("numero num nro no number"),
		primary: set("principal primary primario primaria main preferido preferida preferred predeterminado default"),
		flag:    set("es is flag"),
		customer: []string{
			"customer id", "customerid", "id customer", "id cliente", "cliente id", "idcliente", "client id", "id client",
			"codigo cliente", "cod cliente", "codigo del cliente", "numero cliente", "numero de cliente", "no cliente",
			"customer number", "customer no", "customer code", "account id", "id cuenta", "account number",
			"contact id", "id contacto", "lead id", "user id", "id usuario", "crm id", "external id", "id externo",
			"record id", "rec id", "id registro", "registro id", "uuid", "customer", "documento", "numero documento",
			"numero de documento", "num documento", "nro documento", "no documento", "documento identidad",
			"documento de identidad", "identificacion", "numero identificacion", "numero de identificacion",
			"no identificacion", "id number", "cedula", "cedula ciudadania", "nit", "numero nit", "nit empresa", "rfc",
			"curp", "dni", "nif", "cif", "rut", "ruc", "cuit", "ssn", "id", "cliente", "client",
		},
		city:     set("ciudad municipio localidad poblacion pueblo city town municipality suburb mun loc"),
		state:    set("departamento depto dpto estado provincia entidad ent state province county"),
		notState: set("civil cuenta cliente pago actual usuario registro contacto laboral salud"),
		country:  set("pais country"),
		exten:    set("ext exts extension extensiones anexo interno"),
		person: set("nombre nombres apellido apellidos name surname firstname lastname razon empresa company " +
			"establecimiento institucion organizacion organization organisation titular sede nom"),
		mail:    set("email correo mail emails correos"),
		address: set("direccion domicilio calle address addr street carrera dir addresse via"),
		notName: set("codigo cod code id fecha date numero number no user username usuario archivo file mun ent loc municipio " +
			"ciudad departamento estado region pais tipo"),
	}
}

// guessColumns tells by their names what the columns hold.
func guessColumns(header []string) Columns {
	v := newVocabulary()
	c := Columns{Customer: None, Region: None, Extension: None, Primary: None}
	names := make([][]string, len(header))
	for i, name := range header {
		names[i] = strings.Fields(fold(name))
	}
	c.guessPhones(v, names)
	c.Customer = v.findCustomer(names)
	var cities, states []int
	for i, name := range names {
		switch {
		case slices.Contains(c.Phones, i), i == c.Customer, len(name) == 0:
		case v.country.in(name):
			first(&c.Region, i)
		case v.exten.in(name):
			first(&c.Extension, i)
		case v.primary.in(name):
			first(&c.Primary, i)
		case v.mail.in(name):
			c.Mails = append(c.Mails, i)
		case v.address.in(name):
			c.Addresses = append(c.Addresses, i)
		case v.coded(name):
		case v.city.in(name):
			cities = append(cities, i)
		case v.state.in(name) && !v.notState.in(name):
			states = append(states, i)
		case v.person.in(name) && !v.notName.in(name):
			c.Names = append(c.Names, i)
		}
	}
	c.Cities = cities[:min(len(cities), 1)]
	c.Places = slices.Concat(c.Cities, states[:min(len(states), 1)])
	return c
}

// coded reports whether a column holds the code of something: a city's code completes no number.
func (v vocabulary) coded(name []string) bool {
	return set("codigo cod code id clave cve").in(name)
}

// guessPhones finds the columns of phones: all of them, the primary one first. A name that says both phone and extension
// is a phone only where no other is; a number of a contact likewise.
func (c *Columns) guessPhones(v vocabulary, names [][]string) {
	var main, rest, mixed, contact []int
	for i, name := range names {
		switch {
		case v.notPhone.in(name), v.flag.in(name):
		case v.phone.in(name) && v.exten.in(name):
			mixed = append(mixed, i)
		case v.phone.in(name) && v.primary.in(name):
			main = append(main, i)
		case v.phone.in(name):
			rest = append(rest, i)
		case v.contact.in(name) && v.number.in(name):
			contact = append(contact, i)
		}
	}
	c.Phones = append(main, rest...)
	for _, other := range [][]int{mixed, contact} {
		if len(c.Phones) == 0 {
			c.Phones = other
		}
	}
}

// findCustomer returns the column that names the customer: the surest name in the header, or a first column "X id".
func (v vocabulary) findCustomer(names [][]string) int {
	for _, want := range v.customer {
		for i, name := range names {
			if strings.Join(name, " ") == want {
				return i
			}
		}
	}
	if len(names) > 0 && len(names[0]) == 2 && slices.Contains(names[0], "id") && !v.city.in(names[0]) && !v.state.in(names[0]) {
		return 0
	}
	return None
}

func first(at *int, i int) {
	if *at == None {
		*at = i
	}
}
