package intake

import (
	"bytes"
	"errors"
	"io"
)

// Fault is what is wrong with a record as such. It is the reason code in quarantine.
type Fault string

// The faults of records.
const (
	// TooLong: longer than MaxRecord; skipped to its line end.
	TooLong Fault = "LINE_TOO_LONG"
	// UnterminatedQuote: a quote is opened and never closed; the record is the line that opens it.
	UnterminatedQuote Fault = "UNTERMINATED_QUOTE"
)

// Record is a record as it stands in the file.
type Record struct {
	Row   int64  // number of the data row; 1 is the first after the header
	Start int64  // offset of its first byte in the file
	End   int64  // offset of the first byte behind it and its line end: reading can go on from here
	Raw   []byte // as received, without its line end; at most MaxRaw bytes when TooLong
	Fault Fault  // "" when it is well formed
}

// Position is where in a file reading begins: a byte offset at which a record starts, and how many rows lie before.
type Position struct {
	Offset int64
	Row    int64
}

// blockSize is how much is read at once.
const blockSize = 128 << 10

// Reader cuts a file into records. It holds at most MaxRecord and one block; records keep the block they lie in alive,
// so they stay valid as long as they are needed. It is not safe for concurrent use.
type Reader struct {
	src     io.Reader
	dialect Dialect
	buf     []byte // what was read and not yet given out
	narrow  []byte // buf as code units, for UTF-16
	at      Position
	err     error // what the source ended with; nil while there is more
	max     int   // MaxRecord; smaller in tests
	keep    int   // MaxRaw; smaller in tests
}

// NewReader returns a reader of what src holds from the given position on.
func NewReader(src io.Reader, d Dialect, from Position) *Reader {
	return &Reader{src: src, dialect: d, at: from, max: MaxRecord, keep: MaxRaw}
}

// Position returns where the next record is looked for.
func (r *Reader) Position() Position { return r.at }

// Next returns the next record that is not empty. Its error is io.EOF at the end, or the source's own: then every whole
// record before the fault has been returned, and the broken one is not.
func (r *Reader) Next() (Record, error) {
	for {
		rec, err := r.next()
		if err != nil {
			return Record{}, err
		}
		if rec.Fault == "" && r.dialect.empty(r.dialect.narrow(nil, rec.Raw)) {
			continue
		}
		r.at.Row++
		rec.Row = r.at.Row
		return rec, nil
	}
}

func (r *Reader) next() (Record, error) {
	w := r.dialect.width()
	for {
		units := r.units()
		if len(units) == 0 && r.err != nil {
			return Record{}, r.end()
		}
		full := len(units) == r.max/w
		ended := r.atEOF() && !full
		end, next, found := scan(units, r.dialect, ended)
		if found == more && full {
			line := bytes.IndexByte(units, r.dialect.Newline)
			if line < 0 {
				return r.skipLine()
			}
			end, next, found = givenUp(units, line, r.dialect, true)
		}
		switch {
		case found == whole:
			return r.take(end*w, next*w, ""), nil
		case found == unquote:
			return r.take(end*w, next*w, UnterminatedQuote), nil
		case r.err != nil:
			return Record{}, r.end()
		}
		r.fill()
	}
}

// units returns what the buffer holds as code units, at most one record.
func (r *Reader) units() []byte {
	w := r.dialect.width()
	if w == 1 {
		return r.buf[:min(len(r.buf), r.max)]
	}
	return r.narrow[:min(len(r.narrow), r.max/w)]
}

func (r *Reader) atEOF() bool { return errors.Is(r.err, io.EOF) }

// end returns the error with which the source ended. A broken last record is left unread.
func (r *Reader) end() error {
	if r.atEOF() && len(r.buf) > 0 && r.dialect.width() == 2 {
		r.buf = nil
		return io.ErrUnexpectedEOF // half a code unit
	}
	return r.err
}

// take gives out the first n bytes of the buffer as a record and goes on at next.
func (r *Reader) take(n, next int, f Fault) Record {
	rec := Record{Start: r.at.Offset, Raw: r.buf[:n:n], Fault: f}
	r.buf = r.buf[next:]
	if w := r.dialect.width(); w > 1 {
		r.narrow = r.narrow[next/w:]
	}
	r.at.Offset += int64(next)
	rec.End = r.at.Offset
	return rec
}

// fill reads one block behind what is there. The old block stays with the records that lie in it.
func (r *Reader) fill() {
	r.read()
	if r.dialect.width() > 1 {
		r.narrow = r.dialect.narrow(r.narrow, r.buf)
	}
}

func (r *Reader) read() {
	if cap(r.buf)-len(r.buf) < blockSize/2 {
		grown := make([]byte, len(r.buf), max(2*len(r.buf), blockSize)+blockSize)
		copy(grown, r.buf)
		r.buf = grown
	}
	for tries := 0; ; tries++ {
		n, err := r.src.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		if err != nil {
			r.err = err
			return
		}
		if n > 0 {
			return
		}
		if tries == 100 {
			r.err = io.ErrNoProgress
			return
		}
	}
}

// skipLine reads to the next line end without keeping what lies before it, and returns the record's first MaxRaw
// bytes.
func (r *Reader) skipLine() (Record, error) {
	rec := Record{Start: r.at.Offset, Fault: TooLong, Raw: bytes.Clone(r.buf[:r.keep])}
	for {
		units := r.units()
		if i := bytes.IndexByte(units, r.dialect.Newline); i >= 0 {
			r.take(0, (i+1)*r.dialect.width(), "")
			rec.End = r.at.Offset
			return rec, nil
		}
		r.take(0, len(units)*r.dialect.width(), "")
		if len(r.buf) >= r.dialect.width() {
			continue
		}
		if r.atEOF() {
			rec.End = r.at.Offset
			return rec, nil
		}
		if r.err != nil {
			return Record{}, r.err
		}
		r.fill()
	}
}
