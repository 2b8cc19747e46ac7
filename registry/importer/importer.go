// Package importer gets files of contacts into the registry: it receives or opens a file, reads it record by record,
// normalises the numbers in parallel and hands runs of rows to the store, which merges each in one transaction together
// with a checkpoint. An import that is interrupted, however hard, goes on from its checkpoint and ends as if nothing had
// happened.
package importer

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"phoneregistry/registry"
	"phoneregistry/registry/intake"
	"phoneregistry/registry/numbering"
)

// Store keeps imports. *postgres.Store does.
type Store interface {
	QuarantineStore
	Sources(ctx context.Context) ([]registry.Source, error)
	// StartImport registers a file, or returns the import by which it was registered before.
	StartImport(ctx context.Context, n registry.NewImport) (task registry.ImportTask, existed bool, err error)
	// OpenImports returns the imports that have not ended and whose files lie in a spool directory, oldest first.
	OpenImports(ctx context.Context, spool uuid.UUID) ([]uuid.UUID, error)
	// ClaimImport returns registry.ErrImportBusy when another process works on the import.
	ClaimImport(ctx context.Context, id uuid.UUID) (registry.ImportClaim, error)
}

// Config says what an Importer is made of and how it works.
type Config struct {
	Store      Store
	Numbers    *numbering.Normalizer
	Notifier   registry.Notifier // nil: nobody is told
	SpoolDir   string            // where received files wait; made when it is missing
	Logger     *slog.Logger
	Registerer prometheus.Registerer // nil: metrics are not shown
	Now        func() time.Time      // nil: time.Now
	MaxPhones  int                   // phones a customer may have, unless an import says otherwise; 0: registry.DefaultMaxPhones
	MaxBytes   int64                 // largest file that is received; 0: 64 GiB, negative: any
	Workers    int                   // goroutines that normalise for an import; 0: one for each processor
	Parallel   int                   // imports that Run works on at the same time; 0: 2
	BatchRows  int                   // rows merged in one transaction; 0: 5,000
}

// defaultMaxBytes bounds what a client can put into the spool directory with one request.
const defaultMaxBytes = 64 << 30

// batchBytes bounds the rows of one transaction together with Config.BatchRows.
const batchBytes = 8 << 20

// Importer gets files in. It is safe for concurrent use.
type Importer struct {
	c       Config
	spool   spool
	metrics *metrics
	wake    chan struct{} // has an entry when there is something new to work on
}

// New makes an importer. Received files are worked on by Run.
func New(c Config) *Importer {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	defaultTo(&c.MaxPhones, registry.DefaultMaxPhones)
	defaultTo(&c.MaxBytes, defaultMaxBytes)
	defaultTo(&c.Workers, runtime.GOMAXPROCS(0))
	defaultTo(&c.Parallel, 2)
	defaultTo(&c.BatchRows, 5000)
	return &Importer{c: c, spool: spool{dir: c.SpoolDir}, metrics: newMetrics(c.Registerer), wake: make(chan struct{}, 1)}
}

func defaultTo[T int | int64](v *T, standard T) {
	if *v == 0 {
		*v = standard
	}
}

// Options says how to read a file. Only Source is needed.
type Options struct {
	Source    string
	FileName  string            // as it is shown; "" for a local file: its own name
	Format    string            // "csv"; "": that
	Region    string            // of numbers without a country code, ISO 3166-1 alpha-2; "": none
	Area      string            // of local numbers, for example 601 for Bogotá; "": none
	Map       map[string]string // field to column, in place of guesses; see intake.Columns
	MaxPhones int               // phones a customer may have; 0: as configured
	Asking    time.Duration     // that the store has for each thing it is asked while a file is received; 0: all it needs
}

// ask asks the store for something, for as long as that may take.
func (o Options) ask(ctx context.Context, what func(context.Context) error) error {
	if o.Asking > 0 {
		limited, cancel := context.WithTimeout(ctx, o.Asking)
		defer cancel()
		ctx = limited
	}
	return what(ctx)
}

// Bounds of options.
const (
	maxFileName  = 255
	maxMaxPhones = 1000
	maxArea      = 64
)

// checked returns the options in the form in which they are kept, or what is wrong with them.
func (i *Importer) checked(o Options) (registry.ImportOptions, error) {
	kept := registry.ImportOptions{
		Format: strings.ToLower(o.Format), Region: strings.ToUpper(o.Region), Area: strings.TrimSpace(o.Area),
		Map: o.Map, MaxPhones: o.MaxPhones,
	}
	defaultTo(&kept.MaxPhones, i.c.MaxPhones)
	var es registry.Errors
	wrong := func(option, format string, args ...any) {
		es = append(es, registry.Errorf(registry.CodeInvalidInput, []string{option}, format, args...))
	}
	switch kept.Format {
	case "", "csv":
		kept.Format = "csv"
	case "jsonl", "xlsx", "parquet":
		wrong("format", "this version reads csv, not %s yet: write the table as CSV", kept.Format)
	default:
		wrong("format", "format is %s: this version reads csv", intake.Show(o.Format))
	}
	if kept.Region != "" && !numbering.SupportedRegion(kept.Region) {
		wrong("region", "region is %s: want an ISO 3166-1 alpha-2 code such as CO", intake.Show(o.Region))
	}
	if len(kept.Area) > maxArea || strings.ContainsRune(kept.Area, 0) {
		wrong("area", "the area has %d bytes: want an area code such as 601, at most %d", len(kept.Area), maxArea)
	}
	if kept.MaxPhones < 1 || kept.MaxPhones > maxMaxPhones {
		wrong("maxPhones", "maxPhones is %d: want 1 to %d", kept.MaxPhones, maxMaxPhones)
	}
	if len(es) > 0 {
		return kept, es
	}
	return kept, nil
}

// shownSources is how many sources are told to who names one that does not exist; those that count most come first.
const shownSources = 10

// checkSource refuses a source that does not exist, before a file of any size is read for it.
func (i *Importer) checkSource(ctx context.Context, name string) error {
	sources, err := i.c.Store.Sources(ctx)
	if err != nil {
		return err
	}
	names := make([]string, len(sources))
	for at, s := range sources {
		if names[at] = s.Name; s.Name == name {
			return nil
		}
	}
	known := strings.Join(names[:min(len(names), shownSources)], ", ")
	if more := len(names) - shownSources; more > 0 {
		known += fmt.Sprintf(" or %d others", more)
	}
	return registry.Errorf(registry.CodeUnknownSource, []string{"source"},
		"there is no source %s: create it with upsertSource, or use one of %s", intake.Show(name), known)
}

// fileName is a name as it is kept: one line, not too long, without the folders of whoever sent it.
func fileName(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	name = name[strings.LastIndexByte(name, '/')+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	if runes := []rune(name); len(runes) > maxFileName {
		name = string(runes[len(runes)-maxFileName:])
	}
	return name
}

// newImport describes a file whose head and hash are known.
func newImport(o Options, kept registry.ImportOptions, l *intake.Layout) registry.NewImport {
	return registry.NewImport{
		ID: uuid.New(), FileName: fileName(o.FileName), Source: o.Source, Options: kept, Encoding: string(l.Encoding),
	}
}
