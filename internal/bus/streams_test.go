package bus_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"phoneregistry/internal/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func sorted(numbers []int64) []int64 {
	slices.Sort(numbers)
	return numbers
}

// startNATS runs a NATS server with JetStream for the test and returns a connection to it.
func startNATS(t *testing.T) *nats.Conn {
	t.Helper()
	s, err := server.NewServer(&server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(10 * time.Second) {
		t.Fatal("NATS did not become ready")
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	conn.SetClosedHandler(func(*nats.Conn) { close(closed) })
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	return conn
}

func jetStream(t *testing.T, conn *nats.Conn) jetstream.JetStream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

func TestEnsureStreams(t *testing.T) {
	js, ctx := jetStream(t, startNATS(t)), t.Context()
	if err := bus.EnsureStreams(ctx, js, []string{"APPLE", "GOOGLE"}, bus.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, stream := range []string{bus.WorkStream("APPLE"), bus.WorkStream("GOOGLE"), bus.ResultStream} {
		cfg := streamOf(t, js, stream)
		if cfg.Retention != jetstream.WorkQueuePolicy || cfg.Storage != jetstream.FileStorage || cfg.Discard != jetstream.DiscardNew {
			t.Errorf("%s: retention %s, storage %s, discard %s", stream, cfg.Retention, cfg.Storage, cfg.Discard)
		}
		if cfg.MaxBytes != bus.DefaultMaxBytes || cfg.Replicas != 1 {
			t.Errorf("%s: %d bytes, %d replicas", stream, cfg.MaxBytes, cfg.Replicas)
		}
	}
	c, err := js.Consumer(ctx, bus.WorkStream("APPLE"), bus.WorkConsumer)
	if err != nil {
		t.Fatal(err)
	}
	cfg := c.CachedInfo().Config
	if cfg.AckPolicy != jetstream.AckExplicitPolicy || cfg.MaxDeliver != -1 || cfg.AckWait != bus.DefaultAckWait || cfg.MaxAckPending < 1 {
		t.Errorf("consumer: ack %s, deliver %d, wait %s, pending %d", cfg.AckPolicy, cfg.MaxDeliver, cfg.AckWait, cfg.MaxAckPending)
	}
	applier, err := js.Consumer(ctx, bus.ResultStream, bus.ApplierConsumer)
	if err != nil {
		t.Fatal(err)
	}
	if wait := applier.CachedInfo().Config.AckWait; wait != 30*time.Second {
		t.Errorf("results come again after %s", wait)
	}
	if _, err := js.KeyValue(ctx, bus.QuotaBucket); err != nil {
		t.Error(err)
	}
}

// TestFormerAckWait: a consumer with the default of older versions gets today's, one that somebody has chosen keeps it.
func TestFormerAckWait(t *testing.T) {
	js, ctx := jetStream(t, startNATS(t)), t.Context()
	for _, step := range []struct{ told, want time.Duration }{
		{30 * time.Second, 30 * time.Second}, {0, bus.DefaultAckWait}, {17 * time.Second, 17 * time.Second}, {0, 17 * time.Second},
	} {
		c, err := bus.EnsureWork(ctx, js, "APPLE", bus.Options{AckWait: step.told})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.CachedInfo().Config.AckWait; got != step.want {
			t.Errorf("told %s: ack wait %s, want %s", step.told, got, step.want)
		}
	}
}

func streamOf(t *testing.T, js jetstream.JetStream, name string) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s.CachedInfo().Config
}

// TestEnsureAgain: the server changes what it is told to change, a worker changes nothing, and messages stay.
func TestEnsureAgain(t *testing.T) {
	js, ctx := jetStream(t, startNATS(t)), t.Context()
	platforms := []string{"APPLE"}
	if err := bus.EnsureStreams(ctx, js, platforms, bus.Options{MaxBytes: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, bus.WorkSubject("APPLE"), []byte("kept")); err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		name string
		opts bus.Options
		want int64
		wait time.Duration
	}{
		{"the same again", bus.Options{MaxBytes: 1 << 20}, 1 << 20, bus.DefaultAckWait},
		{"nothing told", bus.Options{}, 1 << 20, bus.DefaultAckWait},
		{"a worker", bus.Options{MaxBytes: 9 << 20, AckWait: time.Minute, CreateOnly: true}, 1 << 20, bus.DefaultAckWait},
		{"a larger size", bus.Options{MaxBytes: 2 << 20, AckWait: time.Minute}, 2 << 20, time.Minute},
	}
	for _, step := range steps {
		if err := bus.EnsureStreams(ctx, js, platforms, step.opts); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := streamOf(t, js, bus.WorkStream("APPLE")).MaxBytes; got != step.want {
			t.Errorf("%s: %d bytes, want %d", step.name, got, step.want)
		}
		c, err := js.Consumer(ctx, bus.WorkStream("APPLE"), bus.WorkConsumer)
		if err != nil {
			t.Fatal(err)
		}
		if got := c.CachedInfo().Config.AckWait; got != step.wait {
			t.Errorf("%s: ack wait %s, want %s", step.name, got, step.wait)
		}
		if got := c.CachedInfo().NumPending; got != 1 {
			t.Errorf("%s: %d messages left, want 1", step.name, got)
		}
	}
}

// TestEnsureTogether: any number of programs may start at once. All have the same size here: nats-server 2.15.2 itself
// has a data race between the change of a stream and the making of a consumer (fileStore.UpdateConfig, ConsumerStore).
func TestEnsureTogether(t *testing.T) {
	conn := startNATS(t)
	js := jetStream(t, conn)
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for i := range 8 {
		wg.Go(func() {
			errs <- bus.EnsureStreams(t.Context(), js, []string{"APPLE", "GOOGLE"}, bus.Options{MaxBytes: 1 << 20, CreateOnly: i%2 == 0})
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
}

func TestEnsureRefusesAForeignStream(t *testing.T) {
	js, ctx := jetStream(t, startNATS(t)), t.Context()
	_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: bus.WorkStream("APPLE"), Subjects: []string{bus.WorkSubject("APPLE")}})
	if err != nil {
		t.Fatal(err)
	}
	err = bus.EnsureStreams(ctx, js, []string{"APPLE"}, bus.Options{})
	if err == nil || !strings.Contains(err.Error(), bus.WorkStream("APPLE")) || !strings.Contains(err.Error(), "retention") {
		t.Errorf("error %v, want one that names stream and retention", err)
	}
}

// TestFullStreamRefuses: a full stream is back-pressure, and acknowledging makes room.
func TestFullStreamRefuses(t *testing.T) {
	js, ctx := jetStream(t, startNATS(t)), t.Context()
	consumer, err := bus.EnsureWork(ctx, js, "APPLE", bus.Options{MaxBytes: 4096})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 1500)
	published := 0
	for ; ; published++ {
		if _, err = js.Publish(ctx, bus.WorkSubject("APPLE"), body); err != nil {
			break
		}
		if published > 10 {
			t.Fatal("the stream took more than its size")
		}
	}
	if !bus.IsFull(err) {
		t.Fatalf("error %v, want one that IsFull knows", err)
	}
	msg, err := consumer.Next()
	if err != nil {
		t.Fatal(err)
	}
	if err := msg.DoubleAck(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := js.Publish(ctx, bus.WorkSubject("APPLE"), body); err != nil {
		t.Errorf("no room after an acknowledgement: %v", err)
	}
}
