package httpd

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
)

// WhatsApp is how the webhook of the WhatsApp Business Platform is proven and what becomes of what it tells.
type WhatsApp struct {
	VerifyToken string           // what Meta shows when the address is registered
	AppSecrets  []string         // any of them signs: during a rotation there are two
	HoldsFor    time.Duration    // how long what is told counts
	Now         func() time.Time // nil: time.Now
}

// Bounds of the webhook. Meta sends at most 3 MB, and tries again for days what is not answered with 200.
const (
	maxWhatsAppBody = 3 << 20
	whatsAppReading = 10 * time.Second // for the body to come in
	whatsAppWriting = 15 * time.Second // for the store
	whatsAppWaiting = 5 * time.Second  // for a place
	whatsAppBodies  = 32               // bodies that are held at the same time
	whatsAppWriters = 6                // of them written at the same time: others need the database too
	whatsAppSigned  = "sha256="
	whatsAppActor   = "system:whatsapp"
)

// whatsAppChallenge is what Meta's challenge looks like. Nothing else is sent back.
var whatsAppChallenge = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

// whatsApp answers /v1/webhooks/whatsapp. It asks for no token: the handshake and each message carry their own proof.
type whatsApp struct {
	service  *registry.Service
	log      *slog.Logger
	token    [sha256.Size]byte
	secrets  [][]byte
	holdsFor time.Duration
	bodies   chan struct{} // a place for each body that is held
	writers  chan struct{} // and for each that is being written
	now      func() time.Time

	requests *prometheus.CounterVec
	events   *prometheus.CounterVec
}

func newWhatsApp(c WhatsApp, service *registry.Service, log *slog.Logger, r prometheus.Registerer) (*whatsApp, error) {
	if c.VerifyToken == "" || len(c.AppSecrets) == 0 || c.HoldsFor <= 0 {
		return nil, errors.New("httpd: the WhatsApp webhook needs a token, a secret and how long evidence holds")
	}
	w := &whatsApp{
		service: service, log: log, token: sha256.Sum256([]byte(c.VerifyToken)), holdsFor: c.HoldsFor,
		bodies: make(chan struct{}, whatsAppBodies), writers: make(chan struct{}, whatsAppWriters), now: c.Now,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whatsapp_webhook_requests_total", Help: "Requests to the WhatsApp webhook, by what became of them.",
		}, []string{"outcome"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "whatsapp_webhook_events_total", Help: "Events that WhatsApp told, by kind and by what became of them.",
		}, []string{"event", "outcome"}),
	}
	if w.now == nil {
		w.now = time.Now
	}
	for _, secret := range c.AppSecrets {
		if secret == "" {
			return nil, errors.New("httpd: a secret of the WhatsApp webhook is empty")
		}
		w.secrets = append(w.secrets, []byte(secret))
	}
	if r == nil {
		return w, nil
	}
	return w, errors.Join(r.Register(w.requests), r.Register(w.events))
}

// mountWhatsApp puts the webhook in its place, if it is wanted.
func (c Config) mountWhatsApp(mux *http.ServeMux) error {
	if c.WhatsApp == nil {
		return nil
	}
	a, err := newWhatsApp(*c.WhatsApp, c.Service, c.Logger, c.Registerer)
	if err != nil {
		return err
	}
	mux.HandleFunc("GET /v1/webhooks/whatsapp", a.handshake)
	mux.HandleFunc("POST /v1/webhooks/whatsapp", a.receive)
	return nil
}

// handshake answers GET: Meta asks whether whoever registered the address holds the token.
func (a *whatsApp) handshake(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	shown := sha256.Sum256([]byte(query.Get("hub.verify_token")))
	challenge := query.Get("hub.challenge")
	right := subtle.ConstantTimeCompare(shown[:], a.token[:]) == 1
	if !right || query.Get("hub.mode") != "subscribe" || !whatsAppChallenge.MatchString(challenge) {
		a.refuse(w, r, http.StatusForbidden, "refused_token", "FORBIDDEN", "this is not the handshake that was agreed on")
		return
	}
	a.requests.WithLabelValues("handshake").Inc()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, challenge) //nolint:gosec // plain text of letters and digits, see whatsAppChallenge
}

