package live

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// state is what a topic has loaded.
type state[S any] struct {
	value    S
	sequence int64
	ended    bool
	began    time.Time // when loading it began: it is not older than that
}

// fresh is how old a state may be that a newcomer is given first. One who comes from another server, which has told of a
// newer state, must not see an older one here.
const fresh = 100 * time.Millisecond

// loader loads the state of one topic. It is called by one goroutine at a time.
type loader[S any] func(context.Context) (state[S], error)

// topics is the jobs, or imports, that somebody watches.
type topics[S any] struct {
	hub   *Hub
	kind  string
	watch func(uuid.UUID) loader[S]

	mu      sync.Mutex
	byID    map[uuid.UUID]*topic[S]
	running sync.WaitGroup
}

// topic is one job or import with all that watch it. Its goroutine ends with the last subscriber.
type topic[S any] struct {
	load loader[S]
	poke chan struct{} // holds a hint that has not been looked at
	done context.CancelFunc

	// under topics.mu
	subscribers map[*subscriber[S]]struct{}
	last        *state[S] // nil: not loaded yet
}

// subscriber has a place for the newest state. Only who holds topics.mu sends into it or closes it.
type subscriber[S any] struct {
	slot  chan S
	since time.Time // when it came
	sent  int64     // sequence of the last state put into slot
	any   bool      // whether there was one
	first chan error
}

func newTopics[S any](h *Hub, kind string, watch func(uuid.UUID) loader[S]) *topics[S] {
	return &topics[S]{hub: h, kind: kind, watch: watch, byID: map[uuid.UUID]*topic[S]{}}
}

// hint says that the job or import may have changed. It never blocks.
func (ts *topics[S]) hint(id string) {
	key, err := uuid.Parse(id)
	if err != nil {
		return // not one of ours
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t := ts.byID[key]; t != nil {
		t.hint()
	}
}

func (t *topic[S]) hint() {
	select {
	case t.poke <- struct{}{}:
	default: // there is a hint already
	}
}

// subscribe joins a topic, opening it if need be, and returns once the first state is there.
func (ts *topics[S]) subscribe(ctx context.Context, id uuid.UUID) (<-chan S, error) {
	sub := &subscriber[S]{slot: make(chan S, 1), since: ts.hub.now(), first: make(chan error, 1)}
	if err := ts.join(id, sub); err != nil {
		return nil, err
	}
	select {
	case err := <-sub.first:
		if err != nil {
			ts.leave(id, sub)
			return nil, err
		}
	case <-ctx.Done():
		ts.leave(id, sub)
		return nil, ctx.Err()
	}
	context.AfterFunc(ctx, func() { ts.leave(id, sub) })
	return sub.slot, nil
}

func (ts *topics[S]) join(id uuid.UUID, sub *subscriber[S]) error {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.hub.ctx.Err() != nil {
		return ErrClosed
	}
	t := ts.byID[id]
	if t == nil {
		ctx, done := context.WithCancel(ts.hub.ctx) //nolint:gosec // end calls it
		t = &topic[S]{
			load: ts.watch(id), poke: make(chan struct{}, 1), done: done, subscribers: map[*subscriber[S]]struct{}{},
		}
		ts.byID[id] = t
		ts.running.Go(func() { ts.run(ctx, id, t) })
	}
	t.subscribers[sub] = struct{}{}
	ts.hub.metrics.subscribers.WithLabelValues(ts.kind).Inc()
	if t.last != nil {
		sub.put(*t.last)
		t.hint() // it may be too old
	}
	return nil
}

// leave takes a subscriber out; the topic ends with its last one. To leave twice does nothing.
func (ts *topics[S]) leave(id uuid.UUID, sub *subscriber[S]) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t := ts.byID[id]
	if t == nil {
		return
	}
	if _, ok := t.subscribers[sub]; !ok {
		return
	}
	ts.remove(t, sub)
	if len(t.subscribers) == 0 {
		ts.end(id, t)
	}
}

// remove closes a subscriber's channel. A state that it has not taken yet stays there to be taken.
func (ts *topics[S]) remove(t *topic[S], sub *subscriber[S]) {
	delete(t.subscribers, sub)
	close(sub.slot)
	ts.hub.metrics.subscribers.WithLabelValues(ts.kind).Dec()
}

