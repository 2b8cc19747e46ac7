package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"phoneregistry/internal/app"
	"phoneregistry/internal/auth"
	"phoneregistry/internal/config"
	"phoneregistry/internal/opaque"
	"phoneregistry/internal/sample"
	"phoneregistry/internal/telemetry"
	"phoneregistry/registry"
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

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make a token and print it once."`
	List   tokenListCommand   `cmd:"" help:"List tokens."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke a token."`
}

type tokenCreateCommand struct {
	config.Database `embed:""`
	config.Log      `embed:""`
	Name            string        `help:"What or whom it is for." required:""`
	Role            string        `help:"What its bearer may do: ${enum}." enum:"VIEWER,ANALYST,STEWARD,OPERATOR,ADMIN" required:""`
	Expires         time.Duration `help:"How long it holds, for example 720h; for ever unless told."`
}

func (t *tokenCreateCommand) Run(ctx context.Context, c console) error {
	if err := t.Check(); err != nil {
		return err
	}
	if t.Expires < 0 {
		return &config.Error{Field: "--expires", Value: t.Expires.String(), Want: "must not be negative"}
	}
	return withStore(ctx, c, t.Database, t.Log, func(_ *app.Database, store *postgres.Store) error {
		token, now := auth.NewToken(), time.Now()
		key := registry.APIKey{ID: uuid.New(), Name: t.Name, Role: registry.Role(t.Role), CreatedBy: commandLine, CreatedAt: now}
		if t.Expires > 0 {
			key.ExpiresAt = now.Add(t.Expires)
		}
		if err := store.CreateAPIKey(asCommandLine(ctx), key, auth.Hash(token)); err != nil {
			return err
		}
		fmt.Fprintln(c.err, "this token is shown only now:")
		_, err := fmt.Fprintln(c.out, token)
		return err
	})
}

type tokenListCommand struct {
	config.Database `embed:""`
	config.Log      `embed:""`
}

func (t *tokenListCommand) Run(ctx context.Context, c console) error {
	if err := t.Check(); err != nil {
		return err
	}
	return withStore(ctx, c, t.Database, t.Log, func(_ *app.Database, store *postgres.Store) error {
		keys, err := store.APIKeys(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "ID\tNAME\tROLE\tCREATED\tEXPIRES\tREVOKED\tLAST USED")
		for _, k := range keys {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", opaque.UUID("key", k.ID), k.Name, k.Role,
				date(k.CreatedAt), date(k.ExpiresAt), date(k.RevokedAt), moment(k.LastUsedAt))
		}
		return w.Flush()
	})
}

type tokenRevokeCommand struct {
	config.Database `embed:""`
	config.Log      `embed:""`
	ID              string `arg:"" help:"The token's id, as the list shows it."`
}

func (t *tokenRevokeCommand) Run(ctx context.Context, c console) error {
	if err := t.Check(); err != nil {
		return err
	}
	id, err := opaque.ParseUUID("key", t.ID)
	if err != nil {
		return &config.Error{Field: "ID", Value: t.ID, Want: "is no id of a token; `phoneregistry token list` shows them"}
	}
	return withStore(ctx, c, t.Database, t.Log, func(_ *app.Database, store *postgres.Store) error {
		err := store.RevokeAPIKey(asCommandLine(ctx), id)
		if errors.Is(err, registry.ErrNotFound) {
			return fmt.Errorf("there is no token %s", t.ID)
		}
		return err
	})
}

// moment shows a time to the minute.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04Z")
}

func date(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateOnly)
}
