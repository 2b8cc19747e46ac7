package auth

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// TicketPrefix begins every ticket.
const TicketPrefix = "prt_"

// TicketParam is the parameter of an address that holds a ticket.
const TicketParam = "ticket"

const (
	ticketLife = 30 * time.Second
	maxTicket  = 4 << 10  // bytes; one with the longest name and purpose has about 3,400
	ticketKey  = "ticket" // name of the instance key that seals them
)

var errTicketUse = fmt.Errorf("%w: a ticket opens one event stream, by GET with Accept: text/event-stream", ErrUnauthenticated)

// Ticket stands for a token in an address, where the token itself must not be.
type Ticket struct {
	Text      string
	ExpiresAt time.Time
}

// tickets seals and opens tickets. The key is made on first use, and is the same for all servers of a database.
type tickets struct{ aead atomic.Pointer[cipher.AEAD] }

// sealed is what a ticket holds.
type sealed struct {
	ID        uuid.UUID        `json:"id"`
	ExpiresAt time.Time        `json:"exp"`
	Hash      []byte           `json:"hash"` // of the token
	Key       uuid.UUID        `json:"key"`  // zero: no API key
	TokenEnds time.Time        `json:"ends"` // zero: until revoked
	Name      string           `json:"name"`
	Role      registry.Role    `json:"role"`
	Scopes    []registry.Scope `json:"scopes"` // what its bearer may do
	Purpose   string           `json:"purpose"`
	Token     string           `json:"token"`
}

