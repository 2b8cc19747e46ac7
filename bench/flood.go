package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// What is asked while others attack, and how fast. Both come at their times whether or not the server keeps up, and a wait
// counts from the time at which the question was due.
const (
	normalRate   = 96 // normal queries a second, of all callers together
	normalTokens = 8
	floodRate    = 200 // attacks a second
	floodAtOnce  = 32  // at the same time; more have to wait
	mayWait      = 2.0 // times as long as in quiet, for 99 of 100 normal queries
	forever      = time.Duration(math.MaxInt64)
)

// measureFlood asks normal queries in quiet and while others, with tokens of their own, attack: in turns, on one server.
// Once with rates that stop nothing, and once with rates as they are by default, which soon stop most of what one token sends.
func measureFlood(ctx context.Context, b *bench) error {
	return errors.Join(
		b.flood(ctx, "rates that stop nothing", 4),
		b.flood(ctx, "rates by default", 1, "--rate-reads", "1000", "--rate-writes", "100"),
	)
}

func (b *bench) flood(ctx context.Context, what string, tokens int, flags ...string) (err error) {
	db, err := b.readable(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	ids, err := someCustomers(ctx, db)
	if err != nil {
		return err
	}
	p, err := b.startProgram(ctx, db, flags...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	normal, err := floodCallers(ctx, p, "normal", normalTokens)
	if err != nil {
		return err
	}
	others, err := floodCallers(ctx, p, "other", tokens)
	if err != nil {
		return err
	}
	questions, err := signed(normal, normalQuestions(ids))
	if err != nil {
		return err
	}
	attacks, err := signed(others, floodAttacks())
	if err != nil {
		return err
	}
	f := flooding{program: p, at: p.graphql, pid: p.command.Process.Pid, questions: questions, attacks: attacks}
	if err := warm(ctx, p.graphql, questions, attacks); err != nil {
		return err
	}
	for round := range b.rounds {
		b.say("flood: %s, round %d of %d", what, round+1, b.rounds)
		if err := f.round(ctx, b, what); err != nil {
			return err
		}
	}
	f.report(b.report, what)
	if wrong := f.loud.other(http.StatusOK) + f.quiet.other(http.StatusOK); wrong > 0 {
		return fmt.Errorf("%d normal queries were not answered: %s in quiet, %s during the flood", wrong, f.quiet.told(), f.loud.told())
	}
	return nil
}

// flooding is what is asked, and what came of it in all rounds.
type flooding struct {
	program             *program
	at                  endpoint
	pid                 int
	questions, attacks  [][]byte
	quiet, loud, others paced
	inQuiet, inAll      effort // for normal queries in quiet, for everything during the flood
}

// round asks in quiet, and then while others attack.
func (f *flooding) round(ctx context.Context, b *bench, what string) error {
	normal := func(p *paced) func() (int, error) {
		return func() (int, error) {
			before := len(p.waits)
			err := p.run(ctx, f.at, f.questions, normalRate, connections, b.seconds)
			return len(p.waits) - before, err
		}
	}
	spent, err := b.measureEffort(f.pid, normal(&f.quiet))
	if err != nil {
		return err
	}
	f.inQuiet = f.inQuiet.plus(spent)
	spent, err = b.measureEffort(f.pid, func() (n int, err error) {
		attacking, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- f.others.run(attacking, f.at, f.attacks, floodRate, floodAtOnce, forever) }()
		err = b.watch(ctx, f.program, "flood, "+what, func() error {
			n, err = normal(&f.loud)()
			return err
		})
		stop()
		return n, errors.Join(err, <-ended)
	})
	f.inAll = f.inAll.plus(spent)
	return err
}

// report tells what came of it. What the server works for an attack is what it worked more than in quiet.
func (f *flooding) report(r *report, what string) {
	before, during := f.quiet.quantile(0.99), f.loud.quantile(0.99)
	r.add(line{
		What: "p99 of normal queries while others attack, " + what, Unit: "ms", Ours: ms(during), Against: "in quiet", Peer: ms(before),
		Most: mayWait * ms(before),
	})
	r.note("flood, %s: quiet p50 %.1f ms, p99 %.1f ms of %d; during the flood p50 %.1f ms, p99 %.1f ms of %d", what,
		ms(f.quiet.quantile(0.5)), ms(before), len(f.quiet.waits), ms(f.loud.quantile(0.5)), ms(during), len(f.loud.waits))
	more := effort{ // PostgreSQL is not asked for most of them, and its time is counted in hundredths of a second
		server: f.inAll.server - f.inQuiet.server, postgres: max(0, f.inAll.postgres-f.inQuiet.postgres), things: len(f.others.waits),
	}
	r.note("flood, %s: %d attacks of %d kinds, %s, p99 of their answers %.1f ms; core time for a normal query in quiet %s, for an attack %s",
		what, len(f.others.waits), len(floodAttacks()), f.others.told(), ms(f.others.quantile(0.99)), f.inQuiet, more)
}

// floodCallers makes some API keys.
func floodCallers(ctx context.Context, p *program, name string, n int) (callers []endpoint, err error) {
	for i := range n {
		var answer struct{ CreateAPIKey struct{ Token *string } }
		query := fmt.Sprintf(`mutation { createApiKey(input: {name: "%s %d", role: VIEWER}) { token } }`, name, i)
		if err := p.graphql.ask(ctx, query, nil, &answer); err != nil {
			return nil, err
		}
		if answer.CreateAPIKey.Token == nil {
			return nil, errors.New("no API key was made")
		}
		callers = append(callers, endpoint{url: p.graphql.url, token: *answer.CreateAPIKey.Token})
	}
	return callers, nil
}

// signed are the requests, as they go over the wire, of callers in turns.
func signed(callers []endpoint, bodies [][]byte) (all [][]byte, err error) {
	for i := range max(len(bodies), len(callers)) * len(callers) {
		requests, err := callers[i%len(callers)].requests(bodies[i/len(callers)%len(bodies) : i/len(callers)%len(bodies)+1])
		if err != nil {
			return nil, err
		}
		all = append(all, requests...)
	}
	return all, nil
}

// normalQuestions are a page of phones and the phones of customers.
func normalQuestions(ids []string) (bodies [][]byte) {
	for _, id := range ids[:min(100, len(ids))] {
		bodies = append(bodies,
			operation(`query ($id: String!) { customer(customerId: $id) { customerId phones { number isPrimary confidence phone { region lineType } } } }`,
				map[string]any{"id": id}),
			operation(`{ phones(first: 50) { nodes { number region lineType isValid createdAt } pageInfo { hasNextPage endCursor } } }`, nil))
	}
	return bodies
}

// warm asks some of everything.
func warm(ctx context.Context, at endpoint, groups ...[][]byte) error {
	var p paced
	for _, requests := range groups {
		if err := p.run(ctx, at, requests, normalRate, connections, time.Second); err != nil {
			return err
		}
	}
	return nil
}

// paced is what came of questions that are asked at their times.
type paced struct {
	mu       sync.Mutex
	waits    []time.Duration
	statuses map[int]int // 0: the connection ended without an answer
}

// run asks, so many a second, until the time is over or ctx ends.
func (p *paced) run(ctx context.Context, at endpoint, requests [][]byte, rate, atOnce int, limit time.Duration) error {
	var (
		next    atomic.Int64
		running sync.WaitGroup
		errs    = make([]error, atOnce)
		started = time.Now()
	)
	for i := range atOnce {
		running.Go(func() {
			var c *client
			defer func() { c.close() }()
			for errs[i] == nil {
				n := next.Add(1) - 1
				due := started.Add(time.Duration(n) * time.Second / time.Duration(rate))
				if due.Sub(started) > limit || !sleepUntil(ctx, due) {
					return
				}
				if c == nil {
					if c, errs[i] = dialOne(ctx, at); errs[i] != nil {
						break
					}
				}
				status, open := c.status(requests[int(n)%len(requests)])
				if !open {
					c.close()
					c = nil
				}
				p.note(time.Since(due), status)
			}
		})
	}
	running.Wait()
	err := errors.Join(errs...)
	if ctx.Err() != nil && limit == forever { // it was told to stop
		return nil
	}
	return errors.Join(err, ctx.Err())
}

func sleepUntil(ctx context.Context, at time.Time) bool {
	timer := time.NewTimer(time.Until(at))
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func (p *paced) note(wait time.Duration, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.statuses == nil {
		p.statuses = map[int]int{}
	}
	p.waits = append(p.waits, wait)
	p.statuses[status]++
}

func (p *paced) quantile(share float64) time.Duration {
	slices.Sort(p.waits)
	return quantile(p.waits, share)
}

// other is how many answers had another status.
func (p *paced) other(than int) (n int) {
	for status, count := range p.statuses {
		if status != than {
			n += count
		}
	}
	return n
}

// told is how many answers there were of each status.
func (p *paced) told() string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(p.statuses)) {
		parts = append(parts, fmt.Sprintf("%d × %d", p.statuses[status], status))
	}
	return strings.Join(parts, ", ")
}

func dialOne(ctx context.Context, at endpoint) (*client, error) {
	u, err := url.Parse(at.url)
	if err != nil {
		return nil, err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}, nil
}

func (c *client) close() {
	if c != nil {
		_ = c.conn.Close() // it was only read
	}
}

// status sends a request and reads the answer to its end. It returns the status of the answer, and whether the connection
// can be used again.
func (c *client) status(request []byte) (status int, open bool) {
	if c.conn.SetDeadline(time.Now().Add(time.Minute)) != nil {
		return 0, false
	}
	_, sent := c.conn.Write(request) // who sends too much is answered before all of it is read
	status, open, err := c.answer()
	if err != nil {
		return 0, false
	}
	if status == http.StatusOK && bytes.Contains(c.body.Bytes(), []byte(`"errors":`)) {
		status = http.StatusUnprocessableEntity // told apart from answers with data
	}
	return status, sent == nil && open
}
