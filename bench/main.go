// Command bench measures the registry beside peers and limits, and prints one table. It starts what it needs by itself:
// a private PostgreSQL with full durability, the program as it is built from this tree, PostGraphile. It measures and is
// no test: it ends with 0 also where a target is missed. docs/benchmarks.md tells the method.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options is what the flags say.
type options struct {
	only    string
	rows    int
	rounds  int
	seconds time.Duration
	json    bool
	program string
	profile string
	peers   string
}

// section is a group of measurements that can be asked for alone.
type section struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

func sections() []section {
	return []section{
		{"numbering", measureNumbering},
		{"import", measureImports},
		{"jobs", measureJobs},
		{"start", measureStart},
		{"subscribers", measureSubscribers},
		{"politeness", measurePoliteness},
		{"graphql", measureGraphQL},
		{"flood", measureFlood},
	}
}

// bench is one run of this program.
type bench struct {
	options
	dir    string // for everything that is thrown away at the end
	server *database
	report *report
	out    io.Writer // what is being done, line by line
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // this is the main function
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	b := &bench{report: &report{}, out: stderr}
	wanted, err := b.parse(args)
	if err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "phoneregistry-bench-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.server, err = startDatabase(ctx); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.server.stop()) }()
	b.report.Machine = machineFacts(b.server.version())
	started := time.Now()
	for _, s := range sections() {
		if !slices.Contains(wanted, s.name) {
			continue
		}
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.report.Machine.LoadAfter = loadAverage()
	b.report.Machine.Took = time.Since(started).Round(time.Second).String()
	if b.json {
		return b.report.writeJSON(stdout)
	}
	return b.report.write(stdout)
}

func (b *bench) parse(args []string) ([]string, error) {
	var names []string
	for _, s := range sections() {
		names = append(names, s.name)
	}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(b.out)
	flags.StringVar(&b.only, "only", "", "measure only these, with commas: "+strings.Join(names, ","))
	flags.IntVar(&b.rows, "rows", 0, "rows of the sample file that is imported, and numbers of the job (0: 200,000); a quarter of it for reads")
	flags.IntVar(&b.rounds, "rounds", 3, "times that each side is measured, in turns; the median counts")
	flags.DurationVar(&b.seconds, "time", 5*time.Second, "how long a side is put under load in a round, where that can be chosen")
	flags.BoolVar(&b.json, "json", false, "print JSON in place of the table")
	flags.StringVar(&b.program, "program", "", "the program to measure; built from this tree unless given")
	flags.StringVar(&b.profile, "profile", "", "write CPU and allocation profiles of the program into this folder")
	flags.StringVar(&b.peers, "peers", ".tools/postgraphile", "folder that PostGraphile is installed into")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("%q: there are flags only", flags.Arg(0))
	}
	b.rows, b.rounds = cmp.Or(b.rows, 200_000), max(b.rounds, 1)
	if b.rows < 10_000 {
		return nil, fmt.Errorf("-rows %d: want at least 10,000", b.rows)
	}
	if b.only == "" {
		return names, nil
	}
	wanted := strings.Split(b.only, ",")
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return nil, fmt.Errorf("-only %q: want some of %s", name, strings.Join(names, ","))
		}
	}
	return wanted, nil
}

// say tells what is being done.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.out, format+"\n", args...)
}
