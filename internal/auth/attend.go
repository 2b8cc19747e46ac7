package auth

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// Why a context of Attend has ended. The text is shown to the client.
var (
	ErrExpired = errors.New("the token has expired")
	ErrRevoked = errors.New("the token is revoked")
	ErrChanged = errors.New("the token has another role or other scopes now")
)

const (
	checkEvery = 2 * time.Second // between looks at the tokens behind streams
	noteEvery  = time.Minute     // between notes of who was seen
	storeLimit = 5 * time.Second // of one statement
)

// attended is a token with what lives by it: one look at the token is enough for all of it.
type attended struct {
	bearer
	ends map[*holder]struct{}
}

// holder is one stream or socket.
type holder struct {
	end      context.CancelCauseFunc
	role     registry.Role
	withheld registry.Scopes
}

// Attend finds out who bears a token, as Authenticate does, for what outlives a request. The context that it returns
// bears the actor; it ends with ctx, and with the token while Run runs: then ErrExpired, ErrRevoked or ErrChanged is its
// cause.
func (a *Authenticator) Attend(ctx context.Context, token string) (context.Context, error) {
	hash, b, err := a.find(ctx, token)
	if err != nil {
		a.count(ctx, token, err)
		a.tellUnchecked(ctx, err)
		return nil, err
	}
	held, release := a.hold(ctx, hash, b)
	if release != nil {
		context.AfterFunc(held, release)
	}
	return held, nil
}

// hold returns a context that bears the actor and ends with the token. release, which is nil for a token that does not
// end, is to be called when the context is not needed any more.
func (a *Authenticator) hold(ctx context.Context, hash [32]byte, b bearer) (held context.Context, release func()) {
	b.actor.RequestID = registry.ActorFrom(ctx).RequestID
	ctx = registry.WithActor(ctx, b.actor)
	if b.lasting() {
		return ctx, nil
	}
	ctx, end := context.WithCancelCause(ctx)
	h := &holder{end, b.actor.Role, b.actor.Withheld}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.attended[hash]
	if t == nil {
		t = &attended{ends: map[*holder]struct{}{}}
		a.attended[hash] = t
	}
	t.bearer = b
	t.ends[h] = struct{}{}
	return ctx, func() { // t itself goes with the next look, so that requests one by one do not make it again and again
		end(nil)
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(t.ends, h)
	}
}

// Run ends what lives by tokens that have ended, and notes in the store which were used, until ctx ends. Every server
// asks the store by itself, so that it does not matter which of them revoked a token.
func (a *Authenticator) Run(ctx context.Context) error {
	check, note := time.NewTicker(a.every), time.NewTicker(noteEvery)
	defer check.Stop()
	defer note.Stop()
	if a.issuer != nil {
		var refreshing sync.WaitGroup
		refreshing.Go(func() { a.issuer.refresh(ctx) })
		defer refreshing.Wait()
	}
	failing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return a.NoteUse(context.WithoutCancel(ctx))
		case <-check.C:
			err = a.Check(ctx)
		case <-note.C:
			err = errors.Join(a.NoteUse(ctx), a.store.ForgetTickets(ctx))
		}
		if ctx.Err() == nil && (err != nil) != failing {
			if failing = err != nil; failing {
				a.log.Warn("tokens in use cannot be checked; streams go on until they can", "error", err)
			} else {
				a.log.Info("tokens in use are checked again")
			}
		}
	}
}

// Check looks at the tokens behind streams once, with one statement for all of them.
func (a *Authenticator) Check(ctx context.Context) error {
	asked := a.inUse()
	if len(asked) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	keys, err := a.store.HeldAPIKeys(ctx, asked)
	if err != nil {
		a.endExpired(func(*attended) bool { return true }) // by what is known of them
		return fmt.Errorf("check tokens in use: %w", err)
	}
	a.endBy(asked, keys)
	return nil
}

// inUse ends the tokens that are over without a word of the store, which are none of its keys, and returns the keys in use.
// Also that a key has expired is for the store to say: its end may have been moved.
func (a *Authenticator) inUse() (keys []uuid.UUID) {
	a.endExpired(func(t *attended) bool { return t.key == uuid.Nil })
	a.mu.Lock()
	defer a.mu.Unlock()
	for hash, t := range a.attended {
		switch {
		case len(t.ends) == 0:
			delete(a.attended, hash)
		case t.key != uuid.Nil:
			keys = append(keys, t.key)
		}
	}
	return keys
}

// endExpired ends those tokens that have expired by what is known of them.
func (a *Authenticator) endExpired(among func(*attended) bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for hash, t := range a.attended {
		if !t.expires.IsZero() && !now.Before(t.expires) && among(t) {
			a.endAll(hash, t, ErrExpired)
		}
	}
}

// endBy ends what lives by keys that do not work any more, or not as they did, by what the store has told of those it was
// asked for.
func (a *Authenticator) endBy(asked []uuid.UUID, told []registry.APIKey) {
	keys := make(map[uuid.UUID]registry.APIKey, len(asked))
	for _, id := range asked {
		keys[id] = registry.APIKey{}
	}
	for _, k := range told {
		keys[k.ID] = k
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	for hash, t := range a.attended {
		key, ok := keys[t.key]
		switch status := key.Status(now); {
		case !ok: // it came meanwhile
		case key.ID == uuid.Nil, status == registry.APIKeyRevoked:
			a.endAll(hash, t, ErrRevoked)
		case status == registry.APIKeyExpired:
			a.endAll(hash, t, ErrExpired)
		default:
			t.expires, a.used[t.key] = key.ExpiresAt, now
			a.endChanged(hash, t, key)
		}
	}
}

// endChanged ends what was begun when a key could do more, or less. The caller holds mu.
func (a *Authenticator) endChanged(hash [32]byte, t *attended, key registry.APIKey) {
	for h := range t.ends {
		if h.role != key.Role || h.withheld != key.Withheld() {
			delete(a.known, hash)
			delete(t.ends, h)
			h.end(ErrChanged)
		}
	}
}

// endAll ends what lives by a token; the token itself is not believed any more either. The caller holds mu.
func (a *Authenticator) endAll(hash [32]byte, t *attended, why error) {
	delete(a.known, hash)
	delete(a.attended, hash)
	for h := range t.ends {
		h.end(why) // what follows runs in goroutines of its own
	}
}

// NoteUse writes which keys were used since the last time.
func (a *Authenticator) NoteUse(ctx context.Context) error {
	a.mu.Lock()
	used := a.used
	a.used = map[uuid.UUID]time.Time{}
	a.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeLimit)
	defer cancel()
	err := a.store.TouchAPIKeys(ctx, used)
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, at := range used { // for the next time
		if a.used[id].Before(at) {
			a.used[id] = at
		}
	}
	return fmt.Errorf("note the use of tokens: %w", err)
}
