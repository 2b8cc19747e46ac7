package httpd

import (
	"net/http"

	"phoneregistry/graph/reveal"
)

// withPurpose notes for what whole numbers are asked, as the header tells.
func withPurpose(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := reveal.WithPurpose(r.Context(), r.Header.Get(reveal.Header))
		if err != nil {
			writeError(w, r, http.StatusBadRequest, "BAD_REQUEST", err.Error(), reveal.Header)
			return
		}
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
