package httpd

import (
	"errors"
	"log/slog"
	"net/http"

	"phoneregistry/graph/model"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// failures sends what got no answer in a job: lists of this length do not fit into GraphQL.
type failures struct {
	service *registry.Service
	log     *slog.Logger
}

// download answers GET /v1/jobs/{id}/failures.csv. The answer is never held whole; numbers in it are masked for callers
// who may not see them whole.
func (s *failures) download(w http.ResponseWriter, r *http.Request) {
	id, err := opaque.ParseUUID(model.KindJob, r.PathValue("id"))
	if err != nil {
		s.fail(w, r, registry.ErrNotFound)
		return
	}
	out := &download{to: w, control: http.NewResponseController(w)}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="failures.csv"`)
	err = s.service.WriteFailures(r.Context(), out, id)
	switch {
	case err == nil:
	case out.begun: // too late for a status: break the answer off, so that nobody takes it for whole
		s.log.WarnContext(r.Context(), "failures not sent", "error", err, "request_id", registry.ActorFrom(r.Context()).RequestID)
		panic(http.ErrAbortHandler)
	default:
		w.Header().Del("Content-Disposition")
		s.fail(w, r, err)
	}
}

func (s *failures) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, registry.ErrNotFound) {
		writeError(w, r, http.StatusNotFound, "NOT_FOUND", "there is no job with this id")
		return
	}
	s.log.ErrorContext(r.Context(), "failures request failed", "error", err, "request_id", registry.ActorFrom(r.Context()).RequestID)
	writeError(w, r, http.StatusInternalServerError, "INTERNAL", "internal error")
}
