package web

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var script = bytes.Repeat([]byte("console.log('a line that repeats');\n"), 200)

func builtFiles() fstest.MapFS {
	return fstest.MapFS{
		".gitkeep":                {Data: nil},
		"index.html":              {Data: []byte("<!doctype html><title>dashboard</title>")},
		"graphiql/index.html":     {Data: []byte("<!doctype html><title>GraphiQL</title>")},
		"assets/main-B1c2.js":     {Data: script},
		"assets/small-Z9.css":     {Data: []byte("b{}")},
		"assets/codicon-D4.ttf":   {Data: bytes.Repeat([]byte{0, 1, 2, 3}, 1000)},
		"assets/picture-A1.png":   {Data: bytes.Repeat([]byte("same "), 1000)},
		"assets/strange-Q1.blob7": {Data: []byte("?")},
		"favicon.svg":             {Data: []byte("<svg/>")},
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	return do(t, h, http.MethodGet, path, header...)
}

func do(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPages(t *testing.T) {
	site := newSite(builtFiles(), true, discard())
	tests := []struct {
		path, contains, policy string
	}{
		{"/", "dashboard", dashboardPolicy},
		{"/graphiql", "GraphiQL", graphiqlPolicy},
		{"/graphiql/", "GraphiQL", graphiqlPolicy},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r := get(t, site, tt.path)
			if r.StatusCode != http.StatusOK || !strings.Contains(string(body(t, r)), tt.contains) {
				t.Fatalf("status %d, or a page without %q", r.StatusCode, tt.contains)
			}
			if got := r.Header.Get("Content-Security-Policy"); got != tt.policy {
				t.Errorf("policy %q, want %q", got, tt.policy)
			}
			if got := r.Header.Get("Cache-Control"); got != "no-cache" {
				t.Errorf("Cache-Control %q, want no-cache", got)
			}
			if got := r.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
				t.Errorf("Content-Type %q", got)
			}
			again := get(t, site, tt.path, "If-None-Match", r.Header.Get("ETag"))
			if again.StatusCode != http.StatusNotModified {
				t.Errorf("a page that has not changed is answered %d, want 304", again.StatusCode)
			}
		})
	}
}

func TestPoliciesNameNoOtherHost(t *testing.T) {
	for _, policy := range []string{dashboardPolicy, graphiqlPolicy, assetPolicy, plainPolicy} {
		if !strings.HasPrefix(policy, "default-src 'none'; ") {
			t.Errorf("%q does not begin with default-src 'none'", policy)
		}
		for _, bad := range []string{"http:", "https:", "*", "ws:", "'unsafe-eval'", "script-src 'self' "} {
			if strings.Contains(policy, bad) {
				t.Errorf("%q holds %q", policy, bad)
			}
		}
		if !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%q may be framed", policy)
		}
	}
}

func TestEveryAnswerIsSecured(t *testing.T) {
	want := map[string]string{
		"X-Content-Type-Options":       "nosniff",
		"X-Frame-Options":              "DENY",
		"Referrer-Policy":              "no-referrer",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
	}
	for _, built := range []bool{true, false} {
		site := newSite(builtFiles(), built, discard())
		for _, path := range []string{"/", "/graphiql", "/assets/main-B1c2.js", "/favicon.svg", "/nothing", "/assets/"} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				r := do(t, site, method, path)
				for name, value := range want {
					if got := r.Header.Get(name); got != value {
						t.Errorf("%s %s (built %v): %s is %q, want %q", method, path, built, name, got, value)
					}
				}
				if r.Header.Get("Content-Security-Policy") == "" {
					t.Errorf("%s %s (built %v) has no content policy", method, path, built)
				}
			}
		}
	}
}

