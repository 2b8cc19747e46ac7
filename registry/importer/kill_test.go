package importer_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/postgres"
)

// A process that is killed with -9 leaves nothing behind that another one cannot go on from.
func TestResumeAfterKill(t *testing.T) {
	path := sampleFile(t, resumeRows, 6)
	want := imported(t, path)
	url := testkit.Database(t)
	f := newFixtureOn(t, testkit.OpenPool(t, url), batches(resumeBatch))
	for _, lines := range []int{1, 4, 2, 3} {
		p := importElsewhere(t, url, path, lines+1) // it is killed anywhere in the run of rows behind what it has reported
		p.reported(t, lines)
		p.kill(t)
		f.unclaimed(t)
	}
	f.finish(t, path, want)
}

// finish imports what is left of a file, and holds what is there then to what an import brings that nobody disturbs.
func (f *fixture) finish(t *testing.T, path string, want map[string][]string) {
	t.Helper()
	b, already, err := f.ImportFile(t.Context(), path, importer.Options{Source: "web_forms"}, nil)
	if err != nil || already || b.Status != registry.ImportCompleted {
		t.Fatalf("ImportFile: %s, already imported %t, %v", b.Status, already, err)
	}
	if diff := cmp.Diff(want, f.contents(t)); diff != "" {
		t.Errorf("after the kills the registry differs: %s", diff)
	}
	checkAudit(t, f)
}

// gate holds the session that merges rows 41 to 80, where its trigger fires, until the lock is free.
const gate = `
CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN PERFORM pg_advisory_xact_lock_shared(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER gate AFTER UPDATE ON import_batches DEFERRABLE INITIALLY %s
	FOR EACH ROW WHEN (NEW.rows_read = 80) EXECUTE FUNCTION gate()`

// PostgreSQL does not notice at once that a process was killed: its session ends what it was told to do, with a commit
// that was on its way. Nobody else gets at the import before that, or the same rows would be merged twice.
func TestSessionOutlivesItsProcess(t *testing.T) {
	path := sampleFile(t, resumeRows, 10)
	want := imported(t, path)
	tests := map[string]struct{ fires, rows string }{
		"in a statement": {"IMMEDIATE", "40"}, // the commit was not asked for
		"in the commit":  {"DEFERRED", "80"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			url := testkit.Database(t)
			f := newFixtureOn(t, testkit.OpenPool(t, url), batches(resumeBatch))
			open := f.shut(t, fmt.Sprintf(gate, test.fires))
			p := importElsewhere(t, url, path, resumeRows/resumeBatch)
			p.reported(t, 1)
			ctx := testkit.Context(t)
			for f.strings(t, `SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`)[0] == "0" {
				if ctx.Err() != nil {
					t.Fatal("no session stands at the gate")
				}
			}
			p.kill(t)
			id := uuid.MustParse(f.strings(t, `SELECT id::text FROM import_batches WHERE rows_read = 40`)[0])
			if _, err := f.store.ClaimImport(t.Context(), id); !errors.Is(err, registry.ErrImportBusy) {
				t.Fatalf("while the session goes on, the import is claimed by another: %v", err)
			}
			open()
			f.unclaimed(t)
			if got := f.strings(t, `SELECT rows_read::text FROM import_batches`); got[0] != test.rows {
				t.Errorf("the session left %s rows, want %s", got[0], test.rows)
			}
			f.finish(t, path, want)
		})
	}
}

// shut makes a gate and shuts it, until the function is called or the test ends.
func (f *fixture) shut(t *testing.T, gate string) (open func()) {
	t.Helper()
	if _, err := f.pool.Exec(t.Context(), gate); err != nil {
		t.Fatal(err)
	}
	tx, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	open = func() { _ = tx.Rollback(context.Background()) } // once more does nothing
	t.Cleanup(open)
	if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(1)`); err != nil {
		t.Fatal(err)
	}
	return open
}

// otherProcess is a process that imports.
type otherProcess struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// importElsewhere imports in another process. It stands still when it has merged so many runs of rows, and waits to be
// killed: else a process that waits for the processor before it can kill would find the work done.
func importElsewhere(t *testing.T, url, path string, runs int) *otherProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestImportInAnotherProcess$")
	cmd.Env = append(os.Environ(), "IMPORTER_TEST_URL="+url, "IMPORTER_TEST_FILE="+path, "IMPORTER_TEST_RUNS="+strconv.Itoa(runs),
		"TMPDIR="+t.TempDir()) // who is killed does not tidy up
	cmd.Stderr = t.Output()
	if _, err := cmd.StdinPipe(); err != nil { // ends with this process
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() }) // does nothing more when it was killed already
	return &otherProcess{cmd, bufio.NewScanner(out)}
}

// reported waits until the process has reported so many runs of rows.
func (p *otherProcess) reported(t *testing.T, lines int) {
	t.Helper()
	var said []string
	for reported := 0; reported < lines; {
		if !p.lines.Scan() {
			t.Fatalf("the other process reported %d runs of rows, want %d; it said %q", reported, lines, said)
		}
		if said = append(said, p.lines.Text()); strings.HasPrefix(p.lines.Text(), "rows ") {
			reported++
		}
	}
}

// kill ends the process as kill -9 does.
func (p *otherProcess) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		t.Fatalf("the other process was not killed: %v", err)
	}
}

// TestImportInAnotherProcess is the other process of the tests that kill one.
func TestImportInAnotherProcess(t *testing.T) {
	url, path := os.Getenv("IMPORTER_TEST_URL"), os.Getenv("IMPORTER_TEST_FILE")
	if url == "" {
		t.Skip("this is a part of the tests that kill a process")
	}
	runs, err := strconv.Atoi(os.Getenv("IMPORTER_TEST_RUNS"))
	if err != nil {
		t.Fatal(err)
	}
	pool, err := postgres.OpenPool(t.Context(), url, postgres.PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f := newFixtureOn(t, pool, batches(resumeBatch))
	b, already, err := f.ImportFile(t.Context(), path, importer.Options{Source: "web_forms"}, func(b registry.ImportBatch) {
		fmt.Println("rows " + strconv.FormatInt(b.RowsRead, 10))
		if runs--; runs == 0 {
			_, _ = io.Copy(io.Discard, os.Stdin) // until it is killed, or the one who should have done so is
			os.Exit(1)
		}
	})
	t.Fatalf("the import ended before the process was killed: %s, already imported %t, %v", b.Status, already, err)
}
