package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/graph/documents"
	"phoneregistry/internal/accesslog"
	"phoneregistry/internal/auth"
	"phoneregistry/internal/config"
	"phoneregistry/internal/fleet"
	"phoneregistry/internal/httpd"
	"phoneregistry/internal/live"
	"phoneregistry/internal/opaque"
	"phoneregistry/internal/telemetry"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/orchestrator"
	"phoneregistry/registry/postgres"
	"phoneregistry/registry/scoring"
	"phoneregistry/web"
)

// Options is what a program gives its server beside the configuration.
type Options struct {
	Version string
	Logger  *slog.Logger
	Ready   func(*Server) // called once everything is up; may be nil
}

// Server is the whole program, running. Start makes one; tests start it on port 0.
type Server struct {
	config  config.Serve
	version string
	log     *slog.Logger
	metrics *prometheus.Registry
	parts   *parts

	public, admin net.Listener // admin is nil when not wanted
	token         string
	tokenPlace    string

	db       *Database
	conn     *nats.Conn
	store    *postgres.Store
	service  *registry.Service
	importer *importer.Importer
	hub      *live.Hub
	fleet    *fleet.Fleet
	accesses *accesslog.Log
	auth     *auth.Authenticator
	adapters adapterSet
	hasUI    bool

	documents   documents.Config
	certificate *certificate // of the public listener; nil: no TLS
}

// Serve runs the server until ctx ends or a part of it dies, and stops it in order.
func Serve(ctx context.Context, c config.Serve, o Options) error {
	s, err := Start(ctx, c, o)
	if err != nil {
		return err
	}
	if o.Ready != nil {
		o.Ready(s)
	}
	select {
	case <-ctx.Done():
		s.log.Info("stopping")
	case err = <-s.parts.died:
		s.log.Error("a part died; stopping", "error", err)
	}
	return errors.Join(err, s.Stop())
}

// Start brings everything up and returns when it answers. After an error nothing is left running.
func Start(ctx context.Context, c config.Serve, o Options) (*Server, error) {
	s := &Server{
		config: c, version: o.Version, log: o.Logger, metrics: telemetry.NewRegistry(o.Version),
		parts: newParts(o.Logger),
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// Stop drains and stops everything; what cannot end in time is cut off.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.ShutdownTimeout)
	defer cancel()
	return s.parts.stop(ctx)
}

// start takes the ports first: that a port is taken should show before anything else is touched.
func (s *Server) start(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		s.listen, s.loadDocuments, s.loadCertificate, s.openStore, s.openBus, s.buildService, s.runLoops, s.serveHTTP, s.runDemo,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) listen(ctx context.Context) (err error) {
	if s.public, err = s.take(ctx, "--listen", s.config.Listen); err != nil {
		return err
	}
	if s.config.AdminListen != "" {
		s.admin, err = s.take(ctx, "--admin-listen", s.config.AdminListen)
	}
	return err
}

func (s *Server) take(ctx context.Context, field, address string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w: stop what uses it, or choose another address", field, err)
	}
	s.parts.add("listener "+field, func(context.Context) error {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}

func (s *Server) openStore(ctx context.Context) (err error) {
	statements, err := statementLimit(s.config.Rates)
	if err != nil {
		return err
	}
	if s.db, err = openServerDatabase(ctx, s.config.Database, statements, s.log); err != nil {
		return err
	}
	s.parts.add("database", s.db.Close)
	if s.db.embedded != nil {
		go func() {
			<-s.db.embedded.Done()
			if err := s.db.embedded.Err(); err != nil {
				s.parts.report("postgres", err)
			}
		}()
	}
	s.store = postgres.New(s.db.Pool, postgres.Options{Logger: s.log})
	return s.loadToken()
}

// loadToken takes the bootstrap token from the environment, or keeps one in the data directory.
func (s *Server) loadToken() (err error) {
	if s.token, err = config.BootstrapToken(); err != nil || s.token != "" {
		s.tokenPlace = "from " + config.TokenEnv
		return err
	}
	s.tokenPlace = filepath.Join(s.config.DataDir, adminFile)
	s.token, err = keepSecret(s.tokenPlace)
	return err
}

func (s *Server) openBus(ctx context.Context) (err error) {
	s.conn, err = startNATS(ctx, s.config, s.parts, s.log)
	return err
}

func (s *Server) buildService(context.Context) error {
	numbers, err := numbering.New()
	if err != nil {
		return err
	}
	if s.config.Demo && s.config.Simulator == "" {
		s.config.Simulator = demoSimulator
	}
	if s.adapters, err = newAdapters(s.config.Adapters); err != nil {
		return err
	}
	s.parts.add("adapters", func(context.Context) error { s.adapters.close(); return nil })
	if err := s.watchFleet(); err != nil {
		return err
	}
	model := scoring.DefaultModel()
	notifier := orchestrator.NewNotifier(s.conn, s.log)
	if err := s.openAccessLog(); err != nil {
		return err
	}
	s.auth = s.newAuth()
	s.service = registry.New(registry.Config{
		Store: s.store, Numbers: numbers, Model: model, Notifier: notifier, MaxPhones: s.config.MaxPhones, Logger: s.log,
		Platforms: s.adapters.infos, Fleet: s.fleet, PrivateWebhooks: s.config.WebhookAllowPrivate,
		SyncAccess: s.accesses.Sync, KeyChanged: s.auth.Forget,
	})
	spool := filepath.Join(s.config.DataDir, spoolDir)
	if err := os.MkdirAll(spool, 0o700); err != nil {
		return err
	}
	s.importer = importer.New(importer.Config{
		Store: s.store, Numbers: numbers, Notifier: notifier, SpoolDir: spool, Logger: s.log, Registerer: s.metrics,
		MaxPhones: s.config.MaxPhones, MaxBytes: s.config.MaxImport,
	})
	return s.openHub()
}

func (s *Server) runLoops(ctx context.Context) error {
	if err := s.store.EnsurePartitions(ctx, time.Now()); err != nil {
		return fmt.Errorf("prepare this month's partitions: %w", err)
	}
	orch, err := orchestrator.New(orchestrator.Config{
		Ledger: s.store, Conn: s.conn, Model: scoring.DefaultModel(), Logger: s.log, Registerer: s.metrics,
		Streams: streamOptions(s.config.Delivery), Lease: s.config.ChunkLease, Capacity: s.fleet.Capacity,
	})
	if err != nil {
		return err
	}
	s.parts.loop("upkeep", s.upkeep)
	s.parts.loop("orchestrator", orch.Run)
	if err := s.runDispatcher(); err != nil {
		return err
	}
	s.parts.loop("importer", s.importer.Run)
	s.parts.loop("live", s.hub.Run)
	return s.runWorkers(s.metrics)
}

// upkeep makes partitions ahead of time and seals the audit trail.
func (s *Server) upkeep(ctx context.Context) error {
	seal := time.NewTicker(time.Second)
	defer seal.Stop()
	partitions := time.NewTicker(time.Hour)
	defer partitions.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-seal.C:
			if _, err := s.store.SealAudit(ctx, sealAtOnce); err != nil && ctx.Err() == nil {
				s.log.Warn("audit trail not sealed", "error", err)
			}
		case <-partitions.C:
			if err := s.store.EnsurePartitions(ctx, time.Now()); err != nil && ctx.Err() == nil {
				s.log.Warn("partitions not made", "error", err)
			}
		}
	}
}

