package registry

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of webhooks. The schema of the API states them too.
const (
	MaxWebhooks           = 64 // in all, so that none of them has to wait for the others; see registry/dispatch
	MaxWebhookURL         = 2000
	MaxWebhookDescription = 200            // characters
	SecretOverlap         = 24 * time.Hour // how long messages carry signatures of the old secret too
)

// The kinds of the ids by which the API names webhooks and deliveries.
const (
	KindWebhook  = "whk"
	KindDelivery = "whd"
)

// WebhookStatus is whether a webhook is called.
type WebhookStatus string

// The states of a webhook.
const (
	WebhookActive WebhookStatus = "ACTIVE"
	WebhookPaused WebhookStatus = "PAUSED"
)

// Webhook is a receiver of notifications.
type Webhook struct {
	ID              uuid.UUID
	URL             string
	Events          []EventType
	Status          WebhookStatus
	Description     string // "" when there is none
	Pending         int64  // deliveries that wait for an attempt
	Dead            int64  // deliveries whose attempts all failed
	LastDeliveredAt time.Time
	CreatedBy       string
	CreatedAt       time.Time
}

// NewWebhook is a webhook to make.
type NewWebhook struct {
	ID          uuid.UUID // set by the service
	URL         string
	Events      []EventType
	Description string
}

// WebhookChange is what to change of a webhook; nil stays.
type WebhookChange struct {
	URL         *string
	Events      []EventType
	Status      *WebhookStatus
	Description *string
}

// DeliveryStatus is what became of a delivery.
type DeliveryStatus string

// The states of a delivery.
const (
	DeliveryPending   DeliveryStatus = "PENDING"
	DeliveryDelivered DeliveryStatus = "DELIVERED"
	DeliveryDead      DeliveryStatus = "DEAD"
)

// Delivery is a message to a webhook and what became of it.
type Delivery struct {
	ID             uuid.UUID
	Webhook        uuid.UUID
	Event          EventType
	EventID        uuid.UUID
	Part           int
	Status         DeliveryStatus
	Attempts       int
	ResponseStatus int           // of the last answer; 0 when there was none
	Error          string        // why the last attempt failed; "" when it did not
	Duration       time.Duration // of the last attempt; negative when there was none
	CreatedAt      time.Time     // when the event happened
	NextAttemptAt  time.Time     // zero when there is none
	DeliveredAt    time.Time     // zero until then
}

// WebhookStore holds webhooks and what was sent to them. Sending belongs to the dispatcher.
type WebhookStore interface {
	Webhook(ctx context.Context, id uuid.UUID) (Webhook, error)
	// Webhooks pages through the webhooks, newest first.
	Webhooks(ctx context.Context, p PageRequest) (Page[Webhook], error)
	CountWebhooks(ctx context.Context) (int64, error)
	// CreateWebhook keeps the secret encrypted. *Error INVALID_STATE when there are MaxWebhooks already.
	CreateWebhook(ctx context.Context, n NewWebhook, secret string) (Webhook, error)
	UpdateWebhook(ctx context.Context, id uuid.UUID, c WebhookChange) (Webhook, error)
	// RotateWebhookSecret makes secret the one that messages are signed with; the one before is used too for overlap.
	RotateWebhookSecret(ctx context.Context, id uuid.UUID, secret string, overlap time.Duration) (Webhook, error)
	DeleteWebhook(ctx context.Context, id uuid.UUID) error
	// TestWebhook makes a delivery of a test message, which is due at once. *Error INVALID_STATE when too many wait.
	TestWebhook(ctx context.Context, id uuid.UUID) (Delivery, error)
	// RetryDelivery makes a dead delivery due again. *Error INVALID_STATE when it is not dead, or its webhook is paused.
	RetryDelivery(ctx context.Context, id uuid.UUID) (Delivery, error)
	Delivery(ctx context.Context, id uuid.UUID) (Delivery, error)
	// Deliveries returns one page of the deliveries of each webhook, newest first; status "": any. p.After only with
	// one webhook.
	Deliveries(ctx context.Context, webhooks []uuid.UUID, status DeliveryStatus, p PageRequest) (map[uuid.UUID]Page[Delivery], error)
	CountDeliveries(ctx context.Context, webhooks []uuid.UUID, status DeliveryStatus) (map[uuid.UUID]int64, error)
}

// Webhook returns a webhook; ErrNotFound when there is none with this id.
func (s *Service) Webhook(ctx context.Context, id uuid.UUID) (Webhook, error) {
	return s.store.Webhook(ctx, id)
}

// Webhooks returns one page of the webhooks, newest first.
func (s *Service) Webhooks(ctx context.Context, p PageRequest) (Page[Webhook], error) {
	p, err := checkPage(p)
	if err != nil {
		return Page[Webhook]{}, err
	}
	return s.store.Webhooks(ctx, p)
}

// CountWebhooks counts the webhooks.
func (s *Service) CountWebhooks(ctx context.Context) (int64, error) {
	return s.store.CountWebhooks(ctx)
}

// CreateWebhook makes a webhook and the secret that its messages are signed with, which is told this once. User
// errors: INVALID_INPUT, and INVALID_STATE when there are MaxWebhooks already.
func (s *Service) CreateWebhook(ctx context.Context, n NewWebhook) (Webhook, string, error) {
	var es Errors
	es = collect(es, s.checkWebhookURL(n.URL))
	es = collect(es, checkEvents(n.Events))
	if es = collect(es, checkWebhookDescription(n.Description)); len(es) > 0 {
		return Webhook{}, "", es
	}
	n.ID, n.Events = uuid.New(), distinctEvents(n.Events)
	secret := newWebhookSecret()
	w, err := s.store.CreateWebhook(ctx, n, secret)
	if err != nil {
		return Webhook{}, "", err
	}
	return w, secret, nil
}

