package testkit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/pgembed"
	"phoneregistry/migrations"
)

// server is the one PostgreSQL of a test binary.
type server struct {
	start    sync.Once
	err      error // of the start
	dir      string
	postgres *pgembed.Server
	admin    sync.Mutex // PostgreSQL copies one template at a time
	next     atomic.Int64
}

var shared server //nolint:gochecknoglobals // tests share nothing else than their binary

const template = "template_migrated"

// Database makes a new database with all migrations applied, and returns its URL. It is dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	name := "test_" + strconv.FormatInt(shared.next.Add(1), 10)
	return database(t, name, template)
}

// EmptyDatabase makes a new database without migrations, and returns its URL. It is dropped when the test ends.
func EmptyDatabase(t testing.TB) string {
	t.Helper()
	name := "empty_" + strconv.FormatInt(shared.next.Add(1), 10)
	return database(t, name, "template0")
}

// Pool is a pool on a new database with all migrations applied, closed when the test ends.
func Pool(t testing.TB) *pgxpool.Pool {
	t.Helper()
	return OpenPool(t, Database(t))
}

// OpenPool opens a pool on the database at url, closed when the test ends.
func OpenPool(t testing.TB, url string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(Context(t), url)
	if err != nil {
		t.Fatalf("testkit: open pool: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func database(t testing.TB, name, from string) string {
	t.Helper()
	if err := shared.ensure(); err != nil {
		t.Fatalf("testkit: a PostgreSQL server is needed (15 or newer, for example apt-get install postgresql): %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := shared.create(ctx, name, from); err != nil {
		t.Fatalf("testkit: make database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := shared.exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("testkit: drop database: %v", err)
		}
	})
	return named(shared.postgres.URL(), name)
}

// ensure starts PostgreSQL and migrates the template, once.
func (s *server) ensure() error {
	s.start.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
		defer cancel()
		if s.dir, s.err = os.MkdirTemp("", "phoneregistry-test-"); s.err != nil {
			return
		}
		config := pgembed.Config{DataDir: s.dir, Fast: true, DieWithParent: true}
		if s.postgres, s.err = pgembed.Start(ctx, config); s.err != nil {
			return
		}
		if s.err = s.create(ctx, template, "template0"); s.err != nil {
			return
		}
		s.err = migrations.Up(ctx, named(s.postgres.URL(), template), nil)
	})
	return s.err
}

func (s *server) create(ctx context.Context, name, from string) error {
	owner, err := pgx.ParseConfig(s.postgres.URL())
	if err != nil {
		return fmt.Errorf("read URL of PostgreSQL: %w", err)
	}
	return s.exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s OWNER %s", name, from, owner.User))
}

func (s *server) exec(ctx context.Context, statement string) (err error) {
	s.admin.Lock()
	defer s.admin.Unlock()
	conn, err := pgx.Connect(ctx, s.postgres.AdminURL())
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("administer: %w", err)
	}
	return nil
}

func (s *server) stop() error {
	var err error
	if s.postgres != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		err = s.postgres.Stop(ctx)
	}
	if s.dir != "" {
		err = errors.Join(err, os.RemoveAll(s.dir))
	}
	return err
}

// named is the URL of another database of the same server.
func named(server, database string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(err) // made by pgembed
	}
	u.Path = "/" + database
	return u.String()
}
