package direct

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/model"
	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
)

// plan is how one customer is read and written, which is asked most.
type plan struct {
	field    graphql.CollectedField
	name     string // of the field, as JSON, with the colon
	id       argument
	customer shape[model.Customer]
	held     *registry.ContactFields // what is asked of the phones; nil: they are not asked for
	perPhone int                     // about how many bytes one of the phones takes
	columns  int
}

// customer compiles the field of that name.
func (c *compiler) customer(field graphql.CollectedField) (*plan, bool) {
	p := &plan{field: field, name: `"` + field.Alias + `":`}
	var ok bool
	if p.id, ok = argumentOf(field, "customerId"); !ok {
		return nil, false
	}
	asked := c.collect(field.Selections, c.customers.types)
	p.columns = len(asked)
	p.customer, ok = c.customers.shapeOf(asked, func(field graphql.CollectedField) (personal[model.Customer], []reveal.Field, bool) {
		if field.Name != "phones" {
			return nil, nil, false
		}
		return c.phones(p, field)
	})
	return p, ok
}

// phones compiles the phones of the customer. They may be asked for under several names; they are read once.
func (c *compiler) phones(p *plan, field graphql.CollectedField) (personal[model.Customer], []reveal.Field, bool) {
	asked := c.collect(field.Selections, c.lists.contacts.types)
	if p.held == nil {
		p.held = &registry.ContactFields{Contact: registry.Fields{}}
	}
	p.held.Contact = wanted(p.held.Contact, asked)
	s, ok := c.lists.contacts.shapeOf(asked, func(field graphql.CollectedField) (personal[model.CustomerPhone], []reveal.Field, bool) {
		if field.Name != "phone" {
			return nil, nil, false
		}
		return c.phone(p, field)
	})
	p.columns += len(asked)
	p.perPhone += s.size
	write := func(b []byte, customer *model.Customer, whole bool) []byte {
		var contact model.CustomerPhone
		return s.list(b, len(customer.Held), func(i int) *model.CustomerPhone {
			contact.CustomerPhone = customer.Held[i]
			return &contact
		}, whole)
	}
	return write, s.shown, ok
}

// phone compiles the row of a customer's phone in the registry, which is read together with it.
func (c *compiler) phone(p *plan, field graphql.CollectedField) (personal[model.CustomerPhone], []reveal.Field, bool) {
	asked := c.collect(field.Selections, c.lists.phones.types)
	if p.held.Phone == nil {
		p.held.Phone = registry.Fields{}
	}
	p.held.Phone = wanted(p.held.Phone, asked)
	s, ok := c.lists.phones.shapeOf(asked, nil)
	p.columns += len(asked)
	p.perPhone += s.size
	siblings := &model.Phones{Codec: c.readers.Codec}
	write := func(b []byte, contact *model.CustomerPhone, whole bool) []byte {
		return s.object(b, &model.Phone{Phone: *contact.CustomerPhone.Phone, Siblings: siblings}, whole)
	}
	return write, s.shown, ok
}

// wanted adds the fields that are asked to those that are wanted.
func wanted(fields registry.Fields, asked []graphql.CollectedField) registry.Fields {
	for _, field := range asked {
		if !slices.Contains(fields, field.Name) {
			fields = append(fields, field.Name)
		}
	}
	return fields
}

// run answers the operation. The answer is given once.
func (p *plan) run(readers Readers, operation *graphql.OperationContext, id string) graphql.ResponseHandler {
	answered := false
	return func(ctx context.Context) *graphql.Response {
		if answered {
			return nil
		}
		answered = true
		return &graphql.Response{Data: p.answer(ctx, readers, operation, id)}
	}
}

// answer reads and writes. What fails becomes an error of the field, which is null then.
func (p *plan) answer(ctx context.Context, readers Readers, operation *graphql.OperationContext, id string) (data []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			ctx := p.at(ctx)
			operation.Error(ctx, operation.Recover(ctx, cause))
			data = p.null()
		}
	}()
	customer, err := readers.Customer(ctx, id, p.held)
	if err != nil {
		ctx := p.at(ctx)
		operation.Error(ctx, graphql.AddFieldLocationToError(ctx, err))
		return p.null()
	}
	if customer == nil {
		return p.null()
	}
	b := make([]byte, 0, len(p.name)+p.customer.size+len(customer.Held)*p.perPhone+8)
	b = append(append(b, '{'), p.name...)
	b = p.customer.object(b, customer, p.customer.reveals(ctx, len(customer.Held)))
	return append(b, '}')
}

// at is the context of the field, which errors are told with.
func (p *plan) at(ctx context.Context) context.Context {
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Object: "Query", Field: p.field, IsMethod: true, IsResolver: true})
}

func (p *plan) null() []byte { return []byte("{" + p.name + "null}") }
