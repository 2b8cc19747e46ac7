package postgres_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/testkit"
	"phoneregistry/migrations"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// clock is a clock that tests set.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// world is a store on a database of its own.
type world struct {
	*postgres.Store
	pool  *pgxpool.Pool
	clock *clock
	url   string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	url := testkit.Database(t)
	pool, err := postgres.OpenPool(t.Context(), url, postgres.PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	c := newClock()
	return &world{postgres.New(pool, postgres.Options{Now: c.Now, Logger: testkit.Logger(t)}), pool, c, url}
}

// exec runs a statement that prepares a test.
func (w *world) exec(t testing.TB, sql string, arguments ...any) {
	t.Helper()
	if _, err := w.pool.Exec(t.Context(), sql, arguments...); err != nil {
		t.Fatal(err)
	}
}

// scalar reads one value.
func scalar[T any](t testing.TB, w *world, sql string, arguments ...any) T {
	t.Helper()
	var v T
	if err := w.pool.QueryRow(t.Context(), sql, arguments...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// acting is a context of somebody.
func acting(t testing.TB) context.Context {
	t.Helper()
	return registry.WithActor(t.Context(), registry.Actor{Name: "ana", Role: registry.RoleSteward, RequestID: "req-1"})
}

// described is a number as the numbering rules would describe it.
func described(n registry.Number) registry.Phone {
	return registry.Phone{
		Number: n, Region: "CO", LineType: numbering.Mobile, Valid: true, OriginalCarrier: "Claro",
		Location: "Colombia", TimeZones: []string{"America/Bogota"}, PlanVersion: "p1",
	}
}

// addition of a number by a source to a customer.
func addition(customer string, n registry.Number, source string) registry.PhoneAddition {
	return registry.PhoneAddition{CustomerID: customer, Phone: described(n), Source: source, MaxPhones: registry.DefaultMaxPhones}
}

// code is the code of a user error, "" for none.
func code(err error) registry.Code {
	if es, ok := registry.UserErrors(err); ok {
		return es[0].Code
	}
	return ""
}

const phoneA, phoneB = registry.Number(573001234567), registry.Number(573001234568)

func TestMigrationsGoUpDownAndUp(t *testing.T) {
	url := testkit.EmptyDatabase(t)
	ctx := testkit.Context(t)
	pool := testkit.OpenPool(t, url)
	catalogue := func() (objects string) {
		const all = `SELECT coalesce(string_agg(o, E'\n' ORDER BY o), '') FROM (
			SELECT 'relation ' || relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'goose%'
			UNION ALL SELECT 'type ' || typname FROM pg_type WHERE typnamespace = 'public'::regnamespace AND typname NOT LIKE '%goose%'
			UNION ALL SELECT 'constraint ' || conname FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
				WHERE r.relnamespace = 'public'::regnamespace AND conname NOT LIKE 'goose%') x (o)`
		if err := pool.QueryRow(ctx, all).Scan(&objects); err != nil {
			t.Fatal(err)
		}
		return objects
	}
	if err := postgres.Migrate(ctx, url, testkit.Logger(t)); err != nil {
		t.Fatal(err)
	}
	first := catalogue()
	if err := postgres.MigrateDown(ctx, url, 0, testkit.Logger(t)); err != nil {
		t.Fatal(err)
	}
	if left := catalogue(); left != "" {
		t.Errorf("after going down there is left:\n%s", left)
	}
	if err := postgres.Migrate(ctx, url, testkit.Logger(t)); err != nil {
		t.Fatal(err)
	}
	if again := catalogue(); again != first {
		t.Errorf("up again made\n%s\nwant\n%s", again, first)
	}
}

func TestServersMigrateAtOnce(t *testing.T) {
	url := testkit.EmptyDatabase(t)
	ctx := testkit.Context(t)
	errs := make(chan error)
	for range 3 {
		go func() { errs <- postgres.Migrate(ctx, url, nil) }()
	}
	for range 3 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	current, needed, err := migrations.Versions(ctx, url, nil)
	if err != nil || current != needed {
		t.Errorf("version %d of %d, %v", current, needed, err)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	w := newWorld(t)
	w.exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)")
	if err := postgres.Migrate(testkit.Context(t), w.url, nil); !errors.Is(err, migrations.ErrNewer) {
		t.Errorf("migrating a database of a newer version: %v; want ErrNewer", err)
	}
}

func TestPoolErrorsHideThePassword(t *testing.T) {
	for _, url := range []string{"postgres://u:hunter2@%zz/db", "postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=1"} {
		_, err := postgres.OpenPool(t.Context(), url, postgres.PoolOptions{})
		if err == nil {
			t.Fatalf("opened %s", url)
		}
		if got := err.Error(); strings.Contains(got, "hunter2") {
			t.Errorf("the error shows the password: %s", got)
		}
	}
}
