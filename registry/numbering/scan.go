package numbering

import "unicode/utf8"

// separator is what stands between two groups of digits, by how firmly it parts
// them. Those before sepComma can stand inside one number.
type separator uint8

const (
	sepNone  separator = iota // the first group
	sepSpace                  // blanks
	sepSoft                   // dots, brackets
	sepDash                   // one dash, close on both sides
	sepGap                    // a dash with blanks
	sepComma
	sepDashes // two dashes or more
	sepSlash
	sepAnd   // y, and, &
	sepRange // al, to
	sepHard  // ; | : a new line, a word
	sepExt   // a label for an extension
	sepSkip  // a label for digits that are no number: "opción 4"
)

// joins tells that two groups may belong to one number.
func (s separator) joins() bool { return s > sepNone && s < sepComma }

// A group is a run of digits in a text, with what stands before it.
type group struct {
	start, end uint16 // in the folded text
	sep        separator
	plus       bool // a plus right before
	stuck      bool // a letter right before or after, which is no label
	named      bool // an unknown word after it: "2 pisos"
}

func (g group) len() int { return int(g.end - g.start) }

// A scan is a text folded to ASCII (see foldRune) and cut into groups of digits.
type scan struct {
	raw    string
	n      int
	text   [MaxInput]byte
	at     [MaxInput + 1]uint16 // where each byte of text comes from in raw
	groups []group
}

// fold fills text and at. It reports whether there is anything but blanks. Bytes
// that are not UTF-8 are taken for Latin-1.
func (s *scan) fold(raw string) (filled bool) {
	s.raw, s.n = raw, 0
	for i := 0; i < len(raw); {
		r, size := rune(raw[i]), 1
		if r >= utf8.RuneSelf {
			if r, size = utf8.DecodeRuneInString(raw[i:]); r == utf8.RuneError && size == 1 {
				r = rune(raw[i])
			}
		}
		if b := foldRune(r); b != dropRune {
			s.text[s.n], s.at[s.n] = b, uint16(i)
			s.n++
			filled = filled || (b != ' ' && b != '\n')
		}
		i += size
	}
	s.at[s.n] = uint16(len(raw))
	return filled
}

// input returns the part of the raw text that groups from..to-1 come from, with
// the sign or bracket in front.
func (s *scan) input(from, to int) string {
	start, end := int(s.groups[from].start), int(s.groups[to-1].end)
	for start > 0 && (s.text[start-1] == '+' || s.text[start-1] == '(') {
		start--
	}
	return s.raw[s.at[start]:s.at[end]]
}

// digitsIn puts the digits of groups from..to-1 together. It reports false when
// they are more than any number has.
func (s *scan) digitsIn(from, to int) (digits, bool) {
	var d digits
	for _, g := range s.groups[from:to] {
		if !d.push(s.text[g.start:g.end]...) {
			return d, false
		}
	}
	return d, true
}

// cut finds the groups.
func (s *scan) cut() {
	s.groups = s.groups[:0]
	var between gap
	for i := 0; i < s.n; {
		switch b := s.text[i]; {
		case isDigit(b):
			g := group{start: uint16(i), sep: between.separator(len(s.groups) == 0), plus: between.plus, stuck: between.stuck}
			for i < s.n && isDigit(s.text[i]) {
				i++
			}
			g.end = uint16(i)
			if between.label && g.len() == 1 && s.closesLabel(i) {
				g.sep = sepSkip // "Tel 2: …"
			}
			s.groups = append(s.groups, g)
			between = gap{}
		case isLetter(b):
			start := i
			for i < s.n && isLetter(s.text[i]) {
				i++
			}
			s.word(start, i, &between)
		default:
			between.symbol(b)
			i++
		}
	}
}

// closesLabel tells that what stands at i ends a label: "Tel 2:", "Cel 1)".
func (s *scan) closesLabel(i int) bool {
	return i < s.n && (s.text[i] == ':' || s.text[i] == ')')
}

