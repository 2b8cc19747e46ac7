package resolvers

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"phoneregistry/graph/model"
	"phoneregistry/registry"
)

// orderOf is the order of phones that a caller asks for, or gets unless told. Who sees numbers masked may neither filter
// nor order so that more of them shows than the mask does.
func orderOf(ctx context.Context, f registry.PhoneFilter, asked *model.PhoneOrder) (registry.PhoneOrder, error) {
	actor := registry.ActorFrom(ctx)
	if err := f.CheckMasked(actor, "filter"); err != nil {
		return registry.PhoneOrder{}, err
	}
	if asked == nil {
		return registry.DefaultOrder(actor), nil
	}
	order := registry.PhoneOrder{Field: asked.Field, Descending: asked.Direction == model.OrderDirectionDesc}
	return order, order.CheckMasked(actor, "orderBy", "field")
}

// checkConditions refuses conditions on phones for a job or a schedule that a caller who sees numbers masked may not set:
// how many match shows in its progress.
func checkConditions(ctx context.Context, f *registry.PhoneFilter, path ...string) error {
	if f == nil {
		return nil
	}
	return f.CheckMasked(registry.ActorFrom(ctx), path...)
}

// guessOne looks one whole number up. Absence is null, and for those who see numbers masked a guess that was wrong.
func guessOne[T any](ctx context.Context, r *Resolver, look func() (*T, error)) (found *T, err error) {
	err = r.lookups.Guess(registry.ActorFrom(ctx), 1, func() (int, error) {
		if found, err = orNull(look()); found == nil {
			return 0, err
		}
		return 1, err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// guessAll counts for those who see numbers masked which of the numbers that they name are not there.
func (r *Resolver) guessAll(ctx context.Context, numbers []registry.Number) error {
	if registry.ActorFrom(ctx).SeesWholeNumbers() || len(numbers) > registry.MaxFilterIDs { // more are refused anyway
		return nil
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(numbers)))
	return r.lookups.Guess(registry.ActorFrom(ctx), len(distinct), func() (int, error) {
		if len(distinct) == 0 {
			return 0, nil
		}
		there, err := r.service.PhonesByNumber(ctx, distinct)
		return len(there), err
	})
}

// guessed counts an attempt to name a number of a customer that they do not hold, as a guess that was wrong.
func (r *Resolver) guessed(ctx context.Context, do func() error) (err error) {
	spent := r.lookups.Guess(registry.ActorFrom(ctx), 1, func() (int, error) {
		err = do()
		if es, ok := registry.UserErrors(err); ok && es[0].Code == registry.CodeNotFound || errors.Is(err, registry.ErrNotFound) {
			return 0, nil
		}
		return 1, nil
	})
	if spent != nil {
		return spent
	}
	return err
}

// notByNumber puts the phones of a customer that compare alike in an order that does not tell how their numbers compare,
// for those who see them masked. It changes the list that it is given.
func (r *Resolver) notByNumber(ctx context.Context, held []registry.CustomerPhone) []registry.CustomerPhone {
	if len(held) < 2 || registry.ActorFrom(ctx).SeesWholeNumbers() {
		return held
	}
	slices.SortStableFunc(held, func(a, b registry.CustomerPhone) int {
		switch {
		case a.IsPrimary != b.IsPrimary:
			if a.IsPrimary {
				return -1
			}
			return 1
		case a.Confidence != b.Confidence:
			return cmp.Compare(b.Confidence, a.Confidence)
		}
		return cmp.Compare(r.codec.Int(model.KindPhone, int64(a.Number)), r.codec.Int(model.KindPhone, int64(b.Number)))
	})
	return held
}
