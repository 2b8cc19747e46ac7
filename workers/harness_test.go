package workers_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"phoneregistry/internal/bus"
	"phoneregistry/internal/natsembed"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/scoring"
	"phoneregistry/workers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen; it is only ever used up by a test that fails.
const patience = 30 * time.Second

const platform = "WHATSAPP"

// startServer runs a NATS server with its store in dir; address "127.0.0.1:0" picks a port.
func startServer(t testing.TB, dir, address string) *natsembed.Server {
	t.Helper()
	s, err := natsembed.Start(natsembed.Config{StoreDir: dir, Listen: address, Token: "token"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stopServer(t, s) })
	return s
}

func stopServer(t testing.TB, s *natsembed.Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

func connect(t testing.TB, url string) *nats.Conn {
	t.Helper()
	closed := make(chan struct{})
	conn, err := nats.Connect(url, nats.Token("token"), nats.MaxReconnects(-1), nats.ReconnectWait(10*time.Millisecond),
		nats.ReconnectJitter(0, 0), nats.ClosedHandler(func(*nats.Conn) { close(closed) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		conn.Close()
		<-closed
	})
	return conn
}

// rig is a NATS server with its streams, seen from the orchestrator's side.
type rig struct {
	t      testing.TB
	server *natsembed.Server
	dir    string
	url    string
	conn   *nats.Conn
	js     jetstream.JetStream
	opts   bus.Options
}

func newRig(t testing.TB, opts bus.Options) *rig {
	t.Helper()
	dir := t.TempDir()
	s := startServer(t, dir, "127.0.0.1:0")
	r := &rig{t: t, server: s, dir: dir, url: s.ClientURL(), conn: connect(t, s.ClientURL()), opts: opts}
	var err error
	if r.js, err = jetstream.New(r.conn); err != nil {
		t.Fatal(err)
	}
	r.ensure()
	return r
}

func (r *rig) ensure() {
	r.t.Helper()
	if err := bus.EnsureStreams(context.Background(), r.js, []string{platform}, r.opts); err != nil {
		r.t.Fatal(err)
	}
}

// chunk is a chunk of n numbers of job.
func chunk(job string, no, n, retries int) bus.Chunk {
	c := bus.Chunk{Version: bus.Version, JobID: job, Platform: platform, ChunkNo: no, Epoch: 1, RetryAttempts: retries}
	for i := range n {
		c.Numbers = append(c.Numbers, 573001000000+int64(no*bus.MaxChunkNumbers+i))
	}
	return c
}

func (r *rig) send(c bus.Chunk) {
	r.t.Helper()
	data, err := bus.Encode(c)
	if err != nil {
		r.t.Fatal(err)
	}
	r.sendRaw(data, c.MessageID())
}

func (r *rig) sendRaw(data []byte, id string) {
	r.t.Helper()
	msg := nats.NewMsg(bus.WorkSubject(platform))
	msg.Data = data
	msg.Header.Set(bus.HeaderRequestID, "request-1")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := r.js.PublishMsg(ctx, msg, jetstream.WithMsgID(id)); err != nil {
		r.t.Fatal(err)
	}
}

// result waits for the next result and acknowledges it.
func (r *rig) result() (bus.Result, nats.Header) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := r.js.Consumer(ctx, bus.ResultStream, bus.ApplierConsumer)
	if err != nil {
		r.t.Fatal(err)
	}
	msg, err := c.Next(jetstream.FetchContext(ctx))
	for errors.Is(err, nats.ErrNoResponders) && ctx.Err() == nil { // a consumer that was made just now is there before it answers
		msg, err = c.Next(jetstream.FetchContext(ctx))
	}
	if err != nil {
		r.t.Fatalf("no result: %v", err)
	}
	if err := msg.DoubleAck(ctx); err != nil {
		r.t.Fatal(err)
	}
	result, err := bus.DecodeResult(msg.Data())
	if err != nil {
		r.t.Fatal(err)
	}
	return result, msg.Headers()
}

// messages is how many messages a stream holds.
func (r *rig) messages(stream string) uint64 {
	r.t.Helper()
	s, err := r.js.Stream(context.Background(), stream)
	if err != nil {
		r.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// settled waits until no chunk is left, waiting or at a worker.
func (r *rig) settled() {
	r.t.Helper()
	eventually(r.t, "all chunks are settled", func() bool { return r.messages(bus.WorkStream(platform)) == 0 })
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never came true: %s", what)
		}
	}
}

// running is a Pool that runs.
type running struct {
	t    testing.TB
	conn *nats.Conn
	stop context.CancelFunc
	done chan error
	log  *logBuffer
}

// startPool runs a Pool with its own connection until the test ends or stops it. Waits are short unless cfg tells.
func (r *rig) startPool(cfg workers.Config) *running {
	r.t.Helper()
	run := &running{t: r.t, conn: connect(r.t, r.url), done: make(chan error, 1), log: &logBuffer{}}
	cfg.Conn = run.conn
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.NewJSONHandler(run.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	short := workers.Backoff{First: time.Millisecond, Longest: 20 * time.Millisecond}
	if cfg.Retry == (workers.Backoff{}) {
		cfg.Retry = short
	}
	if cfg.Reconnect == (workers.Backoff{}) {
		cfg.Reconnect = short
	}
	if cfg.Grace == 0 {
		cfg.Grace = time.Second // for calls that nobody lets go at the end of a test
	}
	cfg.Streams = r.opts
	pool, err := workers.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	run.stop = cancel
	go func() { run.done <- pool.Run(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		_ = run.wait()
	})
	<-pool.Ready()
	return run
}

// wait waits until Run has returned.
func (run *running) wait() error {
	run.t.Helper()
	select {
	case err := <-run.done:
		run.done <- err
		return err
	case <-time.After(patience):
		run.t.Error("Run did not return")
		return errors.New("did not return")
	}
}

// drain ends the Pool and expects that it ends well.
func (run *running) drain() {
	run.t.Helper()
	run.stop()
	if err := run.wait(); err != nil {
		run.t.Errorf("Run: %v", err)
	}
}

// logBuffer takes log lines from several goroutines.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// fake is an adapter made of a function.
type fake struct {
	info  workers.Info
	check func(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error)
}

func (f fake) Info() workers.Info {
	if f.info.Method == "" {
		f.info.Method = "fake"
	}
	return f.info
}

func (f fake) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	return f.check(ctx, numbers)
}

func only(a workers.Adapter) map[scoring.Platform]workers.Adapter {
	return map[scoring.Platform]workers.Adapter{platform: a}
}

// allActive answers ACTIVE for everything.
func allActive(_ context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	outcomes := make([]workers.Outcome, len(numbers))
	for i, n := range numbers {
		outcomes[i] = workers.Outcome{Number: n, Status: scoring.Active, Strength: 1}
	}
	return outcomes, nil
}

// gate is an adapter that tells when it is asked and answers when it is let.
type gate struct {
	asked chan []numbering.Number
	open  chan struct{}
	ended chan error // why the context of a call ended before the gate was open
}

func newGate() *gate {
	return &gate{asked: make(chan []numbering.Number, 100), open: make(chan struct{}), ended: make(chan error, 100)}
}

func (g *gate) Info() workers.Info { return workers.Info{Name: "gate", Method: "gate"} }

func (g *gate) Check(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
	g.asked <- numbers
	select {
	case <-g.open:
		return allActive(ctx, numbers)
	case <-ctx.Done():
		g.ended <- context.Cause(ctx)
		return nil, ctx.Err()
	}
}

func receive[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatalf("never happened: %s", what)
		panic("unreachable")
	}
}

// checkWhole holds a result to what every result must be: of its chunk, one check for each number, in its order.
func checkWhole(t testing.TB, c bus.Chunk, r bus.Result) {
	t.Helper()
	if r.JobID != c.JobID || r.Platform != c.Platform || r.ChunkNo != c.ChunkNo || r.Epoch != c.Epoch || r.Version != bus.Version {
		t.Errorf("result is of %s/%s/%d/%d", r.JobID, r.Platform, r.ChunkNo, r.Epoch)
	}
	if len(r.Checks) != len(c.Numbers) {
		t.Fatalf("%d checks for %d numbers", len(r.Checks), len(c.Numbers))
	}
	for i, check := range r.Checks {
		if check.Number != c.Numbers[i] {
			t.Errorf("check %d is of another number", i)
		}
		if check.CheckedAt.IsZero() || check.Method == "" || !scoring.Status(check.Status).Valid() {
			t.Errorf("check %d is incomplete: status %q, method %q, at %s", i, check.Status, check.Method, check.CheckedAt)
		}
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

var errBoom = errors.New("boom")

func statuses(r bus.Result) string {
	var got []string
	for _, c := range r.Checks {
		got = append(got, c.Status)
	}
	return strings.Join(got, " ")
}
