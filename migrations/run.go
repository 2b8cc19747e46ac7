package migrations

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// ErrNewer is returned for a database that a newer version of the program has migrated.
var ErrNewer = errors.New("the database was made by a newer version of phoneregistry; use that version or a newer one")

// Up brings the database at url to the newest version. Several may do so at once: they take turns.
func Up(ctx context.Context, url string, log *slog.Logger) error {
	return with(ctx, url, log, func(p *goose.Provider) error {
		current, target, err := p.GetVersions(ctx)
		if err != nil {
			return fmt.Errorf("read version of the database: %w", err)
		}
		if current > target {
			return fmt.Errorf("%w: it is at version %d, this program knows %d", ErrNewer, current, target)
		}
		if _, err := p.Up(ctx); err != nil {
			return fmt.Errorf("migrate the database: %w", err)
		}
		return nil
	})
}

// Down takes the database at url back to the version given; 0 removes everything, with all data.
func Down(ctx context.Context, url string, version int64, log *slog.Logger) error {
	return with(ctx, url, log, func(p *goose.Provider) error {
		if _, err := p.DownTo(ctx, version); err != nil {
			return fmt.Errorf("migrate the database back: %w", err)
		}
		return nil
	})
}

// Versions returns the version of the database at url, and the one this program needs.
func Versions(ctx context.Context, url string, log *slog.Logger) (current, needed int64, err error) {
	err = with(ctx, url, log, func(p *goose.Provider) error {
		current, needed, err = p.GetVersions(ctx)
		return err
	})
	return current, needed, err
}

func with(ctx context.Context, url string, log *slog.Logger, do func(*goose.Provider) error) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		// The cause may quote the URL, and with it a password.
		return errors.New("the database URL cannot be read: want postgres://USER:PASSWORD@HOST:PORT/DATABASE")
	}
	config.RuntimeParams["application_name"] = "phoneregistry migrate"
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.PingContext(ctx); err != nil {
		return fmt.Errorf("reach the database: %w", err)
	}
	p, err := provider(db, log)
	if err != nil {
		return err
	}
	return do(p)
}

func provider(db *sql.DB, log *slog.Logger) (*goose.Provider, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	// Once a second for ten minutes: a big migration by another server may take its time.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
	if err != nil {
		return nil, fmt.Errorf("lock migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, Files,
		goose.WithSessionLocker(locker), goose.WithSlog(log), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}
