package httpd

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

// readyTimeout bounds how long /readyz waits for the parts.
const readyTimeout = 3 * time.Second

// healthy answers as long as the process can answer at all.
func healthy(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}

// readiness says which parts are ready, but not why one is not: that is for the log.
type readiness struct {
	ready func(context.Context) []Check
	log   *slog.Logger
}

// Ready answers /readyz of a program that has no public face.
func Ready(ready func(context.Context) []Check, log *slog.Logger) http.Handler {
	return strict(&readiness{ready: ready, log: log})
}

type partReady struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
}

// ServeHTTP answers 200 when every part is ready, else 503.
func (s *readiness) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	answer := struct {
		Status string      `json:"status"`
		Checks []partReady `json:"checks"`
	}{Status: "ready", Checks: []partReady{}}
	status := http.StatusOK
	for _, check := range s.ready(ctx) {
		if check.Err != nil {
			status, answer.Status = http.StatusServiceUnavailable, "not ready"
			s.log.WarnContext(ctx, "part is not ready", "part", check.Name, "error", check.Err)
		}
		answer.Checks = append(answer.Checks, partReady{check.Name, check.Err == nil})
	}
	writeJSON(w, status, answer)
}
