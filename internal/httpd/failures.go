package httpd

import (
	"net/http"

	"phoneregistry/graph/model"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// failures sends what got no answer in a job: lists of this length do not fit into GraphQL.
type failures struct{ downloads }

// download answers GET /v1/jobs/{id}/failures.csv. The answer is never held whole; numbers in it are masked for callers
// who may not see them whole.
func (s *failures) download(w http.ResponseWriter, r *http.Request) {
	s.send(w, r, file{
		name: "failures.csv", of: "job", field: "ValidationFailure.number",
		write: func(out sheet) error {
			id, err := opaque.ParseUUID(model.KindJob, r.PathValue("id"))
			if err != nil {
				return registry.ErrNotFound
			}
			return registry.WriteFailures(r.Context(), s.pages, out, id, out.Number)
		},
	})
}
