package importer_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/importer"
	"phoneregistry/registry/numbering"
	"phoneregistry/registry/postgres"
)

// normalizer is made once: it is expensive and does not change.
var normalizer = sync.OnceValues(numbering.New)

func numbers(t testing.TB) *numbering.Normalizer {
	t.Helper()
	n, err := normalizer()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// noon is the time of all tests.
func noon() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }

// fixture is an importer on a database of its own.
type fixture struct {
	*importer.Importer
	pool  *pgxpool.Pool
	store *postgres.Store
	dir   string
}

func newFixture(t testing.TB, change ...func(*importer.Config)) *fixture {
	t.Helper()
	return newFixtureOn(t, testkit.Pool(t), change...)
}

// newFixtureOn is a fixture on a database that others may use as well.
func newFixtureOn(t testing.TB, pool *pgxpool.Pool, change ...func(*importer.Config)) *fixture {
	t.Helper()
	store := postgres.New(pool, postgres.Options{Now: noon, Logger: testkit.Logger(t)})
	c := importer.Config{
		Store: store, Numbers: numbers(t), SpoolDir: filepath.Join(t.TempDir(), "spool"), Logger: testkit.Logger(t), Now: noon,
	}
	for _, f := range change {
		f(&c)
	}
	return &fixture{importer.New(c), pool, store, c.SpoolDir}
}

// batches makes runs of so many rows.
func batches(rows int) func(*importer.Config) {
	return func(c *importer.Config) { c.BatchRows = rows }
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "contacts.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func (f *fixture) importText(t testing.TB, text string, o importer.Options) registry.ImportBatch {
	t.Helper()
	b, already, err := f.ImportFile(t.Context(), write(t, text), o, nil)
	if err != nil || already {
		t.Fatalf("ImportFile: already imported %t, %v", already, err)
	}
	return b
}

// sums are the counters of an import.
type sums struct {
	Read, Accepted, Rejected, Numbers, Phones, Contacts, Merged int64
	Rejections                                                  map[string]int64
}

func sumsOf(b registry.ImportBatch) sums {
	return sums{
		b.RowsRead, b.RowsAccepted, b.RowsRejected, b.NumbersAccepted, b.PhonesCreated, b.ContactsCreated, b.ContactsMerged,
		b.Rejections,
	}
}

// contents is everything imports have written, but for ids and audit.
func (f *fixture) contents(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, query := range map[string]string{
		"phones":     `SELECT p::text FROM phones p ORDER BY number`,
		"customers":  `SELECT c::text FROM customers c ORDER BY customer_id`,
		"contacts":   `SELECT c::text FROM customer_phones c ORDER BY customer_id, number`,
		"records":    `SELECT (batch_no, row_no, received_at, raw, hash)::text FROM source_records ORDER BY batch_no, row_no`,
		"numbers":    `SELECT n::text FROM import_numbers n ORDER BY batch_no, number`,
		"quarantine": `SELECT q::text FROM quarantine q ORDER BY batch_no, row_no, piece`,
		"imports": `SELECT (batch_no, file_name, status, bytes_total, bytes_read, rows_read, rows_accepted, rows_rejected, numbers_accepted,
			phones_created, contacts_created, contacts_merged, rejections, error_message)::text FROM import_batches ORDER BY batch_no`,
	} {
		all[name] = f.strings(t, query)
	}
	return all
}

func (f *fixture) strings(t testing.TB, query string, arguments ...any) []string {
	t.Helper()
	out, err := queryStrings(f.pool, query, arguments...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func queryStrings(pool *pgxpool.Pool, query string, arguments ...any) ([]string, error) {
	rows, err := pool.Query(context.Background(), query, arguments...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

func (f *fixture) quarantine(t testing.TB, id uuid.UUID) []registry.QuarantineEntry {
	t.Helper()
	pages, err := f.store.Quarantine(t.Context(), []uuid.UUID{id}, "", registry.PageRequest{First: 500})
	if err != nil {
		t.Fatal(err)
	}
	return pages[id].Items
}

const people = "id_cliente;nombre;Teléfono;celular;ciudad\n" +
	"C1;Ana;7428852 ext 132;300 123 4567;Bogotá\n" +
	"C2;Luis;;3012345678 / 6012345678;Cali\n" +
	"C3;Eva;abc123def;;Cali\n" +
	"C4;Juan;;;\n" +
	"C1;Ana;;+57 300 123 4567;Bogotá\n"

func TestImportFile(t *testing.T) {
	f := newFixture(t)
	b := f.importText(t, people, importer.Options{Source: "call_center", Region: "CO"})
	want := sums{Read: 5, Accepted: 3, Rejected: 2, Numbers: 5, Phones: 4, Contacts: 4, Merged: 1, Rejections: map[string]int64{"LETTERS": 1, "NO_PHONE": 1}}
	if diff := cmp.Diff(want, sumsOf(b)); diff != "" || b.Status != registry.ImportCompleted {
		t.Errorf("%s: %s", b.Status, diff)
	}
	phones, err := f.store.CustomerPhones(t.Context(), []string{"C1"}, registry.ContactFields{})
	if err != nil {
		t.Fatal(err)
	}
	confidence := registry.Confidence(4, 1, false)
	wantPhones := []registry.CustomerPhone{
		{CustomerID: "C1", Number: 576017428852, IsPrimary: true, Confidence: confidence, Source: "call_center", Extension: "132", FirstSeenAt: noon(), LastSeenAt: noon()},
		{CustomerID: "C1", Number: 573001234567, Confidence: confidence, Source: "call_center", FirstSeenAt: noon(), LastSeenAt: noon()},
	}
	if diff := cmp.Diff(wantPhones, phones["C1"]); diff != "" {
		t.Error(diff)
	}
}
