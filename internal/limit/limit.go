// Package limit bounds how much callers may ask: how much in a minute, by token, and how much at the same time, by token
// and in total. It counts for one process: servers that share a database count each for itself.
package limit

import (
	"cmp"
	"container/list"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Bound is how much may be held at the same time; 0: no bound.
type Bound struct {
	Own   int // of one token
	Total int // of all tokens together
}

// Config says how much is let in. Zero values mean no limit.
type Config struct {
	Reads    int // a minute, of one token: queries, starts of subscriptions, what cannot be run
	Writes   int // a minute, of one token: mutations and imports
	Messages int // a minute, of one WebSocket, whatever they say

	Connections   Bound // WebSockets
	Subscriptions Bound // over WebSockets and event streams together, by weight
	Operations    Bound // queries, mutations and REST requests that run, by weight; beside them as many large ones that are received
	Pending       Bound // mutations and imports that run or wait

	Tokens     int                   // tokens of which is known how much they have asked; 0: 100,000
	Now        func() time.Time      // nil: time.Now
	Registerer prometheus.Registerer // nil: no metrics
}

// Kind is what is asked.
type Kind uint8

// The kinds. Invalid is what cannot be run: it counts as a read and holds nothing.
const (
	Invalid Kind = iota
	Read
	Write
	Subscription
)

// What is held.
const (
	connections = iota
	subscriptions
	operations
	pending
	receiving
	held // how many there are
)

// holds says what a kind holds while it runs, as bits.
func (k Kind) holds() uint8 {
	switch k {
	case Read:
		return 1 << operations
	case Write:
		return 1<<operations | 1<<pending
	case Subscription:
		return 1 << subscriptions
	case Invalid:
	}
	return 0
}

// Limiter counts. Safe for concurrent use.
type Limiter struct {
	reads, writes, messages rate
	bounds                  [held]Bound
	waitingMost             int
	most                    int // accounts that are kept
	policy                  []string
	now                     func() time.Time
	start                   time.Time
	refused                 *prometheus.CounterVec

	mu       sync.Mutex // of all below
	accounts map[string]*account
	recent   *list.List // of *account, the one used last in front
	others   *account   // of the tokens for which there is no room
	total    [held]int
	waiting  int // WebSockets of which is not known whose they are
}

// account is what is known of one token.
type account struct {
	token                 string
	reads, writes, strays bucket
	held                  [held]int
	pins                  int           // visits and sockets that know of it: it is not forgotten meanwhile
	place                 *list.Element // in recent; nil: others
}

// defaultTokens is how many tokens are kept. One takes some 300 bytes.
const defaultTokens = 100_000

// New makes a limiter.
func New(c Config) (*Limiter, error) {
	for _, n := range []int{
		c.Reads, c.Writes, c.Messages, c.Connections.Own, c.Connections.Total, c.Subscriptions.Own, c.Subscriptions.Total,
		c.Operations.Own, c.Operations.Total, c.Pending.Own, c.Pending.Total, c.Tokens,
	} {
		if n < 0 {
			return nil, errors.New("limit: limits are 0 or more")
		}
	}
	l := &Limiter{
		reads: perMinute(c.Reads), writes: perMinute(c.Writes), messages: perMinute(c.Messages),
		bounds: [held]Bound{
			connections: c.Connections, subscriptions: c.Subscriptions, operations: c.Operations, pending: c.Pending,
			receiving: c.Operations,
		},
		most: cmp.Or(c.Tokens, defaultTokens), now: c.Now,
		accounts: map[string]*account{}, recent: list.New(), others: &account{},
	}
	if c.Connections.Total > 0 { // strangers must not take all the places of those who have a token
		l.waitingMost = max(1, c.Connections.Total/4)
	}
	if l.now == nil {
		l.now = time.Now
	}
	l.start = l.now()
	if text := policies(l.reads, l.writes); text != "" {
		l.policy = []string{text}
	}
	return l, l.register(c.Registerer)
}

// moment is the time in nanoseconds since the limiter was made. It does not jump with the clock of the system.
func (l *Limiter) moment() int64 { return int64(l.now().Sub(l.start)) }

// find returns the account of a token, used now. The caller holds mu.
func (l *Limiter) find(token string, now int64) *account {
	if a := l.accounts[token]; a != nil {
		l.recent.MoveToFront(a.place)
		return a
	}
	l.forget(now)
	if len(l.accounts) >= l.most {
		return l.others
	}
	a := &account{token: token}
	a.place = l.recent.PushFront(a)
	l.accounts[token] = a
	return a
}

// atOnce is how many accounts are looked at for each new one: more than one, so that they become fewer.
const atOnce = 2

// forget drops accounts that say nothing any more: nothing held, and all that was used has come back. Those used longest
// ago are looked at; one that is still needed goes to the front, so that it does not hide the others. The caller holds mu.
func (l *Limiter) forget(now int64) {
	for range min(atOnce, l.recent.Len()) {
		place := l.recent.Back()
		a := place.Value.(*account)
		if a.pins > 0 || max(a.reads, a.writes, a.strays) > bucket(now) {
			l.recent.MoveToFront(place)
			continue
		}
		l.recent.Remove(place)
		delete(l.accounts, a.token)
	}
}

// hold takes a place of each of what, given as bits; all or none. The caller holds mu.
func (l *Limiter) hold(a *account, what uint8) *Refusal { return l.holdFor(a, what, 1) }

// release gives these back. The caller holds mu.
func (l *Limiter) release(a *account, what uint8) { l.releaseFor(a, what, 1) }

// holdFor is hold for something of some weight: of the places for operations, or subscriptions, it takes so many. What an
// operation weighs is about what its answer takes in memory; what a subscription weighs is worked for with each event.
func (l *Limiter) holdFor(a *account, what uint8, weight int) *Refusal {
	for i, bound := range l.bounds {
		if what&(1<<i) == 0 {
			continue
		}
		n := bound.places(i, weight)
		switch {
		case bound.Own > 0 && a.held[i]+n > bound.Own:
			return l.full(i, true, bound.Own)
		case bound.Total > 0 && l.total[i]+n > bound.Total:
			return l.full(i, false, bound.Total)
		}
	}
	l.add(a, what, weight, 1)
	return nil
}

// releaseFor gives back what was held for an operation of some weight. The caller holds mu.
func (l *Limiter) releaseFor(a *account, what uint8, weight int) { l.add(a, what, weight, -1) }

func (l *Limiter) add(a *account, what uint8, weight, sign int) {
	for i, bound := range l.bounds {
		if what&(1<<i) != 0 {
			n := sign * bound.places(i, weight)
			a.held[i] += n
			l.total[i] += n
		}
	}
}

// places is how many places of what one takes that weighs so much. More than there are could never be had.
func (b Bound) places(what, weight int) int {
	if what != operations && what != subscriptions {
		return 1
	}
	for _, most := range [...]int{b.Own, b.Total} {
		if most > 0 {
			weight = min(weight, most)
		}
	}
	return max(1, weight)
}

// InUse tells what is held at the moment.
type InUse struct {
	Connections, Waiting, Subscriptions, Operations, Pending, Receiving, Tokens int
}

// InUse tells what is held at the moment, for metrics and tests.
func (l *Limiter) InUse() InUse {
	l.mu.Lock()
	defer l.mu.Unlock()
	return InUse{
		Connections: l.total[connections], Waiting: l.waiting, Subscriptions: l.total[subscriptions],
		Operations: l.total[operations], Pending: l.total[pending], Receiving: l.total[receiving], Tokens: len(l.accounts),
	}
}
