package postgres

import (
	"cmp"
	"context"
	"net"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// dial makes connections that end when the server says nothing for longer than any statement may take. A network that
// swallows packets would else hold a query, and the loop that asked it, until the kernel gives up after some fifteen
// minutes: the server's own statement_timeout cannot be heard then.
func (o PoolOptions) dial(dial pgconn.DialFunc) pgconn.DialFunc {
	if o.StatementTimeout < 0 {
		return dial
	}
	limit := cmp.Or(o.StatementTimeout, time.Minute) + cmp.Or(o.Silence, 15*time.Second)
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &listening{Conn: conn, limit: limit}, nil
	}
}

// listening is a connection on which reading waits for at most limit, unless a deadline was set.
type listening struct {
	net.Conn
	limit time.Duration

	mu    sync.Mutex // held while a deadline is set, so that the own one never replaces that of the caller
	given bool       // the caller has set a deadline
}

func (c *listening) Read(b []byte) (int, error) {
	if err := c.listen(); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c *listening) listen() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.given {
		return nil
	}
	return c.Conn.SetReadDeadline(time.Now().Add(c.limit))
}

// SetDeadline is that of net.Conn.
func (c *listening) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.given = !t.IsZero()
	return c.Conn.SetDeadline(t)
}

// SetReadDeadline is that of net.Conn.
func (c *listening) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.given = !t.IsZero()
	return c.Conn.SetReadDeadline(t)
}
