package intake

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encoding is how a file writes its characters.
type Encoding string

// The encodings that are read. UTF-8 and windows-1252 are told apart record by record, since files that were put
// together from several hold both; text in windows-1252 that happens to be valid UTF-8 is next to impossible.
const (
	UTF8        Encoding = "utf-8"
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	Windows1252 Encoding = "windows-1252" // also stands for latin-1, whose printed characters it includes
)

// Decode returns the characters of raw. Bytes that mean nothing in the encoding become U+FFFD; NUL, which PostgreSQL
// cannot keep in a text, becomes U+2400, its picture.
func (e Encoding) Decode(raw []byte) string {
	var text string
	switch {
	case e == UTF16LE || e == UTF16BE:
		text = decodeUTF16(e, raw)
	case utf8.Valid(raw):
		text = string(raw)
	default:
		text = decode1252(raw)
	}
	if strings.IndexByte(text, 0) >= 0 {
		text = strings.ReplaceAll(text, "\x00", "\u2400")
	}
	return text
}

func decodeUTF16(e Encoding, raw []byte) string {
	order := unicode.LittleEndian
	if e == UTF16BE {
		order = unicode.BigEndian
	}
	out, err := unicode.UTF16(order, unicode.IgnoreBOM).NewDecoder().Bytes(raw)
	if err != nil { // the decoder replaces what it cannot read, so this says that it stopped in the middle of a unit
		return strings.ToValidUTF8(string(out), "\uFFFD")
	}
	return string(out)
}

func decode1252(raw []byte) string {
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/8)
	for _, c := range raw {
		if c < utf8.RuneSelf {
			b.WriteByte(c)
			continue
		}
		b.WriteRune(charmap.Windows1252.DecodeByte(c))
	}
	return b.String()
}

// detectEncoding tells the encoding from the head of a file and how many bytes its mark takes. ok is false for a mark
// of an encoding that is not read.
func detectEncoding(head []byte) (e Encoding, mark int, ok bool) {
	switch {
	case bytes.HasPrefix(head, []byte{0xEF, 0xBB, 0xBF}):
		return UTF8, 3, true
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE, 0, 0}), bytes.HasPrefix(head, []byte{0, 0, 0xFE, 0xFF}):
		return "", 4, false
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}):
		return UTF16LE, 2, true
	case bytes.HasPrefix(head, []byte{0xFE, 0xFF}):
		return UTF16BE, 2, true
	}
	if e, ok := unmarkedUTF16(head); ok {
		return e, 0, true
	}
	for start := 0; start < len(head); { // the first byte beyond ASCII tells
		r, n := utf8.DecodeRune(head[start:])
		if r == utf8.RuneError && n == 1 {
			if !utf8.FullRune(head[start:]) {
				break // cut by the end of the head
			}
			return Windows1252, 0, true
		}
		if n > 1 {
			return UTF8, 0, true
		}
		start += n
	}
	return UTF8, 0, true
}

// unmarkedUTF16 recognises UTF-16 without a mark by the zero in every other byte.
func unmarkedUTF16(head []byte) (Encoding, bool) {
	head = head[:min(len(head), 512)&^1]
	var zeros [2]int
	for i, c := range head {
		if c == 0 {
			zeros[i&1]++
		}
	}
	half := len(head) / 2
	switch {
	case half < 8:
		return "", false
	case zeros[0] == 0 && zeros[1] >= half*9/10:
		return UTF16LE, true
	case zeros[1] == 0 && zeros[0] >= half*9/10:
		return UTF16BE, true
	}
	return "", false
}
