package natsembed

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"phoneregistry/internal/dirlock"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logs is a writer that tests may read while the server writes.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func mustStart(t *testing.T, config Config) *Server {
	t.Helper()
	s, err := Start(config)
	if err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { mustStop(t, s) })
	return s
}

func mustStop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Errorf("Stop: %v", err)
	}
}

func mustNotStart(t *testing.T, config Config, kind error, mentions ...string) {
	t.Helper()
	s, err := Start(config)
	if err == nil {
		mustStop(t, s)
		t.Fatalf("Start succeeded, want %v", kind)
	}
	if !errors.Is(err, kind) {
		t.Fatalf("Start: %v, want %v", err, kind)
	}
	for _, text := range mentions {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not mention %q", err, text)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
}

func connect(t *testing.T, s *Server) jetstream.JetStream {
	t.Helper()
	conn, err := s.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// fill makes a stream and publishes n messages, each acknowledged.
func fill(t *testing.T, s *Server, name string, n int) {
	t.Helper()
	js := connect(t, s)
	config := jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}}
	if _, err := js.CreateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := js.Publish(t.Context(), name+".x", fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
}

func count(t *testing.T, s *Server, name string) uint64 {
	t.Helper()
	stream, err := connect(t, s).Stream(t.Context(), name)
	if err != nil {
		t.Fatalf("stream %s: %v", name, err)
	}
	return stream.CachedInfo().State.Msgs
}

func TestARestartKeepsTheStream(t *testing.T) {
	config := Config{StoreDir: filepath.Join(t.TempDir(), "nats")}
	first := mustStart(t, config)
	fill(t, first, "CHUNKS", 100)
	if err := first.Ready(); err != nil {
		t.Errorf("Ready: %v", err)
	}
	if first.ClientURL() != "" {
		t.Errorf("listens on %s without being told to", first.ClientURL())
	}
	info, err := os.Stat(config.StoreDir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("store: %v, %v, want mode 0700", info, err)
	}
	mustStop(t, first)
	mustStop(t, first) // again: harmless
	if err := first.Ready(); !errors.Is(err, ErrNotReady) {
		t.Errorf("Ready after Stop: %v, want ErrNotReady", err)
	}
	if got := count(t, mustStart(t, config), "CHUNKS"); got != 100 {
		t.Errorf("%d messages after the restart, want 100", got)
	}
}

// TestStopWhileStreamsAreMade: a server that shuts down in the middle of that leaves goroutines, which goleak would find.
func TestStopWhileStreamsAreMade(t *testing.T) {
	for range 10 {
		s := mustStart(t, Config{StoreDir: t.TempDir()})
		conn, err := s.Connect()
		if err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			name := fmt.Sprintf("S%d", i)
			request := fmt.Sprintf(`{"name": %q, "subjects": ["%s.>"], "storage": "file"}`, name, name)
			if err := conn.Publish("$JS.API.STREAM.CREATE."+name, []byte(request)); err != nil {
				t.Fatal(err)
			}
		}
		mustStop(t, s)
		if !conn.IsClosed() {
			t.Error("the connection outlived the server")
		}
		if _, err := s.Connect(); err == nil {
			t.Error("connected to a stopped server")
		}
	}
}

