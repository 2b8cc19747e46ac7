// Package share runs a subscription once for all clients that ask the same. The progress of a job is a few hundred bytes
// that are alike for everyone who watches it; to make them anew for each of thousands of clients, four times a second,
// costs many times more than to send them. A client has a place for the newest state only: who is slow gets fewer
// states, holds nobody up, and costs no memory for what it has missed.
package share

import (
	"bytes"
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph/reveal"
	"phoneregistry/internal/loop"
	"phoneregistry/registry"
)

// Executor is an executor that shares streams. Everything else goes to the executor that it wraps.
type Executor struct {
	graphql.GraphExecutor
	start  time.Duration
	joined func()

	mu      sync.Mutex
	streams map[string]*stream // of each key the newest
}

// New wraps an executor. start is how long a shared stream may take until its first state is there: the longest that any
// client would wait. joined, when not nil, is called for every client that takes part in the stream of another.
func New(exec graphql.GraphExecutor, start time.Duration, joined func()) *Executor {
	if joined == nil {
		joined = func() {}
	}
	return &Executor{GraphExecutor: exec, start: start, joined: joined, streams: map[string]*stream{}}
}

// DispatchOperation runs an operation, or lets the client take part in one that runs already. Like the start of a stream
// that is not shared it returns with the first state, or when the client's operation ends: whoever gives that a deadline
// bounds how long this client waits, and no other.
func (e *Executor) DispatchOperation(ctx context.Context, operation *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	key, ok := keyOf(ctx, operation)
	if !ok {
		return e.GraphExecutor.DispatchOperation(ctx, operation)
	}
	ctx = graphql.WithOperationContext(ctx, operation)
	m := &member{exec: e, ctx: ctx, operation: operation, slot: make(chan *graphql.Response, 1)}
	e.join(key, m)
	m.first = m.take(ctx)
	return m.next, ctx
}

// fresh is how old the last state of a stream may be for a newcomer to take part in it. One who comes from another server,
// which has told of a newer state, must not see an older one here.
const fresh = 100 * time.Millisecond

// stream is an operation that runs for its members, and ends with the last of them, or when they go over to another.
type stream struct {
	key     string
	older   *stream              // that runs for those who came before, if they are still apart; under Executor.mu
	members map[*member]struct{} // under Executor.mu
	last    *graphql.Response    // nil: none yet
	at      time.Time            // when last came, or the stream was opened
	stop    context.CancelFunc
}

// member is a client of a stream. Only who holds Executor.mu sends into its slot or closes it.
type member struct {
	exec      *Executor
	stream    *stream         // under Executor.mu
	ctx       context.Context //nolint:containedctx // of the client's operation
	operation *graphql.OperationContext
	slot      chan *graphql.Response
	first     *graphql.Response       // nil: taken
	alone     bool                    // set before slot is closed: the stream failed, and the client runs its own
	own       graphql.ResponseHandler // of that
	ownCtx    context.Context         //nolint:containedctx // of that
}

func (e *Executor) join(key string, m *member) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.streams[key]
	if s == nil || time.Since(s.at) > fresh { // the old one goes on for those who are in it
		// The stream outlives the client that opened it. It may do what the client may, bears no name, and shows nothing
		// whole.
		own := registry.ActorFrom(m.ctx)
		actor := registry.Actor{Name: "system:share", Role: own.Role, Withheld: own.Withheld}
		ctx, stop := context.WithCancel(reveal.Masked(registry.WithActor(context.WithoutCancel(m.ctx), actor)))
		s = &stream{key: key, older: s, members: map[*member]struct{}{}, at: time.Now(), stop: stop}
		e.streams[key] = s
		go e.run(ctx, s, m.operation)
	} else {
		e.joined()
	}
	s.members[m], m.stream = struct{}{}, s
	if s.last != nil {
		m.put(s.last)
	}
	context.AfterFunc(m.ctx, func() { e.leave(m) })
}

// leave takes a member out. To leave twice does nothing.
func (e *Executor) leave(m *member) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := m.stream
	if _, ok := s.members[m]; !ok {
		return
	}
	delete(s.members, m)
	close(m.slot)
	if len(s.members) == 0 {
		e.forget(s)
	}
}

// forget ends a stream without members. Those that are older stay, for their own.
func (e *Executor) forget(s *stream) {
	s.stop()
	newer := e.streams[s.key]
	switch {
	case newer == s && s.older == nil:
		delete(e.streams, s.key)
	case newer == s:
		e.streams[s.key] = s.older
	default:
		for ; newer != nil; newer = newer.older {
			if newer.older == s {
				newer.older = s.older
				return
			}
		}
	}
}

// unite lets the members of older streams go over to the newest one where both have told the same last: whatever comes next
// is the same too, and they miss nothing and are told nothing twice. So it is one stream again for all who ask the same,
// though they came one by one. Streams of very many stay apart: while a state is sent to the last of them it grows old, and
// several streams take turns, each with the newest.
func (e *Executor) unite(newest *stream) {
	if newest == nil || newest.last == nil {
		return
	}
	for s := newest; s.older != nil; {
		old := s.older
		if old.last == nil || len(old.members)+len(newest.members) > mostUnited || !bytes.Equal(old.last.Data, newest.last.Data) {
			s = old
			continue
		}
		for m := range old.members {
			newest.members[m], m.stream = struct{}{}, newest
		}
		clear(old.members)
		old.stop()
		s.older = old.older
	}
}

