package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// locked makes every statement on a table wait until release, which is how a slow one looks at any load.
func locked(t *testing.T, url, table string) (release func()) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE "+table+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// watch asks over a connection of its own what the sessions of the store do.
func watch(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url+"&application_name=watch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// waiting returns the sessions of the store that wait for a lock.
func waiting(t *testing.T, watch *pgx.Conn) []int32 {
	t.Helper()
	rows, err := watch.Query(t.Context(), `SELECT pid FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'phoneregistry' AND wait_event_type = 'Lock' ORDER BY pid`)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		t.Fatal(err)
	}
	return pids
}

// until waits for a condition; a test that never meets it fails.
func until(t *testing.T, holds func() bool, otherwise string) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := testkit.Context(t); !holds(); {
		select {
		case <-tick.C:
		case <-limit.Done():
			t.Fatal(otherwise)
		}
	}
}

// TestStatementsEndWithTheirCallers has callers go away while their statements wait: PostgreSQL must not work for nobody,
// and the connections are used again.
func TestStatementsEndWithTheirCallers(t *testing.T) {
	for name, ask := range map[string]func(ctx context.Context, w *world) error{
		"a statement": func(ctx context.Context, w *world) error {
			_, err := w.Customer(ctx, "c")
			return err
		},
		"a transaction": func(ctx context.Context, w *world) error {
			_, err := w.VerifyPhone(ctx, "c", 573001234567, "call")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			release := locked(t, w.url, "customers")
			sessions := watch(t, w.url)
			const callers = 3
			var ends []context.CancelCauseFunc
			failed := make(chan error, callers)
			for range callers {
				ctx, end := context.WithCancelCause(registry.WithActor(context.Background(), registry.Actor{Name: "test", Role: registry.RoleAdmin}))
				ends = append(ends, end)
				go func() { failed <- ask(ctx, w) }()
			}
			var pids []int32
			until(t, func() bool { pids = waiting(t, sessions); return len(pids) == callers }, "the statements do not wait")
			made := w.pool.Stat().NewConnsCount()
			for _, end := range ends {
				end(nil)
			}
			for range callers {
				if err := <-failed; !errors.Is(err, context.Canceled) {
					t.Errorf("%v; want one of a context", err)
				}
			}
			if still := waiting(t, sessions); len(still) > 0 {
				t.Errorf("PostgreSQL works on for nobody in %v", still)
			}
			release()
			again(t, w.pool, callers, pids)
			if n := w.pool.Stat().NewConnsCount(); n != made {
				t.Errorf("%d connections were made anew", n-made)
			}
		})
	}
}

// again uses as many connections as there were, which must be the same ones and in order.
func again(t *testing.T, pool *pgxpool.Pool, count int, pids []int32) {
	t.Helper()
	known := map[int32]bool{}
	for _, pid := range pids {
		known[pid] = true
	}
	for range count {
		conn, err := pool.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		var pid int32
		var status string
		if err := conn.QueryRow(t.Context(), "SELECT pg_backend_pid(), 'well'").Scan(&pid, &status); err != nil || status != "well" {
			t.Errorf("a connection is no good any more: %v", err)
		}
		if !known[pid] {
			t.Errorf("session %d is none of %v", pid, pids)
		}
	}
}

// TestStatementsHaveAnEnd waits for the statement_timeout, behind which there is no caller's deadline.
func TestStatementsHaveAnEnd(t *testing.T) {
	w := newWorld(t)
	release := locked(t, w.url, "customers")
	defer release()
	pool, err := postgres.OpenPool(t.Context(), w.url, postgres.PoolOptions{StatementTimeout: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	store := postgres.New(pool, postgres.Options{})
	if _, err := store.Customer(t.Context(), "c"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v; want one that says that it took too long", err)
	}
}