// cipher is what tickets are sealed with. Several that need it first ask for the key side by side: nobody waits for another.
func (t *tickets) cipher(ctx context.Context, store registry.KeyStore) (cipher.AEAD, error) {
	if known := t.aead.Load(); known != nil {
		return *known, nil
	}
	key, err := store.InstanceKey(ctx, ticketKey)
	if err != nil {
		return nil, fmt.Errorf("read the key of tickets: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	t.aead.Store(&aead)
	return aead, nil
}

// NewTicket makes a ticket for one event stream of the bearer of a token: who, in which role and for which purpose is
// sealed in it. The purpose is that of the context's actor. ErrUnauthenticated for a token that is not valid.
func (a *Authenticator) NewTicket(ctx context.Context, token string) (Ticket, error) {
	hash, b, err := a.find(ctx, token)
	if err != nil {
		return Ticket{}, err
	}
	aead, err := a.tickets.cipher(ctx, a.store)
	if err != nil {
		return Ticket{}, err
	}
	ends := a.now().Add(ticketLife).Truncate(time.Second)
	if !b.expires.IsZero() && b.expires.Before(ends) {
		ends = b.expires
	}
	plain, err := json.Marshal(sealed{
		ID: uuid.New(), ExpiresAt: ends, Hash: hash[:], Key: b.key, TokenEnds: b.expires, Name: b.actor.Name, Role: b.actor.Role,
		Scopes: b.actor.Scopes().List(), Purpose: registry.ActorFrom(ctx).Purpose, Token: b.actor.Token,
	})
	if err != nil {
		return Ticket{}, err
	}
	nonce := make([]byte, aead.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	text := TicketPrefix + base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, plain, []byte(TicketPrefix)))
	return Ticket{text, ends}, nil
}

// redeem finds out whose ticket it is, and lets it be used this once on all servers of the database. ErrUnauthenticated
// for one that is not valid any more, or whose token is not; other errors when the store could not be asked.
func (a *Authenticator) redeem(ctx context.Context, ticket string) ([32]byte, bearer, error) {
	none := [32]byte{}
	ctx, cancel := context.WithTimeout(ctx, a.lookUp)
	defer cancel()
	aead, err := a.tickets.cipher(ctx, a.store)
	if err != nil {
		return none, bearer{}, err
	}
	s, ok := openTicket(aead, ticket)
	now := a.now()
	if !ok || !now.Before(s.ExpiresAt) || !s.TokenEnds.IsZero() && !now.Before(s.TokenEnds) {
		return none, bearer{}, ErrUnauthenticated
	}
	if err := a.stillTaken(ctx, s); err != nil {
		return none, bearer{}, err
	}
	first, err := a.store.UseTicket(ctx, s.ID, s.ExpiresAt)
	if err != nil {
		return none, bearer{}, fmt.Errorf("use ticket: %w", err)
	}
	if !first {
		return none, bearer{}, ErrUnauthenticated
	}
	actor := registry.Actor{
		Name: s.Name, Role: s.Role, Withheld: s.Role.Scopes() &^ registry.ScopesOf(s.Scopes...), Purpose: s.Purpose, Token: s.Token,
	}
	return [32]byte(s.Hash), bearer{actor: actor, key: s.Key, expires: s.TokenEnds}, nil
}

// openTicket reads what a ticket holds.
func openTicket(aead cipher.AEAD, ticket string) (s sealed, ok bool) {
	text, ok := strings.CutPrefix(ticket, TicketPrefix)
	if !ok || len(text) > maxTicket {
		return s, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	n := aead.NonceSize()
	if err != nil || len(b) < n {
		return s, false
	}
	plain, err := aead.Open(nil, b[:n], b[n:], []byte(TicketPrefix))
	if err != nil || json.Unmarshal(plain, &s) != nil || len(s.Hash) != 32 {
		return s, false
	}
	return s, true
}

// stillTaken asks whether the token behind a ticket would be taken now.
func (a *Authenticator) stillTaken(ctx context.Context, s sealed) error {
	switch {
	case s.Key != uuid.Nil:
		keys, err := a.store.HeldAPIKeys(ctx, []uuid.UUID{s.Key})
		if err != nil {
			return fmt.Errorf("look up token: %w", err)
		}
		if len(keys) == 1 && keys[0].Status(a.now()) == registry.APIKeyActive && keys[0].Role == s.Role && keys[0].Allowed() == registry.ScopesOf(s.Scopes...) {
			return nil
		}
	case s.Token == bootstrap:
		if a.hasBootstrap && [32]byte(s.Hash) == a.bootstrap { // a server with another one does not take it
			return nil
		}
	case a.issuer != nil && strings.HasPrefix(s.Token, "oidc:"+a.issuer.Issuer+"#"):
		return nil
	}
	return ErrUnauthenticated
}

// Streams is Middleware which also takes a ticket in the address of an event stream, where browsers cannot send a
// header. What follows does not see the ticket.
func (a *Authenticator) Streams(next http.Handler) http.Handler {
	plain := a.Middleware(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.URL.RawQuery, TicketParam+"=") || len(r.Header["Authorization"]) > 0 {
			plain.ServeHTTP(w, r)
			return
		}
		ticket, rest := takeTicket(r.URL.RawQuery)
		if ticket == "" {
			plain.ServeHTTP(w, r)
			return
		}
		err := errTicketUse
		var hash [32]byte
		var b bearer
		if r.Method == http.MethodGet && strings.EqualFold(strings.TrimSpace(r.Header.Get("Accept")), "text/event-stream") {
			hash, b, err = a.redeem(r.Context(), ticket)
		}
		own := *r.URL
		own.RawQuery = rest
		r = r.WithContext(r.Context())
		r.URL, r.RequestURI = &own, own.RequestURI()
		if err != nil {
			a.refuse(w, r, ticket, err)
			return
		}
		a.serve(w, r, hash, b, next)
	})
}

// takeTicket takes the ticket out of the query of an address.
func takeTicket(query string) (ticket, rest string) {
	var others []string
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name != TicketParam {
			others = append(others, part)
			continue
		}
		if ticket == "" {
			ticket, _ = url.QueryUnescape(value) // what cannot be read is no ticket
		}
	}
	return ticket, strings.Join(others, "&")
}
