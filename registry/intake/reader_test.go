package intake

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

func comma() Dialect { return Dialect{Encoding: UTF8, Delimiter: ',', Newline: '\n'} }

// readAll returns the records of a text, and the error that ended it.
func readAll(r *Reader) ([]Record, error) {
	var all []Record
	for {
		rec, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, rec)
	}
}

// fieldsOf returns the fields of each record, with the fault in front where there is one.
func fieldsOf(records []Record, d Dialect) [][]string {
	var all [][]string
	for _, rec := range records {
		fields := d.Split(d.Encoding.Decode(rec.Raw))
		if rec.Fault != "" {
			fields = append([]string{string(rec.Fault)}, fields...)
		}
		all = append(all, fields)
	}
	return all
}

func TestRecords(t *testing.T) {
	tests := map[string]struct {
		dialect Dialect
		text    string
		want    [][]string
	}{
		"plain":                      {comma(), "a,b\nc,d\n", [][]string{{"a", "b"}, {"c", "d"}}},
		"no line end at the end":     {comma(), "a,b\nc,d", [][]string{{"a", "b"}, {"c", "d"}}},
		"CRLF":                       {comma(), "a,b\r\nc,d\r\n", [][]string{{"a", "b"}, {"c", "d"}}},
		"doubled CR":                 {comma(), "a,b\r\r\nc,d\r\r\n", [][]string{{"a", "b"}, {"c", "d"}}},
		"mixed line ends":            {comma(), "a,b\r\nc,d\ne,f", [][]string{{"a", "b"}, {"c", "d"}, {"e", "f"}}},
		"CR alone":                   {Dialect{UTF8, ',', '\r'}, "a,b\rc,d\r", [][]string{{"a", "b"}, {"c", "d"}}},
		"empty lines are no rows":    {comma(), "\n\na,b\n\n \t\r\n,\nc,d\n\n", [][]string{{"a", "b"}, {"", ""}, {"c", "d"}}},
		"quotes":                     {comma(), `"a,1","b ""x"" c",""` + "\n", [][]string{{"a,1", `b "x" c`, ""}}},
		"line breaks in quotes":      {comma(), "\"a\nb\r\nc\",d\ne,f\n", [][]string{{"a\nb\r\nc", "d"}, {"e", "f"}}},
		"blanks around quotes":       {comma(), "a, \"b, c\" ,d\n", [][]string{{"a", "b, c", "d"}}},
		"quote in a field":           {comma(), "12\" pipe,b\n", [][]string{{`12" pipe`, "b"}}},
		"text behind a quote":        {comma(), `1,"El Rancho" Grande,2` + "\n3,x,4\n", [][]string{{"1", "El Rancho Grande", "2"}, {"3", "x", "4"}}},
		"quotes not doubled":         {comma(), `1,"say "hi" now",2` + "\n", [][]string{{"1", `say hi" now"`, "2"}}},
		"quote open to the end":      {comma(), "1,a\n2,\"b\n3,c\n", [][]string{{"1", "a"}, {"UNTERMINATED_QUOTE", "2", "b"}, {"3", "c"}}},
		"quote open on the last":     {comma(), "1,a\n2,\"b", [][]string{{"1", "a"}, {"UNTERMINATED_QUOTE", "2", "b"}}},
		"open before a quoted field": {comma(), "1,\"a,x\n2,\"b\",y\n3,c,z\n", [][]string{{"UNTERMINATED_QUOTE", "1", "a,x"}, {"2", "b", "y"}, {"3", "c", "z"}}},
		"semicolons":                 {Dialect{UTF8, ';', '\n'}, "a,1;\"b;2\"\n", [][]string{{"a,1", "b;2"}}},
		"tabs":                       {Dialect{UTF8, '\t', '\n'}, "a\t\t\"b\tc\"\n", [][]string{{"a", "", "b\tc"}}},
		"one column":                 {Dialect{UTF8, NoDelimiter, '\n'}, "a,b;c\n\"d,e\"\n", [][]string{{"a,b;c"}, {"d,e"}}},
		"windows-1252":               {Dialect{Windows1252, ',', '\n'}, "Bogot\xe1,\x80 5\nM\xc3\xa9xico,x\n", [][]string{{"Bogotá", "€ 5"}, {"México", "x"}}},
		"zero bytes":                 {comma(), "a\x00b,c\n", [][]string{{"a\u2400b", "c"}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, src := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
				records, err := readAll(NewReader(src, test.dialect, Position{}))
				if !errors.Is(err, io.EOF) {
					t.Fatalf("ended with %v, want EOF", err)
				}
				if diff := cmp.Diff(test.want, fieldsOf(records, test.dialect)); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

// utf16Bytes writes a text in UTF-16.
func utf16Bytes(text string, e Encoding) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		if e == UTF16BE {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

func TestRecordsUTF16(t *testing.T) {
	const text = "nombre\tteléfono\r\n\"Ñandú\t1\"\t300\r\n日本\U0001F600\t301"
	want := [][]string{{"nombre", "teléfono"}, {"Ñandú\t1", "300"}, {"日本\U0001F600", "301"}}
	for _, e := range []Encoding{UTF16LE, UTF16BE} {
		d := Dialect{e, '\t', '\n'}
		raw := utf16Bytes(text, e)
		records, err := readAll(NewReader(iotest.HalfReader(bytes.NewReader(raw)), d, Position{}))
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%s ended with %v, want EOF", e, err)
		}
		if diff := cmp.Diff(want, fieldsOf(records, d)); diff != "" {
			t.Errorf("%s: %s", e, diff)
		}
		_, err = readAll(NewReader(bytes.NewReader(raw[:len(raw)-1]), d, Position{}))
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, cut in a character: ended with %v, want %v", e, err, io.ErrUnexpectedEOF)
		}
	}
}

// The longest record that is read has MaxRecord-1 bytes before its line end.
func TestRecordBounds(t *testing.T) {
	line := func(n int) string { return strings.Repeat("x", n) }
	tests := map[string]struct {
		text string
		want []Fault
		raw  int // length of the second record's raw bytes
	}{
		"just fits":               {"a\n" + line(MaxRecord-1) + "\nb\n", []Fault{"", "", ""}, MaxRecord - 1},
		"one too long":            {"a\n" + line(MaxRecord) + "\nb\n", []Fault{"", TooLong, ""}, MaxRaw},
		"ten megabytes":           {"a\n" + line(10<<20) + "\r\nb\n", []Fault{"", TooLong, ""}, MaxRaw},
		"too long at the end":     {"a\n" + line(10<<20), []Fault{"", TooLong}, MaxRaw},
		"too long in quotes":      {"a\n\"" + line(10<<20) + "\"\nb\n", []Fault{"", TooLong, ""}, MaxRaw},
		"too long over two lines": {"a\n\"x\n" + line(MaxRecord+10) + "\"\nb\n", []Fault{"", UnterminatedQuote, TooLong, ""}, 2},
		"too many lines":          {"a\n\"x" + strings.Repeat("\ny", MaxLines+1) + "\"\n", slicesOf(MaxLines+3, 1), 2},
		"many lines":              {"a\n\"x" + strings.Repeat("\ny", MaxLines) + "\"\n", []Fault{"", ""}, 2 + 2*MaxLines + 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := NewReader(strings.NewReader(test.text), comma(), Position{})
			records, err := readAll(r)
			if !errors.Is(err, io.EOF) {
				t.Fatalf("ended with %v, want EOF", err)
			}
			var faults []Fault
			for _, rec := range records {
				faults = append(faults, rec.Fault)
			}
			if diff := cmp.Diff(test.want, faults); diff != "" {
				t.Fatal(diff)
			}
			if got := len(records[1].Raw); got != test.raw {
				t.Errorf("second record has %d bytes, want %d", got, test.raw)
			}
			if last := records[len(records)-1]; last.End != int64(len(test.text)) {
				t.Errorf("last record ends at %d, want %d", last.End, len(test.text))
			}
			if most := 2*MaxRecord + 4*blockSize; cap(r.buf) > most {
				t.Errorf("the buffer grew to %d bytes, want at most %d", cap(r.buf), most)
			}
		})
	}
}

// slicesOf is n faults, of which that at place i is an open quote.
func slicesOf(n, i int) []Fault {
	faults := make([]Fault, n)
	faults[i] = UnterminatedQuote
	return faults
}

func TestReadFault(t *testing.T) {
	broken := errors.New("the disk is gone")
	src := io.MultiReader(strings.NewReader("a,b\nc,d\ne,"), iotest.ErrReader(broken))
	records, err := readAll(NewReader(src, comma(), Position{}))
	if !errors.Is(err, broken) {
		t.Errorf("ended with %v, want %v", err, broken)
	}
	if diff := cmp.Diff([][]string{{"a", "b"}, {"c", "d"}}, fieldsOf(records, comma())); diff != "" {
		t.Error(diff)
	}
}

// Lines that keep quotes open without end must not make reading quadratic: this file has 150,000 of them, and a byte
// of it may be looked at MaxLines times, not 150,000 times.
func TestOpenQuotesStayLinear(t *testing.T) {
	text := strings.Repeat("x\",y,\"\n", 150_000)
	records, err := readAll(NewReader(strings.NewReader(text), comma(), Position{}))
	if !errors.Is(err, io.EOF) || len(records) != 150_000 {
		t.Errorf("got %d records, %v; want one for each line", len(records), err)
	}
}

// FuzzReader holds the reader to what resuming an import depends on: records lie in the file where they say, nothing
// but empty lines lies between them, reading in other pieces or from any record on gives the same records.
func FuzzReader(f *testing.F) {
	f.Add([]byte("a,b\nc,d\n"), byte(0), byte(1))
	f.Add([]byte("a;\"b\r\n\"\"x\";c\r\n\r\n;;\r\n1;2"), byte(1), byte(2))
	f.Add([]byte("\"a\n\"b\",\"\n\"c\n"), byte(4), byte(0))
	f.Add([]byte("a\tb\rc\t\"d\re\"\r"), byte(10), byte(1))
	f.Add(utf16Bytes("a,b\n\"ñ\",d\n", UTF16LE), byte(16), byte(1))
	f.Add([]byte(strings.Repeat("long ", 40)+"\nx,\""+strings.Repeat("y\n", 60)), byte(0), byte(3))
	f.Fuzz(func(t *testing.T, data []byte, how, from byte) {
		d := fuzzDialect(how)
		records, err := readAll(boundedReader(bytes.NewReader(data), d, Position{}))
		if err != io.EOF && (err != io.ErrUnexpectedEOF || d.width() == 1) { //nolint:errorlint // exactly these
			t.Fatalf("ended with %v", err)
		}
		checkPlaces(t, data, d, records)
		other, _ := readAll(boundedReader(iotest.OneByteReader(bytes.NewReader(data)), d, Position{}))
		if diff := cmp.Diff(records, other); diff != "" {
			t.Fatalf("byte by byte the records differ: %s", diff)
		}
		if len(records) == 0 {
			return
		}
		at := records[int(from)%len(records)]
		rest, _ := readAll(boundedReader(bytes.NewReader(data[at.End:]), d, Position{Offset: at.End, Row: at.Row}))
		if diff := cmp.Diff(records[at.Row:], append([]Record{}, rest...)); diff != "" {
			t.Fatalf("read on from row %d the records differ: %s", at.Row, diff)
		}
	})
}

// boundedReader has a small bound on records, so that the fuzzer reaches it.
func boundedReader(src io.Reader, d Dialect, from Position) *Reader {
	r := NewReader(src, d, from)
	r.max, r.keep = 128, 16
	return r
}

func fuzzDialect(how byte) Dialect {
	d := Dialect{Encoding: UTF8, Newline: '\n', Delimiter: []byte{',', ';', '\t', '|', NoDelimiter}[int(how&7)%5]}
	if how&8 != 0 {
		d.Newline = '\r'
	}
	if how&16 != 0 {
		d.Encoding = []Encoding{UTF16LE, UTF16BE}[how>>5&1]
	}
	return d
}

func checkPlaces(t *testing.T, data []byte, d Dialect, records []Record) {
	t.Helper()
	end := int64(0)
	for i, rec := range records {
		if rec.Row != int64(i)+1 || rec.Start < end || rec.End < rec.Start+int64(len(rec.Raw)) || rec.End > int64(len(data)) {
			t.Fatalf("record %d: row %d at %d to %d with %d bytes, behind %d", i, rec.Row, rec.Start, rec.End, len(rec.Raw), end)
		}
		if !bytes.Equal(data[rec.Start:rec.Start+int64(len(rec.Raw))], rec.Raw) {
			t.Fatalf("record %d does not lie at %d", i, rec.Start)
		}
		if between := d.narrow(nil, data[end:rec.Start]); !onlyEmpty(between, d) {
			t.Fatalf("something was left out before record %d: %q", i, between)
		}
		end = rec.End
		if rec.Fault == "" && len(d.Split(d.Encoding.Decode(rec.Raw))) == 0 {
			t.Fatalf("record %d has no fields", i)
		}
	}
	rest := data[end:]
	if d.width() == 2 {
		rest = rest[:len(rest)&^1]
	}
	if !onlyEmpty(d.narrow(nil, rest), d) {
		t.Fatalf("something was left out at the end: %q", rest)
	}
}

func onlyEmpty(units []byte, d Dialect) bool {
	for _, c := range units {
		if c != d.Newline && !d.empty([]byte{c}) {
			return false
		}
	}
	return true
}
