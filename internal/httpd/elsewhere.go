package httpd

import (
	"net/http"
	"strings"

	"phoneregistry/internal/auth"
)

// Where the API is.
const (
	graphQLPath = "/graphql"
	restPath    = "/v1/"
)

// ownPages refuses what pages of other sites send that could change something, before anything else looks at it. Browsers
// tell by Sec-Fetch-Site or Origin.
func ownPages(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(foreign))
	return protection.Handler(next)
}

// foreign answers the page of another site, in the form of the interface that it asked.
func foreign(w http.ResponseWriter, r *http.Request) {
	auth.RefuseWith(w, r, http.StatusForbidden, "FORBIDDEN", "the browser says that a page of another site sends this: only pages of this server may")
}

// elsewhere answers what nothing else below restPath takes: 405 when it would be taken by another method.
func elsewhere(mux *http.ServeMux) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var allowed []string
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
			if _, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != restPath {
				allowed = append(allowed, method)
			}
		}
		if len(allowed) == 0 {
			writeError(w, r, http.StatusNotFound, "NOT_FOUND", "there is nothing at this address")
			return
		}
		methods := strings.Join(allowed, ", ")
		w.Header().Set("Allow", methods)
		writeError(w, r, http.StatusMethodNotAllowed, "BAD_REQUEST", "this address is asked for by "+methods)
	}
}
