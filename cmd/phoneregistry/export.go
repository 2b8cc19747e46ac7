package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"phoneregistry/internal/accesslog"
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

// exportTo is what every export needs. Numbers are written whole: whoever may read the database may read them. That they
// were is recorded in the access log, before they are written.
type exportTo struct {
	config.Database `embed:""`
	config.Log      `embed:""`
	Out             string `help:"Write to this file instead of standard output." type:"path" placeholder:"FILE"`
	Purpose         string `help:"For what the numbers are needed; written to the access log." placeholder:"TEXT"`
}

// exporter is the actor of exports in the access log.
const exporter = "command line"

// write opens the database and the output, and runs do. what is shown whole, by name and field.
func (e *exportTo) write(ctx context.Context, c console, name, field string, do func(*postgres.Store, *accesslog.Sheet) error) error {
	if err := e.Check(); err != nil {
		return err
	}
	who := registry.Actor{Name: exporter, Role: registry.RoleAdmin}
	if e.Purpose != "" {
		purpose, err := registry.ParsePurpose(e.Purpose)
		if err != nil {
			return &config.Error{Field: "--purpose", Want: err.Error()}
		}
		who.Purpose = purpose
	}
	what := registry.Shown{Operation: "export " + name, Fields: []string{field}}
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
		sheet := accesslog.NewSheet(w, accesslog.NewDirect(ctx, store), who, what)
		if err := do(store, sheet); err != nil {
			return err
		}
		if err := sheet.Flush(); err != nil {
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
	filter, err := registry.CheckPhoneFilter(registry.PhoneFilter{Regions: e.Region})
	if err != nil {
		return &config.Error{Field: "--region", Want: err.Error()}
	}
	return e.write(ctx, c, "phones", "Phone.number", func(store *postgres.Store, out *accesslog.Sheet) error {
		w := csv.NewWriter(out)
		if err := w.Write([]string{"number", "region", "line_type", "valid", "original_carrier", "location", "created_at"}); err != nil {
			return err
		}
		return eachPage(func(p registry.PageRequest) (registry.Page[registry.Phone], error) {
			return store.Phones(ctx, filter, registry.PhoneOrder{Field: registry.OrderByNumber}, p)
		}, func(p registry.Phone) error {
			return w.Write([]string{
				out.Number(p.Number), p.Region, string(p.LineType), strconv.FormatBool(p.Valid), p.OriginalCarrier, p.Location,
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
	filter, err := registry.CheckLeadFilter(registry.LeadFilter{MinScore: &e.MinScore})
	if err != nil {
		return &config.Error{Field: "--min-score", Value: strconv.Itoa(e.MinScore), Want: "must be 0 to 100"}
	}
	return e.write(ctx, c, "leads", "Phone.number", func(store *postgres.Store, out *accesslog.Sheet) error {
		w := csv.NewWriter(out)
		if err := w.Write([]string{"number", "total", "tier", "coverage", "simulated", "model_version", "updated_at"}); err != nil {
			return err
		}
		return eachPage(func(p registry.PageRequest) (registry.Page[registry.LeadScore], error) {
			return store.Leads(ctx, filter, p)
		}, func(s registry.LeadScore) error {
			return w.Write([]string{
				out.Number(s.Number), strconv.Itoa(s.Total), string(s.Tier), strconv.FormatFloat(s.Coverage, 'f', 2, 64),
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
	return e.write(ctx, c, "quarantine", "QuarantineEntry.raw", func(store *postgres.Store, out *accesslog.Sheet) error {
		if _, err := store.Import(ctx, id); errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("there is no import %s", e.ID)
		} else if err != nil {
			return err
		}
		filter := registry.QuarantineFilter{Import: id, Reason: e.Reason}
		return importer.New(importer.Config{Store: store}).WriteQuarantine(ctx, out, filter, out.Raw)
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
	return e.write(ctx, c, "failures", "ValidationFailure.number", func(store *postgres.Store, out *accesslog.Sheet) error {
		err := registry.WriteFailures(ctx, store, out, id, out.Number)
		if errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("there is no job %s", e.Job)
		}
		return err
	})
}
