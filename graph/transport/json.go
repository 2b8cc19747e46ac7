package transport

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"runtime"
)

// Bounds of what is read as JSON.
const (
	maxValues     = 1 << 16 // to read a million of them takes a hundred times longer than to read one text of their size
	maxExtensions = 1000    // of these in extensions, of which a few are read
	maxNesting    = 10_000  // of values inside of values, as far as encoding/json goes
)

// stepBytes is after how much others may run: the largest texts take a millisecond to be looked at, in which a short
// request would wait for a core.
const stepBytes = 32 << 10

// fault is why a text is not read.
type fault uint8

const (
	none fault = iota
	notJSON
	tooMuch     // values
	tooExtended // values in extensions
)

// scanner goes over a text once, by RFC 8259, and makes nothing of it: what is refused leaves no garbage behind.
type scanner struct {
	text   []byte
	at     int
	step   int // at which others may run
	values int
}

// rest lets others run, now and then.
func (s *scanner) rest(at int) {
	if at >= s.step {
		if s.step > 0 {
			runtime.Gosched()
		}
		s.step = at + stepBytes
	}
}

// next moves to the next byte that is not white space, and returns it; 0 at the end.
func (s *scanner) next() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\n', '\r', '\t':
			s.at++
			if s.at&(stepBytes-1) == 0 {
				s.rest(s.at)
			}
		default:
			return c
		}
	}
	return 0
}

// nesting tells of each value around the one at hand whether it is an object.
type nesting struct {
	objects uint64   // of the innermost ones, the last in the lowest bit
	outer   []uint64 // of those around them, 64 in each
	depth   int
}

func (n *nesting) enter(object bool) {
	if n.depth > 0 && n.depth&63 == 0 {
		n.outer, n.objects = append(n.outer, n.objects), 0
	}
	n.objects <<= 1
	if object {
		n.objects |= 1
	}
	n.depth++
}

func (n *nesting) leave() {
	n.objects >>= 1
	if n.depth--; n.depth > 0 && n.depth&63 == 0 {
		last := len(n.outer) - 1
		n.objects, n.outer = n.outer[last], n.outer[:last]
	}
}

func (n *nesting) inObject() bool { return n.objects&1 == 1 }

// skip moves behind a value, which has so many others around it.
func (s *scanner) skip(around int) fault {
	var n nesting
	for {
		s.rest(s.at)
		if s.values++; s.values > maxValues {
			return tooMuch
		}
		switch c := s.next(); c {
		case '{', '[':
			if around+n.depth == maxNesting {
				return notJSON
			}
			s.at++
			if s.next() != c+2 { // '}' and ']'
				n.enter(c == '{')
				if c == '{' && !s.skipName() {
					return notJSON
				}
				continue
			}
			s.at++
		case '"':
			if !s.skipText() {
				return notJSON
			}
		default:
			if !s.skipWord(c) {
				return notJSON
			}
		}
		if ended, ok := s.leave(&n); !ok {
			return notJSON
		} else if ended {
			return none
		}
	}
}

// leave moves on to the next value, out of lists and objects that end here; ended: there is none.
func (s *scanner) leave(n *nesting) (ended, ok bool) {
	for n.depth > 0 {
		object := n.inObject()
		switch c := s.next(); {
		case c == ',':
			s.at++
			return false, !object || s.skipName()
		case object && c == '}' || !object && c == ']':
			s.at++
			n.leave()
		default:
			return false, false
		}
	}
	return true, true
}

// skipName moves behind the name of a member and its colon.
func (s *scanner) skipName() bool {
	if s.next() != '"' || !s.skipText() || s.next() != ':' {
		return false
	}
	s.at++
	return true
}

// skipText moves behind a text, from its first quote.
func (s *scanner) skipText() bool {
	for i := s.at + 1; ; {
		i = special(s.text, i)
		if i == len(s.text) {
			return false
		}
		if s.text[i] == '"' {
			s.at = i + 1
			return true
		}
		n := escape(s.text, i)
		if n == 0 {
			return false
		}
		i += n
		s.rest(i)
	}
}

