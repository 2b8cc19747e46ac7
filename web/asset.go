package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"
)

// gzipFrom is the size in bytes from which compressing is worth it: smaller answers fit in one
// network packet anyway.
const gzipFrom = 1400

// contentTypeOf tells the type of a file by its name. It knows all that a build can hold; the table
// of package mime would depend on the machine.
func contentTypeOf(name string) string {
	switch path.Ext(name) {
	case ".css":
		return "text/css; charset=utf-8"
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".json", ".map":
		return "application/json"
	case ".png":
		return "image/png"
	case ".svg":
		return "image/svg+xml"
	case ".ttf":
		return "font/ttf"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".wasm":
		return "application/wasm"
	case ".woff":
		return "font/woff"
	case ".woff2":
		return "font/woff2"
	}
	return "application/octet-stream"
}

// asset is one file of the built UI. It is read, hashed and compressed when it is first asked
// for: most processes never serve the several megabytes of GraphiQL's editor.
type asset struct {
	contentType string
	load        func() (contents, error)
}

// contents is what an asset sends.
type contents struct {
	plain  []byte
	packed []byte // gzip; nil when not worth it
	hash   string // of the plain form, in hex; the entity tags are made of it
}

// loadAssets names every file of the build. Dot files (the placeholder) are left out.
func loadAssets(files fs.FS) (map[string]*asset, error) {
	assets := make(map[string]*asset)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if !entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			assets[name] = newAsset(files, name)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the built UI: %w", err)
	}
	return assets, nil
}

func newAsset(files fs.FS, name string) *asset {
	contentType := contentTypeOf(name)
	return &asset{contentType: contentType, load: sync.OnceValues(func() (contents, error) {
		plain, err := fs.ReadFile(files, name)
		if err != nil {
			return contents{}, fmt.Errorf("read %s of the built UI: %w", name, err)
		}
		sum := sha256.Sum256(plain)
		c := contents{plain: plain, hash: hex.EncodeToString(sum[:16])}
		if len(plain) >= gzipFrom && compressible(contentType) {
			c.packed = pack(plain)
		}
		return c, nil
	})}
}

// compressible tells whether files of this type are not compressed already.
func compressible(contentType string) bool {
	switch contentType {
	case "image/png", "font/woff", "font/woff2":
		return false
	}
	return true
}

// pack returns body in gzip form, or nil when that is no smaller.
func pack(body []byte) []byte {
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed) // writing to memory does not fail
	_, _ = writer.Write(body)
	_ = writer.Close()
	if packed.Len() >= len(body) {
		return nil
	}
	return packed.Bytes()
}

// serve answers with the asset: conditional requests, ranges and HEAD as net/http does them.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) error {
	c, err := a.load()
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return err
	}
	header := w.Header()
	header.Set("Content-Type", a.contentType)
	header.Add("Vary", "Accept-Encoding")
	// A range counts bytes of the plain file, so it is cut from that.
	if c.packed != nil && r.Header.Get("Range") == "" && acceptsGzip(r.Header.Values("Accept-Encoding")) {
		header.Set("Content-Encoding", "gzip")
		header.Set("Content-Length", strconv.Itoa(len(c.packed)))
		header.Set("ETag", `"`+c.hash+`-gzip"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.packed))
		return nil
	}
	header.Set("ETag", `"`+c.hash+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(c.plain))
	return nil
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3): gzip named, or covered by *, with
// a weight above 0. Being named goes before the star.
func acceptsGzip(values []string) bool {
	star := false
	for _, value := range values {
		for item := range strings.SplitSeq(value, ",") {
			coding, parameters, _ := strings.Cut(item, ";")
			switch strings.ToLower(strings.TrimSpace(coding)) {
			case "gzip", "x-gzip":
				return weight(parameters) > 0
			case "*":
				star = weight(parameters) > 0
			}
		}
	}
	return star
}

// weight reads `q=0.5`; 1 without a weight, 0 for one that cannot be read.
func weight(parameters string) float64 {
	key, value, found := strings.Cut(strings.TrimSpace(parameters), "=")
	if !found || !strings.EqualFold(strings.TrimSpace(key), "q") {
		return 1
	}
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if err != nil {
		return 0
	}
	return q
}
