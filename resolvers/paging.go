package resolvers

import (
	"context"
	"encoding/json"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// list is a list that can be paged through. Its name binds cursors to it: one of another list, or of the same list in
// another order, is refused.
type list struct {
	*Resolver
	name string
}

func (r *Resolver) list(name string) list { return list{r, name} }

// page reads the arguments of a page.
func (l list) page(first *int, after *string) (registry.PageRequest, error) {
	var p registry.PageRequest
	if first != nil {
		if *first < 1 || *first > registry.MaxPageSize {
			return p, registry.Errorf(registry.CodeInvalidInput, []string{"first"},
				"first is %d: want 1 to %d", *first, registry.MaxPageSize)
		}
		p.First = *first
	}
	if after == nil {
		return p, nil
	}
	plain, err := l.codec.Open(l.name, *after)
	if err == nil {
		p.After = &registry.Position{}
		err = json.Unmarshal(plain, p.After)
	}
	if err != nil {
		return p, registry.Errorf(registry.CodeInvalidInput, []string{"after"},
			"after is not a cursor of this list in this order: want the endCursor of an earlier page")
	}
	return p, nil
}

// cursor writes a place in the list, so that only this registry can read it.
func (l list) cursor(p registry.Position) string {
	plain, err := json.Marshal(p)
	if err != nil {
		panic(err) // three fields that always can be written
	}
	return l.codec.Seal(l.name, plain)
}

// connect makes a connection of a page whose items have been wrapped as nodes.
func connect[S, T any](l list, page registry.Page[S], nodes []T, request registry.PageRequest,
	count func(context.Context) (int64, error),
) model.Connection[T] {
	return model.NewConnection(page, nodes, request, l.cursor, count)
}

// wrap makes a node of each item.
func wrap[S, T any](items []S, node func(S) T) []T {
	nodes := make([]T, len(items))
	for i, item := range items {
		nodes[i] = node(item)
	}
	return nodes
}
