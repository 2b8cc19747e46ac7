package intake

import "bytes"

// outcome is what scan found at the start of its units.
type outcome int

const (
	more    outcome = iota // the record does not end here; more units are needed to tell
	whole                  // a record
	unquote                // a quote is opened that nothing closes: the record is its first line
)

// scan finds the end of the record that begins at b[0]. b holds code units (see Dialect.narrow); eof tells that
// nothing follows them. end is where the record ends without its line end, next where the next one begins.
//
// Quotes follow RFC 4180: a field that begins with one (blanks before it are allowed) runs to the next lone quote and
// may hold delimiters and line breaks; a quote inside it is doubled. It is lenient where the meaning is clear: quotes
// in the middle of a field stand for themselves, and text behind a closing quote belongs to the field. But when a
// quoted field spans lines and text follows its closing quote, the opening quote is a slip of the pen and the "closing"
// one opens a field of a later line: then only the first line is given up, and reading goes on behind it.
//
// What scan finds depends on nothing before b, so reading can begin at any record. The bound on lines keeps reading
// linear: whatever a file holds, a byte is looked at MaxLines times at most.
func scan(b []byte, d Dialect, eof bool) (end, next int, found outcome) {
	line := bytes.IndexByte(b, d.Newline)
	first := b
	if line >= 0 {
		first = b[:line]
	}
	if bytes.IndexByte(first, '"') < 0 {
		return lineEnd(b, line, d, eof)
	}
	counted, lines := max(line, 0), 0
	for p := 0; ; p++ { // p is at the start of a field
		s := p
		for s < len(b) && d.blank(b[s]) {
			s++
		}
		if s < len(b) && b[s] == '"' {
			var ok bool
			if p, ok = closing(b, s+1, eof); !ok {
				return givenUp(b, line, d, eof)
			}
			if p > counted && line >= 0 {
				lines += bytes.Count(b[counted:p], []byte{d.Newline})
				counted = p
			}
			if lines > MaxLines {
				return givenUp(b, line, d, true)
			}
			p++
			t := p
			for t < len(b) && d.blank(b[t]) {
				t++
			}
			switch {
			case t == len(b) && !eof:
				return 0, 0, more
			case t == len(b), b[t] == d.Newline, d.delimits(b[t]):
				p = t
			case bytes.IndexByte(b[s:p], d.Newline) >= 0:
				return givenUp(b, line, d, true)
			}
		}
		for p < len(b) && b[p] != d.Newline && !d.delimits(b[p]) {
			p++
		}
		if p == len(b) || b[p] == d.Newline {
			if p == len(b) {
				p = -1
			}
			return lineEnd(b, p, d, eof)
		}
	}
}

// closing returns the place of the lone quote that closes the field whose text begins at p. Without one, or when it
// cannot be told yet whether a quote at the end is lone, it returns false.
func closing(b []byte, p int, eof bool) (int, bool) {
	for {
		i := bytes.IndexByte(b[p:], '"')
		if i < 0 {
			return 0, false
		}
		p += i
		if p+1 == len(b) {
			return p, eof
		}
		if b[p+1] != '"' {
			return p, true
		}
		p += 2
	}
}

// givenUp is the outcome when no quote closes an open field in b; line is the first line break.
func givenUp(b []byte, line int, d Dialect, eof bool) (end, next int, found outcome) {
	if end, next, found = lineEnd(b, line, d, eof); found == more || !eof {
		return 0, 0, more
	}
	return end, next, unquote
}

// lineEnd is the outcome of a record that ends at the line break at p, or, with p < 0, at the end of b.
func lineEnd(b []byte, p int, d Dialect, eof bool) (end, next int, found outcome) {
	switch {
	case p >= 0:
		return d.trimEnd(b[:p]), p + 1, whole
	case eof:
		return d.trimEnd(b), len(b), whole
	}
	return 0, 0, more
}
