package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/opaque"
	"phoneregistry/internal/telemetry"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
)

type importCommand struct {
	config.Database `embed:""`
	config.Log      `embed:""`
	File            string            `arg:"" help:"The file." type:"existingfile"`
	Source          string            `help:"The source it belongs to, such as crm_salesforce, call_center, web_forms, mobile_app or manual_upload." required:""`
	Format          string            `help:"Format of the file: ${enum}." enum:"csv,jsonl,xlsx,parquet" default:"csv"`
	Region          string            `help:"Region of numbers without country code, for example CO." placeholder:"CC"`
	Area            string            `help:"Area code of local numbers, for example 601." placeholder:"CODE"`
	Map             map[string]string `help:"Column of a field, for example phone=Telefono; may be repeated." placeholder:"FIELD=COLUMN"`
	MaxPhones       int               `help:"Phones that one customer may have." default:"5"`
}

func (i *importCommand) Run(ctx context.Context, c console) error {
	if err := i.check(); err != nil {
		return err
	}
	return withStore(ctx, c, i.Database, i.Log, func(_ *app.Database, store *postgres.Store) error {
		numbers, err := numbering.New()
		if err != nil {
			return err
		}
		im := importer.New(importer.Config{
			Store: store, Numbers: numbers, SpoolDir: filepath.Join(i.DataDir, "spool"),
			Logger: telemetry.NewLogger(c.err, quiet(i.LogLevel), i.LogFormat), MaxPhones: i.MaxPhones,
		})
		bar := newImportBar(c.err)
		batch, already, err := im.ImportFile(asCommandLine(ctx), i.File, importer.Options{
			Source: i.Source, FileName: filepath.Base(i.File), Format: i.Format, Region: i.Region, Area: i.Area,
			Map: i.Map, MaxPhones: i.MaxPhones,
		}, bar.update)
		bar.end()
		if err == nil && already && !batch.Status.Ended() {
			return busy(batch)
		}
		if batch.Sequence > 0 {
			printSummary(c.out, batch, already)
		}
		if err == nil && batch.Status == registry.ImportFailed {
			err = fmt.Errorf("the file could not be read to its end; what stands before the fault is kept: %s", batch.ErrorMessage)
		}
		return err
	})
}

// check refuses settings before anything is started for them.
func (i *importCommand) check() error {
	if i.Region != "" && !numbering.SupportedRegion(strings.ToUpper(i.Region)) {
		return &config.Error{Field: "--region", Value: i.Region, Want: "must be an ISO 3166-1 alpha-2 code such as CO"}
	}
	if i.MaxPhones < 1 || i.MaxPhones > 100 {
		return &config.Error{Field: "--max-phones", Value: strconv.Itoa(i.MaxPhones), Want: "must be 1 to 100"}
	}
	return i.Check()
}

// busy is the error of a file that was begun and is not at its end, and that another session holds. It is no success: who
// starts an import again, right after its process was killed, must not take it to be done.
func busy(b registry.ImportBatch) error {
	return fmt.Errorf("another process works on this file as %s, at row %d: nothing was done. "+
		"If that process was killed just now, try again in a moment: it goes on from there", opaque.UUID("imp", b.ID), b.RowsRead)
}

// printSummary tells what became of a file.
func printSummary(w io.Writer, b registry.ImportBatch, already bool) {
	if already {
		fmt.Fprintf(w, "This file was imported before as %s on %s; nothing was changed. It brought then:\n",
			opaque.UUID("imp", b.ID), b.CreatedAt.UTC().Format(time.DateTime))
	} else {
		fmt.Fprintf(w, "Import %s: %s\n", opaque.UUID("imp", b.ID), b.Status)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(what string, n int64) { fmt.Fprintf(t, "%s\t%d\t\n", what, n) }
	row("rows read", b.RowsRead)
	row("rows accepted", b.RowsAccepted)
	row("rows rejected", b.RowsRejected)
	row("numbers accepted", b.NumbersAccepted)
	row("numbers new to the registry", b.PhonesCreated)
	row("contacts created", b.ContactsCreated)
	row("contacts merged", b.ContactsMerged)
	for _, reason := range slices.Sorted(maps.Keys(b.Rejections)) {
		row("quarantined: "+reason, b.Rejections[reason])
	}
	if seconds := b.CompletedAt.Sub(b.StartedAt).Seconds(); !already && seconds > 0 {
		row("rows per second", int64(float64(b.RowsRead)/seconds))
	}
	_ = t.Flush()
	if len(b.Rejections) > 0 {
		fmt.Fprintf(w, "`phoneregistry export quarantine %s` writes what was not accepted.\n", opaque.UUID("imp", b.ID))
	}
}

// importBar shows the progress of an import on a terminal; elsewhere it is silent.
type importBar struct {
	terminal io.Writer // nil: none
	once     sync.Once
	progress *mpb.Progress
	bar      *mpb.Bar
	mu       sync.Mutex
	last     registry.ImportBatch
}

func newImportBar(w io.Writer) *importBar {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &importBar{terminal: w}
	}
	return &importBar{}
}

func (b *importBar) update(batch registry.ImportBatch) {
	if b.terminal == nil {
		return
	}
	b.once.Do(func() {
		b.progress = mpb.New(mpb.WithOutput(b.terminal), mpb.WithWidth(48))
		b.bar = b.progress.AddBar(max(batch.BytesTotal, 1),
			mpb.PrependDecorators(decor.Name("import "), decor.Percentage(decor.WCSyncSpace)),
			mpb.AppendDecorators(decor.Any(b.rows), decor.AverageETA(decor.ET_STYLE_GO, decor.WCSyncSpace)))
	})
	b.mu.Lock()
	b.last = batch
	b.mu.Unlock()
	b.bar.SetCurrent(batch.BytesRead)
}

func (b *importBar) rows(decor.Statistics) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf(" %d rows, %d rejected ", b.last.RowsRead, b.last.RowsRejected)
}

func (b *importBar) end() {
	if b.progress == nil {
		return
	}
	if !b.bar.Completed() {
		b.bar.Abort(false)
	}
	b.progress.Wait()
}