// sealAtOnce bounds the audit entries of one sealing transaction.
const sealAtOnce = 5000

func (s *Server) serveHTTP(ctx context.Context) error {
	key, err := s.store.InstanceKey(ctx, "opaque")
	if err != nil {
		return err
	}
	codec, err := opaque.New(key)
	if err != nil {
		return err
	}
	whatsApp, err := newWhatsApp(s.config.WhatsApp)
	if err != nil {
		return err
	}
	proxies, err := s.config.Trusted()
	if err != nil {
		return err
	}
	ui := newUI(s.log, s.config.Access)
	_, s.hasUI = web.Files()
	face, err := s.bound(httpd.Config{
		Service: s.service, Importer: s.importer, Hub: s.hub, Codec: codec, UI: ui, Ready: s.ready, Logger: s.log,
		Auth: s.auth, Registerer: s.metrics, Accesses: s.accesses,
		MaxImportBytes: s.config.MaxImport, WhatsApp: whatsApp, Documents: s.documents,
		Limits: guardLimits(s.config.Limits), Proxies: proxies, Away: postgres.Away,
	})
	if err != nil {
		return err
	}
	s.parts.loop("access", s.auth.Run) // ends streams with their tokens
	handler, err := httpd.New(visible(face, s.config.Access))
	if err != nil {
		return err
	}
	public, handler, err := s.serveTLS(s.public, handler)
	if err != nil {
		return err
	}
	serveOn(s.parts, "http", public, handler, s.log)
	if s.admin != nil {
		serveOn(s.parts, "admin http", s.admin, httpd.Admin(s.metrics), s.log)
	}
	return nil
}

// ready says which part is not ready.
func (s *Server) ready(ctx context.Context) []httpd.Check {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var natsErr error
	if !s.conn.IsConnected() {
		natsErr = fmt.Errorf("connection is %s", s.conn.Status())
	}
	return []httpd.Check{{Name: "postgres", Err: s.db.Pool.Ping(ctx)}, {Name: "nats", Err: natsErr}}
}

// URL is the address of the public face, such as http://127.0.0.1:8080; https with a certificate.
func (s *Server) URL() string {
	if s.config.TLSCert != "" {
		return "https://" + s.public.Addr().String()
	}
	return "http://" + s.public.Addr().String()
}

// AdminURL is the address of metrics; "" when there is none.
func (s *Server) AdminURL() string {
	if s.admin == nil {
		return ""
	}
	return "http://" + s.admin.Addr().String()
}

// Token is the bootstrap token, and TokenPlace where it comes from.
func (s *Server) Token() string { return s.token }

// TokenPlace says where the bootstrap token comes from.
func (s *Server) TokenPlace() string { return s.tokenPlace }

// HasUI reports whether the user interface was built into the binary.
func (s *Server) HasUI() bool { return s.hasUI }
