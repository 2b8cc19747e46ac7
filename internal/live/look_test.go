package live

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/nats-io/nats.go"

	"phoneregistry/registry"
)

// stuck is a source whose jobs are never found.
type stuck struct{ *source }

func (stuck) Job(ctx context.Context, _ uuid.UUID) (registry.Job, error) {
	<-ctx.Done()
	return registry.Job{}, ctx.Err()
}

// TestLooksEnd: all who wait for the first state of a job are told when the look that they share has taken as long as it may;
// whoever has less time goes before, and the others wait on.
func TestLooksEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(Config{Conn: &nats.Conn{}, Service: stuck{newSource()}, Logger: slog.New(slog.DiscardHandler), Look: 45 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer h.close()
		began := time.Now()
		watch := func(limit time.Duration) <-chan time.Duration {
			waited := make(chan time.Duration, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), limit)
				defer cancel()
				if _, err := h.JobProgress(ctx, runningJob(0).ID); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v; want one that says that it took too long", err)
				}
				waited <- time.Since(began)
			}()
			return waited
		}
		for limit, waited := range map[time.Duration]<-chan time.Duration{
			10 * time.Second: watch(10 * time.Second), 30 * time.Second: watch(30 * time.Second), 45 * time.Second: watch(time.Hour),
		} {
			if got := <-waited; got != limit { // by the clock of the bubble
				t.Errorf("waited for %s, want %s", got, limit)
			}
		}
	})
}
