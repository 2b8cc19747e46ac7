package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"phoneregistry/registry/numbering"
)

const (
	pageSize  = 500
	pages     = 20   // pages of the list that are asked for, in turns
	customers = 2000 // customers that are asked for, in turns
)

// read is something that is read over GraphQL, asked of us and of PostGraphile for the same data.
type read struct {
	what       string
	name       string
	ours, peer string
	wanted     float64
	paged      bool
}

func reads() []read {
	return []read{
		{
			what: "GraphQL: one customer's phones", name: "customer", wanted: 2.5,
			ours: `query ($id: String!) { customer(customerId: $id) { customerId
				list: phones { number isPrimary isVerified confidence extension firstSeenAt lastSeenAt } } }`,
			peer: `query ($id: String!) { customer: customerByCustomerId(customerId: $id) { customerId
				list: customerPhonesByCustomerId { nodes { number isPrimary isVerified confidence extension firstSeenAt lastSeenAt } } } }`,
		},
		{
			what: "GraphQL: the same, with the phone's own row and the source", name: "customer-deep", wanted: 2,
			ours: `query ($id: String!) { customer(customerId: $id) { customerId
				list: phones { number isPrimary source phone { region lineType location isValid } } } }`,
			peer: `query ($id: String!) { customer: customerByCustomerId(customerId: $id) { customerId
				list: customerPhonesByCustomerId { nodes { number isPrimary source: sourceBySourceId { name }
					phone: phoneByNumber { region lineType location isValid: valid } } } } }`,
		},
		{
			what: "GraphQL: a page of 500 phones, nine fields", name: "page", wanted: 1.5, paged: true,
			ours: `query ($after: String) { list: phones(first: 500, after: $after) {
				nodes { number region lineType originalCarrier location timezones isValid createdAt updatedAt }
				pageInfo { hasNextPage endCursor } } }`,
			peer: `query ($after: Cursor) { list: allPhones(first: 500, after: $after, orderBy: [NUMBER_ASC]) {
				nodes { number region lineType originalCarrier location timezones isValid: valid createdAt updatedAt }
				pageInfo { hasNextPage endCursor } } }`,
		},
	}
}

