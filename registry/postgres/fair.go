package postgres

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/registry"
)

// fair lets callers take turns at the connections of a pool, so that nobody who asks much, or asks what takes long, makes
// all others wait. A connection that comes free goes to the one who holds the fewest, of several to who has waited longest;
// the last quarter of them only to those who hold none. What the program does by itself has no token, and may use all.
//
// It watches the pool as a tracer, for that is asked before each connection is taken, wherever that is, and may make it
// wait.
type fair struct {
	kept int // connections that are left to callers who hold none

	mu      sync.Mutex // of all below
	free    int
	callers map[string]*caller    // who hold connections, or wait for one
	waiting []*caller             // those who wait, by when they began to
	holders map[*pgx.Conn]*caller // of connections in use
}

// caller is who asks: a token, or a part of this program.
type caller struct {
	name  string
	token bool
	held  int
	turns []chan struct{} // waited for, the first one longest; closed when it has come
}

func newFair(connections int) *fair {
	return &fair{
		kept: connections / 4, free: connections,
		callers: map[string]*caller{}, holders: map[*pgx.Conn]*caller{},
	}
}

// enter waits for the turn of the context's caller; nil: the context has ended before it came.
func (f *fair) enter(ctx context.Context) *caller {
	actor := registry.ActorFrom(ctx)
	name := cmp.Or(actor.Token, actor.Name)
	f.mu.Lock()
	c := f.callers[name]
	if c == nil {
		c = &caller{name: name, token: actor.Token != ""}
		f.callers[name] = c
	}
	if f.may(c) { // then nobody waits who may, and none of the caller's own
		f.take(c)
		f.mu.Unlock()
		return c
	}
	turn := make(chan struct{})
	if c.turns = append(c.turns, turn); len(c.turns) == 1 {
		f.waiting = append(f.waiting, c)
	}
	f.mu.Unlock()
	select {
	case <-turn:
		return c
	case <-ctx.Done():
		return f.giveUp(c, turn)
	}
}

// giveUp ends the waiting for a turn; the caller when it has come meanwhile.
func (f *fair) giveUp(c *caller, turn chan struct{}) *caller {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.Index(c.turns, turn)
	if i < 0 {
		return c
	}
	c.turns = slices.Delete(c.turns, i, i+1)
	f.tidy(c)
	return nil
}

// leave ends a turn, and lets others have theirs.
func (f *fair) leave(c *caller) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.held--
	f.free++
	for next := f.next(); next != nil; next = f.next() {
		f.take(next)
		close(next.turns[0])
		next.turns = slices.Delete(next.turns, 0, 1)
		f.tidy(next)
	}
	f.tidy(c)
}

// may reports whether a caller may take a connection now. The caller of this and of what follows holds mu.
func (f *fair) may(c *caller) bool {
	if c.token && c.held > 0 {
		return f.free > f.kept
	}
	return f.free > 0
}

func (f *fair) take(c *caller) {
	c.held++
	f.free--
}

// next is whose turn it is of those who wait; nil: nobody's.
func (f *fair) next() (next *caller) {
	for _, c := range f.waiting {
		if f.may(c) && (next == nil || c.held < next.held) {
			next = c
		}
	}
	return next
}

// tidy forgets a caller who does not wait any more, and holds nothing.
func (f *fair) tidy(c *caller) {
	if len(c.turns) > 0 {
		return
	}
	if i := slices.Index(f.waiting, c); i >= 0 {
		f.waiting = slices.Delete(f.waiting, i, i+1)
	}
	if c.held == 0 {
		delete(f.callers, c.name)
	}
}

type turnKey struct{}

// TraceAcquireStart implements pgxpool.AcquireTracer: it returns when a connection may be taken. Where the context has ended
// before, taking one fails for that.
func (f *fair) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	return context.WithValue(ctx, turnKey{}, f.enter(ctx))
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (f *fair) TraceAcquireEnd(ctx context.Context, _ *pgxpool.Pool, data pgxpool.TraceAcquireEndData) {
	c, _ := ctx.Value(turnKey{}).(*caller)
	if c == nil {
		return
	}
	if data.Err != nil {
		f.leave(c)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.holders[data.Conn] = c
}

// TraceRelease implements pgxpool.ReleaseTracer.
func (f *fair) TraceRelease(_ *pgxpool.Pool, data pgxpool.TraceReleaseData) {
	f.mu.Lock()
	c := f.holders[data.Conn]
	delete(f.holders, data.Conn)
	f.mu.Unlock()
	if c != nil {
		f.leave(c)
	}
}
