package importer_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/postgres"
)

// cutter ends a context when the store has been asked so many things. It counts statements, batches and copies at
// their start, commits among them, so that a cut can fall anywhere, also while a commit is on its way.
type cutter struct {
	left   atomic.Int64
	cancel context.CancelFunc
}

func (c *cutter) count() {
	if c.left.Add(-1) == 0 {
		c.cancel()
	}
}

func (c *cutter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.count()
	return ctx
}
func (c *cutter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *cutter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.count()
	return ctx
}
func (c *cutter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *cutter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (c *cutter) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	c.count()
	return ctx
}
func (c *cutter) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

// cutFixture is a fixture whose context ends after so many statements of every run.
func cutFixture(t *testing.T) (*fixture, *cutter) {
	t.Helper()
	c := &cutter{}
	pool, err := postgres.OpenPool(t.Context(), testkit.Database(t), postgres.PoolOptions{Tracer: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return newFixtureOn(t, pool, batches(resumeBatch)), c
}

const (
	resumeRows  = 600
	resumeBatch = 40
)

// However often and wherever an import is cut off, it ends as if nothing had happened.
func TestResumeAfterCuts(t *testing.T) {
	path := sampleFile(t, resumeRows, 5)
	want := imported(t, path)
	f, c := cutFixture(t)
	random := rand.New(rand.NewPCG(5, 5))
	cuts := 0
	for {
		f.unclaimed(t) // a cut closes the connection, and its session takes a moment to find that out
		ctx, cancel := context.WithCancel(t.Context())
		c.cancel = cancel
		c.left.Store(1 + random.Int64N(60))
		b, already, err := f.ImportFile(ctx, path, importer.Options{Source: "web_forms"}, nil)
		cut := ctx.Err() != nil
		cancel()
		if err == nil && b.Status == registry.ImportCompleted {
			if already && cuts == 0 {
				t.Error("the first import says it was there already")
			}
			break
		}
		if !cut {
			t.Fatalf("ImportFile: %s, %v", b.Status, err)
		}
		cuts++
	}
	if cuts < 5 {
		t.Errorf("the import was cut off %d times, want more", cuts)
	}
	if diff := cmp.Diff(want, f.contents(t)); diff != "" {
		t.Errorf("after %d cuts the registry differs: %s", cuts, diff)
	}
	checkAudit(t, f)
}

// imported is what the registry holds after an import that nobody disturbs.
func imported(t *testing.T, path string) map[string][]string {
	t.Helper()
	f := newFixture(t, batches(resumeBatch))
	b, _, err := f.ImportFile(t.Context(), path, importer.Options{Source: "web_forms"}, nil)
	if err != nil || b.Status != registry.ImportCompleted || b.RowsRead == 0 {
		t.Fatalf("ImportFile: %+v, %v", b, err)
	}
	return f.contents(t)
}

// claims are the advisory locks by which sessions hold imports. All others have one number, not two.
const claims = `pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// unclaimed waits until no session holds an import. A session outlives its client by what it was told to do last.
func (f *fixture) unclaimed(t *testing.T) {
	t.Helper()
	f.strings(t, `SELECT pg_advisory_xact_lock(classid::bigint::int, objid::bigint::int)::text FROM `+claims)
}

// checkAudit holds the audit trail to the import's own sums: every run of rows has one entry, in the transaction that
// merged it, so rows merged twice or not at all would show.
func checkAudit(t *testing.T, f *fixture) {
	t.Helper()
	got := f.strings(t, `SELECT concat_ws(' ', count(DISTINCT details->>'first_row'), count(*), sum((details->>'rows')::int), sum((details->>'numbers')::int))
		FROM audit_trail WHERE action = 'import.rows_merged'`)
	want := f.strings(t, `SELECT concat_ws(' ', ceil(rows_read / $1::numeric), ceil(rows_read / $1::numeric), rows_read, numbers_accepted) FROM import_batches`, resumeBatch)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit trail: %s", diff)
	}
}

// A claim ends with its connection. The one who lost it finds out at the next run of rows, and stops.
func TestLostClaim(t *testing.T) {
	path := sampleFile(t, resumeRows, 7)
	want := imported(t, path)
	f := newFixture(t, batches(resumeBatch))
	other := newFixtureOn(t, f.pool, batches(resumeBatch))
	o := importer.Options{Source: "web_forms"}
	runs := 0
	b, already, err := f.ImportFile(t.Context(), path, o, func(registry.ImportBatch) {
		if runs++; runs != 3 {
			return
		}
		held, already, err := other.ImportFile(t.Context(), path, o, nil)
		if err != nil || !already || held.Status != registry.ImportRunning {
			t.Errorf("while it is claimed: %s, already imported %t, %v", held.Status, already, err)
		}
		f.strings(t, `SELECT pg_terminate_backend(pid, 60000)::text FROM `+claims)
		if b, _, err := other.ImportFile(t.Context(), path, o, nil); err != nil || b.Status != registry.ImportCompleted {
			t.Errorf("after the claim was lost: %s, %v", b.Status, err)
		}
	})
	if err == nil || already {
		t.Errorf("the one who lost the claim: %s, already imported %t, no error", b.Status, already)
	}
	if runs != 3 {
		t.Errorf("the one who lost the claim merged %d runs, want 3", runs)
	}
	if diff := cmp.Diff(want, f.contents(t)); diff != "" {
		t.Error(diff)
	}
	checkAudit(t, f)
}
