package resolvers

import (
	"context"

	"phoneregistry/graph/model"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// AccessLog pages through the reads that showed whole numbers, newest first.
func (q query) AccessLog(ctx context.Context, filter *registry.AccessFilter, first *int, after *string) (*model.AccessLogConnection, error) {
	f, l := deref(filter), q.list("access-log")
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	page, err := q.service.AccessLog(ctx, f, request)
	if err != nil {
		return nil, err
	}
	nodes := wrap(page.Items, func(e registry.AccessEntry) *model.AccessLogEntry { return &model.AccessLogEntry{AccessEntry: e} })
	return &model.AccessLogConnection{Connection: connect(l, page, nodes, request, func(ctx context.Context) (int64, error) {
		return q.service.CountAccessLog(ctx, f)
	})}, nil
}

// accessEntryByID returns registry.ErrNotFound also for what is no id of an entry.
func (r *Resolver) accessEntryByID(ctx context.Context, id string) (*model.AccessLogEntry, error) {
	key, err := opaque.ParseUUID(model.KindAccessEntry, id)
	if err != nil {
		return nil, registry.ErrNotFound
	}
	e, err := r.service.AccessEntry(ctx, key)
	if err != nil {
		return nil, err
	}
	return &model.AccessLogEntry{AccessEntry: e}, nil
}
