package orchestrator

import (
	"log/slog"
	"slices"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"phoneregistry/internal/bus"
	"phoneregistry/registry"
)

// notifier tells everybody who listens on NATS what has changed. It never waits: while NATS is away the client keeps
// what it can and drops the rest.
type notifier struct {
	conn *nats.Conn
	log  *slog.Logger
}

// NewNotifier returns a Notifier that publishes the events of internal/bus. They are hints: those who depend on what
// changed look for themselves from time to time.
func NewNotifier(conn *nats.Conn, log *slog.Logger) registry.Notifier {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &notifier{conn: conn, log: log}
}

// JobChanged tells that a job's state or counters changed.
func (n *notifier) JobChanged(id uuid.UUID) { n.publish(bus.JobEvent(id.String()), nil) }

// JobCancelled tells workers to drop what they hold of a job, and everybody that it changed.
func (n *notifier) JobCancelled(id uuid.UUID) {
	n.send(bus.JobControl, bus.JobControlMessage{Version: bus.Version, JobID: id.String(), Action: bus.ActionCancel})
	n.JobChanged(id)
}

// ImportChanged tells that an import's state or counters changed.
func (n *notifier) ImportChanged(id uuid.UUID) { n.publish(bus.ImportEvent(id.String()), nil) }

// LeadsChanged tells which numbers have another score.
func (n *notifier) LeadsChanged(numbers []registry.Number) {
	for part := range slices.Chunk(numbers, bus.MaxChunkNumbers) {
		event := bus.LeadsChanged{Version: bus.Version, Numbers: make([]int64, len(part))}
		for i, number := range part {
			event.Numbers[i] = int64(number)
		}
		n.send(bus.LeadEvents, event)
	}
}

func (n *notifier) send(subject string, message any) {
	data, err := bus.Encode(message)
	if err != nil {
		n.log.Error("event not encoded", "subject", subject, "error", err)
		return
	}
	n.publish(subject, data)
}

func (n *notifier) publish(subject string, data []byte) {
	if err := n.conn.Publish(subject, data); err != nil {
		n.log.Debug("event not sent", "error", err)
	}
}
