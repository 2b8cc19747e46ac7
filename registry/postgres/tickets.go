package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ticketSlack is how long a ticket is remembered beyond its end: the clocks of servers differ.
const ticketSlack = 5 * time.Minute

// -- name: use_ticket
const useTicket = `
INSERT INTO used_tickets (id, expires_at)
VALUES ($1, $2)
ON CONFLICT (id) DO NOTHING`

// UseTicket notes that a ticket was used; false when it was used before, on whichever server.
func (s *Store) UseTicket(ctx context.Context, id uuid.UUID, expires time.Time) (first bool, err error) {
	tag, err := s.pool.Exec(ctx, useTicket, id, expires)
	return tag.RowsAffected() == 1, wrapped(err, "note ticket")
}

// -- name: forget_tickets
const forgetTickets = `
DELETE FROM used_tickets
WHERE expires_at < $1`

// ForgetTickets removes tickets that are over by the clock of any server.
func (s *Store) ForgetTickets(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, forgetTickets, s.moment().Add(-ticketSlack))
	return wrapped(err, "forget tickets")
}
