// Package natsembed runs a NATS server with JetStream inside this process.
//
// Every acknowledged message has been synced to disk (SyncAlways): the server's default of every two minutes loses
// acknowledged messages when the machine dies.
//
// The store holds
//
//	lock        held (flock) by the process that uses the store
//	jetstream/  streams and consumers
//	damaged/    streams that could not be read and were set aside
package natsembed

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"golang.org/x/crypto/bcrypt"

	"phoneregistry/internal/dirlock"
)

// What a person can put right. Each is wrapped in one line that names what is wrong and what to do; match with
// errors.Is. For ErrInUse, errors.As with *dirlock.HeldError gives the process id of the holder.
var (
	// ErrInUse: another process holds the store.
	ErrInUse = errors.New("message store in use")
	// ErrListen: the address cannot be listened on, because it is taken, not of this machine, or not an address.
	ErrListen = errors.New("NATS cannot listen")
	// ErrToken: Listen is set without a token, or the token is too long.
	ErrToken = errors.New("NATS token")
	// ErrStore: the store cannot be made, read or written.
	ErrStore = errors.New("message store")
	// ErrDamaged: streams of the store cannot be read.
	ErrDamaged = errors.New("message store damaged")
	// ErrNotReady: the server runs but cannot keep messages, for instance because the disk is full.
	ErrNotReady = errors.New("NATS is not ready")
)

const (
	// startTimeout bounds the wait until the server takes connections, its streams being read before.
	startTimeout = 30 * time.Second
	// disconnectTimeout bounds the waits for a connection within the process to end.
	disconnectTimeout = 5 * time.Second
)

const (
	// DefaultMaxStore bounds the store, in bytes, when Config does not.
	DefaultMaxStore = 4 << 30
	maxMemoryStore  = 256 << 20
	maxToken        = 72 // bcrypt reads no more
)

// Config says where and how the server runs.
type Config struct {
	// StoreDir is the folder for JetStream; made if needed, mode 0700. Required.
	StoreDir string
	// Listen is host:port for clients outside this process; port 0 picks a free one. Empty: nothing listens, and
	// only Connect reaches the server.
	Listen string
	// Token is what clients must show, at most 72 bytes. Required with Listen; ignored without.
	Token string
	// MaxStore bounds the files of JetStream in bytes. Default: DefaultMaxStore.
	MaxStore int64
	// SetAsideDamaged moves streams that cannot be read to StoreDir/damaged instead of failing with ErrDamaged: for
	// callers who can publish everything anew.
	SetAsideDamaged bool
	// Logger gets the server's warnings and errors at their levels and its notices at debug. Default: none.
	Logger *slog.Logger
}

// Server is a running NATS server.
type Server struct {
	config Config
	nats   *server.Server
	lock   *dirlock.Lock
	token  string

	mu      sync.Mutex
	inside  map[uint64]*nats.Conn // connections within the process, by the server's id of them
	stopped bool

	stopOnce sync.Once
	stopErr  error
}

// Start starts the server and returns when it takes connections and has read its streams. After an error nothing is
// left running and the store is free.
func Start(config Config) (*Server, error) {
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	if config.MaxStore <= 0 {
		config.MaxStore = DefaultMaxStore
	}
	options, err := options(config)
	if err != nil {
		return nil, err
	}
	lock, err := openStore(config.StoreDir)
	if err != nil {
		return nil, err
	}
	s := &Server{config: config, lock: lock, inside: map[uint64]*nats.Conn{}}
	if config.Listen != "" {
		s.token = config.Token
	}
	if err := s.run(options); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return s, nil
}

func options(config Config) (*server.Options, error) {
	options := &server.Options{
		ServerName:             "phoneregistry",
		DontListen:             config.Listen == "",
		NoSigs:                 true, // signals are the application's; the server would call os.Exit
		JetStream:              true,
		StoreDir:               config.StoreDir,
		SyncAlways:             true,
		JetStreamMaxStore:      config.MaxStore,
		JetStreamMaxMemory:     maxMemoryStore,
		DisableJetStreamBanner: true,
	}
	if config.Listen == "" {
		return options, nil
	}
	host, port, err := net.SplitHostPort(config.Listen)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; write host:port, such as 127.0.0.1:4222", ErrListen, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w: %q is not a port of %q", ErrListen, port, config.Listen)
	}
	options.Host, options.Port = host, int(number)
	if number == 0 {
		options.Port = server.RANDOM_PORT
	}
	if config.Token == "" || len(config.Token) > maxToken {
		return nil, fmt.Errorf("%w: to listen on %s a token of 1 to %d bytes is needed", ErrToken, config.Listen, maxToken)
	}
	// The server keeps and compares a hash. A low cost will do: tokens are random, not chosen by people.
	hash, err := bcrypt.GenerateFromPassword([]byte(config.Token), bcrypt.MinCost)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrToken, err)
	}
	options.Authorization = string(hash)
	return options, tryListen(config.Listen)
}

// tryListen finds a taken port before anything is started; the server itself would only log it.
func tryListen(address string) error {
	listener, err := net.Listen("tcp", address) //nolint:noctx // local and immediate
	if err != nil {
		return fmt.Errorf("%w: %w; choose another address", ErrListen, err)
	}
	return listener.Close()
}

