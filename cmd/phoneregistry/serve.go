package main

import (
	"context"
	"fmt"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/telemetry"
)

type serveCommand struct {
	config.Serve `embed:""`
}

func (s *serveCommand) Run(ctx context.Context, c console) error {
	if err := s.Check(); err != nil {
		return err
	}
	defer collectLessOften(ctx)()
	log := telemetry.NewLogger(c.err, s.LogLevel, s.LogFormat)
	return app.Serve(ctx, s.Serve, app.Options{Version: version, Logger: log, Ready: func(server *app.Server) {
		printAddresses(c, s, server)
	}})
}

// place is where a server is, and what lets one in; *app.Server is one.
type place interface {
	URL() string
	AdminURL() string
	Token() string
	TokenPlace() string
	HasUI() bool
}

// printAddresses tells a person where to go. The token is in the fragment, which browsers send nowhere. In production what
// is printed ends up in a log, which no token belongs in.
func printAddresses(c console, s *serveCommand, server place) {
	base, fragment := server.URL(), "#token="+server.Token()
	if s.Production {
		fragment = ""
	}
	fmt.Fprintf(c.out, "\nphoneregistry %s is ready\n\n", version)
	switch {
	case !server.HasUI():
		fmt.Fprint(c.out, "  The user interface was not built: install Node.js 20 or newer and run `make web build`.\n")
	case s.ServesGraphiQL():
		fmt.Fprintf(c.out, "  Dashboard  %s/%s\n  GraphiQL   %s/graphiql%s\n", base, fragment, base, fragment)
	default:
		fmt.Fprintf(c.out, "  Dashboard  %s/%s\n", base, fragment)
	}
	fmt.Fprintf(c.out, "  GraphQL    %s/graphql   (Authorization: Bearer …)\n", base)
	if admin := server.AdminURL(); admin != "" {
		fmt.Fprintf(c.out, "  Metrics    %s/metrics\n", admin)
	}
	fmt.Fprintf(c.out, "  Token      %s\n  Data       %s\n", server.TokenPlace(), s.DataDir)
	if s.Demo {
		fmt.Fprint(c.out, "\n  Demo: the contacts are synthetic, and the simulator makes up what platforms say.\n")
	}
	fmt.Fprint(c.out, "\n  Ctrl-C stops it.\n\n")
}