// receive answers POST: the body is proven, read, recorded, and only then acknowledged.
func (a *whatsApp) receive(w http.ResponseWriter, r *http.Request) {
	signature, err := hex.DecodeString(strings.TrimPrefix(r.Header.Get("X-Hub-Signature-256"), whatsAppSigned))
	if err != nil || len(signature) != sha256.Size {
		a.refuse(w, r, http.StatusUnauthorized, "refused_unsigned", "UNAUTHENTICATED", "the signature X-Hub-Signature-256 is missing")
		return
	}
	if !take(r.Context(), a.bodies) {
		a.unavailable(w, r, "busy", nil)
		return
	}
	defer func() { <-a.bodies }()
	body, ok := a.read(w, r)
	if !ok {
		return
	}
	if !a.signed(body, signature) {
		a.refuse(w, r, http.StatusForbidden, "refused_signature", "FORBIDDEN", "the signature is not that of the app")
		return
	}
	if !take(r.Context(), a.writers) {
		a.unavailable(w, r, "busy", nil)
		return
	}
	defer func() { <-a.writers }()
	ctx, cancel := context.WithTimeout(registry.WithActor(r.Context(), registry.Actor{
		Name: whatsAppActor, RequestID: registry.ActorFrom(r.Context()).RequestID,
	}), whatsAppWriting)
	defer cancel()
	told := readWhatsApp(body, a.now())
	outcomes, err := a.service.RecordWhatsApp(ctx, told.messages, a.holdsFor)
	if err != nil {
		a.unavailable(w, r, "unavailable", err)
		return
	}
	a.count(ctx, told, outcomes)
	a.requests.WithLabelValues("accepted").Inc()
	w.WriteHeader(http.StatusOK)
}

// take takes a place, if one is free in time.
func take(ctx context.Context, places chan<- struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, whatsAppWaiting)
	defer cancel()
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// read reads the body, bounded in size and time.
func (a *whatsApp) read(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(whatsAppReading)); err != nil {
		a.unavailable(w, r, "unavailable", err)
		return nil, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWhatsAppBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		a.refuse(w, r, http.StatusRequestEntityTooLarge, "refused_size", "LIMIT_EXCEEDED", "the body is larger than 3 MB")
		return nil, false
	}
	if err != nil {
		a.refuse(w, r, http.StatusBadRequest, "refused_body", "INVALID_INPUT", "the body could not be read to its end")
		return nil, false
	}
	return body, true
}

// signed reports whether one of the secrets signs the body. It takes as long whichever does.
func (a *whatsApp) signed(body, signature []byte) bool {
	found := 0
	for _, secret := range a.secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = mac.Write(body) // a hash takes everything
		found |= subtle.ConstantTimeCompare(mac.Sum(nil), signature)
	}
	return found == 1
}

// refuse answers what is not Meta's. It is counted and stands in the access log; a line for each would let anybody fill
// the log.
func (a *whatsApp) refuse(w http.ResponseWriter, r *http.Request, status int, outcome, code, message string) {
	a.requests.WithLabelValues(outcome).Inc()
	writeError(w, r, status, code, message)
}

// unavailable has Meta try again later.
func (a *whatsApp) unavailable(w http.ResponseWriter, r *http.Request, outcome string, err error) {
	a.requests.WithLabelValues(outcome).Inc()
	if err != nil {
		a.log.ErrorContext(r.Context(), "whatsapp webhook not recorded", "error", err,
			"request_id", registry.ActorFrom(r.Context()).RequestID)
	}
	w.Header().Set("Retry-After", "5")
	writeError(w, r, http.StatusServiceUnavailable, "UNAVAILABLE", "this cannot be recorded right now: send it again")
}

// count counts what came, and tells in one line what could not be understood. Neither holds a number.
func (a *whatsApp) count(ctx context.Context, told whatsAppTold, outcomes []registry.MessageOutcome) {
	notRead := 0
	for i, m := range told.messages {
		a.events.WithLabelValues(string(m.Event), string(outcomes[i])).Inc()
		if outcomes[i] == registry.MessageNoNumber {
			notRead++
		}
	}
	if notRead > 0 {
		told.puzzles["no_valid_number"] += notRead
	}
	for passed, n := range told.passed {
		a.events.WithLabelValues(passed.event, passed.reason).Add(float64(n))
	}
	if len(told.puzzles) > 0 {
		a.log.WarnContext(ctx, "whatsapp told what could not be understood", "counts", told.puzzles,
			"request_id", registry.ActorFrom(ctx).RequestID)
	}
}
