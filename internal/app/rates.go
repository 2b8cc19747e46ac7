package app

import (
	"time"

	"phoneregistry/internal/config"
	"phoneregistry/internal/httpd"
	"phoneregistry/internal/limit"
	"phoneregistry/internal/live"
)

// bound gives the HTTP face its limits in number and time.
func (s *Server) bound(c httpd.Config) (httpd.Config, error) {
	r := s.config.Rates
	limiter, err := limit.New(limit.Config{
		Reads: r.RateReads, Writes: r.RateWrites, Messages: r.RateMessages,
		Connections:   limit.Bound{Own: r.TokenSockets, Total: r.AllSockets},
		Subscriptions: limit.Bound{Own: r.TokenSubscriptions, Total: r.AllSubscriptions},
		Operations:    limit.Bound{Own: r.TokenOperations, Total: r.AllOperations},
		Pending:       limit.Bound{Own: r.TokenWrites, Total: r.AllWrites},
		Registerer:    s.metrics,
	})
	if err != nil {
		return c, err
	}
	deadlines, err := r.Deadlines()
	if err != nil {
		return c, err
	}
	c.Rates, c.Deadline, c.MaxBody = limiter, deadlines.Of, r.MaxBody
	return c, nil
}

// openHub makes what tells of changes. What it looks at is shared by callers of all roles: a look may take as long as the one
// who may wait longest.
func (s *Server) openHub() error {
	deadlines, err := s.config.Rates.Deadlines()
	if err != nil {
		return err
	}
	s.hub, err = live.New(live.Config{
		Conn: s.conn, Service: s.service, Logger: s.log, Registerer: s.metrics, Look: deadlines.Longest(),
	})
	return err
}

// statementLimit is how long PostgreSQL may work on one statement: longer than any operation, which cancels its statements
// itself. It ends what nobody waits for any more.
func statementLimit(r config.Rates) (time.Duration, error) {
	deadlines, err := r.Deadlines()
	return max(time.Minute, deadlines.Longest()+15*time.Second), err
}
