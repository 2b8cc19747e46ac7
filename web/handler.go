package web

import (
	_ "embed"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
)

const (
	dashboardPage = "index.html"
	graphiqlPage  = "graphiql/index.html"
	assetPrefix   = "assets/"
)

// Content policies. Nothing is ever loaded from another host. The dashboard needs no inline
// styles; Monaco, the editor inside GraphiQL, does, and starts its workers as own files or blobs.
// 'self' in connect-src covers WebSockets to the same origin (Content Security Policy level 3).
const (
	dashboardPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
		"require-trusted-types-for 'script'; trusted-types 'none'"
	graphiqlPolicy = "default-src 'none'; script-src 'self'; worker-src 'self' blob:; " +
		"style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src 'self' data:; " +
		"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	// Assets are documents of their own only as workers.
	assetPolicy = "default-src 'none'; script-src 'self'; connect-src 'self'; frame-ancestors 'none'"
	plainPolicy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
)

//go:embed unbuilt.html
var unbuiltPage []byte

//go:embed switchedoff.html
var switchedOffPage []byte

// Handler serves the UI: the dashboard at /, GraphiQL at /graphiql, and their files. Other paths
// are answered 404, methods other than GET and HEAD 405. When the UI was not built, both pages
// are answered 503 with a page that says how to build it. The handler asks nobody who they are:
// the pages hold no data, and ask for a token before they call the API.
func Handler(log *slog.Logger, options ...Option) http.Handler {
	files, built := Files()
	s := newSite(files, built, log)
	for _, option := range options {
		option(s)
	}
	return s
}

// Option changes what Handler serves.
type Option func(*site)

// WithoutGraphiQL answers /graphiql with 404 and a page that says that it is switched off. The answer at / then lacks the
// header Link with rel="service-doc", by which the dashboard knows whether to show the way.
func WithoutGraphiQL() Option {
	return func(s *site) { s.noGraphiQL = true }
}

// site is the built UI, ready to be served.
type site struct {
	assets     map[string]*asset
	built      bool
	noGraphiQL bool
	log        *slog.Logger
}

func newSite(files fs.FS, built bool, log *slog.Logger) *site {
	assets, err := loadAssets(files)
	if err != nil { // an embedded file system does not fail
		log.Error("web UI cannot be read", "error", err)
		built = false
	}
	if !built {
		log.Info("web UI was not built; run `make web` with Node 20 or newer to have it")
	}
	return &site{assets: assets, built: built, log: log}
}

// ServeHTTP implements http.Handler.
func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	switch name := strings.TrimPrefix(r.URL.Path, "/"); name {
	case "":
		if !s.noGraphiQL {
			w.Header().Set("Link", `</graphiql>; rel="service-doc"`)
		}
		s.page(w, r, dashboardPage, dashboardPolicy)
	case "graphiql", "graphiql/":
		if s.noGraphiQL {
			s.plain(w, r, http.StatusNotFound, switchedOffPage)
			return
		}
		s.page(w, r, graphiqlPage, graphiqlPolicy)
	default:
		s.file(w, r, name)
	}
}

// page answers with an HTML page. It must be asked for anew each time, because it names the
// hashed files of the build it belongs to; the entity tag makes that cheap.
func (s *site) page(w http.ResponseWriter, r *http.Request, name, policy string) {
	if !s.built {
		s.plain(w, r, http.StatusServiceUnavailable, unbuiltPage)
		return
	}
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cache-Control", "no-cache")
	s.send(w, r, s.assets[name])
}

// file answers with a file of the build other than its pages.
func (s *site) file(w http.ResponseWriter, r *http.Request, name string) {
	found, ok := s.assets[name]
	if !ok || strings.HasSuffix(name, ".html") {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Security-Policy", assetPolicy)
	w.Header().Set("Cache-Control", "no-cache")
	if strings.HasPrefix(name, assetPrefix) {
		// The name changes with the contents.
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	s.send(w, r, found)
}

func (s *site) send(w http.ResponseWriter, r *http.Request, a *asset) {
	if err := a.serve(w, r); err != nil {
		s.log.ErrorContext(r.Context(), "web UI cannot be read", "error", err)
	}
}

// plain answers with a page that needs no build.
func (s *site) plain(w http.ResponseWriter, r *http.Request, status int, page []byte) {
	header := w.Header()
	header.Set("Content-Security-Policy", plainPolicy)
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := w.Write(page); err != nil {
		s.log.DebugContext(r.Context(), "web page not sent", "error", err)
	}
}

// secure sets what every answer carries.
func secure(header http.Header) {
	header.Set("Content-Security-Policy", plainPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("X-Frame-Options", "DENY")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
	header.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
}
