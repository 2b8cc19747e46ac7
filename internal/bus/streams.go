package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Defaults of the streams and their consumers; docs/adr/0003-workqueue-streams.md says why they are as they are.
const (
	DefaultMaxBytes = 256 << 20        // of each stream
	DefaultAckWait  = 10 * time.Second // a chunk that is neither acknowledged nor kept alive for this long comes again

	// resultAckWait is the same for results: it must be longer than a slow transaction of the applier.
	resultAckWait = 30 * time.Second
	// formerAckWait was the default for chunks once; a consumer that has it is brought to today's.
	formerAckWait = 30 * time.Second

	dedupeWindow  = 2 * time.Minute
	maxAckPending = 2048 // messages out with all readers of a consumer together
	maxWaiting    = 2048 // pull requests waiting at a consumer; fixed at its creation
)

// Options are the settings of the streams that may differ from place to place. A zero field keeps what an existing
// stream has and stands for the default where one is created.
type Options struct {
	Replicas int           // copies of each stream, 1, 3 or 5; 1 unless told
	MaxBytes int64         // size of each stream; DefaultMaxBytes unless told. A full stream refuses new messages
	AckWait  time.Duration // of chunks and results; DefaultAckWait and 30 s unless told
	// CreateOnly leaves what exists as it is. A worker sets it: the server decides how large the streams are.
	CreateOnly bool
}

// EnsureStreams makes sure that the work streams of the platforms, the result stream, their durable consumers and the
// bucket of quotas exist and have the settings of opts. It may be called at any time, by several programs at once, and again.
// It fails when a stream exists with another retention or storage, which JetStream cannot change.
func EnsureStreams[P ~string](ctx context.Context, js jetstream.JetStream, platforms []P, opts Options) error {
	for _, p := range platforms {
		if _, err := EnsureWork(ctx, js, string(p), opts); err != nil {
			return err
		}
	}
	if _, err := EnsureResults(ctx, js, opts); err != nil {
		return err
	}
	_, err := EnsureQuota(ctx, js, opts)
	return err
}

// EnsureWork is EnsureStreams for the work stream of one platform. It returns the consumer from which workers pull.
func EnsureWork(ctx context.Context, js jetstream.JetStream, platform string, opts Options) (jetstream.Consumer, error) {
	return ensure(ctx, js, streamConfig(WorkStream(platform), WorkSubject(platform),
		"Chunks of numbers to check on "+platform+", one message for each."), WorkConsumer, DefaultAckWait, opts)
}

// EnsureResults is EnsureStreams for the result stream. It returns the consumer from which the applier pulls.
func EnsureResults(ctx context.Context, js jetstream.JetStream, opts Options) (jetstream.Consumer, error) {
	return ensure(ctx, js, streamConfig(ResultStream, ResultSubjects,
		"What the platforms said of the chunks, one message for each."), ApplierConsumer, resultAckWait, opts)
}

func ensure(ctx context.Context, js jetstream.JetStream, stream jetstream.StreamConfig, consumer string, ackWait time.Duration, opts Options) (jetstream.Consumer, error) {
	if err := ensureStream(ctx, js, stream, opts); err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream.Name, err)
	}
	c, err := ensureConsumer(ctx, js, stream.Name, consumer, ackWait, opts)
	if err != nil {
		return nil, fmt.Errorf("consumer %s of stream %s: %w", consumer, stream.Name, err)
	}
	return c, nil
}

// streamConfig is a stream at its defaults. Acknowledged messages go, so that MaxBytes bounds what is outstanding, and
// a full stream refuses instead of forgetting.
func streamConfig(name, subject, about string) jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name:        name,
		Description: about,
		Subjects:    []string{subject},
		Retention:   jetstream.WorkQueuePolicy,
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardNew,
		MaxBytes:    DefaultMaxBytes,
		Duplicates:  dedupeWindow,
		Replicas:    1,
	}
}

func ensureStream(ctx context.Context, js jetstream.JetStream, want jetstream.StreamConfig, opts Options) error {
	s, err := js.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = js.CreateStream(ctx, withOptions(want, opts))
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another program was faster, with other options
			s, err = js.Stream(ctx, want.Name)
		}
	}
	if err != nil {
		return err
	}
	have := s.CachedInfo().Config
	if have.Retention != want.Retention || have.Storage != want.Storage {
		return fmt.Errorf("exists with retention %s and storage %s, want %s and %s: delete it, what it held is published again",
			have.Retention, have.Storage, want.Retention, want.Storage)
	}
	if opts.CreateOnly {
		return nil
	}
	next := withOptions(have, opts)
	next.Description, next.Subjects = want.Description, want.Subjects
	next.Discard, next.Duplicates = want.Discard, want.Duplicates
	if sameStream(have, next) {
		return nil
	}
	_, err = js.UpdateStream(ctx, next)
	return err
}

func withOptions(cfg jetstream.StreamConfig, opts Options) jetstream.StreamConfig {
	if opts.Replicas > 0 {
		cfg.Replicas = opts.Replicas
	}
	if opts.MaxBytes > 0 {
		cfg.MaxBytes = opts.MaxBytes
	}
	return cfg
}

// sameStream compares the settings that ensureStream changes.
func sameStream(a, b jetstream.StreamConfig) bool {
	return a.Replicas == b.Replicas && a.MaxBytes == b.MaxBytes && a.Description == b.Description &&
		a.Discard == b.Discard && a.Duplicates == b.Duplicates && slices.Equal(a.Subjects, b.Subjects)
}

// ensureConsumer makes the durable pull consumer. It never gives a message up by itself: that is for the worker, who
// can say so in a result, and for the ledger.
func ensureConsumer(ctx context.Context, js jetstream.JetStream, stream, name string, ackWait time.Duration, opts Options) (jetstream.Consumer, error) {
	c, err := js.Consumer(ctx, stream, name)
	if errors.Is(err, jetstream.ErrConsumerNotFound) {
		c, err = js.CreateConsumer(ctx, stream, jetstream.ConsumerConfig{
			Durable:       name,
			DeliverPolicy: jetstream.DeliverAllPolicy,
			AckPolicy:     jetstream.AckExplicitPolicy,
			AckWait:       orDefault(opts.AckWait, ackWait),
			MaxDeliver:    -1,
			MaxAckPending: maxAckPending,
			MaxWaiting:    maxWaiting,
		})
		if errors.Is(err, jetstream.ErrConsumerExists) {
			c, err = js.Consumer(ctx, stream, name)
		}
	}
	if err != nil {
		return nil, err
	}
	if opts.CreateOnly {
		return c, nil
	}
	have := c.CachedInfo().Config
	next := have
	if have.AckWait == formerAckWait {
		next.AckWait = ackWait
	}
	next.AckWait = orDefault(opts.AckWait, next.AckWait)
	next.MaxDeliver, next.MaxAckPending = -1, maxAckPending
	if next.AckWait == have.AckWait && next.MaxDeliver == have.MaxDeliver && next.MaxAckPending == have.MaxAckPending {
		return c, nil
	}
	return js.UpdateConsumer(ctx, stream, next)
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return otherwise
}

// IsFull reports whether a publish was refused because its stream is full: try again when its reader has caught up.
func IsFull(err error) bool {
	refused, ok := errors.AsType[*jetstream.APIError](err)
	return ok && refused.ErrorCode == codeStoreFailed && strings.Contains(refused.Description, "maximum bytes exceeded")
}

// codeStoreFailed is JSStreamStoreFailedF of nats-server, which nats.go has no name for.
const codeStoreFailed jetstream.ErrorCode = 10077
