package intake

import (
	"bytes"

	"phoneregistry/registry"
)

// signature is how a kind of file that is not CSV begins, and what to say of it.
type signature struct {
	begins string
	what   string
	advice string
}

const (
	saveAsCSV = "save it as CSV (UTF-8) and import that"
	unpack    = "unpack it and import the CSV file inside"
)

// signatures are the files that people take for CSV, or that come under its name.
func signatures() []signature {
	return []signature{
		{"PK\x03\x04", "a zip archive", unpack},
		{"PK\x05\x06", "an empty zip archive", unpack},
		{"\x1f\x8b", "a gzip file", unpack},
		{"\x28\xb5\x2f\xfd", "a zstd file", unpack},
		{"BZh", "a bzip2 file", unpack},
		{"\xfd7zXZ\x00", "an xz file", unpack},
		{"7z\xbc\xaf\x27\x1c", "a 7z archive", unpack},
		{"Rar!\x1a\x07", "a rar archive", unpack},
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel or Office file (xls)", saveAsCSV},
		{"%PDF-", "a PDF document", "ask for the table it was made from, as CSV"},
		{"{\\rtf", "an RTF document", saveAsCSV},
		{"PAR1", "a Parquet file", "this version reads CSV; write the table as CSV"},
		{"SQLite format 3\x00", "an SQLite database", "export the table as CSV"},
		{"\x89PNG", "an image", "this version reads CSV"},
		{"\xff\xd8\xff", "an image", "this version reads CSV"},
		{"GIF8", "an image", "this version reads CSV"},
		{"\x7fELF", "a program", "this version reads CSV"},
		{"MZ\x90\x00", "a program", "this version reads CSV"},
	}
}

// markup is how text begins that is not CSV, in lower case.
func markup() []signature {
	return []signature{
		{"<?xml", "an XML document", saveAsCSV},
		{"<!doctype", "a web page", "an \"xls\" that is a web page inside: open it in a spreadsheet and " + saveAsCSV},
		{"<html", "a web page", "an \"xls\" that is a web page inside: open it in a spreadsheet and " + saveAsCSV},
		{"<table", "a web page", "an \"xls\" that is a web page inside: open it in a spreadsheet and " + saveAsCSV},
		{"begin:vcard", "a vCard file", "export the contacts as CSV"},
		{"{", "JSON", "this version reads CSV"},
		{"[{", "JSON", "this version reads CSV"},
	}
}

// refuse says what a file is that cannot be CSV; nil when it may be.
func refuse(head []byte) *registry.Error {
	for _, s := range signatures() {
		if bytes.HasPrefix(head, []byte(s.begins)) {
			return refusal(name(s, head))
		}
	}
	text := bytes.ToLower(bytes.TrimLeft(head[:min(len(head), 256)], " \t\r\n\xef\xbb\xbf"))
	for _, s := range markup() {
		if bytes.HasPrefix(text, []byte(s.begins)) {
			return refusal(s)
		}
	}
	return nil
}

// name tells the archives apart that are documents.
func name(s signature, head []byte) signature {
	if s.begins != "PK\x03\x04" {
		return s
	}
	switch {
	case bytes.Contains(head, []byte("xl/")):
		return signature{what: "an Excel workbook (xlsx)", advice: saveAsCSV}
	case bytes.Contains(head, []byte("opendocument.spreadsheet")):
		return signature{what: "an OpenDocument spreadsheet (ods)", advice: saveAsCSV}
	case bytes.Contains(head, []byte("[Content_Types].xml")), bytes.Contains(head, []byte("word/")):
		return signature{what: "an Office document", advice: saveAsCSV}
	}
	return s
}

func refusal(s signature) *registry.Error {
	return errorf("", "the file looks like %s, not CSV: %s", s.what, s.advice)
}
