package httpd

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"phoneregistry/internal/auth"
	"phoneregistry/registry"
)

// streamTickets makes tickets with which browsers open event streams: their EventSource cannot send a token.
type streamTickets struct {
	auth  *auth.Authenticator
	limit deadlines
	log   *slog.Logger
}

// ticketMade answers the request for a ticket.
type ticketMade struct {
	Ticket    string    `json:"ticket"`
	ExpiresAt time.Time `json:"expiresAt"`
}

// make answers POST /v1/stream-tickets: 201 with a ticket. What is sent along is not looked at.
func (s *streamTickets) make(w http.ResponseWriter, r *http.Request) {
	ticket, err := s.auth.NewTicket(r.Context(), auth.FromRequest(r))
	switch {
	case err == nil:
		writeJSON(w, http.StatusCreated, ticketMade{ticket.Text, ticket.ExpiresAt.UTC()})
	case errors.Is(err, auth.ErrUnauthenticated): // it has ended meanwhile
		auth.Refuse(w, r, err)
	case tookTooLong(err):
		timedOut(w, r, s.limit(r.Context()))
	default:
		s.log.ErrorContext(r.Context(), "ticket not made", "error", err, "request_id", registry.ActorFrom(r.Context()).RequestID)
		writeError(w, r, http.StatusServiceUnavailable, "UNAVAILABLE", "no ticket can be made right now: try again")
	}
}
