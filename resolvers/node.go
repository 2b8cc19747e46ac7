package resolvers

import (
	"context"
	"strings"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// nodeKind is how objects with one kind of global id are found.
type nodeKind struct {
	typeName string // in the schema, which says who may see them
	find     func(r *Resolver, ctx context.Context, id string) (model.Node, error)
}

// nodeKinds are the kinds of global ids. A test compares them with the types of the schema that implement Node.
func nodeKinds() map[string]nodeKind {
	return map[string]nodeKind{
		model.KindPhone:    {"Phone", (*Resolver).phoneNode},
		model.KindCustomer: {"Customer", (*Resolver).customerNode},
		model.KindJob:      {"ValidationJob", node((*Resolver).jobByID)},
		model.KindSchedule: {"ValidationSchedule", node((*Resolver).scheduleByID)},
		model.KindImport:   {"ImportBatch", node((*Resolver).importByID)},
		model.KindWebhook:  {"Webhook", node((*Resolver).webhookByID)},
		model.KindDelivery: {"WebhookDelivery", node((*Resolver).deliveryByID)},
		model.KindAPIKey:   {"ApiKey", node((*Resolver).apiKeyByID)},

		model.KindAccessEntry: {"AccessLogEntry", node((*Resolver).accessEntryByID)},
	}
}

// Node finds any object by its global id. What nobody has, what is no id and what the caller may not see are the same:
// null. The last is found out before the store is asked, so that it takes no longer for what is there.
func (q query) Node(ctx context.Context, id string) (model.Node, error) {
	kind, _, _ := strings.Cut(id, "_")
	known, ok := q.kinds[kind]
	if !ok || !q.access.Rules.MaySee(registry.ActorFrom(ctx), known.typeName) {
		return nil, nil //nolint:nilnil // null is the answer
	}
	return known.find(q.Resolver, ctx, id)
}

// node makes of a way to find one kind of objects one to find nodes.
func node[T any, P interface {
	*T
	model.Node
}](find func(r *Resolver, ctx context.Context, id string) (P, error)) func(*Resolver, context.Context, string) (model.Node, error) {
	return func(r *Resolver, ctx context.Context, id string) (model.Node, error) {
		found, err := find(r, ctx, id)
		return asNode[T, P](orNull((*T)(found), err))
	}
}

func (r *Resolver) phoneNode(ctx context.Context, id string) (model.Node, error) {
	n, err := r.codec.ParseInt(model.KindPhone, id)
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // nothing has such an id
	}
	return asNode(orNull(r.phoneByNumber(ctx, registry.Number(n))))
}

func (r *Resolver) customerNode(ctx context.Context, id string) (model.Node, error) {
	plain, err := r.codec.Open(model.KindCustomer, strings.TrimPrefix(id, model.KindCustomer+"_"))
	if err != nil {
		return nil, nil //nolint:nilnil,nilerr // nothing has such an id
	}
	return asNode(orNull(r.customerByID(ctx, string(plain))))
}

// asNode keeps null from becoming a node that holds a nil pointer.
func asNode[T any, P interface {
	*T
	model.Node
}](v P, err error) (model.Node, error) {
	if v == nil || err != nil {
		return nil, err
	}
	return v, nil
}
