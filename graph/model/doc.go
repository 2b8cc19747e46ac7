// Package model holds the Go types behind the GraphQL types. models_gen.go is generated for what exists only in the
// API; what is written by hand wraps the types of the domain: it turns "not known" into null and remembers the list
// an object came in, so that what is loaded for one entry is loaded for all entries of the list in one statement.
package model

import "sync"

// optional turns the empty text into null.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Lazy is a value that is loaded when it is first asked for, once, whoever asks.
type Lazy[V any] struct {
	once  sync.Once
	value V
	err   error
}

// Get returns the value, or the error, of the first load.
func (l *Lazy[V]) Get(load func() (V, error)) (V, error) {
	l.once.Do(func() { l.value, l.err = load() })
	return l.value, l.err
}

// Node is anything with a global id.
type Node interface {
	IsNode()
}
