package direct

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/reveal"
)

// appender appends what is written for one field of an object.
type appender[T any] func(b []byte, entry *T) []byte

// personal is an appender that shows what identifies a person: whole, or masked.
type personal[T any] func(b []byte, entry *T, whole bool) []byte

// table is how the plain fields of a type are written.
type table[T any] struct {
	types  []string // the names of the type in selections
	fields map[string]appender[T]
	number personal[T] // of the field of that name; nil: there is none
	shows  reveal.Field
}

func (t *table[T]) has(field string) bool {
	return t.fields[field] != nil || field == "number" && t.number != nil
}

// shape is what is asked of objects of a type, in the order in which it is written.
type shape[T any] struct {
	columns []column[T]
	shown   []reveal.Field // for each value that identifies a person, those of objects within among them
	size    int            // about how many bytes an object takes, without objects within
}

// column is one field. One of its appenders is set.
type column[T any] struct {
	name  string // as JSON, with the colon
	plain appender[T]
	shows personal[T]
}

// within makes a column of a field that is an object.
type within[T any] func(field graphql.CollectedField) (write personal[T], shown []reveal.Field, ok bool)

// shapeOf makes the shape of fields; false when one of them is neither a plain value nor an object that within knows.
func (t *table[T]) shapeOf(asked []graphql.CollectedField, object within[T]) (s shape[T], ok bool) {
	s.columns = make([]column[T], len(asked))
	s.size = 2
	for i, field := range asked {
		c := column[T]{name: `"` + field.Alias + `":`, plain: t.fields[field.Name]}
		s.size += len(field.Alias) + 24
		switch {
		case c.plain != nil:
		case field.Name == "number" && t.number != nil:
			c.shows = t.number
			s.shown = append(s.shown, t.shows)
		case object == nil:
			return s, false
		default:
			write, shown, ok := object(field)
			if !ok {
				return s, false
			}
			c.shows = write
			s.shown = append(s.shown, shown...)
		}
		s.columns[i] = c
	}
	return s, true
}

// list appends a list of objects.
func (s *shape[T]) list(b []byte, entries int, at func(i int) *T, whole bool) []byte {
	b = append(b, '[')
	for i := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = s.object(b, at(i), whole)
	}
	return append(b, ']')
}

// reveals reports whether the caller is shown whole what identifies a person, and counts it for so many objects: the list
// of these, or the list within an only one.
func (s *shape[T]) reveals(ctx context.Context, objects int) (whole bool) {
	for _, field := range s.shown {
		whole = reveal.WholeList(ctx, field, objects)
	}
	return whole
}

func (s *shape[T]) object(b []byte, entry *T, whole bool) []byte {
	b = append(b, '{')
	for i := range s.columns {
		c := &s.columns[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, c.name...)
		if c.plain != nil {
			b = c.plain(b, entry)
		} else {
			b = c.shows(b, entry, whole)
		}
	}
	return append(b, '}')
}
