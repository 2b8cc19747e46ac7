package registry

import (
	"time"

	"github.com/google/uuid"
)

// Attempt is a delivery that is to be tried now, with all that it takes.
type Attempt struct {
	Delivery uuid.UUID
	Webhook  uuid.UUID
	No       int // from 1; the ticket of the attempt
	Try      int // from 1, anew when the delivery is retried by hand
	URL      string
	Secrets  []string // to sign with: the current one, and the one before while it still counts
	Unsigned bool     // a secret could not be read
	Creator  string   // who set the webhook up
	Event    Event    // the part to tell of
}

// AttemptOutcome is what became of an attempt.
type AttemptOutcome struct {
	Delivery       uuid.UUID
	Webhook        uuid.UUID
	No             int
	Status         DeliveryStatus
	RetryIn        time.Duration // when it is to be tried again: with DeliveryPending
	ResponseStatus int           // 0 when there was no answer
	Error          string        // "" on success; holds no phone number
	Duration       time.Duration
	HoldFor        time.Duration // the receiver asked to be left alone for so long
	Gone           bool          // the receiver said that it wants no more: its webhook is paused
	NotMade        bool          // nobody was called: it is none of the tries that a delivery has
}