func TestListenNeedsTheToken(t *testing.T) {
	output := &logs{}
	s := mustStart(t, Config{
		StoreDir: t.TempDir(), Listen: "127.0.0.1:0", Token: "right",
		Logger: slog.New(slog.NewTextHandler(output, &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	conn, err := nats.Connect(s.ClientURL(), nats.Token("right"))
	if err != nil {
		t.Fatalf("with the token: %v", err)
	}
	conn.Close()
	for name, options := range map[string][]nats.Option{"no token": nil, "wrong token": {nats.Token("wrong")}} {
		if conn, err := nats.Connect(s.ClientURL(), options...); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, want ErrAuthorization", name, err)
			if err == nil {
				conn.Close()
			}
		}
	}
	inside, err := s.Connect(nats.Name("inside"))
	if err != nil {
		t.Fatalf("within the process: %v", err)
	}
	inside.Close()
	if text := output.String(); strings.Contains(text, "right") || strings.Contains(text, "laintext") {
		t.Errorf("log speaks of the token: %s", text)
	}
}

func TestAddressesThatCannotBeUsed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	dir := t.TempDir()
	for _, address := range []string{taken.Addr().String(), "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:x", "203.0.113.1:4222"} {
		mustNotStart(t, Config{StoreDir: dir, Listen: address, Token: "t"}, ErrListen, strings.Split(address, ":")[0])
	}
	for _, token := range []string{"", strings.Repeat("t", 73)} {
		mustNotStart(t, Config{StoreDir: dir, Listen: "127.0.0.1:0", Token: token}, ErrToken)
	}
	mustStart(t, Config{StoreDir: dir}) // nothing is left over
}

func TestStoreInUse(t *testing.T) {
	config := Config{StoreDir: t.TempDir()}
	mustStart(t, config)
	mustNotStart(t, config, ErrInUse)
	_, err := Start(config)
	var held *dirlock.HeldError
	if !errors.As(err, &held) || held.PID != os.Getpid() {
		t.Errorf("Start: %v, want a HeldError with pid %d", err, os.Getpid())
	}
}

func TestStoresThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, Config{}, ErrStore)
	mustNotStart(t, Config{StoreDir: file}, ErrStore, file)
	mustNotStart(t, Config{StoreDir: filepath.Join(file, "below")}, ErrStore, file)
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(jetStreamPath(inner), []byte("a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, Config{StoreDir: inner}, ErrStore, inner)
	if os.Geteuid() == 0 {
		mustNotStart(t, Config{StoreDir: "/proc/phoneregistry"}, ErrStore) // where even root may not write
		return
	}
	readOnly := filepath.Join(dir, "read-only")
	if err := os.Mkdir(readOnly, 0o500); err != nil {
		t.Fatal(err)
	}
	mustNotStart(t, Config{StoreDir: readOnly}, ErrStore, readOnly)
}

func TestDamagedStreams(t *testing.T) {
	damages := map[string]func(stream string) error{
		"flipped metadata": func(stream string) error {
			path := filepath.Join(stream, "meta.inf")
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content[len(content)/2] ^= 1
			return os.WriteFile(path, content, 0o600)
		},
		"lost metadata": func(stream string) error { return os.Remove(filepath.Join(stream, "meta.inf")) },
		"lost checksum": func(stream string) error { return os.Remove(filepath.Join(stream, "meta.sum")) },
		"empty metadata": func(stream string) error {
			return os.WriteFile(filepath.Join(stream, "meta.inf"), nil, 0o600)
		},
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			output := &logs{}
			config := Config{StoreDir: t.TempDir(), Logger: slog.New(slog.NewTextHandler(output, nil))}
			s := mustStart(t, config)
			fill(t, s, "WHOLE", 5)
			fill(t, s, "HURT", 5)
			mustStop(t, s)
			if err := damage(filepath.Join(streamsPath(config.StoreDir), "HURT")); err != nil {
				t.Fatal(err)
			}
			mustNotStart(t, config, ErrDamaged, "HURT", config.StoreDir)

			config.SetAsideDamaged = true
			again := mustStart(t, config)
			if got := count(t, again, "WHOLE"); got != 5 {
				t.Errorf("the other stream holds %d messages, want 5", got)
			}
			if _, err := os.Stat(filepath.Join(damagedPath(config.StoreDir), "HURT")); err != nil {
				t.Errorf("the damaged stream was not kept: %v", err)
			}
			if !strings.Contains(output.String(), "set aside") {
				t.Errorf("nothing said about it: %s", output)
			}
			fill(t, again, "HURT", 3) // the name is free again
			mustStop(t, again)
			if got := count(t, mustStart(t, config), "HURT"); got != 3 {
				t.Errorf("the new stream holds %d messages, want 3", got)
			}
		})
	}
}
