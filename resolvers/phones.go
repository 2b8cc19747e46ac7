package resolvers

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// NormalizePhone says what the numbering rules make of a text.
func (q query) NormalizePhone(ctx context.Context, input string, region, area *string) (*model.NormalizedPhone, error) {
	result, err := q.service.Normalize(ctx, input, deref(region), deref(area))
	if err != nil {
		return nil, err
	}
	return &model.NormalizedPhone{Result: result}, nil
}

// NormalizeCell says what the numbering rules make of each number in a text.
func (q query) NormalizeCell(ctx context.Context, input string, region, area *string) ([]model.NormalizedPhone, error) {
	results, err := q.service.NormalizeCell(ctx, input, deref(region), deref(area))
	if err != nil {
		return nil, err
	}
	all := make([]model.NormalizedPhone, len(results))
	for i := range results {
		all[i].Result = results[i]
	}
	return all, nil
}

// Phone finds a number.
func (q query) Phone(ctx context.Context, number registry.Number) (*model.Phone, error) {
	return guessOne(ctx, q.Resolver, func() (*model.Phone, error) { return q.phoneByNumber(ctx, number) })
}

func (r *Resolver) phoneByNumber(ctx context.Context, number registry.Number) (*model.Phone, error) {
	p, err := r.service.Phone(ctx, number)
	if err != nil {
		return nil, err
	}
	return r.onePhone(p), nil
}

// onePhone wraps a phone that came alone.
func (r *Resolver) onePhone(p registry.Phone) *model.Phone {
	_, all := model.NewPhones(r.codec, []registry.Phone{p})
	return all[0]
}

// Phones pages through the numbers of the registry.
func (q query) Phones(ctx context.Context, filter *registry.PhoneFilter, orderBy *model.PhoneOrder, first *int, after *string,
) (*model.PhoneConnection, error) {
	f := deref(filter)
	order, err := orderOf(ctx, f, orderBy)
	if err != nil {
		return nil, err
	}
	l := q.list("phones/" + string(order.Field) + "/" + strconv.FormatBool(order.Descending))
	request, err := l.page(first, after)
	if err != nil {
		return nil, err
	}
	request.Fields = asked(ctx, "Phone")
	page, err := q.service.Phones(ctx, f, order, request)
	if err != nil {
		return nil, err
	}
	_, nodes := model.NewPhones(q.codec, page.Items)
	return &model.PhoneConnection{Connection: connect(l, page, nodes, request, func(ctx context.Context) (int64, error) {
		return q.service.CountPhones(ctx, f)
	})}, nil
}

// Customers pages through the customers of a number.
func (r phone) Customers(ctx context.Context, obj *model.Phone, first *int, after *string) (*model.CustomerPhoneConnection, error) {
	set := obj.Siblings
	holders := nested[registry.Number, registry.CustomerPhone, *model.CustomerPhone]{
		pages: &set.Holders, keys: set.Numbers, what: "CustomerPhone", load: r.service.PhoneHolders, count: r.service.CountPhoneHolders,
		list: func(n registry.Number) list { return r.list("holders/" + set.ByNumber[n].ID()) },
		nodes: func() func([]registry.CustomerPhone) []*model.CustomerPhone {
			siblings := model.NewCustomerPhones()
			_, _ = siblings.Phones.Get(func() (*model.Phones, error) { return set, nil })
			return siblings.Add
		},
	}
	page, err := holders.of(ctx, obj.Number, first, after)
	return &model.CustomerPhoneConnection{Connection: page}, err
}

// Validations is the newest evidence on a number.
func (r phone) Validations(ctx context.Context, obj *model.Phone) ([]registry.Validation, error) {
	evidence, err := r.evidence(ctx, obj.Siblings.Evidence, obj.Siblings.Numbers)
	return evidence[obj.Number], err
}

func (r *Resolver) evidence(ctx context.Context, e *model.Evidence, numbers []registry.Number,
) (map[registry.Number][]registry.Validation, error) {
	return e.Get(func() (map[registry.Number][]registry.Validation, error) {
		fields := asked(ctx, "PlatformValidation")
		if fields != nil && asked(ctx, "LeadScore").Has("components") {
			fields = append(fields, "components") // what explains a score
		}
		return r.service.Validations(ctx, numbers, fields...)
	})
}

// LeadScore is the score of a number; null before its first validation.
func (r phone) LeadScore(ctx context.Context, obj *model.Phone) (*model.LeadScore, error) {
	phones := obj.Siblings
	scores, err := phones.Scores.Get(func() (*model.LeadScores, error) {
		loaded, err := r.service.LeadScores(ctx, phones.Numbers, asked(ctx, "LeadScore")...)
		if err != nil {
			return nil, err
		}
		scores, _ := model.NewLeadScores(slices.Collect(maps.Values(loaded)))
		scores.Evidence = phones.Evidence
		_, err = scores.Phones.Get(func() (*model.Phones, error) { return phones, nil })
		return scores, err
	})
	if err != nil {
		return nil, err
	}
	return scores.ByNumber[obj.Number], nil
}

// loadPhones loads the phones of a list.
func (r *Resolver) loadPhones(ctx context.Context, numbers []registry.Number) (*model.Phones, error) {
	loaded, err := r.service.PhonesByNumber(ctx, numbers, asked(ctx, "Phone")...)
	if err != nil {
		return nil, err
	}
	set, _ := model.NewPhones(r.codec, slices.Collect(maps.Values(loaded)))
	return set, nil
}

// inSet returns the phone of a number; registry.ErrNotFound when it was erased in between.
func inSet(set *model.Phones, err error, n registry.Number) (*model.Phone, error) {
	if err != nil {
		return nil, err
	}
	p, ok := set.ByNumber[n]
	if !ok {
		return nil, registry.ErrNotFound
	}
	return p, nil
}

// AddPhone adds a number to a customer.
func (m mutation) AddPhone(ctx context.Context, input registry.AddPhone) (*model.AddPhonePayload, error) {
	result, err := m.service.AddPhone(ctx, input)
	payload := &model.AddPhonePayload{}
	if result.Normalized != nil {
		payload.Normalized = &model.NormalizedPhone{Result: *result.Normalized}
	}
	if payload.UserErrors, err = userErrors(err, "input"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.Phone = m.onePhone(result.Phone)
	payload.CustomerPhone = oneCustomerPhone(result.CustomerPhone, payload.Phone.Siblings)
	payload.Created = result.Created
	return payload, nil
}

// VerifyPhone records that a customer was verified to hold a number.
func (m mutation) VerifyPhone(ctx context.Context, input model.VerifyPhoneInput) (*model.VerifyPhonePayload, error) {
	var verified registry.CustomerPhone
	err := m.guessed(ctx, func() (err error) {
		verified, err = m.service.VerifyPhone(ctx, input.CustomerID, input.Number, input.Method)
		return err
	})
	payload := &model.VerifyPhonePayload{}
	if payload.UserErrors, err = userErrors(err, "input"); err != nil || len(payload.UserErrors) > 0 {
		return payload, err
	}
	payload.CustomerPhone = oneCustomerPhone(verified, nil)
	return payload, nil
}
