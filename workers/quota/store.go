package quota

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
)

// askFor bounds one question to NATS.
const askFor = 3 * time.Second

// Store is the bucket that workers share, and the clock of its broker. The lanes of a worker share one.
type Store struct {
	js   jetstream.JetStream
	opts bus.Options

	mu    sync.Mutex         // guards what follows; held while NATS is asked
	kv    jetstream.KeyValue // nil: not looked for yet, or lost
	clock sample

	last atomic.Pointer[sample] // the clock, for those who do not want to wait
}

// NewStore makes a Store. It does not talk to NATS yet.
func NewStore(js jetstream.JetStream, opts bus.Options) *Store {
	return &Store{js: js, opts: opts}
}

// sample is one look at the clock of the broker.
type sample struct {
	local  time.Time // with a monotonic reading: the clock of this machine may be set at any time
	broker time.Time
	trip   time.Duration // how long the look took; it is off by half of that at most
}

// resample is how long a look at the clock counts.
const resample = 10 * time.Second

func (s sample) at(local time.Time) time.Time { return s.broker.Add(local.Sub(s.local)) }
func (s sample) toLocal(broker time.Time) time.Time {
	return s.local.Add(broker.Sub(s.broker))
}

// bucket returns the bucket, made anew when it is missing, and a fresh look at its clock.
func (s *Store) bucket(ctx context.Context) (jetstream.KeyValue, sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv == nil {
		opts := s.opts
		opts.CreateOnly = true
		kv, err := bus.EnsureQuota(ctx, s.js, opts)
		if err != nil {
			return nil, sample{}, err
		}
		s.kv, s.clock = kv, sample{}
	}
	if s.clock.local.IsZero() || time.Since(s.clock.local) > resample {
		if err := s.look(ctx); err != nil {
			s.kv = nil
			return nil, sample{}, err
		}
	}
	return s.kv, s.clock, nil
}

// look asks for the time of the broker: three times, of which the quickest answer is the nearest to the truth.
func (s *Store) look(ctx context.Context) error {
	var best sample
	for range 3 {
		before := time.Now()
		status, err := s.kv.Status(ctx)
		if err != nil {
			return fmt.Errorf("clock of the broker: %w", err)
		}
		trip := time.Since(before)
		known, ok := status.(interface{ StreamInfo() *jetstream.StreamInfo })
		if !ok || known.StreamInfo().TimeStamp.IsZero() {
			return errors.New("clock of the broker: NATS does not tell the time")
		}
		if best.local.IsZero() || trip < best.trip {
			best = sample{local: before.Add(trip / 2), broker: known.StreamInfo().TimeStamp, trip: trip}
		}
	}
	s.clock = best
	s.last.Store(&best)
	return nil
}

// forget looks for the bucket and the clock anew next time.
func (s *Store) forget(kv jetstream.KeyValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kv == kv {
		s.kv = nil
	}
}

// errUnchanged is returned by a change that has nothing to write.
var errUnchanged = errors.New("nothing to write")

// slot is a key of the bucket and the type of its entry.
type slot[T any] struct {
	key    string
	decode func([]byte) (T, error)
}

// read returns the entry as it is, the zero value when there is none, and the clock of the broker.
func (k slot[T]) read(ctx context.Context, s *Store) (value T, clock sample, err error) {
	err = k.change(ctx, s, func(e *T, _ time.Time, c sample) error {
		value, clock = *e, c
		return errUnchanged
	})
	return value, clock, err
}

// change changes the entry by compare-and-set: f is called with the entry as it is and the time of the broker, again and
// again until nobody else has changed it meanwhile. f returns errUnchanged when there is nothing to write. An error
// means that nothing may be taken, also when the change was made and only its acknowledgement got lost.
func (k slot[T]) change(ctx context.Context, s *Store, f func(e *T, now time.Time, clock sample) error) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	for attempt := 0; ; attempt++ {
		kv, clock, err := s.bucket(ctx)
		if err != nil {
			return err
		}
		err = k.tryOnce(ctx, kv, clock, f)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, jetstream.ErrKeyExists) && !errors.Is(err, jetstream.ErrKeyRevisionMismatch):
			s.forget(kv)
			return fmt.Errorf("quota %s: %w", k.key, err)
		}
		select { // somebody else was faster
		case <-time.After(rand.N(time.Millisecond << min(attempt, 5))): //nolint:gosec // nothing to guess
		case <-ctx.Done():
			return fmt.Errorf("quota %s: %w", k.key, ctx.Err())
		}
	}
}

func (k slot[T]) tryOnce(ctx context.Context, kv jetstream.KeyValue, clock sample, f func(e *T, now time.Time, clock sample) error) error {
	var value T
	revision := uint64(0)
	found, err := kv.Get(ctx, k.key)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
	case err != nil:
		return err
	default:
		revision = found.Revision()
		if value, err = k.decode(found.Value()); errors.Is(err, bus.ErrVersion) {
			return err
		} else if err != nil { // damaged: as good as lost
			var nothing T
			value = nothing
		}
	}
	if err := f(&value, clock.at(time.Now()), clock); errors.Is(err, errUnchanged) {
		return nil
	} else if err != nil {
		return err
	}
	data, err := bus.Encode(value)
	if err != nil {
		return err
	}
	if revision == 0 {
		_, err = kv.Create(ctx, k.key, data)
	} else {
		_, err = kv.Update(ctx, k.key, data, revision)
	}
	return err
}

// now is the time of the broker as far as it is known here.
func (s *Store) now() time.Time {
	if clock := s.last.Load(); clock != nil {
		return clock.at(time.Now())
	}
	return time.Now()
}
