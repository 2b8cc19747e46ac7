package guard

import (
	"context"
	"maps"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// StatCost is the name under which the cost of an operation, an int, is among its Stats.
const StatCost = "cost"

const statSize = "guard.size"

// How a request asks for extensions.cost in its answer: by "cost": true in its extensions, or by a header.
const (
	costExtension = "cost"
	costHeader    = "X-Cost"
)

func wantsCost(request *graphql.RawParams) bool {
	return request.Extensions[costExtension] == true || request.Headers.Get(costHeader) == "true"
}

// MutateOperationContext counts the cost of the operation that is to be run, and refuses one that costs too much.
func (d *Documents) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	cost, err := d.guard.Cost(operation.Operation, operation.Variables)
	operation.Stats.SetExtension(StatCost, cost)
	return err
}

// InterceptResponse tells what the operation costs, where that was asked for. Subscriptions are not told: many clients may
// take part in one.
func (d *Documents) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	operation := graphql.GetOperationContext(ctx)
	size, asked := operation.Stats.GetExtension(statSize).(Size)
	if !asked || response == nil || operation.Operation == nil || operation.Operation.Operation == ast.Subscription {
		return response
	}
	cost, counted := operation.Stats.GetExtension(StatCost).(int)
	if !counted {
		return response
	}
	told := maps.Clone(response.Extensions)
	if told == nil {
		told = map[string]any{}
	}
	told[costExtension] = d.guard.told(operation.RawQuery, size, cost)
	response.Extensions = told
	return response
}

// Count is how much an operation holds of what is limited, and how much it may hold.
type Count struct {
	Value   int `json:"value"`
	Maximum int `json:"maximum"`
}

// told is extensions.cost: each limit with what the operation holds.
func (g *Guard) told(text string, size Size, cost int) map[string]Count {
	l := g.limits
	return map[string]Count{
		limitCost:       {cost, l.Cost},
		limitBytes:      {len(text), l.Bytes},
		limitTokens:     {countTokens(text), l.Tokens},
		limitDepth:      {size.Depth, l.Depth},
		limitAliases:    {size.Aliases, l.Aliases},
		limitDirectives: {size.Directives, l.Directives},
		limitRootFields: {size.RootFields, l.RootFields},
		limitFields:     {size.Fields, l.Fields},
		limitWork:       {size.Work, l.Work},
	}
}
