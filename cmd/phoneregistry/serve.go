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

// printAddresses tells a person where to go. The token is in the fragment, which browsers send nowhere.
func printAddresses(c console, s *serveCommand, server *app.Server) {
	base, token := server.URL(), server.Token()
	fmt.Fprintf(c.out, "\nphoneregistry %s is ready\n\n", version)
	if server.HasUI() {
		fmt.Fprintf(c.out, "  Dashboard  %s/#token=%s\n  GraphiQL   %s/graphiql#token=%s\n", base, token, base, token)
	} else {
		fmt.Fprint(c.out, "  The user interface was not built: install Node.js 20 or newer and run `make web build`.\n")
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
