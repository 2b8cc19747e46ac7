package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The stream of events: what happened, for programs of others. Unlike the work streams it keeps what was read, and
// forgets the oldest when it is full.
const (
	EventStream        = "PHONEREG_EVENTS"
	eventSubjectPrefix = "phonereg.v1.events."
	EventSubjects      = eventSubjectPrefix + ">"
	EventMaxAge        = 7 * 24 * time.Hour
)

// EventSubject is the subject of the events of a type, such as job.finished.
func EventSubject(eventType string) string { return eventSubjectPrefix + eventType }

// EnsureEvents makes sure that the stream of events exists and has the settings of opts. It reports whether the stream
// had to be made: what was published before is not in it.
func EnsureEvents(ctx context.Context, js jetstream.JetStream, opts Options) (made bool, err error) {
	config := streamConfig(EventStream, EventSubjects, "What happened in the registry, for programs of others.")
	config.Retention, config.Discard, config.MaxAge = jetstream.LimitsPolicy, jetstream.DiscardOld, EventMaxAge
	if _, err = js.Stream(ctx, EventStream); err != nil {
		made = errors.Is(err, jetstream.ErrStreamNotFound)
	}
	if err := ensureStream(ctx, js, config, opts); err != nil {
		return false, fmt.Errorf("stream %s: %w", EventStream, err)
	}
	return made, nil
}
