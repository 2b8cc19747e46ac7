package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/postgres"
)

type exportCommand struct {
	Phones     exportPhonesCommand     `cmd:"" help:"Export the numbers of the registry."`
	Leads      exportLeadsCommand      `cmd:"" help:"Export lead scores, best first."`
	Quarantine exportQuarantineCommand `cmd:"" help:"Export what an import did not accept."`
	Failures   exportFailuresCommand   `cmd:"" help:"Export the checks of a job that got no answer."`
}

// exportTo is what every export needs. Numbers are written whole: whoever may read the database may read them.
type exportTo struct {
	config.Database `embed:""`
	config.Log      `embed:""`
	Out             string `help:"Write to this file instead of standard output." type:"path" placeholder:"FILE"`
}

// write opens the database and the output, and runs do.
func (e *exportTo) write(ctx context.Context, c console, do func(*postgres.Store, io.Writer) error) error {
	if err := e.Check(); err != nil {
		return err
	}
	return withStore(ctx, c, e.Database, e.Log, func(_ *app.Database, store *postgres.Store) (err error) {
		out := c.out
		if e.Out != "" {
			file, err := os.OpenFile(e.Out, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, file.Close()) }()
			out = file
		}
		w := bufio.NewWriterSize(out, 1<<16)
		if err := do(store, w); err != nil {
			return err
		}
		return w.Flush()
	})
}

type exportPhonesCommand struct {
	exportTo `embed:""`
	Region   []string `help:"Only these regions; several with commas." placeholder:"CC"`
}

func (e *exportPhonesCommand) Run(ctx context.Context, c console) error {
	return e.write(ctx, c, func(store *postgres.Store, out io.Writer) error {
		w := csv.NewWriter(out)
		if err := w.Write([]string{"number", "region", "line_type", "valid", "original_carrier", "location", "created_at"}); err != nil {
			return err
		}
		filter := registry.PhoneFilter{Regions: e.Region}
		return eachPage(func(p registry.PageRequest) (registry.Page[registry.Phone], error) {
			return store.Phones(ctx, filter, registry.PhoneOrder{Field: registry.OrderByNumber}, p)
		}, func(p registry.Phone) error {
			return w.Write([]string{
				p.Number.String(), p.Region, string(p.LineType), strconv.FormatBool(p.Valid), p.OriginalCarrier, p.Location,
				p.CreatedAt.UTC().Format(time.RFC3339),
			})
		}, w)
	})
}

type exportLeadsCommand struct {
	exportTo `embed:""`
	MinScore int `help:"Only leads with at least this many points."`
}

func (e *exportLeadsCommand) Run(ctx context.Context, c console) error {
	return e.write(ctx, c, func(store *postgres.Store, out io.Writer) error {
		w := csv.NewWriter(out)
		if err := w.Write([]string{"number", "total", "tier", "coverage", "simulated", "model_version", "updated_at"}); err != nil {
			return err
		}
		filter := registry.LeadFilter{MinScore: &e.MinScore}
		return eachPage(func(p registry.PageRequest) (registry.Page[registry.LeadScore], error) {
			return store.Leads(ctx, filter, p)
		}, func(s registry.LeadScore) error {
			return w.Write([]string{
				s.Number.String(), strconv.Itoa(s.Total), string(s.Tier), strconv.FormatFloat(s.Coverage, 'f', 2, 64),
				strconv.FormatBool(s.Simulated), s.ModelVersion, s.UpdatedAt.UTC().Format(time.RFC3339),
			})
		}, w)
	})
}

// eachPage writes every entry of a list, page by page.
func eachPage[T any](page func(registry.PageRequest) (registry.Page[T], error), write func(T) error, w *csv.Writer) error {
	request := registry.PageRequest{First: registry.MaxPageSize}
	for {
		p, err := page(request)
		if err != nil {
			return err
		}
		for _, item := range p.Items {
			if err := write(item); err != nil {
				return err
			}
		}
		if !p.HasMore {
			w.Flush()
			return w.Error()
		}
		request.After = &p.Positions[len(p.Positions)-1]
	}
}

type exportQuarantineCommand struct {
	exportTo `embed:""`
	ID       string `arg:"" help:"The import's id, as its summary shows it."`
	Reason   string `help:"Only this reason." placeholder:"CODE"`
}

func (e *exportQuarantineCommand) Run(ctx context.Context, c console) error {
	id, err := opaque.ParseUUID("imp", e.ID)
	if err != nil {
		return &config.Error{Field: "ID", Value: e.ID, Want: "is no id of an import; the import's summary shows it"}
	}
	return e.write(ctx, c, func(store *postgres.Store, out io.Writer) error {
		if _, err := store.Import(ctx, id); errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("there is no import %s", e.ID)
		} else if err != nil {
			return err
		}
		filter := registry.QuarantineFilter{Import: id, Reason: e.Reason}
		return importer.New(importer.Config{Store: store}).WriteQuarantine(ctx, out, filter)
	})
}

type exportFailuresCommand struct {
	exportTo `embed:""`
	Job      string `required:"" help:"The job's id, as the API shows it." placeholder:"ID"`
}

func (e *exportFailuresCommand) Run(ctx context.Context, c console) error {
	id, err := opaque.ParseUUID("job", e.Job)
	if err != nil {
		return &config.Error{Field: "--job", Value: e.Job, Want: "is no id of a job; the API shows it"}
	}
	return e.write(ctx, c, func(store *postgres.Store, out io.Writer) error {
		err := registry.WriteFailures(ctx, store, out, id, true)
		if errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("there is no job %s", e.Job)
		}
		return err
	})
}