const (
	each = 0x0101010101010101 // times a byte: that byte eight times
	high = 0x80 * each
)

// special finds the next quote, backslash or control character from here on; the length of the text when there is none.
func special(text []byte, at int) int {
	for ; at+8 <= len(text); at += 8 {
		w := binary.LittleEndian.Uint64(text[at:])
		quote, back := w^'"'*each, w^'\\'*each
		// A byte below the one that is subtracted borrows, and leaves its highest bit set; so may those after it.
		found := ((w-' '*each)&^w | (quote-each)&^quote | (back-each)&^back) & high
		if found != 0 {
			return at + bits.TrailingZeros64(found)>>3
		}
	}
	for ; at < len(text); at++ {
		if c := text[at]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return at
}

// escape is the length of the escape that is here; 0: there is none.
func escape(text []byte, at int) int {
	if at+1 >= len(text) || text[at] != '\\' {
		return 0
	}
	switch text[at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(text[at+2:]); ok {
			return 6
		}
	}
	return 0
}

// hex4 reads the four digits of an escape.
func hex4(text []byte) (r rune, ok bool) {
	if len(text) < 4 {
		return 0, false
	}
	for _, c := range text[:4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// skipWord moves behind true, false, null or a number, of which this is the first byte.
func (s *scanner) skipWord(c byte) bool {
	word := "null"
	switch c {
	case 'n':
	case 't':
		word = "true"
	case 'f':
		word = "false"
	default:
		return s.skipNumber()
	}
	if len(s.text)-s.at < len(word) || string(s.text[s.at:s.at+len(word)]) != word {
		return false
	}
	s.at += len(word)
	return true
}

// skipNumber moves behind a number.
func (s *scanner) skipNumber() bool {
	s.one('-', '-')
	if !s.one('0', '0') && !s.digits() {
		return false
	}
	if s.one('.', '.') && !s.digits() {
		return false
	}
	if !s.one('e', 'E') {
		return true
	}
	s.one('+', '-')
	return s.digits()
}

// one moves behind a byte that is one of these.
func (s *scanner) one(a, b byte) bool {
	if s.at < len(s.text) && (s.text[s.at] == a || s.text[s.at] == b) {
		s.at++
		return true
	}
	return false
}

// digits moves behind digits; false: there are none.
func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// members goes over the object at hand, which has so many values around it. value is told the name of each member and the
// first byte of its value, and moves behind that.
func (s *scanner) members(around int, value func(name []byte, first byte) fault) fault {
	if s.next() != '{' || around == maxNesting {
		return notJSON
	}
	s.at++
	s.values++
	if s.next() == '}' {
		s.at++
		return none
	}
	for {
		s.next()
		start := s.at
		if !s.skipName() {
			return notJSON
		}
		name := s.name(start, s.at)
		if f := value(name, s.next()); f != none {
			return f
		}
		switch s.next() {
		case ',':
			s.at++
		case '}':
			s.at++
			return none
		default:
			return notJSON
		}
	}
}

// longestName is how long a name may be, as it is written, that can be one of those that mean something.
const longestName = 6 * len("operationName")

// name is the name of a member, of which only its colon can follow; none where it is too long to be known.
func (s *scanner) name(start, behind int) []byte {
	raw := s.text[start+1 : start+1+bytes.LastIndexByte(s.text[start+1:behind], '"')]
	switch {
	case len(raw) > longestName:
		return nil
	case isPlain(raw):
		return raw
	}
	b := builder{scanner: scanner{text: raw}}
	return []byte(b.unquoted(span{0, len(raw)}))
}

// ends tells that nothing follows.
func (s *scanner) ends() bool { return s.next() == 0 && s.at == len(s.text) }
