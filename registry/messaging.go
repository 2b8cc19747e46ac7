package registry

import (
	"context"
	"errors"
	"time"

	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
)

// MessageEvent is what a messaging service tells of a message.
type MessageEvent string

// The events that say something of the other side's number.
const (
	MessageDelivered     MessageEvent = "delivered"
	MessageRead          MessageEvent = "read"
	MessageInbound       MessageEvent = "inbound"
	MessageUndeliverable MessageEvent = "undeliverable" // tells neither yes nor no
)

// testifies returns what an event says of the number on WhatsApp.
func (e MessageEvent) testifies() testimony {
	switch e {
	case MessageDelivered:
		return testimony{scoring.Active, "whatsapp_delivered", 1}
	case MessageRead:
		return testimony{scoring.Active, "whatsapp_read", 1}
	case MessageInbound:
		return testimony{scoring.Active, "whatsapp_inbound", 1}
	case MessageUndeliverable:
	}
	return testimony{scoring.Unknown, "whatsapp_undeliverable", 0}
}

// reasonUndeliverable is kept with evidence that a message could not be delivered.
const reasonUndeliverable = "WhatsApp could not deliver a message: the number has no account, or the account cannot take such messages"

// Message is one event of one's own traffic on WhatsApp.
type Message struct {
	WireID string // how WhatsApp names the account of the other side: digits, country code first
	Event  MessageEvent
	At     time.Time // when it happened
	Code   int       // of the failure; 0: none
}

// MessageOutcome is what became of an event.
type MessageOutcome string

// The outcomes.
const (
	MessageRecorded  MessageOutcome = "recorded"
	MessageKnown     MessageOutcome = "known"     // it told nothing that was not known: a repeat, or older than what is known
	MessageNoNumber  MessageOutcome = "no_number" // the account is named by something that is no valid number
	MessageUnfitting MessageOutcome = "unfitting" // the database does not take it
)

// RecordWhatsApp records what WhatsApp told of one's own traffic, and returns what became of each event. Numbers that
// are new are registered. The same event may come any number of times, in any order. After an error some of the events
// may be recorded: to send all of them again is right.
func (s *Service) RecordWhatsApp(ctx context.Context, messages []Message, holdsFor time.Duration) ([]MessageOutcome, error) {
	outcomes := make([]MessageOutcome, len(messages))
	for from := 0; from < len(messages); from += MaxEvidence {
		to := min(from+MaxEvidence, len(messages))
		if err := s.recordMessages(ctx, messages[from:to], holdsFor, outcomes[from:to]); err != nil {
			return nil, err
		}
	}
	return outcomes, nil
}

func (s *Service) recordMessages(ctx context.Context, messages []Message, holdsFor time.Duration, outcomes []MessageOutcome) error {
	readings, err := s.readWire(ctx, messages)
	if err != nil {
		return err
	}
	var (
		r       Recording
		of      []int // which message each piece of evidence comes from
		now     = s.now()
		version = s.numbers.PlanVersion()
	)
	for i, m := range messages {
		read := readings[i]
		if !read.IsValid {
			outcomes[i] = MessageNoNumber
			continue
		}
		details := map[string]any{"event": m.Event}
		if read.AppliedRule != "" {
			details["rule"] = read.AppliedRule // the account is named by another form of the number
		}
		if m.Event == MessageUndeliverable {
			details["reason"], details["code"] = reasonUndeliverable, m.Code
		}
		at := m.At
		if at.After(now) {
			at = now // a clock that is ahead
		}
		r.Evidence = append(r.Evidence, m.Event.testifies().of(read.Number, scoring.WhatsApp, at, holdsFor, evidenceDetails(details, "")))
		r.Phones = append(r.Phones, PhoneOf(read, version))
		of = append(of, i)
	}
	if len(of) == 0 {
		return nil
	}
	recorded, err := s.record(ctx, r)
	refused := errors.Is(err, ErrRejected)
	if err != nil && !refused {
		return err
	}
	if refused {
		s.log.ErrorContext(ctx, "the database does not take evidence from WhatsApp", "error", err, "events", len(of))
	}
	for at, i := range of {
		switch {
		case refused:
			outcomes[i] = MessageUnfitting
		case recorded.Changed[at]:
			outcomes[i] = MessageRecorded
		default:
			outcomes[i] = MessageKnown
		}
	}
	return nil
}

// readWire finds the number that each message is about. Where an account's name can be read in several ways the first
// one that is in the registry is taken, else the likely one.
func (s *Service) readWire(ctx context.Context, messages []Message) ([]numbering.Result, error) {
	var (
		all       = make([][]numbering.Result, len(messages))
		ambiguous []Number
	)
	for i, m := range messages {
		all[i] = s.numbers.Wire(m.WireID)
		if len(all[i]) > 1 {
			for _, r := range all[i] {
				ambiguous = append(ambiguous, r.Number)
			}
		}
	}
	var known map[Number]Phone
	if len(ambiguous) > 0 {
		var err error
		if known, err = s.store.PhonesByNumber(ctx, distinct(ambiguous)); err != nil {
			return nil, err
		}
	}
	readings := make([]numbering.Result, len(messages))
	for i, candidates := range all {
		if len(candidates) > 0 {
			readings[i] = candidates[0]
		}
		for _, r := range candidates {
			if _, ok := known[r.Number]; ok {
				readings[i] = r
				break
			}
		}
	}
	return readings, nil
}
