package registry

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// EventType is what an event tells of. Its text is the type in messages.
type EventType string

// The events that others are told of.
const (
	EventJobFinished     EventType = "job.finished"
	EventLeadTierChanged EventType = "lead.tier_changed"
	EventImportFinished  EventType = "import.finished"
	EventWebhookTest     EventType = "webhook.test" // goes to one webhook only
)

// EventTypes returns the events that webhooks can ask for.
func EventTypes() []EventType {
	return []EventType{EventJobFinished, EventLeadTierChanged, EventImportFinished}
}

// MaxEventTiers is how many changes of tier one message tells of. An event of more of them is told in several parts.
const MaxEventTiers = 1000

// Event is something that happened, or a part of it, as others are told of it.
type Event struct {
	ID    uuid.UUID
	Type  EventType
	At    time.Time
	Part  int             // from 1
	Parts int             // 1 unless it tells of many numbers
	Data  json.RawMessage // what it says; nil for EventLeadTierChanged
	Tiers []TierChange    // of EventLeadTierChanged
}

// TierChange is a score that moved to another tier.
type TierChange struct {
	Number Number
	From   Tier // "": the number had no score
	To     Tier
	Total  int
}

// PartsOf is how many messages an event of so many changes of tier takes; 1 for any other event.
func PartsOf(tiers int) int { return max(1, (tiers+MaxEventTiers-1)/MaxEventTiers) }

// Split returns the messages of a whole event.
func (e Event) Split() []Event {
	parts := make([]Event, PartsOf(len(e.Tiers)))
	for i := range parts {
		part := e
		part.Part, part.Parts = i+1, len(parts)
		part.Tiers = e.Tiers[min(i*MaxEventTiers, len(e.Tiers)):min((i+1)*MaxEventTiers, len(e.Tiers))]
		parts[i] = part
	}
	return parts
}

// OutboxState is how much waits to be told.
type OutboxState struct {
	OldestUnpublished  time.Time // of the events that the stream has not acknowledged; zero when there is none
	OldestNotFannedOut time.Time // of the events that webhooks were not told of; zero when there is none
	Deliveries         int64     // that wait for an attempt
}

// OutboxRetention is how long what was told is kept.
type OutboxRetention struct {
	Delivered time.Duration // deliveries that were made
	Dead      time.Duration // deliveries that were given up
	Events    time.Duration // published events to which no delivery refers
}

// MessageID is the id of a message: that of its event, with the number of the part behind it from the second part on.
// It is the same in every attempt and for every receiver.
func MessageID(event uuid.UUID, part int) string {
	id := "evt_" + hex.EncodeToString(event[:])
	if part > 1 {
		id += "_" + strconv.Itoa(part)
	}
	return id
}