// put replaces what the client has not taken yet.
func (m *member) put(r *graphql.Response) {
	select {
	case <-m.slot:
	default:
	}
	m.slot <- r // there is room: only the holder of Executor.mu fills it
}

// run runs the operation until it ends or everybody has left.
func (e *Executor) run(ctx context.Context, s *stream, asked *graphql.OperationContext) {
	failed := true
	defer func() {
		cause := recover() // resolvers recover by themselves; whoever runs alone meets this again, and reports it
		e.close(s, failed || cause != nil)
	}()
	late := time.AfterFunc(e.start, s.stop)
	defer late.Stop()
	responses, ctx := e.GraphExecutor.DispatchOperation(ctx, again(asked))
	for begun := false; ; begun = true {
		response := responses(ctx)
		if response == nil || !begun && !late.Stop() { // given up while its first state came: it failed, and did not end
			return
		}
		if failed = response.Data == nil; failed { // the stream could not be made
			return
		}
		shared := *response
		shared.Data = append(json.RawMessage(nil), response.Data...) // the executor writes the next one into the same memory
		if !loop.Sleep(ctx, min(time.Duration(e.publish(s, &shared))*eachTakes, longestPause)) {
			return
		}
	}
}

// What is sent to many takes the time of the machine that makes it: states come further apart the more there are to send
// them to, so that no more than 50,000 are sent in a second.
const (
	eachTakes    = 20 * time.Microsecond
	longestPause = 500 * time.Millisecond
	mostUnited   = 500 // members of streams that become one
)

// publish gives a state to all members, and returns how many they are.
func (e *Executor) publish(s *stream, r *graphql.Response) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	s.last, s.at = r, time.Now()
	for m := range s.members {
		m.put(r)
	}
	e.unite(e.streams[s.key])
	return len(s.members)
}

// close ends a stream. When it failed each member asks by itself, so that it gets an error of its own.
func (e *Executor) close(s *stream, failed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for m := range s.members {
		m.alone = failed
		close(m.slot)
	}
	clear(s.members)
	e.forget(s)
}

// next returns the first state, then waits for the newest; nil when the stream has ended, or the client's operation.
func (m *member) next(ctx context.Context) *graphql.Response {
	if first := m.first; first != nil {
		m.first = nil
		return first
	}
	return m.take(ctx)
}

func (m *member) take(ctx context.Context) *graphql.Response {
	if m.own != nil {
		return m.own(m.ownCtx)
	}
	select {
	case response, ok := <-m.slot:
		switch {
		case ok:
			return response
		case m.alone && m.ctx.Err() == nil:
			m.own, m.ownCtx = m.exec.GraphExecutor.DispatchOperation(m.ctx, m.operation)
			return m.own(m.ownCtx)
		}
		return nil
	case <-ctx.Done():
		return nil
	}
}

// again is the operation to be run once more, beside that of the client.
func again(o *graphql.OperationContext) *graphql.OperationContext {
	return &graphql.OperationContext{
		RawQuery: o.RawQuery, Variables: o.Variables, OperationName: o.OperationName, Doc: o.Doc, Extensions: o.Extensions,
		Headers: o.Headers, Operation: o.Operation, DisableIntrospection: o.DisableIntrospection, RecoverFunc: o.RecoverFunc,
		ResolverMiddleware: o.ResolverMiddleware, RootResolverMiddleware: o.RootResolverMiddleware, Stats: o.Stats,
	}
}

// keyOf names what is asked: operations with the same key have the same answers. Only the progress of jobs and imports
// is shared, and of these only what hangs on nothing but what who asks may do, and shows nothing that identifies a person:
// each who sees that is recorded.
func keyOf(ctx context.Context, o *graphql.OperationContext) (string, bool) {
	if o.Operation == nil || o.Operation.Operation != ast.Subscription || !plain(o.Operation.SelectionSet) {
		return "", false
	}
	actor := registry.ActorFrom(ctx)
	key, err := json.Marshal([]any{actor.Role, actor.Withheld, o.OperationName, o.RawQuery, o.Variables})
	return string(key), err == nil
}

// plain reports whether nothing but progress is asked.
func plain(selections ast.SelectionSet) bool {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			if !plainField(s) {
				return false
			}
		case *ast.InlineFragment:
			if !plain(s.SelectionSet) {
				return false
			}
		case *ast.FragmentSpread:
			if s.Definition == nil || !plain(s.Definition.SelectionSet) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func plainField(f *ast.Field) bool {
	if len(f.SelectionSet) == 0 {
		return f.Definition != nil && len(f.Arguments) == 0 && f.Definition.Directives.ForName("personal") == nil
	}
	if f.Definition == nil || f.ObjectDefinition == nil {
		return false
	}
	root := f.ObjectDefinition.Name == "Subscription"
	switch f.Definition.Type.Name() {
	case "ValidationJobProgress", "ImportProgress":
		return root && plain(f.SelectionSet)
	case "ValidationJob", "ImportBatch", "PlatformProgress":
		return !root && len(f.Arguments) == 0 && plain(f.SelectionSet)
	}
	return false
}
