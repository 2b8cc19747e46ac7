package httpd

import (
	"context"
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
		ErrorLog:    slog.NewLogLogger(nameless{log.Handler()}, slog.LevelDebug),
	}
}

// nameless keeps addresses of clients, which are personal data, out of what the library logs of connections.
type nameless struct{ slog.Handler }

// Handle implements slog.Handler.
func (n nameless) Handle(ctx context.Context, r slog.Record) error {
	words := strings.Split(r.Message, " ")
	for i, word := range words {
		if _, err := netip.ParseAddrPort(strings.TrimRight(word, ":,;")); err == nil {
			words[i] = "(client)"
		}
	}
	r.Message = strings.Join(words, " ")
	return n.Handler.Handle(ctx, r)
}
