package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// connections is how many clients ask at the same time, each the next question as soon as the last one is answered.
const connections = 16

// pressure is what came of a load.
type pressure struct {
	answers  int     // those of the time before the measurement included
	rate     float64 // answers a second
	p50, p99 time.Duration
}

// press asks an endpoint questions over and over, warms it up first, and measures for a time.
func press(ctx context.Context, at endpoint, questions [][]byte, warm, measure time.Duration) (pressure, error) {
	clients, err := dial(ctx, at)
	if err != nil {
		return pressure{}, err
	}
	defer func() {
		for _, c := range clients {
			_ = c.conn.Close() // it was only read
		}
	}()
	requests, err := at.requests(questions)
	if err != nil {
		return pressure{}, err
	}
	_, before, err := pressFor(ctx, clients, requests, warm)
	if err != nil {
		return pressure{}, err
	}
	took, waits, err := pressFor(ctx, clients, requests, measure)
	if err != nil {
		return pressure{}, err
	}
	slices.Sort(waits)
	return pressure{
		answers: len(before) + len(waits), rate: float64(len(waits)) / took.Seconds(), p50: quantile(waits, 0.5), p99: quantile(waits, 0.99),
	}, nil
}

func pressFor(ctx context.Context, clients []*client, requests [][]byte, limit time.Duration) (time.Duration, []time.Duration, error) {
	var (
		next    atomic.Int64
		running sync.WaitGroup
		waits   = make([][]time.Duration, len(clients))
		errs    = make([]error, len(clients))
		started = time.Now()
	)
	for i, c := range clients {
		running.Go(func() {
			for time.Since(started) < limit && errs[i] == nil && ctx.Err() == nil {
				asked := time.Now()
				errs[i] = c.ask(requests[int(next.Add(1))%len(requests)])
				waits[i] = append(waits[i], time.Since(asked))
			}
		})
	}
	running.Wait()
	took := time.Since(started)
	return took, slices.Concat(waits...), errors.Join(append(errs, ctx.Err())...)
}

// client is one connection. It does as little as it can: it runs on the cores that are measured.
type client struct {
	conn   net.Conn
	reader *bufio.Reader
	body   bytes.Buffer
}

func dial(ctx context.Context, at endpoint) ([]*client, error) {
	u, err := url.Parse(at.url)
	if err != nil {
		return nil, err
	}
	var (
		dialer  net.Dialer
		clients []*client
	)
	for range connections {
		conn, err := dialer.DialContext(ctx, "tcp", u.Host)
		if err != nil {
			return nil, err
		}
		clients = append(clients, &client{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)})
	}
	return clients, nil
}

// requests are the questions as they go over the wire.
func (e endpoint) requests(questions [][]byte) ([][]byte, error) {
	all := make([][]byte, len(questions))
	for i, q := range questions {
		request, err := http.NewRequest(http.MethodPost, e.url, bytes.NewReader(q)) //nolint:noctx // it is written by hand
		if err != nil {
			return nil, err
		}
		e.sign(request)
		var b bytes.Buffer
		if err := request.Write(&b); err != nil {
			return nil, err
		}
		all[i] = b.Bytes()
	}
	return all, nil
}

// ask sends a request and reads the answer to its end.
func (c *client) ask(request []byte) error {
	if err := c.conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return err
	}
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	status, open, err := c.answer()
	if err != nil {
		return err
	}
	if status != http.StatusOK || !open || bytes.Contains(c.body.Bytes(), []byte(`"errors":`)) {
		return fmt.Errorf("answered with %d: %.200s", status, c.body.Bytes())
	}
	return nil
}

// quantile returns the wait that a share of the answers did not exceed. waits is ascending.
func quantile(waits []time.Duration, share float64) time.Duration {
	if len(waits) == 0 {
		return 0
	}
	return waits[min(int(share*float64(len(waits))), len(waits)-1)]
}
