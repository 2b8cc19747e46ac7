package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/testkit"
)

func partitionsOf(t *testing.T, w *world, table string) []string {
	t.Helper()
	return scalar[[]string](t, w, `SELECT array_agg(inhrelid::regclass::text ORDER BY inhrelid::regclass::text)
		FROM pg_inherits WHERE inhparent = $1::text::regclass`, table)
}

func TestEnsurePartitions(t *testing.T) {
	w := newWorld(t)
	ctx := testkit.Context(t)
	day := time.Date(2026, 12, 31, 23, 0, 0, 0, time.FixedZone("", -5*3600)) // already January in UTC
	for range 2 {
		if err := w.EnsurePartitions(ctx, day); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range []string{"audit_trail", "source_records"} {
		want := []string{table + "_2027_01", table + "_2027_02", table + "_default"}
		if diff := cmp.Diff(want, partitionsOf(t, w, table)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEnsurePartitionsMovesRowsFromTheDefault(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	for i := range 5 {
		if _, err := w.AddPhone(ctx, addition(fmt.Sprint("c", i), phoneA, "web_forms")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.SealAudit(ctx, 2); err != nil {
		t.Fatal(err)
	}
	if err := w.EnsurePartitions(ctx, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]int{"audit_trail_default": 0, "audit_trail_2026_11": 5, "audit_trail": 5} {
		if n := scalar[int](t, w, "SELECT count(*) FROM "+table); n != want {
			t.Errorf("%s has %d rows, want %d", table, n, want)
		}
	}
	if _, err := w.AddPhone(ctx, addition("c9", phoneA, "web_forms")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.SealAudit(ctx, 100); err != nil {
		t.Fatal(err)
	}
	if report, err := w.VerifyAudit(ctx); err != nil || report.Sealed != 6 {
		t.Errorf("%+v, %v", report, err)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM audit_trail_2026_11"); n != 6 {
		t.Errorf("the new entry is not in its month's partition, which has %d rows", n)
	}
}

// Servers make partitions at once, in the middle of writes into the default partition: nothing fails or gets lost.
func TestServersEnsurePartitionsAtOnce(t *testing.T) {
	w := newWorld(t)
	ctx := acting(t)
	const writers, each = 4, 25
	errs := make(chan error)
	for writer := range writers {
		go func() {
			var err error
			for i := 0; i < each && err == nil; i++ {
				_, err = w.AddPhone(ctx, addition(fmt.Sprint("c", writer, "-", i), phoneA, "web_forms"))
			}
			errs <- err
		}()
	}
	for range 3 {
		go func() { errs <- w.EnsurePartitions(ctx, w.clock.Now()) }()
	}
	var failed error
	for range writers + 3 {
		failed = errors.Join(failed, <-errs)
	}
	if failed != nil {
		t.Fatal(failed)
	}
	if n := scalar[int](t, w, "SELECT count(*) FROM audit_trail"); n != writers*each {
		t.Errorf("%d entries, want %d", n, writers*each)
	}
	if !slices.Contains(partitionsOf(t, w, "audit_trail"), "audit_trail_2026_11") {
		t.Error("the partition was not made")
	}
}
