package httpd

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"phoneregistry/graph/model"
	"phoneregistry/graph/transport"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
)

// imports is the REST face of imports: files do not fit into GraphQL.
type imports struct {
	downloads
	importer Importer
	service  *registry.Service
	maxBytes int64
	idle     time.Duration // without a byte, an upload is given up
}

// received answers an upload.
type received struct {
	ID              string `json:"id"`
	Status          string `json:"status"`
	AlreadyImported bool   `json:"alreadyImported"`
}

// receive takes a file in: POST /v1/imports?source=…&region=…&area=…&file_name=…&format=…&map=FIELD=COLUMN with the
// file as the body, or as the one file of a form. The body is never held whole. 202 with the import, which goes on by
// itself; 200 when the same file was imported before, and nothing has changed.
func (s *imports) receive(w http.ResponseWriter, r *http.Request) {
	if !registry.ActorFrom(r.Context()).May(registry.ScopeImports) {
		writeError(w, r, http.StatusForbidden, "FORBIDDEN", "the token may not do this: it needs the scope IMPORTS")
		return
	}
	options, err := importOptions(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	body := s.body(w, r)
	file, err := fileOf(r, body, &options)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	options.Asking = s.pages.limit(r.Context())
	batch, already, err := s.importer.Receive(r.Context(), file, options)
	if err != nil {
		s.fail(w, r, errors.Join(err, body.err))
		return
	}
	id := opaque.UUID(model.KindImport, batch.ID)
	status := http.StatusAccepted
	if already {
		status = http.StatusOK
	}
	w.Header().Set("Location", "/v1/imports/"+id)
	writeJSON(w, status, received{id, string(batch.Status), already})
}

// queryOf reads the query of an address. To read only what can be read of it would be to do something else than was meant.
func queryOf(r *http.Request) (url.Values, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, registry.Errorf(registry.CodeInvalidInput, []string{"query"}, "the query of the address is not URL-encoded")
	}
	return query, nil
}

// importOptions reads the parameters of an upload.
func importOptions(r *http.Request) (importer.Options, error) {
	query, err := queryOf(r)
	if err != nil {
		return importer.Options{}, err
	}
	o := importer.Options{
		Source: query.Get("source"), Region: query.Get("region"), Area: query.Get("area"),
		FileName: query.Get("file_name"), Format: query.Get("format"),
	}
	for name, values := range query {
		switch name {
		case "source", "region", "area", "file_name", "format":
			if len(values) > 1 {
				return o, registry.Errorf(registry.CodeInvalidInput, []string{name}, "%s is there %d times: want it once", name, len(values))
			}
		case "map":
		default:
			return o, registry.Errorf(registry.CodeInvalidInput, []string{"query"},
				"there is an unknown parameter: want source, region, area, file_name, format and map")
		}
	}
	for _, pair := range query["map"] {
		field, column, ok := strings.Cut(pair, "=")
		if !ok || field == "" || column == "" {
			return o, registry.Errorf(registry.CodeInvalidInput, []string{"map"},
				"a map is not of the form FIELD=COLUMN; right is for example map=phone%%3DTelefono")
		}
		if o.Map == nil {
			o.Map = map[string]string{}
		}
		o.Map[field] = column
	}
	return o, nil
}

var (
	errMediaType = errors.New("media type")
	errCoded     = errors.New("content coding")
	errNoFile    = registry.Errorf(registry.CodeInvalidInput, []string{"body"}, "the form holds no file near its beginning: want one part with a file name")
)

// fileOf finds the file in the body: all of it, or the first file of a form.
func fileOf(r *http.Request, body io.Reader, o *importer.Options) (io.Reader, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, errMediaType
	}
	if transport.Coded(r.Header) {
		return nil, errCoded
	}
	switch media {
	case "text/csv", "application/octet-stream", "application/vnd.ms-excel": // the last is what Windows calls a CSV file
		return body, nil
	case "multipart/form-data":
	default:
		return nil, errMediaType
	}
	before := &beforeFile{body, maxBeforeFile}
	form := multipart.NewReader(before, params["boundary"])
	for range 20 { // fields of a form before its file
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errBody, err)
		}
		if part.FileName() != "" {
			before.left = -1
			if o.FileName == "" {
				o.FileName = part.FileName()
			}
			return part, nil
		}
	}
	return nil, errNoFile
}

// maxBeforeFile is how many bytes of a form may come before its file. The headers of its parts are held in memory, and the
// library lets them grow to 10 MB.
const maxBeforeFile = 64 << 10

// beforeFile bounds what comes before a file.
type beforeFile struct {
	from io.Reader
	left int // bytes; negative: it has come, and has bounds of its own
}