// measureGraphQL puts us and PostGraphile under the same load, in turns, over the same database.
func measureGraphQL(ctx context.Context, b *bench) (err error) {
	db, err := b.readable(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	p, err := b.startProgram(ctx, db)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	peer, err := b.startPostgraphile(ctx, db)
	if missing := (*noPeerError)(nil); errors.As(err, &missing) {
		b.report.note("PostGraphile %s was not measured: %s", postgraphileVersion, missing.why)
	} else if err != nil {
		return err
	} else {
		defer func() { err = errors.Join(err, peer.stop()) }()
	}
	ids, err := someCustomers(ctx, db)
	if err != nil {
		return err
	}
	callers, err := callersOf(ctx, p)
	if err != nil {
		return err
	}
	for _, r := range reads() {
		if err := b.measureRead(ctx, r, p, callers, peer, ids); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return nil
}

// readable makes a database with contacts.
func (b *bench) readable(ctx context.Context) (*registryDatabase, error) {
	b.say("graphql: importing %d rows", b.rows/4)
	path, err := b.sampleFile(b.rows / 4)
	if err != nil {
		return nil, err
	}
	numbers, err := numbering.New()
	if err != nil {
		return nil, err
	}
	db, err := b.server.fresh(ctx)
	if err != nil {
		return nil, err
	}
	err = errors.Join(importFile(ctx, db, path, numbers), db.settle(ctx, importTables()...))
	if err != nil {
		return nil, errors.Join(err, db.drop())
	}
	return db, nil
}

// someCustomers returns customers with at least two phones.
func someCustomers(ctx context.Context, db *registryDatabase) ([]string, error) {
	rows, err := db.pool.Query(ctx, `SELECT customer_id FROM customer_phones GROUP BY customer_id HAVING count(*) > 1
		ORDER BY md5(customer_id) LIMIT $1`, customers)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// caller is one who asks us.
type caller struct {
	who    string
	at     endpoint
	masked bool // sees masked numbers; else whole ones, which the access log records
	trial  trial
	bodies [][]byte
}

// callersOf are an administrator and a viewer, each with a token, as all who call have one.
func callersOf(ctx context.Context, p *program) ([]*caller, error) {
	var answer struct{ CreateAPIKey struct{ Token *string } }
	err := p.graphql.ask(ctx, `mutation { createApiKey(input: {name: "bench", role: VIEWER}) { token } }`, nil, &answer)
	if err != nil {
		return nil, err
	}
	if answer.CreateAPIKey.Token == nil {
		return nil, errors.New("no API key was made")
	}
	return []*caller{
		{who: "whole numbers, recorded", at: p.graphql},
		{who: "masked", at: endpoint{url: p.graphql.url, token: *answer.CreateAPIKey.Token}, masked: true},
	}, nil
}

// shown is numbers as the caller sees them.
func (c *caller) shown(numbers []string) ([]string, error) {
	if !c.masked {
		return numbers, nil
	}
	masked := make([]string, len(numbers))
	for i, text := range numbers {
		n, err := numbering.ParseE164("+" + text)
		if err != nil {
			return nil, err
		}
		masked[i] = strings.TrimPrefix(n.Masked(), "+")
	}
	return masked, nil
}

func (b *bench) measureRead(ctx context.Context, r read, p *program, callers []*caller, peer *postgraphile, ids []string) error {
	var theirs [][]byte
	var numbers []string
	if peer != nil {
		var err error
		if theirs, numbers, err = questions(ctx, peer.at, r, r.peer, ids); err != nil {
			return err
		}
	}
	for _, c := range callers {
		var data []string
		var err error
		c.trial = trial{}
		if c.bodies, data, err = questions(ctx, c.at, r, r.ours, ids); err != nil {
			return err
		}
		if r.paged && c.masked { // whoever sees masked numbers is not shown their order: these are other pages
			continue
		}
		same, err := c.shown(numbers)
		if err != nil {
			return err
		}
		slices.Sort(data) // of the order of a customer's phones PostGraphile promises nothing
		slices.Sort(same)
		if peer != nil && !slices.Equal(data, same) {
			return errors.New("PostGraphile answers with other data than we do")
		}
	}
	var their trial
	for round := range b.rounds {
		b.say("graphql: %s, round %d of %d", r.name, round+1, b.rounds)
		for i, c := range callers {
			err := b.watch(ctx, p, profileName(r, c), func() error {
				return c.trial.run(ctx, b, p.command.Process.Pid, c.at, c.bodies)
			})
			if err != nil {
				return err
			}
			if i > 0 || peer == nil { // between the callers
				continue
			}
			if err := their.run(ctx, b, peer.command.Process.Pid, peer.at, theirs); err != nil {
				return err
			}
		}
	}
	for _, c := range callers {
		l := line{What: r.what + "; " + c.who, Unit: "/s", Ours: median(c.trial.rates), Wanted: r.wanted}
		if peer == nil {
			b.report.note("%s: %s", l.What, c.trial)
		} else { // what else the machine does hardly shows in this ratio
			b.report.note("%s: %s; PostGraphile takes %.2f times as much", l.What, c.trial, their.spent.over(c.trial.spent))
			l.Against, l.Peer = "PostGraphile "+postgraphileVersion, median(their.rates)
		}
		b.report.add(l)
	}
	if peer != nil {
		b.report.note("%s, PostGraphile: %s", r.what, their)
	}
	return b.remains(ctx, r, callers)
}

// trial is what one side did in all rounds.
type trial struct {
	rates    []float64
	p50, p99 []time.Duration
	spent    effort
}

func (t *trial) run(ctx context.Context, b *bench, pid int, at endpoint, questions [][]byte) error {
	var result pressure
	spent, err := b.measureEffort(pid, func() (int, error) {
		var err error
		result, err = press(ctx, at, questions, b.seconds/4, b.seconds)
		return result.answers, err
	})
	t.rates, t.p50, t.p99 = append(t.rates, result.rate), append(t.p50, result.p50), append(t.p99, result.p99)
	t.spent = t.spent.plus(spent)
	return err
}

// String tells how long clients waited, and how long cores worked for an answer.
func (t trial) String() string {
	return fmt.Sprintf("p50 %.1f ms, p99 %.1f ms; core time for an answer %s, and to ask for it %s",
		1000*median(t.p50).Seconds(), 1000*median(t.p99).Seconds(), t.spent, t.spent.each(t.spent.asking))
}

// questions returns the bodies of the requests, and the numbers that their answers hold, in order.
func questions(ctx context.Context, at endpoint, r read, query string, ids []string) (bodies [][]byte, numbers []string, err error) {
	if r.paged {
		return pageQuestions(ctx, at, query)
	}
	for i, id := range ids {
		variables := map[string]any{"id": id}
		bodies = append(bodies, operation(query, variables))
		if i >= 50 { // enough to see that both know the same
			continue
		}
		var answer struct{ Customer struct{ List list } }
		if err := at.ask(ctx, query, variables, &answer); err != nil {
			return nil, nil, err
		}
		found := answer.Customer.List.numbers
		if len(found) < 2 {
			return nil, nil, fmt.Errorf("%d phones of a customer with more", len(found))
		}
		numbers = append(numbers, found...)
	}
	return bodies, numbers, nil
}

func pageQuestions(ctx context.Context, at endpoint, query string) (bodies [][]byte, numbers []string, err error) {
	var after *string
	for range pages {
		variables := map[string]any{"after": after}
		bodies = append(bodies, operation(query, variables))
		var answer struct{ List list }
		if err := at.ask(ctx, query, variables, &answer); err != nil {
			return nil, nil, err
		}
		if len(answer.List.numbers) != pageSize {
			return nil, nil, fmt.Errorf("%d phones in a page of %d", len(answer.List.numbers), pageSize)
		}
		numbers = append(numbers, answer.List.numbers...)
		after = &answer.List.end
	}
	return bodies, numbers, nil
}

// list is the numbers of a list, as digits: a plain list or a connection.
type list struct {
	numbers []string
	end     string
}

func (l *list) UnmarshalJSON(text []byte) error {
	type node struct{ Number string }
	var connection struct {
		Nodes    []node
		PageInfo struct{ EndCursor string }
	}
	into := any(&connection)
	if len(text) > 0 && text[0] == '[' {
		into = &connection.Nodes
	}
	if err := json.Unmarshal(text, into); err != nil {
		return err
	}
	for _, n := range connection.Nodes {
		l.numbers = append(l.numbers, strings.TrimPrefix(n.Number, "+"))
	}
	l.end = connection.PageInfo.EndCursor
	return nil
}
