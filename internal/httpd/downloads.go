package httpd

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"time"

	"phoneregistry/internal/accesslog"
	"phoneregistry/registry"
)

// downloads sends files that are made while they are sent. What they show whole is recorded before it leaves.
type downloads struct {
	accesses registry.AccessRecorder
	pages    pages
	away     func(error) bool
	log      *slog.Logger
}

// sheet is what a file is written to.
type sheet = *accesslog.Sheet

// file is one to be sent.
type file struct {
	name  string
	of    string // what it belongs to, for the message that there is none
	field string // the field of the schema that it shows
	write func(to sheet) error
}

// send answers with a file, to those who may take whole lists with them.
func (d *downloads) send(w http.ResponseWriter, r *http.Request, f file) {
	who := registry.ActorFrom(r.Context())
	if !who.May(registry.ScopeExport) {
		writeError(w, r, http.StatusForbidden, "FORBIDDEN", "the token may not do this: it needs the scope EXPORT")
		return
	}
	out := &download{to: w, control: http.NewResponseController(w)}
	to := accesslog.NewSheet(out, d.accesses, who, registry.Shown{Operation: r.Pattern, Fields: []string{f.field}})
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+f.name+`"`)
	err := f.write(to)
	if err == nil {
		err = to.Flush()
	}
	switch {
	case err == nil:
	case out.begun: // too late for a status: break the answer off, so that nobody takes it for whole
		d.log.WarnContext(r.Context(), "file not sent to its end", "file", f.name, "error", err, "request_id", who.RequestID)
		panic(http.ErrAbortHandler)
	default:
		w.Header().Del("Content-Disposition")
		d.fail(w, r, f, err)
	}
}

// fail answers a request for a file of which nothing was sent.
func (d *downloads) fail(w http.ResponseWriter, r *http.Request, f file, err error) {
	es, isUser := registry.UserErrors(err)
	notRecorded, held := errors.AsType[*accesslog.RecordError](err)
	id := registry.ActorFrom(r.Context()).RequestID
	switch {
	case isUser && len(es) > 0:
		writeError(w, r, http.StatusBadRequest, string(es[0].Code), es[0].Message, es[0].Path...)
	case errors.Is(err, registry.ErrNotFound):
		writeError(w, r, http.StatusNotFound, "NOT_FOUND", "there is no "+f.of+" with this id")
	case held:
		d.log.ErrorContext(r.Context(), "whole numbers held back: the access cannot be recorded", "error", notRecorded, "request_id", id)
		w.Header().Set("Retry-After", "5")
		writeError(w, r, http.StatusServiceUnavailable, "UNAVAILABLE",
			"whole numbers cannot be shown right now, because that cannot be recorded: try again later, or without a purpose")
	case tookTooLong(err):
		timedOut(w, r, d.pages.limit(r.Context()))
	default:
		d.log.ErrorContext(r.Context(), "file not sent", "file", f.name, "error", err, "request_id", id)
		d.fault(w, r, err)
	}
}

// fault answers a request that failed without a fault of its caller.
func (d *downloads) fault(w http.ResponseWriter, r *http.Request, err error) {
	if d.away(err) {
		writeError(w, r, http.StatusServiceUnavailable, "UNAVAILABLE", "something that this needs cannot be reached right now: try again")
		return
	}
	writeError(w, r, http.StatusInternalServerError, "INTERNAL", "internal error")
}

// download writes with a deadline that moves along.
type download struct {
	to      io.Writer
	control *http.ResponseController
	begun   bool
}

// Write implements io.Writer.
func (d *download) Write(b []byte) (int, error) {
	if err := d.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return 0, err
	}
	d.begun = true
	return d.to.Write(b)
}
