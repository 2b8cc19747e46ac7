// Package httpd is the HTTP face of the registry: GraphQL, the REST interface for files, health and the web UI. It
// finds out who calls, bounds what a request may cost, writes the access log and keeps errors from telling secrets.
package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/graph/documents"
	"phoneregistry/graph/guard"
	"phoneregistry/internal/auth"
	"phoneregistry/internal/clientaddr"
	"phoneregistry/internal/limit"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/resolvers"
)

// Importer takes files in; *importer.Importer does.
type Importer interface {
	Receive(ctx context.Context, r io.Reader, o importer.Options) (b registry.ImportBatch, alreadyImported bool, err error)
}

// Check is a part of the server that has to be ready.
type Check struct {
	Name string
	Err  error // nil: ready. It is logged, never shown.
}

// Config is what the HTTP face is made of.
type Config struct {
	Service  *registry.Service
	Importer Importer
	Auth     *auth.Authenticator
	Hub      resolvers.Live
	Accesses registry.AccessRecorder // of whole numbers
	Codec    *opaque.Codec
	UI       http.Handler                      // the web UI: static files only
	Ready    func(ctx context.Context) []Check // what is asked by /readyz
	Logger   *slog.Logger
	WhatsApp *WhatsApp // nil: no webhook

	Registerer     prometheus.Registerer // nil: no metrics
	MaxImportBytes int64                 // of an uploaded file; 0: 1 GiB
	Limits         guard.Limits          // of a GraphQL operation
	Documents      documents.Config      // which GraphQL documents may be named, and run
	Timeouts       Timeouts

	Rates    *limit.Limiter                    // how much callers may ask; nil: as much as they like
	Deadline func(registry.Role) time.Duration // how long an operation or short request of a role may take; nil or 0: Timeouts.Operation
	MaxBody  int64                             // bytes of a GraphQL request or message; 0: 1 MiB

	Proxies clientaddr.Proxies // that are believed when they tell where a request comes from

	Away func(error) bool // tells that something an answer needs cannot be reached right now; nil: never

	Introspection []registry.Role       // that may ask for the schema; nil: all
	Lookups       registry.LookupLimits // of whole numbers by those who see them masked
}

// Timeouts of requests. Zero values mean the defaults.
type Timeouts struct {
	Operation time.Duration // of a GraphQL query or mutation, or a short request; 30 s
	Init      time.Duration // from the opening of a WebSocket to connection_init; 10 s
	Ping      time.Duration // between signs of life on a stream; 15 s
	Write     time.Duration // of one write to a slow reader of a stream; 10 s
	Upload    time.Duration // without a byte of an upload; 60 s
}

// defaultMaxImport bounds an upload unless configured.
const defaultMaxImport = 1 << 30

// New makes the handler of the public listener.
func New(c Config) (http.Handler, error) {
	if c.Service == nil || c.Importer == nil || c.Auth == nil || c.Hub == nil || c.Codec == nil || c.UI == nil ||
		c.Ready == nil || c.Logger == nil || c.Accesses == nil {
		return nil, errors.New("httpd: a part of the configuration is missing")
	}
	if c.MaxImportBytes == 0 {
		c.MaxImportBytes = defaultMaxImport
	}
	if c.Away == nil {
		c.Away = func(error) bool { return false }
	}
	if c.Timeouts.Upload == 0 {
		c.Timeouts.Upload = time.Minute
	}
	if c.Timeouts.Operation == 0 {
		c.Timeouts.Operation = defaultDeadline
	}
	m, err := newMetrics(c.Registerer)
	if err != nil {
		return nil, err
	}
	graphQL, err := newGraphQL(c, m)
	if err != nil {
		return nil, err
	}
	files := downloads{accesses: c.Accesses, pages: pages{c.Service, c.callersDeadline}, away: c.Away, log: c.Logger}
	imports := &imports{downloads: files, importer: c.Importer, service: c.Service, maxBytes: c.MaxImportBytes, idle: c.Timeouts.Upload}
	tickets := &streamTickets{auth: c.Auth, limit: c.callersDeadline, log: c.Logger}
	authenticated := func(kind limit.Kind, h http.HandlerFunc) http.Handler {
		return c.Auth.Middleware(noteActor(heldTo(withPurpose(c.rated(kind, h)))))
	}

	mux := http.NewServeMux()
	mux.Handle(graphQLPath, graphQL)
	mux.Handle("POST /v1/imports", authenticated(limit.Write, imports.receive))
	mux.Handle("GET /v1/imports/{id}", authenticated(limit.Read, c.timely(imports.show)))
	mux.Handle("GET /v1/imports/{id}/quarantine.csv", authenticated(limit.Read, imports.quarantine))
	mux.Handle("GET /v1/jobs/{id}/failures.csv", authenticated(limit.Read, (&failures{files}).download))
	mux.Handle("POST /v1/stream-tickets", authenticated(limit.Read, c.timely(tickets.make)))
	if err := c.mountWhatsApp(mux); err != nil {
		return nil, err
	}
	mux.Handle(restPath, authenticated(limit.Read, elsewhere(mux)))
	mux.HandleFunc("GET /healthz", healthy)
	mux.Handle("GET /readyz", &readiness{ready: c.Ready, log: c.Logger})
	mux.Handle("/", c.UI)

	return c.Proxies.Handler(answerEarly(observe(strict(ownPages(mux)), c.Logger, m))), nil
}

// strict sets what answers carry: they are data, never a page, and nobody keeps them. The web UI says otherwise of what it
// serves.
func strict(next http.Handler) http.Handler {
	// Made once: nobody changes the values of a header, who wants others replaces them.
	always := http.Header{}
	for name, value := range map[string]string{
		"Cache-Control":                "no-store",
		"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer",
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
	} {
		always.Set(name, value)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), always)
		next.ServeHTTP(w, r)
	})
}
