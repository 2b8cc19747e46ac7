package dispatch

import (
	"encoding/json"
	"fmt"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// message is what is sent, to webhooks and into the stream alike. docs/notifications.md describes it.
type message struct {
	ID        string             `json:"id"`
	Type      registry.EventType `json:"type"`
	Timestamp string             `json:"timestamp"` // when it happened, RFC 3339
	Data      any                `json:"data"`
}

// tierData is what lead.tier_changed says.
type tierData struct {
	Part    int          `json:"part"` // from 1
	Parts   int          `json:"parts"`
	Changes []tierChange `json:"changes"`
}

type tierChange struct {
	Number string         `json:"number"` // E.164
	From   *registry.Tier `json:"from"`   // null: it had no score
	To     registry.Tier  `json:"to"`
	Total  int            `json:"total"`
}

// encode writes the message of an event, which is one of registry.Event.Split.
func encode(e registry.Event) ([]byte, error) {
	m := message{ID: registry.MessageID(e.ID, e.Part), Type: e.Type, Timestamp: e.At.UTC().Format(time.RFC3339Nano)}
	switch {
	case e.Type == registry.EventLeadTierChanged:
		m.Data = tiersOf(e)
	case len(e.Data) == 0:
		m.Data = json.RawMessage("{}")
	default:
		m.Data = e.Data
	}
	data, err := bus.Encode(m)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", m.ID, err)
	}
	return data, nil
}

func tiersOf(e registry.Event) tierData {
	d := tierData{Part: e.Part, Parts: e.Parts, Changes: make([]tierChange, len(e.Tiers))}
	for i := range e.Tiers {
		c := &e.Tiers[i]
		d.Changes[i] = tierChange{Number: c.Number.String(), To: c.To, Total: c.Total}
		if c.From != "" {
			d.Changes[i].From = &c.From
		}
	}
	return d
}
