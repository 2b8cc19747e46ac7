package adaptertest

import (
	"context"
	"log/slog"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

// RunChunk sends a chunk of numbers over a NATS of its own to a worker with the adapter and returns the result, when the
// worker has stopped. Each number is tried again up to three times.
func RunChunk(t testing.TB, p scoring.Platform, a workers.Adapter, log *slog.Logger, numbers ...int64) bus.Result {
	t.Helper()
	_, conn := testkit.NATS(t)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	ctx := testkit.Context(t)
	if err := bus.EnsureStreams(ctx, js, []string{string(p)}, bus.Options{}); err != nil {
		t.Fatal(err)
	}
	pool, err := workers.New(workers.Config{
		Conn: conn, Adapters: map[scoring.Platform]workers.Adapter{p: a}, Concurrency: map[scoring.Platform]int{p: 1}, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- pool.Run(running) }()
	send(t, ctx, js, bus.Chunk{
		Version: bus.Version, JobID: "job-1", Platform: string(p), ChunkNo: 1, Epoch: 1, RetryAttempts: 3, Numbers: numbers,
	})
	result := receive(t, ctx, js)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(result.Checks) != len(numbers) {
		t.Fatalf("%d checks of %d numbers", len(result.Checks), len(numbers))
	}
	for i, check := range result.Checks {
		if check.Number != numbers[i] {
			t.Errorf("check %d is of another number", i)
		}
	}
	return result
}

func send(t testing.TB, ctx context.Context, js jetstream.JetStream, chunk bus.Chunk) { //nolint:revive // testing comes first here
	t.Helper()
	data, err := bus.Encode(chunk)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, bus.WorkSubject(chunk.Platform), data, jetstream.WithMsgID(chunk.MessageID())); err != nil {
		t.Fatal(err)
	}
}

func receive(t testing.TB, ctx context.Context, js jetstream.JetStream) bus.Result { //nolint:revive // testing comes first here
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
