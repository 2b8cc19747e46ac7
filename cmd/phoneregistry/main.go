// Command phoneregistry is a registry of record for phone numbers: server, worker and tools in one program.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
)

// version is set when the program is built.
var version = "dev"

// commands is everything the program can do.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve the API and the user interface, and run jobs and imports."`
	Worker  workerCommand  `cmd:"" help:"Check numbers on platforms for a server elsewhere; needs only NATS."`
	Import  importCommand  `cmd:"" help:"Import a file of contacts."`
	Export  exportCommand  `cmd:"" help:"Export leads, phones or the quarantine of an import as CSV."`
	Sample  sampleCommand  `cmd:"" help:"Write synthetic contacts as CSV."`
	Migrate migrateCommand `cmd:"" help:"Bring the database's schema up to date, or take steps back."`
	Token   tokenCommand   `cmd:"" help:"Create, list and revoke API tokens."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// console is where a command writes: results to out, everything else to err.
type console struct {
	out io.Writer
	err io.Writer
}

// run does what args say and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c commands
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("phoneregistry"),
		kong.Description("A registry of record for phone numbers. Every flag is also an environment variable, "+
			config.EnvPrefix+"_…; "+config.TokenEnv+" sets the bootstrap token."),
		kong.DefaultEnvars(config.EnvPrefix),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(console{stdout, stderr}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "phoneregistry:", err)
		return app.ExitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "phoneregistry: %v (phoneregistry --help tells more)\n", err)
		return app.ExitUsage
	}
	err = command.Run()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(stderr, "phoneregistry:", err)
	}
	return app.ExitCode(err)
}
