package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/config"
	"phoneregistry/internal/dirlock"
	"phoneregistry/internal/pgembed"
	"phoneregistry/registry/postgres"
)

// Database is a migrated PostgreSQL and the connections to it.
type Database struct {
	Pool *pgxpool.Pool

	url      string
	embedded *pgembed.Server // nil: somebody else's
	lock     *dirlock.Lock   // nil: held by embedded, or not needed
}

// openServerDatabase starts the private PostgreSQL, or connects to the one that is configured, and brings its schema
// up to date. It takes the data directory for this process.
// statements is how long one statement may take.
func openServerDatabase(ctx context.Context, c config.Database, statements time.Duration, log *slog.Logger) (*Database, error) {
	if c.DatabaseURL == "" {
		return startEmbedded(ctx, c.DataDir, statements, log)
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, &config.Error{Field: "--data-dir", Value: c.DataDir, Want: "must be a folder this user may write to"}
	}
	lock, err := dirlock.Acquire(filepath.Join(c.DataDir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pgembed.ErrInUse, err)
	}
	d, err := connect(ctx, c.DatabaseURL, statements, log)
	if err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	d.lock = lock
	return d, nil
}

// OpenDatabase gives a command its database: the configured one, that of a server which runs on the data directory,
// or else a private PostgreSQL for as long as the command runs.
func OpenDatabase(ctx context.Context, c config.Database, log *slog.Logger) (*Database, error) {
	if c.DatabaseURL != "" {
		return connect(ctx, c.DatabaseURL, 0, log)
	}
	url, err := pgembed.RunningURL(c.DataDir)
	if err == nil {
		return connect(ctx, url, 0, log)
	}
	return startEmbedded(ctx, c.DataDir, 0, log)
}

func startEmbedded(ctx context.Context, dataDir string, statements time.Duration, log *slog.Logger) (*Database, error) {
	server, err := pgembed.Start(ctx, pgembed.Config{DataDir: dataDir, Logger: log})
	if err != nil {
		return nil, err
	}
	d, err := connect(ctx, server.URL(), statements, log)
	if err != nil {
		return nil, errors.Join(err, server.Stop(context.WithoutCancel(ctx)))
	}
	d.embedded = server
	return d, nil
}

// connect connects to a database. statements is how long one statement may take; 0: as the store sees fit.
func connect(ctx context.Context, url string, statements time.Duration, log *slog.Logger) (*Database, error) {
	pool, err := postgres.OpenPool(ctx, url, postgres.PoolOptions{StatementTimeout: statements})
	if err != nil {
		return nil, &UnreachableError{"PostgreSQL", err}
	}
	if err := postgres.Migrate(ctx, url, log); err != nil {
		pool.Close()
		return nil, fmt.Errorf("migrate the database: %w", err)
	}
	return &Database{Pool: pool, url: url}, nil
}

// MigrateDown takes migrations back, down to the version given.
func (d *Database) MigrateDown(ctx context.Context, version int64, log *slog.Logger) error {
	return postgres.MigrateDown(ctx, d.url, version, log)
}

// Close ends the connections, and PostgreSQL itself if this process runs it.
func (d *Database) Close(ctx context.Context) error {
	d.Pool.Close()
	var errs []error
	if d.embedded != nil {
		errs = append(errs, d.embedded.Stop(ctx))
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Release())
	}
	return errors.Join(errs...)
}
