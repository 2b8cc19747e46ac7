package transport

import (
	"context"
	"encoding/json"
	"math"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/graph/access"
	"phoneregistry/graph/documents"
	"phoneregistry/graph/reveal"
)

// badRequest is a request that is no GraphQL request.
type badRequest struct {
	status        int
	code, message string
}

func bad(message string) *badRequest {
	return &badRequest{http.StatusBadRequest, CodeBadRequest, message}
}

// readParams reads the operation from the query of a GET or the body of a POST. Messages never repeat what was sent.
func (h *Handler) readParams(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *badRequest) {
	start := graphql.Now()
	var params *graphql.RawParams
	var wrong *badRequest
	if r.Method == http.MethodGet {
		params, wrong = paramsOfQuery(r.URL.RawQuery)
	} else {
		params, wrong = h.paramsOfBody(w, r)
	}
	if wrong != nil {
		return nil, wrong
	}
	if params.Query == "" && !documents.Named(params) {
		return nil, bad("want the operation in `query`")
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

func paramsOfQuery(raw string) (*graphql.RawParams, *badRequest) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return nil, bad("the query of the address is not URL-encoded")
	}
	for _, told := range values {
		if slices.ContainsFunc(told, func(text string) bool { return !utf8.ValidString(text) }) {
			return nil, bad("the query of the address is not UTF-8")
		}
	}
	params := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	for name, into := range map[string]*map[string]any{"variables": &params.Variables, "extensions": &params.Extensions} {
		if text := values.Get(name); text != "" {
			made, n, ok := objectOf(text)
			if !ok {
				return nil, bad("`" + name + "` is not a JSON object")
			}
			if into == &params.Extensions && n > maxExtensions {
				return nil, extendedTooFar()
			}
			*into = made
		}
	}
	for _, name := range [...]string{relayID, documents.IDExtension} {
		if id := values.Get(name); id != "" {
			setID(params, id)
		}
	}
	return params, nil
}

// relayID is how Relay's examples name the member that the specification's draft calls documentId.
const relayID = "doc_id"

// setID notes which document a request names.
func setID(params *graphql.RawParams, id string) {
	if params.Extensions == nil {
		params.Extensions = map[string]any{}
	}
	params.Extensions[documents.IDExtension] = id
}

func (h *Handler) paramsOfBody(w http.ResponseWriter, r *http.Request) (*graphql.RawParams, *badRequest) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if charset := params["charset"]; err != nil || media != mediaJSON || (charset != "" && !strings.EqualFold(charset, "utf-8")) {
		return nil, &badRequest{http.StatusUnsupportedMediaType, CodeBadRequest, "want the operation as " + mediaJSON + " in UTF-8"}
	}
	if Coded(r.Header) {
		w.Header().Set("Accept-Encoding", plainCoding)
		return nil, &badRequest{http.StatusUnsupportedMediaType, CodeBadRequest, "want the body as it is, without Content-Encoding"}
	}
	return h.bodies.read(w, r)
}

// plainCoding is how bodies are sent that are what they are.
const plainCoding = "identity"

// Coded reports whether a body must be decoded, by Content-Encoding, before it is what its media type says. Nothing here
// does so: what it would unpack to is not bounded by what was sent.
func Coded(header http.Header) bool {
	return slices.ContainsFunc(header.Values("Content-Encoding"), func(coding string) bool {
		return coding != "" && !strings.EqualFold(coding, plainCoding)
	})
}

// serveOnce runs a query or mutation and answers with its result.
func (h *Handler) serveOnce(w http.ResponseWriter, r *http.Request, params *graphql.RawParams, media string, visit Visit) {
	limit := h.deadline(r.Context())
	ctx, cancel := context.WithTimeout(r.Context(), limit)
	defer cancel()
	opCtx, errs := h.Exec.CreateOperationContext(ctx, params)
	if changesByGet(r, opCtx) {
		refuseChange(w, media, visit)
		return
	}
	if errs != nil {
		if enter(w, media, visit, nil) {
			writeResponse(w, media, requestErrorStatus(media, errs), h.Exec.DispatchError(graphql.WithOperationContext(ctx, opCtx), errs))
		}
		return
	}
	if opCtx.Operation.Operation == ast.Subscription {
		failVisit(w, visit, media, http.StatusBadRequest, CodeNotSupported,
			"subscriptions come as "+mediaStream+" or over a WebSocket")
		return
	}
	if !enter(w, media, visit, opCtx) {
		return
	}
	allow(w, limit)
	responses, opsCtx := h.Exec.DispatchOperation(ctx, opCtx)
	response := responses(opsCtx)
	if response == nil { // the request was given up, or took too long
		writeResponse(w, media, http.StatusServiceUnavailable, &graphql.Response{Errors: timedOut(ctx, limit)})
		return
	}
	writeResponse(w, media, resultStatus(media, response), response)
}

