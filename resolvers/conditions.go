package resolvers

import (
	"context"
	"strings"

	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
)

// shownPrefix is how many digits of a prefix everybody sees: no more than any masked number shows at its beginning.
const shownPrefix = 3

// NumberPrefix is the prefix of a filter; null when there is none. A prefix may be all of a number, so those who may
// not see whole numbers get only its beginning.
func (phoneConditions) NumberPrefix(ctx context.Context, obj *registry.PhoneFilter) (*string, error) {
	prefix := obj.NumberPrefix
	if prefix == "" {
		return nil, nil //nolint:nilnil // null is the answer: no prefix was told
	}
	digits := strings.TrimPrefix(prefix, "+")
	if len(digits) > shownPrefix && !reveal.Whole(ctx) {
		prefix = "+" + digits[:shownPrefix] + "…"
	}
	return &prefix, nil
}
