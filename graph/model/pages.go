package model

import (
	"sync"

	"phoneregistry/registry"
)

// Pages is the first pages of a list that hangs on each entry of another list. They are loaded for all entries at once,
// once for each page size and restriction that is asked for.
type Pages[K comparable, T any] struct {
	mu sync.Mutex
	by map[pageKey]*Lazy[map[K]Connection[T]]
}

type pageKey struct {
	first int
	which string
}

// First is the first page, of this size, of the entries of this kind.
func (p *Pages[K, T]) First(first int, which string) *Lazy[map[K]Connection[T]] {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil {
		p.by = map[pageKey]*Lazy[map[K]Connection[T]]{}
	}
	key := pageKey{first, which}
	if p.by[key] == nil {
		p.by[key] = &Lazy[map[K]Connection[T]]{}
	}
	return p.by[key]
}

// The lists that hang on entries of lists.
type (
	// HolderPages is the customers of numbers.
	HolderPages = Pages[registry.Number, *CustomerPhone]
	// HistoryPages is the earlier scores of numbers.
	HistoryPages = Pages[registry.Number, *registry.ScoreRecord]
)