// word takes a word into account: as a label, as a conjunction, or as a stranger,
// which must not touch digits.
func (s *scan) word(start, end int, between *gap) {
	kind := kindOf(s.text[start:end])
	left := start > 0 && isDigit(s.text[start-1])
	right := end < s.n && isDigit(s.text[end])
	if left && right && end-start == 2 && s.text[start] == 'x' && s.text[start+1] == 'x' {
		between.soft = true // Brazil's place for a carrier: 0xx11
		return
	}
	if kind == wordPlain && between.empty() && len(s.groups) > 0 {
		s.groups[len(s.groups)-1].named = true
	}
	if kind == wordPlain || (left && right && (kind == wordAnd || kind == wordRange)) {
		if left && len(s.groups) > 0 {
			s.groups[len(s.groups)-1].stuck = true
		}
		between.stuck = between.stuck || right
	}
	if kind == wordLines && len(s.groups) > 0 && s.groups[len(s.groups)-1].len() <= 3 {
		s.groups = s.groups[:len(s.groups)-1] // "con 10 líneas"
	}
	between.word(kind)
}

// A gap gathers what stands between two groups.
type gap struct {
	blank, soft, stuck, plus, label bool
	dashes                          int
	firm                            separator
}

// empty tells that only blanks were seen.
func (g *gap) empty() bool { return !g.soft && g.dashes == 0 && g.firm == 0 }

func (g *gap) symbol(b byte) {
	g.plus = g.plus && (b == '(' || b == ' ')
	switch b {
	case ' ':
		g.blank = true
	case '.', ')':
		g.soft = true
	case '(':
		g.soft, g.label = true, false
	case '-':
		g.dashes++
	case '+':
		g.plus = true
	case ',':
		g.firm = max(g.firm, sepComma)
	case '/', '\\':
		g.firm = max(g.firm, sepSlash)
	case '&':
		g.firm = max(g.firm, sepAnd)
	case '#':
		g.firm = sepExt
	case ':':
		if g.firm < sepExt {
			g.firm = sepHard
		}
	default:
		g.firm = max(g.firm, sepHard)
	}
}

func (g *gap) word(kind wordKind) {
	g.plus, g.label = false, kind == wordLabel
	switch kind {
	case wordExt:
		g.firm = sepExt
	case wordSkip:
		g.firm = sepSkip
	case wordAnd:
		g.firm = max(g.firm, sepAnd)
	case wordRange:
		g.firm = max(g.firm, sepRange)
	default:
		g.firm = sepHard // also after a label for extensions: "ext. Turismo 123"
	}
}

func (g *gap) separator(first bool) separator {
	switch {
	case g.firm == sepExt || g.firm == sepSkip:
		return g.firm
	case first:
		return sepNone
	case g.plus && g.firm == 0:
		return sepHard
	case g.dashes > 1:
		return max(g.firm, sepDashes)
	case g.firm != 0:
		return g.firm
	case g.dashes == 1 && g.blank:
		return sepGap
	case g.dashes == 1:
		return sepDash
	case g.soft:
		return sepSoft
	}
	return sepSpace
}

// wordKind is what a word between digits means.
type wordKind uint8

const (
	wordPlain wordKind = iota
	wordLabel          // says what kind of number follows or went before
	wordExt
	wordAnd
	wordRange
	wordSkip
	wordLines
)

// kindOf knows the words that stand beside numbers in the languages of the
// registry's users, folded.
func kindOf(word []byte) wordKind {
	if len(word) > 16 {
		return wordPlain
	}
	switch string(word) {
	case "tel", "tels", "telf", "tlf", "tlfn", "tfno", "tfnos", "tfn", "fono", "fonos", "telefono", "telefonos",
		"telefone", "telefax", "telfax", "phone", "phones", "ph", "mobile", "mob", "cell", "cel", "cels", "celular",
		"celulares", "movil", "moviles", "fijo", "fijos", "fax", "pbx", "pabx", "conmutador", "conm", "whatsapp", "wp",
		"wsp", "wa", "casa", "oficina", "of", "home", "work", "office", "directo", "linea", "local", "call",
		"no", "num", "numero", "nro", "lada", "contacto", "principal":
		return wordLabel
	case "ext", "exts", "exten", "extn", "extns", "ex", "xt", "x", "extension", "extensions", "extensiones", "extencion",
		"extenciones", "estx", "etx", "exr", "extx", "anexo", "anexos", "anx", "int", "interno", "internos", "ramal",
		"ramais", "dob":
		return wordExt
	case "y", "e", "o", "u", "and", "or", "et", "und", "ou":
		return wordAnd
	case "al", "a", "to", "hasta", "thru", "through", "bis":
		return wordRange
	case "opcion", "opc", "option", "opt", "op", "menu", "tecla":
		return wordSkip
	case "lineas", "lines", "troncales", "canales", "linhas":
		return wordLines
	}
	return wordPlain
}