// Read implements io.Reader.
func (b *beforeFile) Read(p []byte) (int, error) {
	switch {
	case b.left < 0:
		return b.from.Read(p)
	case b.left == 0:
		return 0, errNoFile
	}
	n, err := b.from.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// errBody is a body that could not be read: the client went away, or sends nonsense.
var errBody = errors.New("body could not be read")

// body bounds a body in size, and in how long it may stand still.
func (s *imports) body(w http.ResponseWriter, r *http.Request) *upload {
	return &upload{from: http.MaxBytesReader(w, r.Body, s.maxBytes), control: http.NewResponseController(w), idle: s.idle}
}

type upload struct {
	from    io.Reader
	control *http.ResponseController
	idle    time.Duration
	whole   bool
	err     error // with which reading ended; nil: it did not, or the body was whole
}

// Read reads with a deadline that moves along.
func (u *upload) Read(b []byte) (int, error) {
	if u.whole { // the server watches the connection by now: leave its deadline alone
		return 0, io.EOF
	}
	deadline := time.Now().Add(u.idle)
	if err := errors.Join(u.control.SetReadDeadline(deadline), u.control.SetWriteDeadline(deadline.Add(writeTimeout))); err != nil {
		u.err = fmt.Errorf("%w: %w", errBody, err)
		return 0, u.err
	}
	n, err := u.from.Read(b)
	if errors.Is(err, io.EOF) {
		u.whole = true
	} else if err != nil {
		u.err = fmt.Errorf("%w: %w", errBody, err)
		return n, u.err
	}
	return n, err
}

// fail answers an upload, or a question about one, that went wrong.
func (s *imports) fail(w http.ResponseWriter, r *http.Request, err error) {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		writeError(w, r, http.StatusRequestEntityTooLarge, "LIMIT_EXCEEDED",
			fmt.Sprintf("the file is too large: at most %d bytes are allowed", tooLarge.Limit))
		return
	}
	es, isUser := registry.UserErrors(err)
	switch {
	case isUser && len(es) > 0:
		writeError(w, r, http.StatusBadRequest, string(es[0].Code), es[0].Message, es[0].Path...)
	case errors.Is(err, errMediaType):
		writeError(w, r, http.StatusUnsupportedMediaType, "INVALID_INPUT",
			"want the file as text/csv, application/octet-stream or in multipart/form-data")
	case errors.Is(err, errCoded):
		w.Header().Set("Accept-Encoding", "identity")
		writeError(w, r, http.StatusUnsupportedMediaType, "INVALID_INPUT", "want the file as it is, without Content-Encoding")
	case errors.Is(err, registry.ErrNotFound):
		writeError(w, r, http.StatusNotFound, "NOT_FOUND", "there is no import with this id")
	case errors.Is(err, errBody):
		writeError(w, r, http.StatusBadRequest, "INVALID_INPUT", "the body could not be read to its end")
	case tookTooLong(err):
		timedOut(w, r, s.pages.limit(r.Context()))
	default:
		s.log.ErrorContext(r.Context(), "import request failed", "error", err,
			"request_id", registry.ActorFrom(r.Context()).RequestID)
		s.fault(w, r, err)
	}
}

// shown is an import as REST shows it.
type shown struct {
	ID              string           `json:"id"`
	FileName        *string          `json:"fileName"`
	Source          string           `json:"source"`
	Region          *string          `json:"region"`
	Status          string           `json:"status"`
	BytesTotal      int64            `json:"bytesTotal"`
	BytesRead       int64            `json:"bytesRead"`
	RowsRead        int64            `json:"rowsRead"`
	RowsAccepted    int64            `json:"rowsAccepted"`
	RowsRejected    int64            `json:"rowsRejected"`
	NumbersAccepted int64            `json:"numbersAccepted"`
	PhonesCreated   int64            `json:"phonesCreated"`
	ContactsCreated int64            `json:"contactsCreated"`
	ContactsMerged  int64            `json:"contactsMerged"`
	Rejections      map[string]int64 `json:"rejections"`
	RowsPerSecond   float64          `json:"rowsPerSecond"`
	CreatedBy       string           `json:"createdBy"`
	CreatedAt       time.Time        `json:"createdAt"`
	CompletedAt     *time.Time       `json:"completedAt"`
	ErrorMessage    *string          `json:"errorMessage"`
}

// show answers GET /v1/imports/{id}, to those who may read and to those who take files in.
func (s *imports) show(w http.ResponseWriter, r *http.Request) {
	if who := registry.ActorFrom(r.Context()); !who.May(registry.ScopeRead) && !who.May(registry.ScopeImports) {
		writeError(w, r, http.StatusForbidden, "FORBIDDEN", "the token may not do this: it needs the scope READ or IMPORTS")
		return
	}
	id, err := opaque.ParseUUID(model.KindImport, r.PathValue("id"))
	if err != nil {
		s.fail(w, r, registry.ErrNotFound)
		return
	}
	batch, err := s.service.Import(r.Context(), id)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	b := model.ImportBatch{ImportBatch: batch}
	answer := shown{
		ID: b.ID(), FileName: b.FileName(), Source: b.Source, Region: b.Region(), Status: string(b.Status),
		BytesTotal: b.BytesTotal, BytesRead: b.BytesRead, RowsRead: b.RowsRead, RowsAccepted: b.RowsAccepted,
		RowsRejected: b.RowsRejected, NumbersAccepted: b.NumbersAccepted, PhonesCreated: b.PhonesCreated,
		ContactsCreated: b.ContactsCreated, ContactsMerged: b.ContactsMerged, Rejections: batch.Rejections,
		RowsPerSecond: b.RowsPerSecond(), CreatedBy: b.CreatedBy, CreatedAt: b.CreatedAt.UTC(), ErrorMessage: b.ErrorMessage(),
	}
	if answer.Rejections == nil {
		answer.Rejections = map[string]int64{}
	}
	if !b.CompletedAt.IsZero() {
		completed := b.CompletedAt.UTC()
		answer.CompletedAt = &completed
	}
	writeJSON(w, http.StatusOK, answer)
}

// quarantine answers GET /v1/imports/{id}/quarantine.csv?reason=…: what was not accepted, with the rows as received for
// those who may see whole numbers.
func (s *imports) quarantine(w http.ResponseWriter, r *http.Request) {
	s.send(w, r, file{
		name: "quarantine.csv", of: "import", field: "QuarantineEntry.raw",
		write: func(out sheet) error {
			id, err := opaque.ParseUUID(model.KindImport, r.PathValue("id"))
			if err != nil {
				return registry.ErrNotFound
			}
			query, err := queryOf(r)
			if err != nil {
				return err
			}
			filter := registry.QuarantineFilter{Import: id, Reason: query.Get("reason")}
			return importer.WriteQuarantine(r.Context(), s.pages, out, filter, out.Raw)
		},
	})
}
