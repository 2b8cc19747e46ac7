package resolvers

import (
	"context"
	"strings"

	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// shownPrefix is how many digits of a prefix everybody sees at most; no more than masked numbers show that begin with it.
const shownPrefix = 3

// NumberPrefix is the prefix of a filter; null when there is none. A prefix may be all of a number, so those who may
// not see whole numbers get only its beginning.
func (phoneConditions) NumberPrefix(ctx context.Context, obj *registry.PhoneFilter) (*string, error) {
	prefix := obj.NumberPrefix
	if prefix == "" {
		return nil, nil //nolint:nilnil // null is the answer: no prefix was told
	}
	digits := strings.TrimPrefix(prefix, "+")
	if shown := min(shownPrefix, numbering.ShownDigits(digits)); len(digits) > shown && !reveal.Whole(ctx) {
		prefix = "+" + digits[:shown] + "…"
	}
	return &prefix, nil
}