func TestAssets(t *testing.T) {
	site := newSite(builtFiles(), true, discard())
	const forever, asked = "public, max-age=31536000, immutable", "no-cache"
	tests := []struct {
		path, contentType, cache string
		status                   int
		packed                   bool
	}{
		{"/assets/main-B1c2.js", "text/javascript; charset=utf-8", forever, 200, true},
		{"/assets/small-Z9.css", "text/css; charset=utf-8", forever, 200, false},
		{"/assets/codicon-D4.ttf", "font/ttf", forever, 200, true},
		{"/assets/picture-A1.png", "image/png", forever, 200, false},
		{"/assets/strange-Q1.blob7", "application/octet-stream", forever, 200, false},
		{"/favicon.svg", "image/svg+xml", asked, 200, false},
		{path: "/assets/gone.js", status: 404},
		{path: "/assets/", status: 404},
		{path: "/assets", status: 404},
		{path: "/index.html", status: 404},
		{path: "/graphiql/index.html", status: 404},
		{path: "/.gitkeep", status: 404},
		{path: "/../handler.go", status: 404},
		{path: "//", status: 404},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			r := get(t, site, tt.path, "Accept-Encoding", "br, gzip")
			if r.StatusCode != tt.status {
				t.Fatalf("status %d, want %d", r.StatusCode, tt.status)
			}
			if tt.status != http.StatusOK {
				return
			}
			if got := r.Header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("Content-Type %q, want %q", got, tt.contentType)
			}
			if got := r.Header.Get("Cache-Control"); got != tt.cache {
				t.Errorf("Cache-Control %q, want %q", got, tt.cache)
			}
			if got := r.Header.Get("Content-Encoding") == "gzip"; got != tt.packed {
				t.Errorf("compressed: %v, want %v", got, tt.packed)
			}
		})
	}
}

func TestCompression(t *testing.T) {
	site := newSite(builtFiles(), true, discard())
	const path = "/assets/main-B1c2.js"

	packed := get(t, site, path, "Accept-Encoding", "gzip")
	reader, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || !bytes.Equal(got, script) {
		t.Errorf("the compressed file differs after unpacking (error %v)", err)
	}
	plain := get(t, site, path)
	if !bytes.Equal(body(t, plain), script) {
		t.Error("the plain file differs")
	}
	if packed.Header.Get("ETag") == plain.Header.Get("ETag") {
		t.Error("both forms carry one entity tag")
	}
	for _, r := range []*http.Response{packed, plain} {
		if got := r.Header.Get("Vary"); got != "Accept-Encoding" {
			t.Errorf("Vary is %q", got)
		}
	}

	ranged := get(t, site, path, "Accept-Encoding", "gzip", "Range", "bytes=0-6")
	if got := string(body(t, ranged)); ranged.StatusCode != http.StatusPartialContent || got != "console" {
		t.Errorf("range is answered %d %q", ranged.StatusCode, got)
	}
	head := do(t, site, http.MethodHead, path, "Accept-Encoding", "gzip")
	if len(body(t, head)) != 0 || head.Header.Get("Content-Length") != packed.Header.Get("Content-Length") {
		t.Error("HEAD differs from GET, or has a body")
	}
}

func TestAcceptsGzip(t *testing.T) {
	tests := []struct {
		values []string
		want   bool
	}{
		{nil, false},
		{[]string{""}, false},
		{[]string{"gzip"}, true},
		{[]string{"GZIP"}, true},
		{[]string{"x-gzip"}, true},
		{[]string{"br, gzip;q=0.5"}, true},
		{[]string{"br", "gzip"}, true},
		{[]string{"gzip;q=0"}, false},
		{[]string{"gzip; Q = 0.000"}, false},
		{[]string{"*"}, true},
		{[]string{"*, gzip;q=0"}, false},
		{[]string{"gzip;q=0, *"}, false},
		{[]string{"*;q=0"}, false},
		{[]string{"gzip;q=much"}, false},
		{[]string{"gzipped"}, false},
		{[]string{"identity"}, false},
	}
	for _, tt := range tests {
		if got := acceptsGzip(tt.values); got != tt.want {
			t.Errorf("acceptsGzip(%q) = %v, want %v", tt.values, got, tt.want)
		}
	}
}

func TestMethods(t *testing.T) {
	site := newSite(builtFiles(), true, discard())
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		r := do(t, site, method, "/")
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s is answered %d, Allow %q", method, r.StatusCode, r.Header.Get("Allow"))
		}
	}
}

