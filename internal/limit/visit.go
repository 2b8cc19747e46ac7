package limit

import (
	"net/http"
	"strconv"
	"time"
)

// Visit is one thing that the bearer of a token asks. One goroutine uses it, and leaves in the end.
type Visit struct {
	l       *Limiter
	account *account // nil: left
	held    uint8
	weight  int // by which it is held

	left, reset [2]int64 // of reads and writes, as they were last
}

// Visit begins a visit. It is refused, and to be left all the same, when the token has nothing left of what it could ask:
// so that it costs next to nothing to refuse it.
func (l *Limiter) Visit(token string) (*Visit, *Refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.moment()
	v := l.arrive(token, now)
	a := v.account
	wait := a.reads.wait(l.reads, now, 1)
	if wait == 0 || a.writes.wait(l.writes, now, 1) == 0 && a.strays.wait(l.reads, now, 1) == 0 {
		return v, nil
	}
	return v, l.late(PolicyReads, l.reads, 0, wait)
}

// Arrive begins a visit that is known to be of one kind: Enter alone refuses it.
func (l *Limiter) Arrive(token string) *Visit {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.arrive(token, l.moment())
}

func (l *Limiter) arrive(token string, now int64) *Visit {
	a := l.find(token, now)
	a.pins++
	v := &Visit{l: l, account: a}
	v.note(now)
	return v
}

// Receive takes the place of a request that is on its way and may be large, until Enter or Leave: what has come of it is in
// memory, however slowly the rest is sent. It counts nothing.
func (v *Visit) Receive() *Refusal {
	v.l.mu.Lock()
	defer v.l.mu.Unlock()
	no := v.l.hold(v.account, 1<<receiving)
	if no == nil {
		v.held = 1 << receiving
	}
	return no
}

// Enter counts what is asked, with its weight of at least 1, and takes the places that it holds until Leave: of operations,
// and of subscriptions, as many as it weighs. What is refused for a rate counts nothing; what finds no place has been counted.
func (v *Visit) Enter(kind Kind, weight int) *Refusal { return v.EnterFor(kind, weight, weight) }

// EnterFor is Enter where places are taken by another weight.
func (v *Visit) EnterFor(kind Kind, weight, places int) *Refusal {
	l, a := v.l, v.account
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.moment()
	defer v.note(now)
	l.releaseFor(a, v.held, v.weight) // it has been received
	v.held = 0
	policy, r, b := PolicyReads, l.reads, &a.reads
	if kind == Write {
		policy, r, b = PolicyWrites, l.writes, &a.writes
	}
	if wait := b.take(r, now, int64(max(1, weight))); wait > 0 {
		if kind != Write { // it was let in for the sake of writes, and read before that was known
			_ = a.strays.take(l.reads, now, 1)
		}
		return l.late(policy, r, b.left(r, now), wait)
	}
	no := l.holdFor(a, kind.holds(), places)
	if no == nil {
		v.held, v.weight = kind.holds(), places
	}
	return no
}

// Leave gives back what is held. To leave twice does nothing.
func (v *Visit) Leave() {
	if v.account == nil {
		return
	}
	v.l.mu.Lock()
	defer v.l.mu.Unlock()
	v.l.releaseFor(v.account, v.held, v.weight)
	v.account.pins--
	v.account = nil
}

// note remembers what is left, for Sign. The caller holds mu.
func (v *Visit) note(now int64) {
	a, l := v.account, v.l
	v.left = [2]int64{a.reads.left(l.reads, now), a.writes.left(l.writes, now)}
	v.reset = [2]int64{seconds(a.reads.used(now)), seconds(a.writes.used(now))}
}

// seconds rounds nanoseconds up.
func seconds(ns int64) int64 { return (ns + int64(time.Second) - 1) / int64(time.Second) }

// Headers of draft-ietf-httpapi-ratelimit-headers, as net/http spells them.
const (
	HeaderPolicy = "Ratelimit-Policy"
	HeaderRate   = "Ratelimit"
)

// Sign tells in headers what the rates are, what is left of them, and in how many seconds all of it has come back.
func (v *Visit) Sign(h http.Header) {
	l := v.l
	if l.policy == nil {
		return
	}
	h[HeaderPolicy] = l.policy // shared by all answers: it is full, so that nothing can be appended in place
	b := make([]byte, 0, 48)
	if l.reads.limit > 0 {
		b = appendLeft(b, PolicyReads, v.left[0], v.reset[0])
	}
	if l.writes.limit > 0 {
		b = appendLeft(b, PolicyWrites, v.left[1], v.reset[1])
	}
	h[HeaderRate] = []string{string(b)}
}

func appendLeft(b []byte, policy string, left, reset int64) []byte {
	b = append(appendName(b, policy), ";r="...)
	b = strconv.AppendInt(b, left, 10)
	b = append(b, ";t="...)
	return strconv.AppendInt(b, reset, 10)
}

func appendName(b []byte, policy string) []byte {
	if len(b) > 0 {
		b = append(b, ", "...)
	}
	return append(append(append(b, '"'), policy...), '"')
}

// policies is what is told of the rates, the same to all.
func policies(reads, writes rate) string {
	var b []byte
	for _, p := range []struct {
		name string
		rate rate
	}{{PolicyReads, reads}, {PolicyWrites, writes}} {
		if p.rate.limit > 0 {
			b = append(appendName(b, p.name), ";q="...)
			b = append(strconv.AppendInt(b, p.rate.limit, 10), ";w=60"...)
		}
	}
	return string(b)
}
