package postgres_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// slowClaim stands before PostgreSQL's own function on the search path. It gets the lock, and then waits for the table slow.
const slowClaim = `
CREATE TABLE slow ();
CREATE SCHEMA before;
CREATE FUNCTION before.pg_try_advisory_lock(int, int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE got boolean := pg_catalog.pg_try_advisory_lock($1, $2);
BEGIN
	PERFORM FROM public.slow;
	RETURN got;
END $$`

// TestClaimThatIsGivenUp has the caller go away between the lock and the answer. The lock is of the session, so that it
// outlives the statement: it must not stay behind on a connection of the pool.
func TestClaimThatIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.exec(t, slowClaim)
	n := registry.NewImport{ID: uuid.New(), FileName: "a.csv", Source: "web_forms", Encoding: "utf-8", BytesTotal: 10}
	if _, _, err := w.StartImport(acting(t), n); err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenPool(t.Context(), w.url+"&search_path=before,public,pg_catalog", postgres.PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	release := locked(t, w.url, "slow")
	sessions := watch(t, w.url)
	ctx, end := context.WithCancel(acting(t))
	failed := make(chan error)
	go func() {
		_, err := postgres.New(pool, postgres.Options{}).ClaimImport(ctx, n.ID)
		failed <- err
	}()
	until(t, func() bool { return len(waiting(t, sessions)) == 1 }, "nobody claims the import")
	end()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("a claim that was given up: %v", err)
	}
	release()
	var claim registry.ImportClaim
	until(t, func() bool {
		claim, err = w.ClaimImport(t.Context(), n.ID)
		return !errors.Is(err, registry.ErrImportBusy)
	},
		"the import stays claimed by nobody")
	if err != nil {
		t.Fatal(err)
	}
	if task := claim.Task(); task.ID != n.ID || task.Status != registry.ImportRunning {
		t.Errorf("claimed: import %s, %s", task.ID, task.Status)
	}
	claim.Release(t.Context())
}
