package app

import (
	"log/slog"
	"net/http"

	"phoneregistry/internal/config"
	"phoneregistry/internal/httpd"
	"phoneregistry/web"
)

// newUI makes the web interface, with GraphiQL or without.
func newUI(log *slog.Logger, a config.Access) http.Handler {
	if a.ServesGraphiQL() {
		return web.Handler(log)
	}
	return web.Handler(log, web.WithoutGraphiQL())
}

// visible gives the HTTP face what is open to whom.
func visible(c httpd.Config, a config.Access) httpd.Config {
	c.Introspection, c.Lookups = a.Introspecting(), a.Lookups()
	return c
}
