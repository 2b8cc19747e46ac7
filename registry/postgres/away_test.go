package postgres_test

import (
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// TestAway: what is said of a database that is not there, or goes away, and not of a statement that is wrong.
func TestAway(t *testing.T) {
	pool := testkit.Pool(t)
	nowhere, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/nowhere")
	if err != nil {
		t.Fatal(err)
	}
	defer nowhere.Close()
	_, refused := nowhere.Exec(t.Context(), "SELECT 1")
	_, wrong := pool.Exec(t.Context(), "SELECT nothing FROM nowhere")

	conn, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	_, ended := conn.Exec(t.Context(), "SELECT pg_terminate_backend(pg_backend_pid())")
	_, closed := conn.Exec(t.Context(), "SELECT 1")

	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nobody there":        {refused, true},
		"ended by the server": {ended, true},
		"closed":              {closed, true},
		"wrapped":             {fmt.Errorf("read phone: %w", refused), true},
		"a wrong statement":   {wrong, false},
		"no rows":             {pgx.ErrNoRows, false},
		"not found":           {registry.ErrNotFound, false},
		"none":                {nil, false},
	} {
		if (c.err == nil) != (name == "none") || postgres.Away(c.err) != c.want {
			t.Errorf("%s: %v is %t", name, c.err, postgres.Away(c.err))
		}
	}
}
