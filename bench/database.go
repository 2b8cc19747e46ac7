package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/pgembed"
	"phoneregistry/migrations"
	"phoneregistry/registry/postgres"
)

// database is a private PostgreSQL as the program runs it, with full durability.
type database struct {
	postgres *pgembed.Server
	dir      string
	made     int
}

func startDatabase(ctx context.Context) (*database, error) {
	// A folder of its own: as root PostgreSQL runs as another user, who cannot enter ours.
	dir, err := os.MkdirTemp("", "phoneregistry-bench-")
	if err != nil {
		return nil, err
	}
	server, err := pgembed.Start(ctx, pgembed.Config{DataDir: dir, DieWithParent: true})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), os.RemoveAll(dir))
	}
	return &database{postgres: server, dir: dir}, nil
}

func (d *database) version() string { return d.postgres.Version() }

func (d *database) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(d.postgres.Stop(ctx), os.RemoveAll(d.dir))
}

// fresh makes a new database with the schema of the registry.
func (d *database) fresh(ctx context.Context) (*registryDatabase, error) {
	d.made++
	name := fmt.Sprintf("bench_%d", d.made)
	owner, err := pgx.ParseConfig(d.postgres.URL())
	if err != nil {
		return nil, errors.New("the URL of PostgreSQL cannot be read")
	}
	if err := d.admin(ctx, fmt.Sprintf("CREATE DATABASE %s OWNER %s", name, owner.User)); err != nil {
		return nil, err
	}
	u, err := url.Parse(d.postgres.URL())
	if err != nil {
		return nil, errors.New("the URL of PostgreSQL cannot be read")
	}
	u.Path = "/" + name
	r := &registryDatabase{server: d, name: name, url: u.String()}
	if err := migrations.Up(ctx, r.url, nil); err != nil {
		return nil, err
	}
	if r.pool, err = postgres.OpenPool(ctx, r.url, postgres.PoolOptions{StatementTimeout: -1}); err != nil {
		return nil, err
	}
	r.store = postgres.New(r.pool, postgres.Options{})
	return r, r.store.EnsurePartitions(ctx, time.Now())
}

func (d *database) admin(ctx context.Context, statement string) (err error) {
	conn, err := pgx.Connect(ctx, d.postgres.AdminURL())
	if err != nil {
		return fmt.Errorf("connect to PostgreSQL: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("administer PostgreSQL: %w", err)
	}
	return nil
}

// registryDatabase is one database with the schema of the registry.
type registryDatabase struct {
	server *database
	name   string
	url    string
	pool   *pgxpool.Pool
	store  *postgres.Store
}

// drop closes and removes the database.
func (r *registryDatabase) drop() error {
	if r.pool != nil {
		r.pool.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return r.server.admin(ctx, "DROP DATABASE "+r.name+" WITH (FORCE)")
}

// settle writes to disk what earlier work has left in memory, so that it is not counted for what comes next.
func (r *registryDatabase) settle(ctx context.Context, analyze ...string) error {
	for _, table := range analyze {
		if err := r.exec(ctx, "VACUUM ANALYZE "+table); err != nil {
			return err
		}
	}
	return r.server.admin(ctx, "CHECKPOINT")
}

func (r *registryDatabase) exec(ctx context.Context, statement string, args ...any) error {
	if _, err := r.pool.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("run SQL: %w", err)
	}
	return nil
}

func (r *registryDatabase) count(ctx context.Context, table string) (n int64, err error) {
	err = r.pool.QueryRow(ctx, "SELECT count(*) FROM "+pgx.Identifier{table}.Sanitize()).Scan(&n)
	return n, err
}
