package registry

import (
	"context"

	"phoneregistry/registry/numbering"
)

// Phone returns a number of the registry; ErrNotFound when it is not there.
func (s *Service) Phone(ctx context.Context, n Number) (Phone, error) {
	return s.store.Phone(ctx, n)
}

// PhonesByNumber returns those of the numbers that are in the registry.
func (s *Service) PhonesByNumber(ctx context.Context, numbers []Number, fields ...string) (map[Number]Phone, error) {
	return s.store.PhonesByNumber(ctx, numbers, fields...)
}

// Phones returns one page of the numbers that match. *Error INVALID_INPUT for a filter, order or page out of bounds.
func (s *Service) Phones(ctx context.Context, f PhoneFilter, o PhoneOrder, p PageRequest) (Page[Phone], error) {
	var es Errors
	f, err := CheckPhoneFilter(f, "filter")
	es = collect(es, err)
	o, err = checkOrder(o)
	es = collect(es, err)
	p, err = checkPage(p)
	if es = collect(es, err); len(es) > 0 {
		return Page[Phone]{}, es
	}
	return s.store.Phones(ctx, f, o, p)
}

// CountPhones counts the numbers that match.
func (s *Service) CountPhones(ctx context.Context, f PhoneFilter) (int64, error) {
	f, err := CheckPhoneFilter(f, "filter")
	if err != nil {
		return 0, err
	}
	return s.store.CountPhones(ctx, f)
}

func checkOrder(o PhoneOrder) (PhoneOrder, error) {
	switch o.Field {
	case "":
		o.Field = OrderByNumber
	case OrderByNumber, OrderByCreatedAt, OrderByUpdatedAt, OrderByScore:
	default:
		return o, Errorf(CodeInvalidInput, pathTo("orderBy", "field"), "phones cannot be ordered by %s: want %s, %s, %s or %s",
			quoted(string(o.Field)), OrderByNumber, OrderByCreatedAt, OrderByUpdatedAt, OrderByScore)
	}
	return o, nil
}

// Customer returns a customer; ErrNotFound when no source has named them.
func (s *Service) Customer(ctx context.Context, id string) (Customer, error) {
	if checkCustomerID(id, nil) != nil {
		return Customer{}, ErrNotFound // nobody can have such an id
	}
	return s.store.Customer(ctx, id)
}

// CustomerPhones returns the phones of each customer: the primary one first, then by confidence.
func (s *Service) CustomerPhones(ctx context.Context, ids []string, want ContactFields) (map[string][]CustomerPhone, error) {
	return s.store.CustomerPhones(ctx, ids, want)
}

// PhoneHolders returns one page of the customers of each number, by customer id. p.After only with one number.
func (s *Service) PhoneHolders(ctx context.Context, numbers []Number, p PageRequest) (map[Number]Page[CustomerPhone], error) {
	p, err := checkPageOf(p, len(numbers))
	if err != nil {
		return nil, err
	}
	if p.After != nil && !storable(p.After.Text) {
		return nil, Errorf(CodeInvalidInput, pathTo("after"), "after is no cursor of this list")
	}
	return s.store.PhoneHolders(ctx, numbers, p)
}

// CountPhoneHolders counts the customers of each number.
func (s *Service) CountPhoneHolders(ctx context.Context, numbers []Number) (map[Number]int64, error) {
	return s.store.CountPhoneHolders(ctx, numbers)
}

// Sources returns all sources, highest priority first, then by name.
func (s *Service) Sources(ctx context.Context) ([]Source, error) {
	return s.store.Sources(ctx)
}

// UpsertSource creates a source or changes its priority; what follows from the priority for the customers' phones
// follows at once. *Error or Errors INVALID_INPUT.
func (s *Service) UpsertSource(ctx context.Context, source Source) (Source, error) {
	var es Errors
	es = collect(es, checkName(source.Name, "the name", pathTo("input", "name")))
	if source.Priority < 1 || source.Priority > MaxPriority {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "priority"), "the priority is %d: want 1 to %d", source.Priority, MaxPriority))
	}
	if len(es) > 0 {
		return Source{}, es
	}
	return s.store.UpsertSource(ctx, source)
}

// AddPhone is a number to add to a customer.
type AddPhone struct {
	CustomerID string
	Number     string // in any form
	Region     string // to assume when the number carries no country code; "": none
	Source     string
	IsPrimary  bool // make it the customer's primary number; the first one is so anyway
}

// AddPhoneResult is what AddPhone did. Normalized is set also beside an error, as far as the number was read.
type AddPhoneResult struct {
	CustomerPhone CustomerPhone
	Phone         Phone
	Normalized    *numbering.Result
	Created       bool // false: the customer held the number already
}

// AddPhone adds a number to a customer. A number the customer holds already is updated by source priority and
// recency. User errors: INVALID_INPUT, INVALID_NUMBER, UNKNOWN_SOURCE, TOO_MANY_PHONES.
func (s *Service) AddPhone(ctx context.Context, a AddPhone) (AddPhoneResult, error) {
	var es Errors
	es = collect(es, checkNewCustomerID(a.CustomerID, pathTo("input", "customerId")))
	es = collect(es, checkRaw(a.Number, pathTo("input", "number")))
	region, err := checkRegion(a.Region, pathTo("input", "region"))
	es = collect(es, err)
	es = collect(es, checkName(a.Source, "source", pathTo("input", "source")))
	if len(es) > 0 {
		return AddPhoneResult{}, es
	}
	read := s.numbers.Normalize(a.Number, numbering.Options{Region: region})
	result := AddPhoneResult{Normalized: &read}
	if !read.IsValid {
		return result, Errorf(CodeInvalidNumber, pathTo("input", "number"), "%s", WhyInvalid(read.Reason))
	}
	added, err := s.store.AddPhone(ctx, PhoneAddition{
		CustomerID: a.CustomerID, Phone: PhoneOf(read, s.numbers.PlanVersion()), Extension: read.Extension,
		Source: a.Source, MakePrimary: a.IsPrimary, MaxPhones: s.maxPhones,
	})
	if err != nil {
		return result, err
	}
	result.CustomerPhone, result.Phone, result.Created = added.CustomerPhone, added.Phone, added.Created
	return result, nil
}

// VerifyPhone records that a customer was verified to hold a number. User errors: INVALID_INPUT, NOT_FOUND.
func (s *Service) VerifyPhone(ctx context.Context, customerID string, n Number, method string) (CustomerPhone, error) {
	var es Errors
	es = collect(es, checkCustomerID(customerID, pathTo("input", "customerId")))
	es = collect(es, checkName(method, "the method", pathTo("input", "method")))
	if len(es) > 0 {
		return CustomerPhone{}, es
	}
	return s.store.VerifyPhone(ctx, customerID, n, method)
}
