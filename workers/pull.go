package workers

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/loop"
)

// run pulls until pulling ends. What it holds then is still worked on, until working ends.
func (l *lane) run(pulling, working context.Context) {
	var handlers sync.WaitGroup
	defer handlers.Wait()
	failures := 0
	for {
		away := l.away.heard()
		slots, ok := l.awaitSlots(pulling)
		if !ok {
			return
		}
		reconnected := l.pool.reconnected.heard()
		err := l.pull(pulling, working, slots, &handlers, reconnected, away)
		switch {
		case pulling.Err() != nil:
			return
		case err == nil:
			failures = 0
			l.reachable()
		default:
			l.unreachable(err)
			sleepUntilRung(pulling, l.pool.cfg.Reconnect.after(failures), reconnected)
			failures++
		}
	}
}

// awaitSlots waits until chunks may be pulled and takes the slots for them; false: ctx has ended. While the platform is
// to be left alone its chunks are left to others, and while the breaker tries again there is one chunk to try with.
func (l *lane) awaitSlots(ctx context.Context) (slots int, ok bool) {
	for {
		news := l.news.heard()
		wait, woken := l.throttle.held(), news
		if wait <= 0 {
			if wait, woken = l.breaker.blocked(); wait <= 0 {
				state, _, _ := l.breaker.status()
				if state == bus.BreakerClosed {
					return l.takeSlots(ctx, l.slots)
				}
				if l.holding.Load() == 0 {
					return l.takeSlots(ctx, 1)
				}
				wait, woken = time.Minute, news
			}
		}
		if !sleepUntilRung(ctx, wait, woken) {
			return 0, false
		}
	}
}

// takeSlots takes at least one free slot, and most at most.
func (l *lane) takeSlots(ctx context.Context, most int) (int, bool) {
	select {
	case <-l.free:
	case <-ctx.Done():
		return 0, false
	}
	for n := 1; n < most; n++ {
		select {
		case <-l.free:
		default:
			return n, true
		}
	}
	return most, true
}

func (l *lane) giveSlots(n int) {
	for range n {
		l.free <- struct{}{}
	}
}

func (l *lane) unreachable(err error) {
	if !l.trouble.Swap(true) { // once is enough until it works again
		l.log.Warn("cannot pull chunks, trying again", "error", err)
	}
}

func (l *lane) reachable() {
	if l.trouble.Load() && l.trouble.Swap(false) {
		l.log.Info("pulling chunks again")
	}
}

// pullFor is how long a pull waits at the server for a chunk. It is given up before when the server falls silent, and
// when the connection was lost, because the server forgets it then.
const (
	pullFor          = 30 * time.Second
	worthAnotherPull = 3 * time.Second // a hold that is shorter lets the pull wait
)

// pull waits for chunks, at most as many as slots were taken, and hands them to goroutines, until one of end is closed. It
// gives back the slots that it did not need. No chunk for a while is no error.
func (l *lane) pull(pulling, working context.Context, slots int, handlers *sync.WaitGroup, end ...<-chan struct{}) error {
	used := 0
	defer func() { l.giveSlots(slots - used) }()
	consumer, err := l.bind(pulling)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(pulling, pullFor)
	defer cancel()
	for _, c := range end {
		defer cancelWhen(ctx, c, cancel)()
	}
	batch, err := consumer.Fetch(slots, jetstream.FetchContext(ctx))
	if err != nil {
		l.unbind(consumer)
		return err
	}
	ackWait := consumer.CachedInfo().Config.AckWait
	for msg := range batch.Messages() {
		used++
		if pulling.Err() != nil { // it came too late
			used--
			_ = msg.Nak() // when it does not arrive, the chunk comes again by itself
			continue
		}
		l.reachable()
		handlers.Go(func() {
			defer l.giveSlots(1)
			if l.handle(working, msg, ackWait) == outcomeTooNew { // the slot stays taken: what cannot be read is left to others
				loop.Sleep(pulling, l.tooNew.after(int(l.unread.Add(1)-1)))
			}
		})
	}
	err = batch.Error()
	if err == nil || errors.Is(err, nats.ErrTimeout) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return nil
	}
	l.unbind(consumer)
	return err
}

// cancelWhen calls cancel when c is closed before ctx ends or stop is called.
func cancelWhen(ctx context.Context, c <-chan struct{}, cancel context.CancelFunc) (stop func()) {
	stopped := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		select {
		case <-c:
			cancel()
		case <-ctx.Done():
		case <-stopped:
		}
	}()
	return func() {
		close(stopped)
		<-ended
	}
}

// bind returns the consumer of the platform, made anew when it is missing.
func (l *lane) bind(ctx context.Context) (jetstream.Consumer, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consumer != nil {
		return l.consumer, nil
	}
	c, err := bus.EnsureWork(ctx, l.pool.js, string(l.platform), l.pool.cfg.Streams)
	if err != nil {
		return nil, err
	}
	l.consumer = c
	return c, nil
}

// unbind forgets a consumer that failed, unless another goroutine has found a new one already.
func (l *lane) unbind(failed jetstream.Consumer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.consumer == failed {
		l.consumer = nil
	}
}
