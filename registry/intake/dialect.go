// Package intake reads files of contacts: it finds out how a file is written, cuts it into records whose place in the
// file is known to the byte, tells which columns hold what, and turns a record into the numbers of a customer. It is
// pure: it reads from an io.Reader and knows neither files, networks nor databases.
package intake

import (
	"bytes"

	"phoneregistry/registry"
)

// Limits on what is read.
const (
	// MaxRecord is the longest record in bytes; a longer one is skipped to its line end and marked TooLong.
	MaxRecord = 1 << 20
	// MaxLines is how many line breaks the quoted fields of a record may hold.
	MaxLines = 256
	// MaxRaw is how much of a rejected record is kept, in bytes.
	MaxRaw = registry.MaxQuarantinedRaw
	// HeadSize is how many bytes of a file are looked at to tell how it is written. The header must end within them.
	HeadSize = 256 << 10
	// MaxColumns is how many columns a file may have.
	MaxColumns = 2048
	// MaxPhoneColumns is how many of them may hold phones.
	MaxPhoneColumns = 64
)

// NoDelimiter is the delimiter of a file with one column.
const NoDelimiter = byte(0)

// Dialect is how a file is written.
type Dialect struct {
	Encoding  Encoding
	Delimiter byte // ',', ';', '\t', '|' or NoDelimiter
	Newline   byte // '\n' (also stands for CRLF), or '\r' for files that know no other line end
}

// width is how many bytes a code unit has.
func (d Dialect) width() int {
	if d.Encoding == UTF16LE || d.Encoding == UTF16BE {
		return 2
	}
	return 1
}

// blank reports whether c may stand around a quoted field without being part of it.
func (d Dialect) blank(c byte) bool {
	return c != d.Delimiter && (c == ' ' || c == '\t' || c == '\r' || c == '\n') && c != d.Newline
}

// delimits reports whether c ends a field inside a record.
func (d Dialect) delimits(c byte) bool { return c == d.Delimiter && d.Delimiter != NoDelimiter }

// empty reports whether a record holds nothing but blanks. Such a line is no row; one of empty fields is.
func (d Dialect) empty(units []byte) bool {
	for _, c := range units {
		if d.delimits(c) || c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return false
		}
	}
	return true
}

// narrow returns one byte for each code unit, in which everything that structures a record stands for itself: the
// bytes themselves, or the low byte of each UTF-16 unit, with 0xFF for whatever is not ASCII.
func (d Dialect) narrow(dst, b []byte) []byte {
	if d.width() == 1 {
		return b
	}
	lo, hi := 0, 1
	if d.Encoding == UTF16BE {
		lo, hi = 1, 0
	}
	dst = dst[:0]
	for i := 0; i+1 < len(b); i += 2 {
		c := byte(0xFF)
		if b[i+hi] == 0 && b[i+lo] < 0x80 {
			c = b[i+lo]
		}
		dst = append(dst, c)
	}
	return dst
}

// trimEnd cuts the carriage returns that belong to the line end.
func (d Dialect) trimEnd(units []byte) int {
	if d.Newline == '\n' {
		return len(bytes.TrimRight(units, "\r"))
	}
	return len(units)
}
