package transport

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// span is a part of a text.
type span struct{ from, to int }

func (s span) len() int { return s.to - s.from }

// builder makes values of a text that a scanner has found to be JSON. Nothing that it makes is a part of that text.
type builder struct {
	scanner
	copied string // of the whole text, for what is made to be a part of; "": each part is copied by itself
}

// value makes the value at hand: nil, a bool, a json.Number, a string, a []any or a map[string]any.
func (b *builder) value() any {
	b.rest(b.at)
	switch b.next() {
	case '{':
		return b.object(nil)
	case '[':
		return b.list()
	case '"':
		return b.string()
	case 'n':
		b.at += len("null")
		return nil
	case 't':
		b.at += len("true")
		return true
	case 'f':
		b.at += len("false")
		return false
	}
	start := b.at
	b.skipNumber()
	return json.Number(b.cut(span{start, b.at}))
}

// object adds the members of an object to a map, or to a new one. Of members of one name the last one counts.
func (b *builder) object(into map[string]any) map[string]any {
	if into == nil {
		into = map[string]any{}
	}
	for {
		b.at++ // '{' or ','
		if b.next() == '}' {
			break
		}
		name := b.string()
		b.next()
		b.at++ // ':'
		into[name] = b.value()
		if b.next() == '}' {
			break
		}
	}
	b.at++
	return into
}

// objects makes one map of objects, of which these are the places.
func (b *builder) objects(at []int) (into map[string]any) {
	for _, b.at = range at {
		into = b.object(into)
	}
	return into
}

// objectOf reads a text that is one object, or null, and how many values it has.
func objectOf(text string) (made map[string]any, values int, ok bool) {
	b := builder{scanner: scanner{text: []byte(text)}}
	first := b.next()
	start := b.at
	if (first != '{' && first != 'n') || b.skip(0) != none || !b.ends() {
		return nil, 0, false
	}
	if first == '{' {
		b.at = start
		made = b.object(nil)
	}
	return made, b.values, true
}

func (b *builder) list() []any {
	list := []any{}
	for {
		b.at++ // '[' or ','
		if b.next() == ']' {
			break
		}
		list = append(list, b.value())
		if b.next() == ']' {
			break
		}
	}
	b.at++
	return list
}

// string makes the text at hand.
func (b *builder) string() string {
	start := b.at
	b.skipText()
	return b.unquoted(span{start + 1, b.at - 1})
}

// unquoted makes the text between two quotes.
func (b *builder) unquoted(in span) string {
	raw := b.text[in.from:in.to]
	if isPlain(raw) {
		return b.cut(in)
	}
	var made strings.Builder
	made.Grow(len(raw))
	unquote(raw, &made)
	return made.String()
}

// cut makes a part of the text as it is.
func (b *builder) cut(in span) string {
	if b.copied != "" {
		return b.copied[in.from:in.to]
	}
	return string(b.text[in.from:in.to])
}

// isPlain tells that what is between two quotes is the text itself.
func isPlain(raw []byte) bool { return bytes.IndexByte(raw, '\\') < 0 }

// unquotedLen is the length of the text between two quotes, as it would be made.
func unquotedLen(raw []byte) int {
	if isPlain(raw) {
		return len(raw)
	}
	return unquote(raw, nil)
}

// unquote writes what is between two quotes as it is meant, and tells how long that is. Escapes are what they stand for;
// half of a surrogate pair is U+FFFD. nil: it is only counted.
func unquote(raw []byte, made *strings.Builder) (n int) {
	pace := scanner{}
	for at := 0; ; {
		end := special(raw, at)
		n += end - at
		if made != nil {
			made.Write(raw[at:end])
		}
		if end == len(raw) {
			return n
		}
		r, size := character(raw[end:])
		n += utf8.RuneLen(r)
		if made != nil {
			made.WriteRune(r)
		}
		at = end + size
		pace.rest(at)
	}
}

// character reads an escape.
func character(raw []byte) (r rune, n int) {
	switch c := raw[1]; c {
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
	default:
		return rune(c), 2
	}
	r, _ = hex4(raw[2:])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(raw) >= 12 && raw[6] == '\\' && raw[7] == 'u' {
		second, _ := hex4(raw[8:])
		if both := utf16.DecodeRune(r, second); both != utf8.RuneError {
			return both, 12
		}
	}
	return utf8.RuneError, 6
}
