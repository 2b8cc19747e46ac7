package live

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// Bounds of what waits.
const (
	maxHinted  = 20_000              // numbers that have changed and have not been loaded
	loadAtOnce = bus.MaxChunkNumbers // numbers loaded with one statement
)

// leadFeed loads scores that changed, once for all who watch. Its goroutine runs while somebody does.
type leadFeed struct {
	hub  *Hub
	poke chan struct{} // holds a hint that has not been looked at

	mu          sync.Mutex
	hinted      map[registry.Number]struct{} // changed, not loaded yet
	subscribers map[*leadSubscriber]struct{}
	done        context.CancelFunc // of the goroutine; nil: it does not run
	running     sync.WaitGroup
	newest      time.Time // when the newest score that was seen had changed
	suspect     time.Time // when a newer one had changed that no hint had led to when it was found
}

func newLeadFeed(h *Hub) *leadFeed {
	return &leadFeed{
		hub: h, poke: make(chan struct{}, 1),
		hinted: map[registry.Number]struct{}{}, subscribers: map[*leadSubscriber]struct{}{},
	}
}

// hint says that the scores of some numbers changed. It never blocks.
func (f *leadFeed) hint(data []byte) {
	var event bus.LeadsChanged
	if json.Unmarshal(data, &event) != nil || event.Version > bus.Version {
		return // only a hint
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subscribers) == 0 {
		return
	}
	for i, n := range event.Numbers {
		if !f.note(registry.Number(n)) {
			f.hub.metrics.dropped.Add(float64(len(event.Numbers) - i))
			break
		}
	}
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// subscribe joins the feed before it loads the first score, so that no change in between is missed.
func (f *leadFeed) subscribe(ctx context.Context, filter registry.LeadFilter) (<-chan LeadChange, error) {
	filter, err := registry.CheckLeadFilter(filter, "filter")
	if err != nil {
		return nil, err
	}
	sub := &leadSubscriber{filter: filter, waiting: map[registry.Number]*LeadChange{}, poke: make(chan struct{}, 1)}
	if err := f.join(sub); err != nil {
		return nil, err
	}
	first, err := f.latest(ctx, filter)
	if err != nil && !errors.Is(err, registry.ErrNotFound) {
		f.leave(sub)
		return nil, err
	}
	if err == nil {
		sub.put(&first, maxWaiting)
	}
	out := make(chan LeadChange)
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(f.hub.ctx, cancel)
	go func() {
		defer f.leave(sub)
		defer close(out)
		defer cancel()
		defer stop()
		sub.send(ctx, out)
	}()
	return out, nil
}

func (f *leadFeed) join(sub *leadSubscriber) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.hub.ctx.Err() != nil {
		return ErrClosed
	}
	f.subscribers[sub] = struct{}{}
	f.running.Add(1) // until it leaves
	f.hub.metrics.subscribers.WithLabelValues("lead").Inc()
	if f.done == nil {
		var ctx context.Context
		ctx, f.done = context.WithCancel(f.hub.ctx)
		f.newest, f.suspect = time.Time{}, time.Time{}
		f.running.Go(func() { f.run(ctx) })
	}
	return nil
}

func (f *leadFeed) leave(sub *leadSubscriber) {
	defer f.running.Done()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.subscribers, sub)
	f.hub.metrics.subscribers.WithLabelValues("lead").Dec()
	if len(f.subscribers) == 0 {
		f.done()
		f.done = nil
		clear(f.hinted)
	}
}

// latest loads the matching score that changed last, with its number.
func (f *leadFeed) latest(ctx context.Context, filter registry.LeadFilter) (LeadChange, error) {
	score, err := f.hub.source.LatestLead(ctx, filter)
	if err != nil {
		return LeadChange{}, err
	}
	phones, err := f.hub.source.PhonesByNumber(ctx, []registry.Number{score.Number})
	if err != nil {
		return LeadChange{}, err
	}
	phone, ok := phones[score.Number]
	if !ok {
		return LeadChange{}, registry.ErrNotFound // erased in between
	}
	return LeadChange{Score: score, Phone: phone}, nil
}

// run loads what was hinted at, and looks by itself whether hints were lost.
func (f *leadFeed) run(ctx context.Context) {
	var looked time.Time
	for {
		if err := f.drain(ctx); err != nil && ctx.Err() == nil {
			f.hub.log.Warn("changed scores not loaded", "error", err)
		}
		if now := f.hub.now(); now.Sub(looked) >= maxInterval {
			looked = now
			if err := f.catchUp(ctx); err != nil && ctx.Err() == nil {
				f.hub.log.Warn("latest scores not loaded", "error", err)
			}
		}
		if !pause(ctx, f.poke) {
			return
		}
	}
}

// drain loads the hinted numbers and offers them to all subscribers. Those that could not be loaded wait for the next time.
func (f *leadFeed) drain(ctx context.Context) error {
	for {
		numbers := f.take()
		if len(numbers) == 0 {
			return nil
		}
		changes, err := loadWithin(ctx, loadTimeout, func(ctx context.Context) ([]*LeadChange, error) { return f.load(ctx, numbers) })
		f.hub.metrics.loaded("lead", err)
		if err != nil {
			f.putBack(numbers)
			return err
		}
		f.offer(changes)
	}
}

func (f *leadFeed) take() []registry.Number {
	f.mu.Lock()
	defer f.mu.Unlock()
	numbers := make([]registry.Number, 0, min(len(f.hinted), loadAtOnce))
	for n := range f.hinted {
		if len(numbers) == loadAtOnce {
			break
		}
		numbers = append(numbers, n)
		delete(f.hinted, n)
	}
	return numbers
}

// putBack keeps numbers that were taken and not loaded.
func (f *leadFeed) putBack(numbers []registry.Number) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.subscribers) == 0 {
		return
	}
	for i, n := range numbers {
		if !f.note(n) {
			f.hub.metrics.dropped.Add(float64(len(numbers) - i))
			return
		}
	}
}

// note keeps a number to be loaded; false: there is no room. The caller holds mu.
func (f *leadFeed) note(n registry.Number) bool {
	if _, ok := f.hinted[n]; !ok && len(f.hinted) >= maxHinted {
		return false
	}
	f.hinted[n] = struct{}{}
	return true
}

func (f *leadFeed) load(ctx context.Context, numbers []registry.Number) ([]*LeadChange, error) {
	scores, err := f.hub.source.LeadScores(ctx, numbers)
	if err != nil {
		return nil, err
	}
	phones, err := f.hub.source.PhonesByNumber(ctx, numbers)
	if err != nil {
		return nil, err
	}
	changes := make([]*LeadChange, 0, len(scores)) // each by itself: a subscriber that keeps one keeps no other
	for n, score := range scores {
		if phone, ok := phones[n]; ok {
			changes = append(changes, &LeadChange{Score: score, Phone: phone})
		}
	}
	return changes, nil
}

func (f *leadFeed) offer(changes []*LeadChange) {
	f.mu.Lock()
	defer f.mu.Unlock()
	room := roomAmong(len(f.subscribers))
	for _, c := range changes {
		if c.Score.UpdatedAt.After(f.newest) {
			f.newest = c.Score.UpdatedAt
		}
		for sub := range f.subscribers {
			if sub.filter.Matches(c.Score, c.Phone) {
				f.hub.metrics.dropped.Add(float64(sub.put(c, room)))
			}
		}
	}
}

// wait returns when the feed and all its subscriptions have ended. The hub's context must have ended.
func (f *leadFeed) wait() {
	f.mu.Lock() // one that is being opened is counted now
	defer f.running.Wait()
	f.mu.Unlock()
}
