package datadict_test

import (
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"phoneregistry/internal/datadict"
	"phoneregistry/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func read(t *testing.T, prepare string) datadict.Dictionary {
	t.Helper()
	ctx := testkit.Context(t)
	conn, err := pgx.Connect(ctx, testkit.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	if _, err := conn.Exec(ctx, prepare); err != nil {
		t.Fatal(err)
	}
	d, err := datadict.Read(ctx, conn)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestEverythingIsDescribed(t *testing.T) {
	d := read(t, "")
	if len(d.Tables) < 20 || len(d.Enums) < 5 {
		t.Fatalf("only %d tables and %d types were found", len(d.Tables), len(d.Enums))
	}
	for _, what := range d.Undescribed() {
		t.Errorf("%s has no comment: add COMMENT ON to its migration", what)
	}
}

func TestUndescribedFindsWhatHasNoComment(t *testing.T) {
	d := read(t, "CREATE TYPE mood AS ENUM ('good'); CREATE TABLE undescribed (id int PRIMARY KEY)")
	want := []string{"type mood", "table undescribed", "column undescribed.id", "index undescribed_pkey"}
	if diff := cmp.Diff(want, d.Undescribed()); diff != "" {
		t.Error(diff)
	}
}

func TestCommittedDictionaryIsFresh(t *testing.T) {
	committed, err := os.ReadFile("../../docs/data-dictionary.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(committed), read(t, "").Markdown()); diff != "" {
		t.Errorf("docs/data-dictionary.md is not what the migrations make (run make generate):\n%s", diff)
	}
}

func TestPartitionsAreNotListed(t *testing.T) {
	d := read(t, "CREATE TABLE audit_trail_2030_01 PARTITION OF audit_trail FOR VALUES FROM ('2030-01-01') TO ('2030-02-01')")
	if slices.ContainsFunc(d.Tables, func(t datadict.Table) bool { return t.Name == "audit_trail_2030_01" }) {
		t.Error("a partition is listed as a table")
	}
}
