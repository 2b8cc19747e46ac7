package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// Layout is how a file is written, what its columns are and where its rows begin.
type Layout struct {
	Dialect
	Header  []string // the columns' names as they stand in the file
	Columns Columns
	Data    Position // where the first row begins
}

// Inspect finds out from the head of a file how it is written and which columns hold what. whole tells that head is
// the whole file; otherwise it should be HeadSize bytes. fields are the columns named by the caller, see Columns.
// Its errors are *registry.Error INVALID_INPUT.
func Inspect(head []byte, whole bool, fields map[string]string) (*Layout, error) {
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, errorf("", "the file is empty: a header line and rows are needed")
	}
	if e := refuse(head); e != nil {
		return nil, e
	}
	encoding, mark, ok := detectEncoding(head)
	if !ok {
		return nil, errorf("", "the file is written in UTF-32: save it as UTF-8")
	}
	l := &Layout{Dialect: Dialect{Encoding: encoding, Newline: '\n'}}
	units := l.narrow(nil, head[mark:])
	if encoding != UTF16LE && encoding != UTF16BE && bytes.IndexByte(units, 0) >= 0 {
		return nil, errorf("", "the file holds binary data, not text: this version reads CSV")
	}
	if bytes.IndexByte(units, '\n') < 0 && bytes.IndexByte(units, '\r') >= 0 {
		l.Newline = '\r'
	}
	start := mark + l.separatorLine(units)*l.width()
	if l.Delimiter == NoDelimiter {
		l.Delimiter = l.detectDelimiter(head[start:], whole)
	}
	return l, l.readHeader(head, start, whole, fields)
}

// separatorLine reads the line "sep=;" that Excel understands before the header, and returns its length.
func (l *Layout) separatorLine(units []byte) int {
	line, _, found := bytes.Cut(units, []byte{l.Newline})
	text := strings.Trim(string(line[:min(len(line), 16)]), "\" \r")
	if !found || len(text) != 5 || !strings.EqualFold(text[:4], "sep=") {
		return 0
	}
	l.Delimiter = text[4]
	return len(line) + 1
}

func (l *Layout) readHeader(head []byte, start int, whole bool, fields map[string]string) error {
	r := NewReader(bytes.NewReader(head[start:]), l.Dialect, Position{Offset: int64(start)})
	rec, err := r.Next()
	switch {
	case errors.Is(err, io.EOF):
		return errorf("", "the file is empty: a header line and rows are needed")
	case err != nil:
		return errorf("", "the header line cannot be read: the file ends in the middle of a character")
	case rec.Fault == UnterminatedQuote:
		return errorf("", "the header line opens a quote and does not close it")
	case rec.Fault != "", rec.End == int64(len(head)) && !whole:
		return errorf("", "the file has no line end in its first %d KiB: it is not CSV", HeadSize>>10)
	}
	l.Header = l.Split(l.Encoding.Decode(rec.Raw))
	if len(l.Header) > MaxColumns {
		return errorf("", "the header names %d columns; %d are allowed", len(l.Header), MaxColumns)
	}
	l.Data = Position{Offset: rec.End}
	if _, err := r.Next(); errors.Is(err, io.EOF) && whole {
		return errorf("", "the file holds a header and no rows")
	}
	l.Columns, err = findColumns(l.Header, fields)
	return err
}

// detectDelimiter returns the delimiter by which the records of the head agree best in their number of fields, and
// among equals the one with more fields. When none divides the header there is one column.
func (l *Layout) detectDelimiter(head []byte, whole bool) byte {
	best, bestScore := NoDelimiter, 0.0
	for _, c := range []byte{',', ';', '\t', '|'} {
		d := l.Dialect
		d.Delimiter = c
		if score := d.agreement(head, whole); score > bestScore {
			best, bestScore = c, score
		}
	}
	return best
}

// agreement is how well a dialect fits: the share of records that have as many fields as the header, weighted by how
// many that are; 0 when the header has one.
func (d Dialect) agreement(head []byte, whole bool) float64 {
	const sample = 200
	r := NewReader(bytes.NewReader(head), d, Position{})
	columns, rows, fit := 0, 0, 0
	for rows < sample {
		rec, err := r.Next()
		if err != nil || (rec.End == int64(len(head)) && !whole && columns > 0) {
			break // the last record of the head is cut
		}
		fields := d.Split(string(d.narrow(nil, rec.Raw)))
		for len(fields) > 1 && strings.TrimSpace(fields[len(fields)-1]) == "" {
			fields = fields[:len(fields)-1] // trailing delimiters say nothing
		}
		if columns == 0 {
			columns = len(fields)
			continue
		}
		rows++
		if len(fields) == columns {
			fit++
		}
	}
	if rows == 0 {
		return float64(columns - 1)
	}
	return (float64(fit)/float64(rows) + 0.001) * float64(columns-1)
}
