package httpd

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"phoneregistry/registry"
)

// whatsAppUndeliverable is the failure that may mean that there is no account: "message undeliverable". All other
// codes are about the template, the limits, the payment or the policy, never about the number.
const whatsAppUndeliverable = 131026

// whatsAppFounded is when WhatsApp came into being, 2009-01-01, in seconds: no event can be older.
const whatsAppFounded = 1_230_768_000

// whatsAppAhead is how far the clock of Meta may be ahead of ours.
const whatsAppAhead = 24 * time.Hour

// whatsAppTold is what a notification tells.
type whatsAppTold struct {
	messages []registry.Message     // what says something of a number
	passed   map[whatsAppPassed]int // what does not, and why
	puzzles  map[string]int         // what could not be understood, by reason, for the log
}

// whatsAppPassed is a kind of event and why it says nothing of a number. Both have few values, none of them of the
// sender.
type whatsAppPassed struct{ event, reason string }

func (t *whatsAppTold) pass(event, reason string) { t.passed[whatsAppPassed{event, reason}]++ }

// puzzle is pass for what should have been understood.
func (t *whatsAppTold) puzzle(event, reason string) {
	t.pass(event, reason)
	t.puzzles[event+" "+reason]++
}

// The shapes of a notification. Only what is needed of it; lists are kept raw, so that an entry of another shape than
// expected does not take its neighbours with it.
type (
	whatsAppBody struct {
		Object string            `json:"object"`
		Entry  []json.RawMessage `json:"entry"`
	}
	whatsAppEntry struct {
		Changes []json.RawMessage `json:"changes"`
	}
	whatsAppChange struct {
		Field string          `json:"field"`
		Value json.RawMessage `json:"value"`
	}
	whatsAppValue struct {
		Contacts json.RawMessage   `json:"contacts"`
		Messages []json.RawMessage `json:"messages"`
		Statuses []json.RawMessage `json:"statuses"`
	}
	// whatsAppContact names an account: by its number, by an id of its own, or both.
	whatsAppContact struct {
		WaID   string `json:"wa_id"`
		UserID string `json:"user_id"`
	}
	whatsAppMessage struct {
		From       string       `json:"from"`
		FromUserID string       `json:"from_user_id"`
		Timestamp  whatsAppTime `json:"timestamp"`
		Type       string       `json:"type"`
	}
	whatsAppStatus struct {
		Status          string       `json:"status"`
		Timestamp       whatsAppTime `json:"timestamp"`
		RecipientID     string       `json:"recipient_id"`
		RecipientUserID string       `json:"recipient_user_id"`
		RecipientType   string       `json:"recipient_type"`
		ParticipantID   string       `json:"recipient_participant_id"` // in groups
		Errors          []struct {
			Code int `json:"code"`
		} `json:"errors"`
	}
)

// whatsAppTime is seconds since 1970, as a text or as a number.
type whatsAppTime int64

// UnmarshalJSON never fails: a time that cannot be read is 0.
func (t *whatsAppTime) UnmarshalJSON(b []byte) error {
	seconds, err := strconv.ParseInt(strings.Trim(string(b), `"`), 10, 64)
	if err != nil {
		seconds = 0
	}
	*t = whatsAppTime(seconds)
	return nil
}

// moment returns the time; ok is false when it cannot be right.
func (t whatsAppTime) moment(now time.Time) (at time.Time, ok bool) {
	at = time.Unix(int64(t), 0).UTC()
	return at, t > whatsAppFounded && at.Before(now.Add(whatsAppAhead))
}

// readWhatsApp reads a notification. What it does not know it passes over.
func readWhatsApp(body []byte, now time.Time) whatsAppTold {
	told := whatsAppTold{passed: map[whatsAppPassed]int{}, puzzles: map[string]int{}}
	var b whatsAppBody
	if json.Unmarshal(body, &b) != nil {
		told.puzzle("body", "malformed")
		return told
	}
	if b.Object != "whatsapp_business_account" {
		told.pass("body", "other_object")
		return told
	}
	for _, raw := range b.Entry {
		var entry whatsAppEntry
		if json.Unmarshal(raw, &entry) != nil {
			told.puzzle("entry", "malformed")
			continue
		}
		for _, raw := range entry.Changes {
			told.change(raw, now)
		}
	}
	return told
}

func (t *whatsAppTold) change(raw json.RawMessage, now time.Time) {
	var change whatsAppChange
	if json.Unmarshal(raw, &change) != nil {
		t.puzzle("change", "malformed")
		return
	}
	if change.Field != "messages" { // account_update, message_template_status_update and many more
		t.pass("change", "other_field")
		return
	}
	var value whatsAppValue
	if json.Unmarshal(change.Value, &value) != nil {
		t.puzzle("change", "malformed")
		return
	}
	var contacts []whatsAppContact
	_ = json.Unmarshal(value.Contacts, &contacts) // what can be read of them helps, the rest is not needed
	for _, raw := range value.Statuses {
		t.status(raw, contacts, now)
	}
	for _, raw := range value.Messages {
		t.message(raw, contacts, now)
	}
}

func (t *whatsAppTold) status(raw json.RawMessage, contacts []whatsAppContact, now time.Time) {
	var s whatsAppStatus
	if json.Unmarshal(raw, &s) != nil {
		t.puzzle("status", "malformed")
		return
	}
	m := registry.Message{WireID: s.RecipientID}
	switch s.Status {
	case "delivered":
		m.Event = registry.MessageDelivered
	case "read", "played": // a voice message that was played was read
		m.Event = registry.MessageRead
	case "failed":
		if len(s.Errors) == 0 || s.Errors[0].Code != whatsAppUndeliverable {
			t.pass("failed", "other_failure")
			return
		}
		m.Event, m.Code = registry.MessageUndeliverable, whatsAppUndeliverable
	case "sent": // Meta took it; nobody has it yet
		t.pass("sent", "no_evidence")
		return
	default:
		t.pass("status", "other_status")
		return
	}
	if s.RecipientType == "group" {
		m.WireID = s.ParticipantID
	}
	t.add(m, s.RecipientUserID, contacts, s.Timestamp, now)
}

func (t *whatsAppTold) message(raw json.RawMessage, contacts []whatsAppContact, now time.Time) {
	var m whatsAppMessage
	if json.Unmarshal(raw, &m) != nil {
		t.puzzle("message", "malformed")
		return
	}
	if m.Type == "system" { // of WhatsApp, not of a person: that somebody changed the number, for example
		t.pass("message", "system")
		return
	}
	t.add(registry.Message{WireID: m.From, Event: registry.MessageInbound}, m.FromUserID, contacts, m.Timestamp, now)
}

// add takes an event in. Accounts that show a user name instead of their number are named by an id that stands for no
// number: their events are counted and passed over.
func (t *whatsAppTold) add(m registry.Message, userID string, contacts []whatsAppContact, seconds whatsAppTime, now time.Time) {
	if m.WireID == "" && userID != "" {
		for _, c := range contacts {
			if c.UserID == userID {
				m.WireID = c.WaID
			}
		}
	}
	if m.WireID == "" || strings.Trim(m.WireID, "+0123456789") != "" {
		t.pass(string(m.Event), "user_id_only")
		return
	}
	var ok bool
	if m.At, ok = seconds.moment(now); !ok {
		t.puzzle(string(m.Event), "impossible_time")
		return
	}
	t.messages = append(t.messages, m)
}
