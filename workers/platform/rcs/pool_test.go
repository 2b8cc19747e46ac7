package rcs_test

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// TestThroughPool sends a chunk over NATS to a worker that asks Google: what is asked too fast is asked again, what is
// absent stays unknown, and no number shows in the log.
func TestThroughPool(t *testing.T) {
	g := newGoogle(t)
	g.features["+573001000000"], g.features["+573001000002"] = []string{"ACTION_DIAL"}, []string{"REVOCATION"}
	refusals := make(chan struct{}, 1) // the first question is refused for now
	refusals <- struct{}{}
	g.instead(nil, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-refusals:
			googleError(w, http.StatusTooManyRequests, "RESOURCE_EXHAUSTED")
		default:
			g.answer(w, r)
		}
	})
	_, conn := testkit.NATS(t)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx := testkit.Context(t)
	if err := bus.EnsureStreams(ctx, js, []string{"GOOGLE"}, bus.Options{}); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	pool, err := workers.New(workers.Config{
		Conn: conn, Adapters: map[scoring.Platform]workers.Adapter{scoring.Google: g.adapter()},
		Concurrency: map[scoring.Platform]int{scoring.Google: 1},
		Logger:      slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- pool.Run(running) }()
	chunk := bus.Chunk{
		Version: bus.Version, JobID: "job-1", Platform: "GOOGLE", ChunkNo: 1, Epoch: 1, RetryAttempts: 3,
		Numbers: []int64{573001000000, 573001000001, 573001000002},
	}
	data, err := bus.Encode(chunk)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, bus.WorkSubject("GOOGLE"), data, jetstream.WithMsgID(chunk.MessageID())); err != nil {
		t.Fatal(err)
	}
	result := nextResult(t, ctx, js)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	var got []string
	for i, c := range result.Checks {
		if c.Number != chunk.Numbers[i] || c.Method != "rcs_capabilities" || c.TTLSec != 30*24*3600 {
			t.Errorf("check %d: method %q, holds %d s", i, c.Method, c.TTLSec)
		}
		got = append(got, c.Status)
	}
	if !slices.Equal(got, []string{"ACTIVE", "UNKNOWN", "ACTIVE"}) || result.Simulated {
		t.Errorf("%v", got)
	}
	if string(result.Checks[2].Details) != `{"featureCount":1,"features":["REVOCATION"]}` {
		t.Errorf("details %s", result.Checks[2].Details)
	}
	if result.Checks[0].Attempts != 2 {
		t.Errorf("%d attempts at the number that was refused for now", result.Checks[0].Attempts)
	}
	if strings.Contains(log.String(), "57300100") || strings.Contains(log.String(), "hush-hush") {
		t.Errorf("the log tells a number or a secret:\n%s", log.String())
	}
}

func nextResult(t *testing.T, ctx context.Context, js jetstream.JetStream) bus.Result {
	t.Helper()
	consumer, err := js.Consumer(ctx, bus.ResultStream, bus.ApplierConsumer)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := consumer.Next(jetstream.FetchContext(ctx))
	if err != nil {
		t.Fatalf("no result: %v", err)
	}
	if err := msg.DoubleAck(ctx); err != nil {
		t.Fatal(err)
	}
	result, err := bus.DecodeResult(msg.Data())
	if err != nil {
		t.Fatal(err)
	}
	return result
}