// openStore makes the store's folder and takes its lock.
func openStore(dir string) (*dirlock.Lock, error) {
	if dir == "" {
		return nil, fmt.Errorf("%w: no folder given", ErrStore)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	if err := checkWritable(dir); err != nil {
		return nil, err
	}
	lock, err := dirlock.Acquire(lockPath(dir))
	if held := (*dirlock.HeldError)(nil); errors.As(err, &held) {
		return nil, fmt.Errorf("%w: %w", ErrInUse, held)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStore, err)
	}
	return lock, nil
}

// checkWritable looks at the folders that the server writes to; it reports a lack of rights only in its log, if at all.
func checkWritable(dir string) error {
	for _, path := range []string{dir, jetStreamPath(dir), streamsPath(dir)} {
		probe, err := os.CreateTemp(path, ".probe-")
		if errors.Is(err, fs.ErrNotExist) {
			return nil // made by the server
		}
		if err != nil {
			return fmt.Errorf("%w: %s cannot be written: %w", ErrStore, path, err)
		}
		if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
			return fmt.Errorf("%w: %w", ErrStore, err)
		}
	}
	return nil
}

// run starts the server, and once more when damaged streams had to be set aside.
func (s *Server) run(options *server.Options) error {
	if err := s.runOnce(options); err != nil {
		return err
	}
	damaged, err := s.damaged()
	switch {
	case err != nil:
	case len(damaged) == 0:
		err = s.Ready()
	case !s.config.SetAsideDamaged:
		err = damageError(s.config.StoreDir, damaged)
	default:
		return s.rerunWithout(damaged, options)
	}
	if err != nil {
		s.halt()
	}
	return err
}

func (s *Server) rerunWithout(damaged []string, options *server.Options) error {
	s.halt()
	if err := setAside(s.config.StoreDir, damaged); err != nil {
		return err
	}
	s.config.Logger.Warn("nats streams could not be read and were set aside",
		"streams", damaged, "folder", damagedPath(s.config.StoreDir))
	if err := s.runOnce(options); err != nil {
		return err
	}
	if err := s.Ready(); err != nil {
		s.halt()
		return err
	}
	return nil
}

func (s *Server) runOnce(options *server.Options) error {
	started, err := server.NewServer(options.Clone()) // it changes what it is given
	if err != nil {
		return fmt.Errorf("NATS options: %w", err)
	}
	bridge := &logBridge{log: s.config.Logger}
	started.SetLoggerV2(bridge, false, false, false)
	started.Start() // returns when streams are read and the port is open; failures come to the log only
	s.nats = started
	if err := bridge.failure(); err != nil {
		s.halt()
		return fmt.Errorf("%w: %s: %w", ErrStore, s.config.StoreDir, err)
	}
	if !started.ReadyForConnections(startTimeout) {
		s.halt()
		return fmt.Errorf("%w: it takes no connections after %s", ErrNotReady, startTimeout)
	}
	return nil
}

// Connect returns a connection within the process, which needs no port. Stop ends it in good order, so that it need not
// be closed before.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	all := []nats.Option{nats.InProcessServer(s.nats)}
	if s.token != "" {
		all = append(all, nats.Token(s.token))
	}
	conn, err := nats.Connect("", append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to embedded NATS: %w", err)
	}
	if err := s.remember(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

func (s *Server) remember(conn *nats.Conn) error {
	id, err := conn.GetClientID()
	if err != nil {
		return fmt.Errorf("connect to embedded NATS: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return fmt.Errorf("%w: stopped", ErrNotReady)
	}
	for known := range s.inside {
		if s.nats.GetClient(known) == nil {
			delete(s.inside, known) // closed long ago
		}
	}
	s.inside[id] = conn
	return nil
}

// ClientURL is the address for clients outside this process, such as nats://127.0.0.1:4222, without the token; empty
// when nothing listens.
func (s *Server) ClientURL() string {
	if s.config.Listen == "" {
		return ""
	}
	return s.nats.ClientURL()
}

// Ready tells whether messages can be kept: nil or ErrNotReady with the reason.
func (s *Server) Ready() error {
	if !s.nats.Running() {
		return fmt.Errorf("%w: stopped", ErrNotReady)
	}
	var health *server.HealthStatus
	for range 5 { // each look gives up after a millisecond, which a busy machine exceeds at times
		if health = s.nats.Healthz(&server.HealthzOptions{}); health.StatusCode == healthy {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%w: %s", ErrNotReady, health.Error)
}

const healthy = 200 // the server answers with HTTP codes

// Stop closes all connections, flushes the streams and waits until the server has ended. It may be called more than
// once and from several goroutines.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.disconnect()
		s.halt()
		s.stopErr = s.lock.Release()
	})
	return s.stopErr
}

// disconnect closes the connections within the process, but not before the server has done what they asked for last: one
// that shuts down while it makes a stream forgets that stream without closing its files.
func (s *Server) disconnect() {
	s.mu.Lock()
	s.stopped = true
	open := s.inside
	s.mu.Unlock()
	for _, conn := range open {
		_ = conn.FlushTimeout(disconnectTimeout) // fails when it is closed already
		conn.Close()
	}
	patience := time.After(disconnectTimeout)
	for s.busy(open) {
		select {
		case <-patience:
			return
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// busy tells whether the server still has one of the connections, or a request to JetStream in hand.
func (s *Server) busy(connections map[uint64]*nats.Conn) bool {
	for id := range connections {
		if s.nats.GetClient(id) != nil {
			return true
		}
	}
	state, err := s.nats.Jsz(nil)
	return err == nil && state.API.Inflight > 0
}

func (s *Server) halt() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}
