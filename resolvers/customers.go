package resolvers

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/graph/direct"
	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// Readers are what answers are made of that are written without the resolvers.
func (r *Resolver) Readers() direct.Readers {
	return direct.Readers{Customer: r.customerWith, Codec: r.codec}
}

// Customer finds a customer.
func (q query) Customer(ctx context.Context, customerID string) (*model.Customer, error) {
	if !graphql.FieldRequested(ctx, "phones") {
		return q.customerWith(ctx, customerID, nil)
	}
	want := contactFields(ctx)
	return q.customerWith(ctx, customerID, &want)
}

// customerWith finds a customer, with what is wanted of the phones as the caller sees them. One who has phones is known to
// exist: when these are wanted, they are all that is loaded.
func (r *Resolver) customerWith(ctx context.Context, customerID string, want *registry.ContactFields) (*model.Customer, error) {
	storable := utf8.ValidString(customerID) && !strings.ContainsRune(customerID, 0) // else nobody has such an id
	if !storable || want == nil {
		return orNull(r.customerByID(ctx, customerID))
	}
	phones, err := r.service.CustomerPhones(ctx, []string{customerID}, *want)
	if err != nil {
		return nil, err
	}
	if held := phones[customerID]; len(held) > 0 {
		return &model.Customer{
			Customer: registry.Customer{ID: customerID}, Codec: r.codec, Held: r.notByNumber(ctx, held),
		}, nil
	}
	c, err := orNull(r.customerByID(ctx, customerID))
	if c != nil {
		c.Held = []registry.CustomerPhone{}
	}
	return c, err
}

func (r *Resolver) customerByID(ctx context.Context, customerID string) (*model.Customer, error) {
	c, err := r.service.Customer(ctx, customerID)
	if err != nil {
		return nil, err
	}
	return &model.Customer{Customer: c, Codec: r.codec}, nil
}

// Phones is the phones of a customer: the primary one first, then by confidence.
func (r customer) Phones(ctx context.Context, obj *model.Customer) ([]model.CustomerPhone, error) {
	held := obj.Held
	if held == nil {
		phones, err := r.service.CustomerPhones(ctx, []string{obj.Customer.ID}, contactFields(ctx))
		if err != nil {
			return nil, err
		}
		held = r.notByNumber(ctx, phones[obj.Customer.ID])
	}
	set := model.NewCustomerPhones()
	nodes := set.Add(held)
	if len(held) > 0 && held[0].Phone != nil { // they came together
		phones := make([]registry.Phone, len(held))
		for i := range held {
			phones[i] = *held[i].Phone
		}
		_, err := set.Phones.Get(func() (*model.Phones, error) {
			siblings, _ := model.NewPhones(r.codec, phones)
			return siblings, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return wrap(nodes, func(p *model.CustomerPhone) model.CustomerPhone { return *p }), nil
}

// contactFields is what is asked of the phones of customers.
func contactFields(ctx context.Context) registry.ContactFields {
	want := registry.ContactFields{Contact: asked(ctx, "CustomerPhone")}
	if want.Contact.Has("phone") && want.Contact != nil {
		want.Phone = asked(ctx, "Phone")
	}
	return want
}

// Phone is the row of the number in the registry.
func (r customerPhone) Phone(ctx context.Context, obj *model.CustomerPhone) (*model.Phone, error) {
	set, err := obj.Siblings.Phones.Get(func() (*model.Phones, error) {
		return r.loadPhones(ctx, obj.Siblings.Numbers)
	})
	return inSet(set, err, obj.Number)
}

// oneCustomerPhone wraps a customer's phone that came alone, together with the phone when that is known.
func oneCustomerPhone(p registry.CustomerPhone, phones *model.Phones) *model.CustomerPhone {
	set := model.NewCustomerPhones()
	if phones != nil {
		_, _ = set.Phones.Get(func() (*model.Phones, error) { return phones, nil })
	}
	return set.Add([]registry.CustomerPhone{p})[0]
}

// Sources lists the sources.
func (q query) Sources(ctx context.Context) ([]registry.Source, error) { return q.service.Sources(ctx) }

// UpsertSource creates a source or changes its priority.
func (m mutation) UpsertSource(ctx context.Context, input registry.Source) (*model.UpsertSourcePayload, error) {
	source, err := m.service.UpsertSource(ctx, input)
	payload := &model.UpsertSourcePayload{}
	if payload.UserErrors, err = userErrors(err, "input"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Source = &source
	return payload, nil
}
