// Package direct writes answers without the executor, where it can be known beforehand what they will hold. The executor
// takes a goroutine for each entry of a list and a context for each of its values, which is right where values are looked
// up, and costs many times more than the values themselves where they are there already.
//
// Lists writes lists of phones and of customers' phones that are asked for plain values only, wherever an operation asks
// for them. Schema answers whole operations, those that are asked most, as they were compiled when their document was seen
// first. Whatever else is asked goes the usual way. What is written is the same to the byte.
package direct

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/model"
)

// Lists of phones are written here from this length on. What is known of the few phones of a customer always is.
const fewestPhones = 8

// Lists writes lists.
type Lists struct {
	phones   table[model.Phone]
	contacts table[model.CustomerPhone]
}

// NewLists returns a Lists.
func NewLists() *Lists { return &Lists{phones: phones(), contacts: contacts()} }

// Writes reports whether a field of a type is a plain value that is written here.
func (l *Lists) Writes(object, field string) bool {
	return object == "Phone" && l.phones.has(field) || object == "CustomerPhone" && l.contacts.has(field)
}

// watch looks at what the fields of an operation resolve to, and writes those lists that it can.
func (l *Lists) watch(operation *graphql.OperationContext) {
	before := operation.ResolverMiddleware
	operation.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		found, err := before(ctx, resolve)
		if err != nil {
			return found, err
		}
		var list []byte
		switch entries := found.(type) {
		case []*model.Phone:
			if len(entries) >= fewestPhones {
				list = write(ctx, operation, &l.phones, len(entries), func(i int) *model.Phone { return entries[i] })
			}
		case []*model.CustomerPhone:
			list = write(ctx, operation, &l.contacts, len(entries), func(i int) *model.CustomerPhone { return entries[i] })
		case []model.CustomerPhone:
			list = write(ctx, operation, &l.contacts, len(entries), func(i int) *model.CustomerPhone { return &entries[i] })
		}
		if list == nil {
			return found, nil
		}
		return written(list), nil
	}
}

// write writes a list; nil when something is asked that is not a plain value.
func write[T any](ctx context.Context, operation *graphql.OperationContext, t *table[T], entries int, at func(i int) *T) []byte {
	s, ok := t.shapeOf(graphql.CollectFields(operation, graphql.GetFieldContext(ctx).Field.Selections, t.types), nil)
	if !ok {
		return nil
	}
	return s.list(make([]byte, 0, 2+entries*s.size), entries, at, s.reveals(ctx, entries))
}

// written is JSON.
type written []byte

// MarshalGQL implements graphql.Marshaler.
func (t written) MarshalGQL(w io.Writer) { _, _ = w.Write(t) } // the writer is a buffer in memory
