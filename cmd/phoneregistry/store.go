package main

import (
	"context"
	"errors"
	"time"

	"phoneregistry/internal/app"
	"phoneregistry/internal/config"
	"phoneregistry/internal/telemetry"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// commandLine is the actor of what is done on the command line.
const commandLine = "system:cli"

// stopLimit bounds how long a command waits for its private PostgreSQL to stop.
const stopLimit = 30 * time.Second

func asCommandLine(ctx context.Context) context.Context {
	return registry.WithActor(ctx, registry.Actor{Name: commandLine, Role: registry.RoleAdmin})
}

// withStore opens the database of a command, runs do, and closes it again.
func withStore(
	ctx context.Context, c console, db config.Database, l config.Log, do func(*app.Database, *postgres.Store) error,
) (err error) {
	log := telemetry.NewLogger(c.err, quiet(l.LogLevel), l.LogFormat)
	d, err := app.OpenDatabase(ctx, db, log)
	if err != nil {
		return err
	}
	defer func() {
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
		defer cancel()
		err = errors.Join(err, d.Close(limit))
	}()
	return do(d, postgres.New(d.Pool, postgres.Options{Logger: log}))
}

// quiet keeps commands for people quiet: what goes as planned is not logged unless asked for.
func quiet(level string) string {
	if level == "info" {
		return "warn"
	}
	return level
}
