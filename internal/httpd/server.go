package httpd

import (
	"context"
	stdlog "log"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"phoneregistry/graph/transport"
)

// Bounds of a connection. Uploads and streams set deadlines of their own, for each read and write.
const (
	headerTimeout  = 10 * time.Second
	readTimeout    = time.Minute
	writeTimeout   = 2 * time.Minute
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 32 << 10
)

// NewServer makes a server for a handler with bounds on what a slow or hostile client can hold.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		ConnContext: transport.WithConn,
		ErrorLog:    stdlog.New(nameless{log}, "", 0),
	}
}

// nameless logs what goes wrong with connections, without the addresses of clients: those are personal data.
type nameless struct{ log *slog.Logger }

// Write implements io.Writer for a line.
func (n nameless) Write(line []byte) (int, error) {
	if n.log.Enabled(context.Background(), slog.LevelDebug) {
		words := strings.Split(strings.TrimSuffix(string(line), "\n"), " ")
		for i, word := range words {
			if _, err := netip.ParseAddrPort(strings.TrimRight(word, ":,;")); err == nil {
				words[i] = "(client)"
			}
		}
		n.log.Debug(strings.Join(words, " "))
	}
	return len(line), nil
}
