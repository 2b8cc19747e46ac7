package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// checkStreams waits until nothing is left in the streams, and all of them have their copies.
func (w *world) checkStreams(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	js, err := jetstream.New(w.conn)
	if err != nil {
		w.t.Error(err)
		return
	}
	for {
		left := map[string]string{}
		for _, name := range allStreams() {
			s, err := js.Stream(ctx, name)
			if err != nil {
				left[name] = err.Error()
				continue
			}
			info := s.CachedInfo()
			switch {
			case info.Config.Replicas != natsNodes:
				left[name] = fmt.Sprintf("%d copies, want %d", info.Config.Replicas, natsNodes)
			case info.State.Msgs > 0 && slices.Contains(streams(), name):
				left[name] = fmt.Sprintf("%d messages", info.State.Msgs)
			}
		}
		if len(left) == 0 {
			return
		}
		if limit.Err() != nil {
			w.t.Errorf("streams are not drained: %v\n%s", left, w.streamDump(context.Background()))
			return
		}
		pause(limit, 500*time.Millisecond)
	}
}

func (w *world) streamDump(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var b strings.Builder
	b.WriteString("streams:\n")
	js, err := jetstream.New(w.conn)
	if err != nil {
		return err.Error()
	}
	for _, name := range allStreams() {
		s, err := js.Stream(ctx, name)
		if err != nil {
			fmt.Fprintf(&b, "  %s: %v\n", name, err)
			continue
		}
		i := s.CachedInfo()
		fmt.Fprintf(&b, "  %s: %d messages, %d to %d", name, i.State.Msgs, i.State.FirstSeq, i.State.LastSeq)
		consumer := "workers"
		if strings.HasSuffix(name, "RESULTS") {
			consumer = "applier"
		}
		if c, err := s.Consumer(ctx, consumer); err == nil {
			ci := c.CachedInfo()
			fmt.Fprintf(&b, "; consumer: %d pending, %d unacknowledged, %d waiting pulls", ci.NumPending, ci.NumAckPending, ci.NumWaiting)
		} else {
			fmt.Fprintf(&b, "; consumer: %v", err)
		}
		b.WriteString("\n")
	}
	return b.String()
}