func (ts *topics[S]) end(id uuid.UUID, t *topic[S]) {
	if ts.byID[id] == t {
		delete(ts.byID, id)
	}
	t.done()
}

// put replaces what the subscriber has not taken yet, unless it has had this state or a later one. It returns false when
// the subscriber has had none and this one is too old to be its first.
func (sub *subscriber[S]) put(s state[S]) bool {
	switch {
	case !sub.any && s.began.Before(sub.since.Add(-fresh)):
		return false
	case sub.any && s.sequence <= sub.sent:
		return true
	}
	select {
	case <-sub.slot:
	default:
	}
	sub.slot <- s.value // there is room: only the holder of topics.mu fills it
	sub.sent = s.sequence
	if !sub.any {
		sub.any = true
		sub.tell(nil)
	}
	return true
}

// run loads the state when there is a hint, at most once in minInterval, and at least once in maxInterval.
func (ts *topics[S]) run(ctx context.Context, id uuid.UUID, t *topic[S]) {
	defer ts.closeAll(id, t, ErrClosed)
	for {
		began := ts.hub.now()
		s, err := loadWithin(ctx, ts.hub.look, t.load)
		if ctx.Err() != nil {
			return
		}
		s.began = began
		ts.hub.metrics.loaded(ts.kind, err)
		if err != nil {
			if ts.failed(id, t, err) {
				return
			}
		} else if ts.publish(id, t, s) {
			return
		}
		if !pause(ctx, t.poke) {
			return
		}
	}
}

func loadWithin[V any](ctx context.Context, limit time.Duration, load func(context.Context) (V, error)) (V, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return load(ctx)
}

// pause waits until it is time to look again; false when ctx ended.
func pause(ctx context.Context, poke <-chan struct{}) bool {
	if !sleep(ctx, minInterval, nil) {
		return false
	}
	return sleep(ctx, maxInterval-minInterval, poke)
}

// sleep waits for so long, or for a hint; false when ctx ended.
func sleep(ctx context.Context, d time.Duration, poke <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-poke:
	case <-timer.C:
	}
	return true
}

// publish gives a state to all who watch, and reports whether the topic is over. It is not while somebody has come too late
// for this state: whoever was told of an end may have seen the job go on since.
func (ts *topics[S]) publish(id uuid.UUID, t *topic[S], s state[S]) (over bool) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t.last, over = &s, s.ended
	for sub := range t.subscribers {
		switch {
		case !sub.put(s):
			over = false
		case s.ended:
			ts.remove(t, sub)
		}
	}
	if over {
		ts.end(id, t)
	}
	return over
}

// failed tells those who still wait for their first state, and reports whether the topic is over. Others wait: what
// went wrong for a moment comes right, and the state is loaded again.
func (ts *topics[S]) failed(id uuid.UUID, t *topic[S], err error) bool {
	if errors.Is(err, registry.ErrNotFound) {
		ts.closeAll(id, t, err)
		return true
	}
	ts.hub.log.Warn("live state not loaded", "kind", ts.kind, "id", id.String(), "error", err)
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for sub := range t.subscribers {
		sub.refuse(err)
	}
	return false
}

// refuse tells a subscriber that still waits for its first state that there is none.
func (sub *subscriber[S]) refuse(err error) {
	if !sub.any {
		sub.tell(err)
	}
}

func (sub *subscriber[S]) tell(err error) {
	select {
	case sub.first <- err:
	default: // told already
	}
}

// closeAll ends the topic and all its subscriptions.
func (ts *topics[S]) closeAll(id uuid.UUID, t *topic[S], err error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	for sub := range t.subscribers {
		sub.refuse(err)
		ts.remove(t, sub)
	}
	ts.end(id, t)
}

// wait returns when all topics have ended. The hub's context must have ended, so that none is opened any more.
func (ts *topics[S]) wait() {
	ts.mu.Lock() // one that is being opened is counted now
	defer ts.running.Wait()
	ts.mu.Unlock()
}
