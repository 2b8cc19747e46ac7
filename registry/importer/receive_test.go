package importer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
)

// listener is told of changes.
type listener struct {
	registry.Notifier // only imports change here
	changed           chan uuid.UUID
}

func (l *listener) ImportChanged(id uuid.UUID) { l.changed <- id }

// ended waits until an import has ended.
func (l *listener) ended(t *testing.T, f *fixture, id uuid.UUID) registry.ImportBatch {
	t.Helper()
	ctx := testkit.Context(t)
	for {
		select {
		case <-l.changed:
		case <-ctx.Done():
			t.Fatal("the import does not end")
		}
		if b, err := f.store.Import(ctx, id); err != nil || b.Status.Ended() {
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
}

func listening(l *listener) func(*importer.Config) {
	return func(c *importer.Config) { c.Notifier = l }
}

func newListener() *listener { return &listener{changed: make(chan uuid.UUID, 1000)} }

// start runs the importer until the test ends or the function is called.
func (f *fixture) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func (f *fixture) spooled(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Name() != "spool-id" {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestReceive(t *testing.T) {
	l := newListener()
	metrics := prometheus.NewPedanticRegistry()
	f := newFixture(t, batches(100), listening(l), func(c *importer.Config) { c.Registerer = metrics })
	path := sampleFile(t, 500, 4)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx := registry.WithActor(t.Context(), registry.Actor{Name: "ops", Role: registry.RoleOperator})
	o := importer.Options{Source: "web_forms", FileName: `C:\datos\clientes.csv`}
	b, already, err := f.Receive(ctx, iotest.HalfReader(bytes.NewReader(text)), o)
	if err != nil || already {
		t.Fatalf("Receive: already imported %t, %v", already, err)
	}
	if b.Status != registry.ImportQueued || b.FileName != "clientes.csv" || b.CreatedBy != "ops" || b.BytesTotal != int64(len(text)) {
		t.Errorf("received: %+v", b)
	}
	info, err := os.Stat(filepath.Join(f.dir, b.ID.String()+".import"))
	if err != nil || info.Mode().Perm() != 0o600 || info.Size() != b.BytesTotal {
		t.Errorf("the received file: %v, %v", info, err)
	}
	again, already, err := f.Receive(ctx, bytes.NewReader(text), o)
	if err != nil || !already || again.ID != b.ID || len(f.spooled(t)) != 1 {
		t.Errorf("again: import %s, already imported %t, %v, spool %v", again.ID, already, err, f.spooled(t))
	}
	f.start(t)
	ended := l.ended(t, f, b.ID)
	if ended.Status != registry.ImportCompleted || ended.RowsRead != 500 || ended.BytesRead != ended.BytesTotal || ended.Sequence < 7 {
		t.Errorf("ended: %+v", ended)
	}
	if again, already, err = f.Receive(ctx, bytes.NewReader(text), o); err != nil || !already || again.Status != registry.ImportCompleted {
		t.Errorf("after its end: %s, already imported %t, %v", again.Status, already, err)
	}
	local := newFixture(t, batches(100))
	same, _, err := local.ImportFile(t.Context(), path, o, nil)
	if diff := cmp.Diff(sumsOf(same), sumsOf(ended)); diff != "" || err != nil {
		t.Errorf("received and local differ: %s, %v", diff, err)
	}
	if got := testutil.ToFloat64(collected(t, metrics, "phone_import_numbers_total")); got != float64(ended.NumbersAccepted) {
		t.Errorf("the metric counts %v numbers, want %d", got, ended.NumbersAccepted)
	}
}

// collected is one of the metrics, as a collector of its own.
func collected(t *testing.T, r *prometheus.Registry, name string) prometheus.Collector {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "found"})
	for _, family := range families {
		if family.GetName() == name {
			g.Set(family.GetMetric()[0].GetCounter().GetValue())
			return g
		}
	}
	t.Fatalf("there is no metric %s", name)
	return nil
}

// halting is a store that merges so many runs of rows of an import, and no more until the caller gives up. Else an importer
// that is to be stopped in the middle may get to the end before.
type halting struct {
	importer.Store
	runs int
}

func (h halting) ClaimImport(ctx context.Context, id uuid.UUID) (registry.ImportClaim, error) {
	claim, err := h.Store.ClaimImport(ctx, id)
	if err != nil {
		return nil, err
	}
	return &haltingClaim{claim, h.runs}, nil
}

type haltingClaim struct {
	registry.ImportClaim
	left int
}

func (h *haltingClaim) Merge(ctx context.Context, rows registry.ImportRows) (registry.ImportBatch, error) {
	if h.left--; h.left < 0 {
		<-ctx.Done()
	}
	return h.ImportClaim.Merge(ctx, rows)
}

// A server that starts goes on with what another one, stopped in the middle, has left.
func TestRunResumes(t *testing.T) {
	path := sampleFile(t, 500, 4)
	want := imported(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	l := newListener()
	f := newFixture(t, batches(resumeBatch), listening(l), func(c *importer.Config) { c.Store = halting{c.Store, 4} })
	stop := f.start(t)
	b, _, err := f.Receive(t.Context(), bytes.NewReader(text), importer.Options{Source: "web_forms", FileName: filepath.Base(path)})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // received, begun, two runs of rows
		<-l.changed
	}
	stop()
	if now, err := f.store.Import(t.Context(), b.ID); err != nil || now.Status != registry.ImportRunning || now.RowsRead == 0 {
		t.Fatalf("stopped in the middle: %s at row %d, %v", now.Status, now.RowsRead, err)
	}
	f.unclaimed(t)
	next := newFixtureOn(t, f.pool, batches(resumeBatch), listening(l), func(c *importer.Config) { c.SpoolDir = f.dir })
	stop = next.start(t)
	if ended := l.ended(t, next, b.ID); ended.Status != registry.ImportCompleted {
		t.Errorf("ended: %+v", ended)
	}
	stop()
	got := next.contents(t)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	checkAudit(t, next)
	if left := next.spooled(t); len(left) != 0 {
		t.Errorf("the spool directory holds %v", left)
	}
}

// Servers share a database; each works on the files in its own spool directory, and those that share one do not get in
// each other's way.
func TestServersAtOnce(t *testing.T) {
	l := newListener()
	one := newFixture(t, batches(resumeBatch), listening(l))
	two := newFixtureOn(t, one.pool, batches(resumeBatch), listening(l), func(c *importer.Config) { c.SpoolDir = one.dir })
	apart := newFixtureOn(t, one.pool, batches(resumeBatch), listening(l))
	ids := map[uuid.UUID]bool{}
	for seed := range uint64(4) {
		text, err := os.ReadFile(sampleFile(t, 200, seed))
		if err != nil {
			t.Fatal(err)
		}
		b, already, err := one.Receive(t.Context(), bytes.NewReader(text), importer.Options{Source: "web_forms"})
		if err != nil || already {
			t.Fatalf("Receive: already imported %t, %v", already, err)
		}
		ids[b.ID] = true
	}
	apart.start(t)
	one.start(t)
	two.start(t)
	for id := range ids {
		b, err := one.store.Import(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if !b.Status.Ended() {
			b = l.ended(t, one, id)
		}
		if b.Status != registry.ImportCompleted || b.RowsRead != 200 || b.RowsAccepted+b.RowsRejected != 200 {
			t.Errorf("ended: %+v", b)
		}
	}
	if got := one.strings(t, `SELECT concat_ws(' ', count(*), sum((details->>'rows')::int)) FROM audit_trail WHERE action = 'import.rows_merged'`); got[0] != "20 800" {
		t.Errorf("runs and rows merged: %s, want 20 800", got[0])
	}
}

func TestReceiveRefuses(t *testing.T) {
	f := newFixture(t, func(c *importer.Config) { c.MaxBytes = 2000 })
	broken := errors.New("the client hung up")
	good := importer.Options{Source: "web_forms", Region: "CO"}
	with := func(change func(*importer.Options)) importer.Options {
		o := good
		change(&o)
		return o
	}
	const text = "id,tel\n1,3001234567\n"
	tests := map[string]struct {
		body io.Reader
		o    importer.Options
		want string
		code registry.Code
	}{
		"empty":           {strings.NewReader(""), good, "the file is empty", registry.CodeInvalidInput},
		"binary":          {strings.NewReader("PK\x03\x04 xl/ "), good, "Excel workbook", registry.CodeInvalidInput},
		"no phone column": {strings.NewReader("id,correo\n1,2\n"), good, "--map phone=COLUMN", registry.CodeInvalidInput},
		"too large":       {strings.NewReader(text + strings.Repeat("2,3001234568\n", 200)), good, "larger than 2000 bytes", registry.CodeInvalidInput},
		"source":          {strings.NewReader(text), with(func(o *importer.Options) { o.Source = "nobody" }), "web_forms", registry.CodeUnknownSource},
		"region":          {strings.NewReader(text), with(func(o *importer.Options) { o.Region = "XX" }), `region is "XX"`, registry.CodeInvalidInput},
		"format":          {strings.NewReader(text), with(func(o *importer.Options) { o.Format = "xlsx" }), "reads csv", registry.CodeInvalidInput},
		"map":             {strings.NewReader(text), with(func(o *importer.Options) { o.Map = map[string]string{"phone": "movil"} }), "not there", registry.CodeInvalidInput},
		"max phones":      {strings.NewReader(text), with(func(o *importer.Options) { o.MaxPhones = -1 }), "want 1 to", registry.CodeInvalidInput},
		"hung up":         {io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), good, broken.Error(), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, _, err := f.Receive(t.Context(), test.body, test.o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			es, ok := registry.UserErrors(err)
			if ok != (test.code != "") || ok && es[0].Code != test.code {
				t.Errorf("user errors %v, want code %q", es, test.code)
			}
		})
	}
	if n, err := f.store.CountImports(t.Context()); err != nil || n != 0 {
		t.Errorf("%d imports, %v; want none", n, err)
	}
	if left := f.spooled(t); len(left) != 0 {
		t.Errorf("the spool directory holds %v", left)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "missing.csv"), t.TempDir()} {
		if _, _, err := f.ImportFile(t.Context(), path, good, nil); err == nil {
			t.Errorf("ImportFile(%s): no error", path)
		} else if _, ok := registry.UserErrors(err); !ok {
			t.Errorf("ImportFile(%s): %v is not for the caller", path, err)
		}
	}
}

// Of many sources some are told to who names one that is not there.
func TestUnknownSourceAmongMany(t *testing.T) {
	f := newFixture(t)
	for i := range 20 {
		if _, err := f.store.UpsertSource(t.Context(), registry.Source{Name: fmt.Sprintf("partner_%d", i), Priority: 1}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := f.Receive(t.Context(), strings.NewReader("id,tel\n1,3001234567\n"), importer.Options{Source: "nobody"})
	if err == nil || !strings.HasSuffix(err.Error(), " or 15 others") || !strings.Contains(err.Error(), "web_forms") {
		t.Errorf("%v; want ten of 25", err)
	}
}

// A received file that is gone is an import that failed, and the spool directory is swept of what belongs to nobody.
func TestLostFileAndSweep(t *testing.T) {
	l := newListener()
	f := newFixture(t, listening(l), func(c *importer.Config) { c.Now = func() time.Time { return time.Now().Add(48 * time.Hour) } })
	b, _, err := f.Receive(t.Context(), strings.NewReader("id,tel\n1,3001234567\n"), importer.Options{Source: "web_forms", Region: "CO"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(f.dir, b.ID.String()+".import")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"receiving-1", uuid.NewString() + ".import", "keep.txt"} {
		if err := os.WriteFile(filepath.Join(f.dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stop := f.start(t)
	if ended := l.ended(t, f, b.ID); ended.Status != registry.ImportFailed || !strings.Contains(ended.ErrorMessage, "cannot be opened") {
		t.Errorf("ended: %+v", ended)
	}
	stop()
	if diff := cmp.Diff([]string{"keep.txt"}, f.spooled(t)); diff != "" {
		t.Errorf("spool directory: %s", diff)
	}
}
