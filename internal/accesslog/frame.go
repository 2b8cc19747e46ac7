package accesslog

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"phoneregistry/registry"
)

// A spool is the magic, and then frames: the length of an entry and its CRC-32C, four bytes each, little endian, and the
// entry. The length makes the next frame found, the sum tells a frame that was written to its end.
const (
	magic      = "PRACLOG1"
	frameHead  = 8
	maxPayload = 16 << 10 // of an entry; texts are bounded far below
)

// version begins each entry. Entries of the one before, which spools of an earlier program may hold, have no token.
const (
	version      = 2
	withoutToken = 1
)

var (
	errTorn    = errors.New("the last entry was not written to its end")
	errDamaged = errors.New("what is in the spool is no entry")
)

// polynomial has a machine instruction on all processors that matter.
func polynomial() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendFrame appends the frame of an entry.
func appendFrame(b []byte, e registry.AccessEntry) []byte {
	start := len(b)
	b = append(b, make([]byte, frameHead)...)
	b = append(b, version)
	b = append(b, e.ID[:]...)
	b = binary.AppendVarint(b, e.At.UnixMicro())
	b = binary.AppendVarint(b, e.Revealed)
	for _, text := range [...]string{e.Actor, string(e.Role), e.Purpose, e.Operation, e.RequestID} {
		b = appendText(b, text)
	}
	b = binary.AppendUvarint(b, uint64(len(e.Fields)))
	for _, field := range e.Fields {
		b = appendText(b, field)
	}
	b = appendText(b, e.Token)
	payload := b[start+frameHead:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], crc32.Checksum(payload, polynomial()))
	return b
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// readFrame reads the first frame of b and returns its length. errTorn when b ends before it does, or holds nothing but
// zeros, as some file systems leave them behind; errDamaged when it is no frame.
func readFrame(b []byte) (e registry.AccessEntry, length int, err error) {
	if len(b) < frameHead {
		return e, 0, errTorn
	}
	size := int(binary.LittleEndian.Uint32(b))
	if size == 0 && zeros(b) {
		return e, 0, errTorn
	}
	if size == 0 || size > maxPayload {
		return e, 0, errDamaged
	}
	if len(b) < frameHead+size {
		return e, 0, errTorn
	}
	payload := b[frameHead : frameHead+size]
	if binary.LittleEndian.Uint32(b[4:]) != crc32.Checksum(payload, polynomial()) {
		return e, 0, errDamaged
	}
	r := reader{rest: payload}
	e = r.entry()
	if r.bad || len(r.rest) > 0 {
		return e, 0, errDamaged
	}
	return e, frameHead + size, nil
}

func zeros(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// reader reads an entry. After the first thing that is not there, it reads nothing.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) entry() (e registry.AccessEntry) {
	v := r.bytes(1)
	if r.bad || v[0] != version && v[0] != withoutToken {
		r.bad = true
		return e
	}
	copy(e.ID[:], r.bytes(len(e.ID)))
	e.At = time.UnixMicro(r.number()).UTC()
	e.Revealed = r.number()
	e.Actor, e.Role, e.Purpose = r.text(), registry.Role(r.text()), r.text()
	e.Operation, e.RequestID = r.text(), r.text()
	e.Fields = []string{}
	for range r.length() {
		e.Fields = append(e.Fields, r.text())
	}
	if v[0] == version {
		e.Token = r.text()
	}
	return e
}

func (r *reader) bytes(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) number() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.bad = true
	}
	r.bytes(max(n, 0))
	return v
}

// length reads how long something is: never longer than what is left to read.
func (r *reader) length() int {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	r.bytes(n)
	return int(v)
}

func (r *reader) text() string { return string(r.bytes(r.length())) }
