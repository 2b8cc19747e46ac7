package resolvers

import (
	"context"
	"slices"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// nested is a list that hangs on each entry of another list. Its first page is loaded for all entries of that list at
// once, and so are the numbers of their entries; a page behind a cursor only for the entry whose cursor was given.
type nested[K comparable, S, T any] struct {
	pages *model.Pages[K, T]
	which string // restricts the entries; the same for all owners
	keys  []K    // all owners
	list  func(K) list
	load  func(context.Context, []K, registry.PageRequest) (map[K]registry.Page[S], error)
	count func(context.Context, []K) (map[K]int64, error)
	what  string // the type of the entries

	without string               // a field of them that is not to be read
	nodes   func() func([]S) []T // wraps the entries of one load, owner by owner
}

// of is a page of the list of one owner.
func (n nested[K, S, T]) of(ctx context.Context, owner K, first *int, after *string) (model.Connection[T], error) {
	request, err := n.list(owner).page(first, after)
	if err != nil {
		return model.Connection[T]{}, err
	}
	if request.Fields = asked(ctx, n.what); n.without != "" {
		request.Fields = slices.DeleteFunc(request.Fields, func(f string) bool { return f == n.without })
	}
	if request.After != nil {
		connections, err := n.connections(ctx, []K{owner}, request)
		return connections[owner], err
	}
	connections, err := n.pages.First(request.First, n.which).Get(func() (map[K]model.Connection[T], error) {
		return n.connections(ctx, n.keys, request)
	})
	return connections[owner], err
}

func (n nested[K, S, T]) connections(ctx context.Context, owners []K, request registry.PageRequest) (map[K]model.Connection[T], error) {
	pages, err := n.load(ctx, owners, request)
	if err != nil {
		return nil, err
	}
	wrap, counts := n.nodes(), &model.Lazy[map[K]int64]{}
	connections := make(map[K]model.Connection[T], len(owners))
	for _, owner := range owners {
		if _, twice := connections[owner]; twice {
			continue
		}
		page := pages[owner]
		connections[owner] = connect(n.list(owner), page, wrap(page.Items), request, func(ctx context.Context) (int64, error) {
			all, err := counts.Get(func() (map[K]int64, error) { return n.count(ctx, owners) })
			return all[owner], err
		})
	}
	return connections, nil
}

// each wraps entries that know nothing of each other.
func each[S, T any](node func(S) T) func() func([]S) []T {
	return func() func([]S) []T {
		return func(items []S) []T { return wrap(items, node) }
	}
}
