package dispatch

import (
	"errors"
	"time"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// errUnrecorded is why a message with whole numbers was not sent.
var errUnrecorded = errors.New("not sent: that whole numbers leave cannot be recorded right now")

// recordAgain is how long such a message waits.
const recordAgain = 30 * time.Second

// purpose is for what webhooks are told numbers.
const purpose = "webhook delivery"

// record writes into the access log, before they are sent, that whole numbers go to a webhook. It stands there under who set
// it up, by a name that no token can have, and with the id of the delivery.
func (d *Dispatcher) record(a registry.Attempt) error {
	if len(a.Event.Tiers) == 0 {
		return nil
	}
	err := d.Accesses.Record(registry.Actor{
		Name: "system:webhook of " + a.Creator, Role: registry.RoleAdmin, Purpose: purpose,
		RequestID: opaque.UUID(registry.KindDelivery, a.Delivery),
	}, registry.Shown{
		Operation: string(a.Event.Type), Fields: []string{"Phone.number"}, Values: int64(len(a.Event.Tiers)), Standing: true,
	})
	if err != nil {
		d.Logger.Error("whole numbers held back from a webhook: the access cannot be recorded", "error", err, "webhook_id", a.Webhook,
			"delivery_id", a.Delivery)
		return errUnrecorded
	}
	return nil
}