func TestUnbuilt(t *testing.T) {
	files := fstest.MapFS{".gitkeep": {}}
	if isBuilt(files) {
		t.Fatal("a fresh clone counts as built")
	}
	site := newSite(files, false, discard())
	for _, path := range []string{"/", "/graphiql"} {
		r := get(t, site, path)
		page := string(body(t, r))
		if r.StatusCode != http.StatusServiceUnavailable || !strings.Contains(page, "make web") ||
			!strings.Contains(page, "Node 20") {
			t.Errorf("%s is answered %d with a page that does not say how to build", path, r.StatusCode)
		}
		if head := do(t, site, http.MethodHead, path); len(body(t, head)) != 0 {
			t.Errorf("HEAD %s has a body", path)
		}
	}
	if r := get(t, site, "/assets/main.js"); r.StatusCode != http.StatusNotFound {
		t.Errorf("an asset of an unbuilt UI is answered %d", r.StatusCode)
	}
}

func TestIsBuiltWantsBothPages(t *testing.T) {
	files := builtFiles()
	if !isBuilt(files) {
		t.Error("a whole build does not count as built")
	}
	delete(files, graphiqlPage)
	if isBuilt(files) {
		t.Error("a build without GraphiQL counts as built")
	}
}

// brokenFS lists its files but cannot read them.
type brokenFS struct{ fstest.MapFS }

var errDisk = errors.New("disk is gone")

func (b brokenFS) ReadFile(string) ([]byte, error) { return nil, errDisk }

func TestUnreadableFile(t *testing.T) {
	var logged bytes.Buffer
	site := newSite(brokenFS{builtFiles()}, true, slog.New(slog.NewTextHandler(&logged, nil)))
	r := get(t, site, "/")
	if r.StatusCode != http.StatusInternalServerError || strings.Contains(string(body(t, r)), "disk") {
		t.Errorf("an unreadable page is answered %d, or says too much", r.StatusCode)
	}
	if !strings.Contains(logged.String(), errDisk.Error()) {
		t.Error("the cause is not logged")
	}
}

// TestEmbedded checks what this binary holds: either a whole build, whose pages refer only to
// files that are there, or none, and then the handler says so.
func TestEmbedded(t *testing.T) {
	files, built := Files()
	handler := Handler(discard())
	if !built {
		if r := get(t, handler, "/"); r.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("without a build / is answered %d", r.StatusCode)
		}
		return
	}
	for _, page := range []string{"/", "/graphiql"} {
		html := string(body(t, get(t, handler, page)))
		if strings.Contains(html, "//") {
			t.Errorf("%s names another host, or a comment that looks like one", page)
		}
		for _, part := range strings.Split(html, `"/assets/`)[1:] {
			name, _, _ := strings.Cut(part, `"`)
			if _, err := fs.Stat(files, assetPrefix+name); err != nil {
				t.Errorf("%s refers to %s: %v", page, name, err)
			}
		}
	}
}

func TestGraphiQLSwitchedOff(t *testing.T) {
	on, off := newSite(builtFiles(), true, discard()), newSite(builtFiles(), true, discard())
	WithoutGraphiQL()(off)
	const way = `</graphiql>; rel="service-doc"`
	if got := get(t, on, "/").Header.Get("Link"); got != way {
		t.Errorf("the dashboard's Link is %q, want %q", got, way)
	}
	if r := get(t, off, "/"); r.StatusCode != http.StatusOK || r.Header.Get("Link") != "" {
		t.Errorf("without GraphiQL the dashboard is answered %d with Link %q", r.StatusCode, r.Header.Get("Link"))
	}
	for _, path := range []string{"/graphiql", "/graphiql/"} {
		r := get(t, off, path)
		text := string(body(t, r))
		if r.StatusCode != http.StatusNotFound || !strings.Contains(text, "switched off") || strings.Contains(text, "<script") {
			t.Errorf("%s is answered %d: %s", path, r.StatusCode, text)
		}
		if got := r.Header.Get("Content-Security-Policy"); got != plainPolicy {
			t.Errorf("%s has the policy %q", path, got)
		}
	}
}
