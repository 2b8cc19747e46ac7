package model

import (
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// Customer is a customer as the sources name it.
type Customer struct {
	registry.Customer
	Codec *opaque.Codec
	Held  []registry.CustomerPhone // their phones, as the caller sees them; nil: not loaded
}

// IsNode marks a type with a global id.
func (*Customer) IsNode() {}

// ID is the global id.
func (c *Customer) ID() string {
	return KindCustomer + "_" + c.Codec.Seal(KindCustomer, []byte(c.Customer.ID))
}

// CustomerPhone is what is known of one number of one customer.
type CustomerPhone struct {
	registry.CustomerPhone
	Siblings *CustomerPhones
}

// CustomerPhones is the customers' phones of one list.
type CustomerPhones struct {
	Numbers []registry.Number
	Phones  Lazy[*Phones]
}

// NewCustomerPhones makes an empty list.
func NewCustomerPhones() *CustomerPhones { return &CustomerPhones{} }

// Add adds entries to the list, before anything of it is loaded.
func (s *CustomerPhones) Add(items []registry.CustomerPhone) []*CustomerPhone {
	all := make([]*CustomerPhone, len(items))
	for i, item := range items {
		all[i] = &CustomerPhone{CustomerPhone: item, Siblings: s}
		s.Numbers = append(s.Numbers, item.Number)
	}
	return all
}

// VerificationMethod is null when the hold was not verified.
func (c *CustomerPhone) VerificationMethod() *string {
	return optional(c.CustomerPhone.VerificationMethod)
}

// Extension is null when there is none.
func (c *CustomerPhone) Extension() *string { return optional(c.CustomerPhone.Extension) }

// CustomerID is the customer's id as given by the sources.
func (c *Customer) CustomerID() string { return c.Customer.ID }
