package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/sample"
	"phoneregistry/internal/telemetry"
	"phoneregistry/registry/postgres"
)

type versionCommand struct{}

func (versionCommand) Run(c console) error {
	_, err := fmt.Fprintln(c.out, version)
	return err
}

type sampleCommand struct {
	Rows int    `help:"How many rows." default:"1000"`
	Seed uint64 `help:"The same seed writes the same rows." default:"1"`
	Out  string `help:"Write to this file instead of standard output." type:"path" placeholder:"FILE"`
}

func (s *sampleCommand) Run(c console) (err error) {
	if s.Rows < 1 {
		return &config.Error{Field: "--rows", Value: fmt.Sprint(s.Rows), Want: "must be at least 1"}
	}
	out := c.out
	if s.Out != "" {
		file, err := os.Create(s.Out)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		out = file
	}
	w := bufio.NewWriterSize(out, 1<<20)
	if err := sample.Write(w, sample.Options{Rows: s.Rows, Seed: s.Seed}); err != nil {
		return err
	}
	return w.Flush()
}

type migrateCommand struct {
	config.Database `embed:""`
	config.Log      `embed:""`
	DownTo          *int64 `name:"down-to" help:"Take migrations back until this one is the newest; 0 takes all back. Data of their tables is lost." placeholder:"VERSION"`
}

func (m *migrateCommand) Run(ctx context.Context, c console) error {
	if m.DownTo != nil && *m.DownTo < 0 {
		return &config.Error{Field: "--down-to", Value: strconv.FormatInt(*m.DownTo, 10), Want: "must be 0 or the number of a migration"}
	}
	if err := m.Check(); err != nil {
		return err
	}
	return withStore(ctx, c, m.Database, m.Log, func(d *app.Database, _ *postgres.Store) error {
		if m.DownTo != nil {
			return d.MigrateDown(ctx, *m.DownTo, telemetry.NewLogger(c.err, m.LogLevel, m.LogFormat))
		}
		_, err := fmt.Fprintln(c.out, "the schema is up to date") // opening the database has migrated it
		return err
	})
}
