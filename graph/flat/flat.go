// Package flat writes lists of phones and of customers' phones that are asked for plain values only. The executor
// takes a goroutine for each entry of a list and a context for each of its values, which is right where values are
// looked up, and costs many times more than the values themselves where they are there already. Lists for which
// anything else is asked go the usual way. What is written is the same to the byte.
package flat

import (
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/model"
	"phoneregistry/graph/reveal"
)

// Lists of phones are written here from this length on. What is known of the few phones of a customer always is.
const fewestPhones = 8

// appender appends what is written for one field of an entry.
type appender[T any] func(b []byte, entry *T) []byte

// table is how the plain fields of a type are written. Its numbers are masked; whole writes them whole.
type table[T any] struct {
	types  []string // the names of the type in selections
	fields map[string]appender[T]
	number reveal.Field
	whole  appender[T]
}

// Lists writes lists. Make it with New and give Around to the executor's AroundOperations.
type Lists struct {
	phones   table[model.Phone]
	contacts table[model.CustomerPhone]
}

// New returns a Lists.
func New() *Lists { return &Lists{phones: phones(), contacts: contacts()} }

// Writes reports whether a field of a type is a plain value that is written here.
func (l *Lists) Writes(object, field string) bool {
	return object == "Phone" && l.phones.fields[field] != nil || object == "CustomerPhone" && l.contacts.fields[field] != nil
}

// Around looks at what the fields of an operation resolve to, and writes those lists that it can.
func (l *Lists) Around(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
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
	return next(ctx)
}

// column is a field that is asked of each entry.
type column[T any] struct {
	name  string // as JSON, with the colon
	value appender[T]
}

// write writes a list; nil when something is asked that is not a plain value.
func write[T any](ctx context.Context, operation *graphql.OperationContext, t *table[T], entries int, at func(i int) *T) []byte {
	asked := graphql.CollectFields(operation, graphql.GetFieldContext(ctx).Field.Selections, t.types)
	columns := make([]column[T], len(asked))
	size := 2
	for i, field := range asked {
		value, ok := t.fields[field.Name]
		if !ok {
			return nil
		}
		columns[i] = column[T]{`"` + field.Alias + `":`, value}
		size += len(field.Alias) + 24
	}
	for i, field := range asked { // it is certain now that the list is written here
		if field.Name == "number" && reveal.WholeList(ctx, t.number, entries) {
			columns[i].value = t.whole
		}
	}
	b := append(make([]byte, 0, 2+entries*size), '[')
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '{')
		entry := at(i)
		for c := range columns {
			if c > 0 {
				b = append(b, ',')
			}
			b = columns[c].value(append(b, columns[c].name...), entry)
		}
		b = append(b, '}')
	}
	return append(b, ']')
}

// written is JSON.
type written []byte

// MarshalGQL implements graphql.Marshaler.
func (t written) MarshalGQL(w io.Writer) { _, _ = w.Write(t) } // the writer is a buffer in memory
