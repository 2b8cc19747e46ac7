// Package flat writes long lists of phones that are asked for plain values only, as exports and tables do. The executor
// takes a goroutine for each entry of a list and a context for each of its values, which is right where values are
// looked up, and costs many times more than the values themselves where they are there already. Lists for which
// anything else is asked go the usual way. What is written is the same to the byte.
package flat

import (
	"bytes"
	"context"
	"io"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/model"
	"phoneregistry/graph/reveal"
	"phoneregistry/graph/scalar"
)

// fewest is the length of a list from which on it is written here.
const fewest = 8

// value makes what is written for one field of a phone.
type value func(p *model.Phone) graphql.Marshaler

// number writes numbers whole or masked.
func number(whole bool) value {
	return func(p *model.Phone) graphql.Marshaler {
		return graphql.WriterFunc(func(w io.Writer) { _ = scalar.WriteE164(w, p.Number, whole) }) // a buffer in memory
	}
}

// Lists writes lists. Make it with New and give Around to the executor's AroundOperations.
type Lists struct {
	phone map[string]value
}

// New returns a Lists.
func New() *Lists {
	return &Lists{phone: map[string]value{
		"__typename": func(*model.Phone) graphql.Marshaler { return graphql.MarshalString("Phone") },
		"id":         func(p *model.Phone) graphql.Marshaler { return graphql.MarshalID(p.ID()) },
		"number":     number(false), // see phones
		"region":     func(p *model.Phone) graphql.Marshaler { return orNull(p.Region()) },
		"lineType":   func(p *model.Phone) graphql.Marshaler { return scalar.MarshalLineType(p.LineType) },
		"lineTypeSource": func(p *model.Phone) graphql.Marshaler {
			return scalar.MarshalLineTypeSource(p.LineTypeSource())
		},
		"originalCarrier": func(p *model.Phone) graphql.Marshaler { return orNull(p.OriginalCarrier()) },
		"location":        func(p *model.Phone) graphql.Marshaler { return orNull(p.Location()) },
		"timezones":       func(p *model.Phone) graphql.Marshaler { return texts(p.TimeZones) },
		"isValid":         func(p *model.Phone) graphql.Marshaler { return graphql.MarshalBoolean(p.Valid) },
		"planVersion":     func(p *model.Phone) graphql.Marshaler { return graphql.MarshalString(p.PlanVersion) },
		"createdAt":       func(p *model.Phone) graphql.Marshaler { return scalar.MarshalTime(p.CreatedAt) },
		"updatedAt":       func(p *model.Phone) graphql.Marshaler { return scalar.MarshalTime(p.UpdatedAt) },
	}}
}

// Writes reports whether a field of Phone is a plain value that is written here.
func (l *Lists) Writes(field string) bool { return l.phone[field] != nil }

// Around looks at what the fields of an operation resolve to, and writes those lists that it can.
func (l *Lists) Around(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	operation := graphql.GetOperationContext(ctx)
	before := operation.ResolverMiddleware
	operation.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		found, err := before(ctx, resolve)
		if phones, ok := found.([]*model.Phone); ok && err == nil && len(phones) >= fewest {
			if written := l.phones(ctx, operation, phones); written != nil {
				return written, nil
			}
		}
		return found, err
	}
	return next(ctx)
}

// column is a field that is asked of each entry.
type column struct {
	name  []byte // with quotes and colon
	value value
}

// phones writes a list; nil when something is asked that is not a plain value.
func (l *Lists) phones(ctx context.Context, operation *graphql.OperationContext, phones []*model.Phone) graphql.Marshaler {
	asked := graphql.CollectFields(operation, graphql.GetFieldContext(ctx).Field.Selections, []string{"Phone", "Node"})
	columns := make([]column, len(asked))
	for i, field := range asked {
		v, ok := l.phone[field.Name]
		if !ok {
			return nil
		}
		columns[i] = column{[]byte(`"` + field.Alias + `":`), v}
	}
	for i, field := range asked { // it is certain now that the list is written here
		if field.Name == "number" && reveal.WholeList(ctx, reveal.PhoneNumber, len(phones)) {
			columns[i].value = number(true)
		}
	}
	var b bytes.Buffer
	b.Grow(len(phones) * len(columns) * 32)
	b.WriteByte('[')
	for i, p := range phones {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		for at, c := range columns {
			if at > 0 {
				b.WriteByte(',')
			}
			b.Write(c.name)
			c.value(p).MarshalGQL(&b)
		}
		b.WriteByte('}')
	}
	b.WriteByte(']')
	return written(b.Bytes())
}

// written is JSON.
type written []byte

// MarshalGQL implements graphql.Marshaler.
func (t written) MarshalGQL(w io.Writer) { _, _ = w.Write(t) } // the writer is a buffer in memory

func orNull(s *string) graphql.Marshaler {
	if s == nil {
		return graphql.Null
	}
	return graphql.MarshalString(*s)
}

func texts(all []string) graphql.Marshaler {
	list := make(graphql.Array, len(all))
	for i, s := range all {
		list[i] = graphql.MarshalString(s)
	}
	return list
}