// UpdateWebhook changes a webhook. User errors: INVALID_INPUT and NOT_FOUND.
func (s *Service) UpdateWebhook(ctx context.Context, id uuid.UUID, c WebhookChange) (Webhook, error) {
	var es Errors
	if c.URL != nil {
		es = collect(es, s.checkWebhookURL(*c.URL))
	}
	if c.Events != nil {
		es = collect(es, checkEvents(c.Events))
		c.Events = distinctEvents(c.Events)
	}
	if c.Description != nil {
		es = collect(es, checkWebhookDescription(*c.Description))
	}
	if c.Status != nil && *c.Status != WebhookActive && *c.Status != WebhookPaused {
		es = append(es, Errorf(CodeInvalidInput, pathTo("input", "status"), "status is %s: want ACTIVE or PAUSED", quoted(string(*c.Status))))
	}
	if len(es) > 0 {
		return Webhook{}, es
	}
	return s.store.UpdateWebhook(ctx, id, c)
}

// RotateWebhookSecret gives a webhook a new secret, which is told this once. For SecretOverlap messages carry
// signatures of both.
func (s *Service) RotateWebhookSecret(ctx context.Context, id uuid.UUID) (Webhook, string, error) {
	secret := newWebhookSecret()
	w, err := s.store.RotateWebhookSecret(ctx, id, secret, SecretOverlap)
	if err != nil {
		return Webhook{}, "", err
	}
	return w, secret, nil
}

// DeleteWebhook removes a webhook with its deliveries.
func (s *Service) DeleteWebhook(ctx context.Context, id uuid.UUID) error {
	return s.store.DeleteWebhook(ctx, id)
}

// TestWebhook sends a test message to a webhook, paused or not. It returns the delivery as it waits to be sent.
func (s *Service) TestWebhook(ctx context.Context, id uuid.UUID) (Delivery, error) {
	return s.store.TestWebhook(ctx, id)
}

// RetryDelivery tries a dead delivery again.
func (s *Service) RetryDelivery(ctx context.Context, id uuid.UUID) (Delivery, error) {
	return s.store.RetryDelivery(ctx, id)
}

// Delivery returns a delivery; ErrNotFound when there is none with this id.
func (s *Service) Delivery(ctx context.Context, id uuid.UUID) (Delivery, error) {
	return s.store.Delivery(ctx, id)
}

// Deliveries returns one page of the deliveries of each webhook, newest first; status "": any. p.After only with one
// webhook.
func (s *Service) Deliveries(ctx context.Context, webhooks []uuid.UUID, status DeliveryStatus, p PageRequest) (map[uuid.UUID]Page[Delivery], error) {
	p, err := checkPageOf(p, len(webhooks))
	if err != nil {
		return nil, err
	}
	return s.store.Deliveries(ctx, webhooks, status, p)
}

// CountDeliveries counts the deliveries of each webhook; status "": any.
func (s *Service) CountDeliveries(ctx context.Context, webhooks []uuid.UUID, status DeliveryStatus) (map[uuid.UUID]int64, error) {
	return s.store.CountDeliveries(ctx, webhooks, status)
}

// secretBytes is the size of the secrets of webhooks: as large as the hash that they key.
const secretBytes = 32

// SecretPrefix begins the text of a webhook's secret; base64 of the key follows.
const SecretPrefix = "whsec_"

func newWebhookSecret() string {
	key := make([]byte, secretBytes)
	_, _ = rand.Read(key) // never fails
	return SecretPrefix + base64.StdEncoding.EncodeToString(key)
}

// checkWebhookURL refuses addresses that would never be called. Where a host name leads is looked at when it is called.
func (s *Service) checkWebhookURL(text string) error {
	bad := func(why string) error { return Errorf(CodeInvalidInput, pathTo("input", "url"), "url %s", why) }
	schemes := []string{"https"}
	if s.privateWebhooks {
		schemes = append(schemes, "http")
	}
	if len(text) > MaxWebhookURL {
		return bad("is too long: want at most 2,000 bytes")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == utf8.RuneError || r == 0x7f }) {
		return bad("holds spaces or control characters")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return bad("cannot be read: want an address such as https://example.com/hook")
	case !slices.Contains(schemes, u.Scheme):
		return bad("must begin with " + strings.Join(schemes, ":// or ") + "://")
	case u.User != nil:
		return bad("must not hold a user and password: the receiver knows us by the signature")
	case u.Fragment != "":
		return bad("must not have a fragment (#)")
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !s.privateWebhooks && !PublicAddress(a) {
		return bad("names an address that is not public")
	}
	return nil
}

func checkEvents(events []EventType) error {
	if len(events) == 0 {
		return Errorf(CodeInvalidInput, pathTo("input", "events"), "events is empty: want at least one")
	}
	for _, e := range events {
		if !slices.Contains(EventTypes(), e) {
			return Errorf(CodeInvalidInput, pathTo("input", "events"), "events holds %s: want some of %v", quoted(string(e)), EventTypes())
		}
	}
	return nil
}

func distinctEvents(events []EventType) []EventType {
	out := slices.Sorted(slices.Values(events))
	return slices.Compact(out)
}

func checkWebhookDescription(text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) || utf8.RuneCountInString(text) > MaxWebhookDescription {
		return Errorf(CodeInvalidInput, pathTo("input", "description"), "description is not a text of at most 200 characters")
	}
	return nil
}
