package httpd

import (
	"context"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph/guard"
	"phoneregistry/graph/transport"
	"phoneregistry/internal/limit"
	"phoneregistry/registry"
)

// gate lets GraphQL's transports count by a limiter.
type gate struct{ limiter *limit.Limiter }

// gateOf returns the gate of a limiter; none for none.
func gateOf(l *limit.Limiter) transport.Gate {
	if l == nil {
		return nil
	}
	return gate{l}
}

// bearer names the token by which limits count.
func bearer(ctx context.Context) string {
	a := registry.ActorFrom(ctx)
	if a.Token != "" {
		return a.Token
	}
	return string(a.Role) + " " + a.Name
}

// Visit implements transport.Gate.
func (g gate) Visit(ctx context.Context) (transport.Visit, *transport.Refusal) {
	v, no := g.limiter.Visit(bearer(ctx))
	return visit{v}, refusal(no)
}

// Connect implements transport.Gate.
func (g gate) Connect() (transport.Place, *transport.Refusal) {
	s, no := g.limiter.Connect()
	return place{s}, refusal(no)
}

type visit struct{ *limit.Visit }

// costOfOne is how much of an operation's cost weighs as much as one more operation.
const costOfOne = 10_000

// costOfEvent is how much of a subscription's cost weighs as much as one more subscription: it is asked again for each event,
// up to four times a second.
const costOfEvent = 100

// Receive implements transport.Visit.
func (v visit) Receive() *transport.Refusal { return refusal(v.Visit.Receive()) }

// Enter implements transport.Visit.
func (v visit) Enter(o *graphql.OperationContext) *transport.Refusal {
	if o == nil {
		return refusal(v.Visit.Enter(limit.Invalid, 1))
	}
	kind, weight := limit.Read, 1
	switch o.Operation.Operation {
	case ast.Mutation:
		kind, weight = limit.Write, changes(o.Operation.SelectionSet)
	case ast.Subscription:
		kind = limit.Subscription
	case ast.Query:
	}
	cost, _ := o.Stats.GetExtension(guard.StatCost).(int)
	weight += cost / costOfOne
	if kind == limit.Subscription {
		return refusal(v.Visit.EnterFor(kind, weight, 1+cost/costOfEvent))
	}
	return refusal(v.Visit.Enter(kind, weight))
}

// changes is how many changes a mutation asks for: each of its fields is one. The guard has bounded how many there are.
func changes(set ast.SelectionSet) (n int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			n++
		case *ast.InlineFragment:
			n += changes(s.SelectionSet)
		case *ast.FragmentSpread:
			n += changes(s.Definition.SelectionSet)
		}
	}
	return n
}

type place struct{ *limit.Socket }

// Join implements transport.Place.
func (p place) Join(ctx context.Context) *transport.Refusal {
	return refusal(p.Socket.Join(bearer(ctx)))
}

// Receive implements transport.Place.
func (p place) Receive() *transport.Refusal { return refusal(p.Socket.Receive()) }

func refusal(no *limit.Refusal) *transport.Refusal {
	if no == nil {
		return nil
	}
	return &transport.Refusal{Status: no.Status(), Message: no.Message(), Extensions: no.Extensions(), RetryAfter: no.Seconds()}
}

// rated counts the requests of a handler that is no GraphQL.
func (c Config) rated(kind limit.Kind, next http.HandlerFunc) http.HandlerFunc {
	if c.Rates == nil {
		return next
	}
	return func(w http.ResponseWriter, r *http.Request) {
		v := c.Rates.Arrive(bearer(r.Context()))
		defer v.Leave()
		no := v.Enter(kind, 1)
		v.Sign(w.Header())
		if no != nil {
			w.Header().Set("Retry-After", strconv.Itoa(no.Seconds()))
			writeError(w, r, no.Status(), no.Code, no.Message())
			return
		}
		next(w, r)
	}
}