// What an answer may take that is ready, and what a server allows an answer to take in all unless it is told otherwise.
const (
	answerTime = 30 * time.Second
	serverTime = 2 * time.Minute
)

// allow lets an operation with a long deadline outlast what the server allows an answer to take.
func allow(w http.ResponseWriter, limit time.Duration) {
	if limit+answerTime > serverTime {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit + answerTime)) // else the server's holds
	}
}

// changesByGet tells that a GET asks for a mutation, which is refused before anything else that may be wrong with it.
func changesByGet(r *http.Request, opCtx *graphql.OperationContext) bool {
	return r.Method == http.MethodGet && opCtx != nil && opCtx.Operation != nil && opCtx.Operation.Operation == ast.Mutation
}

func refuseChange(w http.ResponseWriter, media string, visit Visit) {
	w.Header().Set("Allow", "POST")
	failVisit(w, visit, onceMedia(media), http.StatusMethodNotAllowed, CodeNotSupported, "a mutation is sent by POST")
}

// statusPartial says that there are data and errors, to those who watch statuses and read no bodies. GraphQL over HTTP
// recommends it with the newer media type; clients that do not know it take it as any 2xx.
const statusPartial = 294

// resultStatus is the status of an operation that was run.
func resultStatus(media string, response *graphql.Response) int {
	switch {
	case media != mediaResponse || len(response.Errors) == 0:
		return http.StatusOK
	case response.Data != nil:
		return statusPartial
	case has(response.Errors, reveal.Code): // what was found must not be shown now
		return http.StatusServiceUnavailable
	}
	return http.StatusBadRequest // refused on the way to the executor
}

// requestErrorStatus is the status of a request that was refused before it was run. GraphQL over HTTP wants 4xx with
// the newer media type, and 200 with application/json when the request was well formed but the document was not. That a
// document is to be sent along is, with application/json, said with 200 as well: Apollo's clients expect it.
//
// An operation that its caller may not ask for is well formed: it is forbidden with the newer media type, and an answer
// with errors like any other to those who read only these.
func requestErrorStatus(media string, errs gqlerror.List) int {
	forbidden := has(errs, access.Code)
	switch {
	case media == mediaJSON && (forbidden || errcode.GetErrorKind(errs) == errcode.KindProtocol || asksForDocument(errs)):
		return http.StatusOK
	case forbidden:
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

func has(errs gqlerror.List, code string) bool {
	return slices.ContainsFunc(errs, func(err *gqlerror.Error) bool { return err.Extensions["code"] == code })
}

func asksForDocument(errs gqlerror.List) bool {
	return has(errs, documents.CodeNotFound) || has(errs, documents.CodeNotSupported)
}

// writeResponse writes a response as JSON. The data has been written as JSON by the executor and is not looked at
// again.
func writeResponse(w http.ResponseWriter, media string, status int, response *graphql.Response) {
	header := w.Header()
	response = withID(response, header)
	body := appendResponse(make([]byte, 0, len(response.Data)+256), response)
	header.Set("Content-Type", media+"; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // JSON, and said to be; a client that has gone is no error of ours
}

func appendResponse(b []byte, response *graphql.Response) []byte {
	b = append(b, '{')
	if len(response.Errors) > 0 {
		b = appendMember(b, "errors", response.Errors)
	}
	if response.Data != nil {
		b = appendName(b, "data")
		b = append(b, response.Data...)
	}
	if len(response.Extensions) > 0 {
		b = appendMember(b, "extensions", response.Extensions)
	}
	return append(b, '}')
}

func appendName(b []byte, name string) []byte {
	if b[len(b)-1] != '{' {
		b = append(b, ',')
	}
	return append(append(append(b, '"'), name...), `":`...)
}

func appendMember(b []byte, name string, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		text = []byte("null") // errors and extensions hold texts, numbers and lists of these
	}
	return append(appendName(b, name), text...)
}

// quality reads the q of a media range: 0 to 1, 1 when it is not there or not a number.
func quality(params map[string]string) float64 {
	q, err := strconv.ParseFloat(params["q"], 64)
	if err != nil || math.IsNaN(q) || q < 0 || q > 1 {
		return 1
	}
	return q
}
