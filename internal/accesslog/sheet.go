package accesslog

import (
	"context"
	"io"
	"time"

	"phoneregistry/registry"
)

// What of a sheet is recorded and written at once, and in pieces of which size it is written.
const (
	sheetStep  = 256 << 10
	sheetPiece = 16 << 10
)

// Sheet is a file that is sent while it is made. It masks what it is given for callers who see nothing whole; for others
// it records, a step at a time, how much is shown whole before that is written.
type Sheet struct {
	to       io.Writer
	recorder registry.AccessRecorder
	who      registry.Actor
	what     registry.Shown // of the step
	whole    bool
	waiting  []byte
}

// NewSheet makes a sheet for a caller. what names the operation and its field; its count is not looked at.
func NewSheet(to io.Writer, recorder registry.AccessRecorder, who registry.Actor, what registry.Shown) *Sheet {
	what.Values = 0
	return &Sheet{to: to, recorder: recorder, who: who, what: what, whole: who.SeesWholeNumbers()}
}

// Number returns a number to be written next, whole or masked.
func (s *Sheet) Number(n registry.Number) string {
	if !s.whole {
		return n.Masked()
	}
	s.what.Values++
	return n.String()
}

// Raw returns a text that may hold numbers, to be written next; "" for callers who see nothing whole.
func (s *Sheet) Raw(text []byte) string {
	if !s.whole {
		return ""
	}
	s.what.Values++
	return string(text)
}

// Write implements io.Writer.
func (s *Sheet) Write(b []byte) (int, error) {
	s.waiting = append(s.waiting, b...)
	if len(s.waiting) < sheetStep {
		return len(b), nil
	}
	if err := s.Flush(); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Flush records and writes what waits. It must be called at the end.
func (s *Sheet) Flush() error {
	if s.what.Values > 0 {
		if err := s.recorder.Record(s.who, s.what); err != nil {
			return &RecordError{err}
		}
		s.what.Values = 0
	}
	for rest := s.waiting; len(rest) > 0; {
		n, err := s.to.Write(rest[:min(len(rest), sheetPiece)])
		if err != nil {
			return err
		}
		rest = rest[n:]
	}
	s.waiting = s.waiting[:0]
	return nil
}

// RecordError says that something was not shown, because it could not be recorded.
type RecordError struct{ err error }

func (e *RecordError) Error() string { return "record access: " + e.err.Error() }

// Unwrap returns the cause.
func (e *RecordError) Unwrap() error { return e.err }

// Direct records straight into the store. It is for commands, which run once and beside no spool.
type Direct struct {
	Context context.Context //nolint:containedctx // of the command; Record has none
	Store   registry.AccessStore
	origin  uint32
	count   uint32
}

// NewDirect makes a Direct.
func NewDirect(ctx context.Context, store registry.AccessStore) *Direct {
	return &Direct{Context: ctx, Store: store, origin: randomOrigin()}
}

// Ready implements registry.AccessRecorder.
func (d *Direct) Ready() error { return d.Context.Err() }

// Record implements registry.AccessRecorder.
func (d *Direct) Record(who registry.Actor, what registry.Shown) error {
	e := registry.NewAccessEntry(time.Now(), who, what)
	d.count++
	e.ID = newID(e.At, d.origin, d.count)
	return d.Store.AddAccessEntries(d.Context, []registry.AccessEntry{e})
}
