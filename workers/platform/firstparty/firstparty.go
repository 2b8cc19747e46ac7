// Package firstparty is the adapter of platforms that permit no question about a number: WhatsApp, Instagram, Facebook
// and Apple. It asks nobody and answers NOT_CHECKABLE, with what evidence would be permitted instead: evidence of one's
// own, recorded with recordEvidence or by the WhatsApp webhook, which such an answer never displaces as long as it
// holds. docs/adapters/firstparty.md tells more.
package firstparty

import (
	"context"
	"fmt"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// Method is the method of the answers.
const Method = "firstparty"

// TTL is how long an answer holds: short, because evidence may come any day and a platform may open up.
const TTL = 24 * time.Hour

// Platforms lists those it can answer for.
func Platforms() []scoring.Platform {
	return []scoring.Platform{scoring.WhatsApp, scoring.Instagram, scoring.Facebook, scoring.Apple}
}

// Adapter answers for one platform.
type Adapter struct{ reason string }

// New makes the adapter of a platform.
func New(p scoring.Platform) (*Adapter, error) {
	var reason string
	switch p {
	case scoring.WhatsApp:
		reason = "no lookup is permitted; connect the WhatsApp webhook, or record a message or login with recordEvidence"
	case scoring.Instagram, scoring.Facebook:
		reason = "no lookup is permitted; record a login, lead form or message of one's own with recordEvidence"
	case scoring.Apple:
		reason = "no lookup exists; record a login or message of one's own with recordEvidence"
	default:
		return nil, fmt.Errorf("firstparty: the platform is %q, want one of %v", p, Platforms())
	}
	return &Adapter{reason: reason}, nil
}

// Info describes the adapter.
func (a *Adapter) Info() workers.Info { return workers.Info{Name: "firstparty", Method: Method} }

// Check answers at once.
func (a *Adapter) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	outcomes := make([]workers.Outcome, len(numbers))
	for i, n := range numbers {
		outcomes[i] = workers.Outcome{Number: n, Status: scoring.NotCheckable, Reason: a.reason, TTL: TTL}
	}
	return outcomes, ctx.Err()
}
