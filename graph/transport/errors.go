package transport

import (
	"maps"
	"net/http"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// requestIDHeader is where whoever is in front of the handler tells the id of a request.
const requestIDHeader = "X-Request-Id"

// named returns the errors with the id of their request, so that whoever asks about one can be answered from the log.
// Errors that bear one, and all when there is none, are left as they are.
func named(errs gqlerror.List, requestID string) gqlerror.List {
	lacks := func(err *gqlerror.Error) bool { return err.Extensions["requestId"] == nil }
	if requestID == "" || !slices.ContainsFunc(errs, lacks) {
		return errs
	}
	all := slices.Clone(errs)
	for i, err := range all {
		if !lacks(err) {
			continue
		}
		own := *err
		own.Extensions = maps.Clone(err.Extensions)
		if own.Extensions == nil {
			own.Extensions = map[string]any{}
		}
		own.Extensions["requestId"] = requestID
		all[i] = &own
	}
	return all
}

// withID returns a response whose errors bear the id of the request that is answered with these headers.
func withID(response *graphql.Response, header http.Header) *graphql.Response {
	if len(response.Errors) == 0 {
		return response
	}
	own := *response // others may read it too
	own.Errors = named(response.Errors, header.Get(requestIDHeader))
	return &own
}
