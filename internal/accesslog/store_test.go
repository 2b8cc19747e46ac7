package accesslog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/accesslog"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

func newStore(t testing.TB) *postgres.Store {
	t.Helper()
	pool, err := postgres.OpenPool(t.Context(), testkit.Database(t), postgres.PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return postgres.New(pool, postgres.Options{})
}

func newLog(t testing.TB, store registry.AccessStore) *accesslog.Log {
	t.Helper()
	l, err := accesslog.Open(accesslog.Config{Dir: t.TempDir(), Store: store})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { run(t, l) })
	return l
}

// run lets a log end as a server does.
func run(t testing.TB, l *accesslog.Log) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
}

// all returns the whole access log, newest first.
func all(t testing.TB, store *postgres.Store, f registry.AccessFilter) (entries []registry.AccessEntry) {
	t.Helper()
	p := registry.PageRequest{First: 7}
	for {
		page, err := store.AccessEntries(t.Context(), f, p)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, page.Items...)
		if !page.HasMore {
			break
		}
		p.After = &page.Positions[len(page.Positions)-1]
	}
	n, err := store.CountAccessEntries(t.Context(), f)
	if err != nil || int(n) != len(entries) {
		t.Errorf("counted %d of %d entries, %v", n, len(entries), err)
	}
	return entries
}

// TestTwoServersOnOneDatabase: each has a spool of its own, and all entries come in, in the order of their time.
func TestTwoServersOnOneDatabase(t *testing.T) {
	store := newStore(t)
	logs := []*accesslog.Log{newLog(t, store), newLog(t, store)}
	for i := range 50 {
		who := registry.Actor{Name: fmt.Sprint("actor ", i%3), Role: registry.RoleSteward, Purpose: "claim 7", RequestID: fmt.Sprint("r", i)}
		if err := logs[i%2].Record(who, registry.Shown{Operation: fmt.Sprint("op", i), Fields: []string{"Phone.number"}, Values: int64(i)}); err != nil {
			t.Fatal(err)
		}
	}
	for _, l := range []*accesslog.Log{logs[1], logs[0], logs[1]} { // loaded in another order than recorded
		if err := l.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	entries := all(t, store, registry.AccessFilter{})
	if len(entries) != 50 {
		t.Fatalf("%d entries", len(entries))
	}
	for i, e := range entries {
		if want := 49 - i; e.Operation != fmt.Sprint("op", want) || e.Revealed != int64(want) || e.Purpose != "claim 7" ||
			e.RequestID != fmt.Sprint("r", want) || len(e.Fields) != 1 || e.Fields[0] != "Phone.number" {
			t.Fatalf("entry %d is %+v", i, e)
		}
	}
	filters(t, store, entries)
}

func filters(t *testing.T, store *postgres.Store, entries []registry.AccessEntry) {
	t.Helper()
	actor, request, many := "actor 1", "r7", int64(40)
	since, until := entries[30].At, entries[10].At
	for name, c := range map[string]struct {
		filter registry.AccessFilter
		want   func(registry.AccessEntry) bool
	}{
		"actor":   {registry.AccessFilter{Actor: &actor}, func(e registry.AccessEntry) bool { return e.Actor == actor }},
		"request": {registry.AccessFilter{RequestID: &request}, func(e registry.AccessEntry) bool { return e.RequestID == request }},
		"many":    {registry.AccessFilter{MinRevealed: &many}, func(e registry.AccessEntry) bool { return e.Revealed >= many }},
		"time": {registry.AccessFilter{Since: &since, Until: &until}, func(e registry.AccessEntry) bool {
			return !e.At.Before(since) && e.At.Before(until)
		}},
		"all of them": {registry.AccessFilter{Actor: &actor, Since: &since, MinRevealed: &many}, func(e registry.AccessEntry) bool {
			return e.Actor == actor && !e.At.Before(since) && e.Revealed >= many
		}},
	} {
		want := 0
		for _, e := range entries {
			if c.want(e) {
				want++
			}
		}
		got := all(t, store, c.filter)
		for _, e := range got {
			if !c.want(e) {
				t.Errorf("%s: %+v", name, e)
			}
		}
		if len(got) != want || want == 0 {
			t.Errorf("%s: %d entries; want %d", name, len(got), want)
		}
	}
	one, err := store.AccessEntry(t.Context(), entries[3].ID)
	if err != nil || one.Operation != entries[3].Operation || !one.At.Equal(entries[3].At) {
		t.Errorf("%+v, %v", one, err)
	}
}

// TestTheStoreTakesAnEntryOnce: also beside new ones.
func TestTheStoreTakesAnEntryOnce(t *testing.T) {
	store := newStore(t)
	l := newLog(t, store)
	for _, operation := range []string{"a", "b"} {
		if err := l.Record(registry.Actor{Name: "x", Role: registry.RoleAdmin}, registry.Shown{Operation: operation, Values: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	entries := all(t, store, registry.AccessFilter{})
	fresh := entries[0]
	fresh.ID[15]++
	fresh.Operation = "c"
	if err := store.AddAccessEntries(t.Context(), append(entries, fresh)); err != nil {
		t.Fatal(err)
	}
	if got := all(t, store, registry.AccessFilter{}); len(got) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestPurge(t *testing.T) {
	store := newStore(t)
	l := newLog(t, store)
	for range 5 {
		if err := l.Record(registry.Actor{Name: "x", Role: registry.RoleAdmin}, registry.Shown{Values: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := store.PurgeAccessLog(t.Context(), time.Now().Add(time.Minute), 2); n != 2 || err != nil {
		t.Errorf("a part of it: %d, %v", n, err)
	}
	if n, err := accesslog.Purge(t.Context(), store, time.Now(), time.Hour); n != 0 || err != nil {
		t.Errorf("nothing is so old: %d, %v", n, err)
	}
	if n, err := accesslog.Purge(t.Context(), store, time.Now().Add(2*time.Hour), time.Hour); n != 3 || err != nil {
		t.Errorf("the rest: %d, %v", n, err)
	}
}

// TestPostgreSQLIsAwayAndBack: what is recorded meanwhile waits, and comes in once.
func TestPostgreSQLIsAwayAndBack(t *testing.T) {
	url := testkit.Database(t)
	pool, err := postgres.OpenPool(t.Context(), url, postgres.PoolOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	store := postgres.New(pool, postgres.Options{})
	l := newLog(t, store)
	reads := func(operation string) {
		t.Helper()
		if err := l.Record(registry.Actor{Name: "x", Role: registry.RoleAdmin}, registry.Shown{Operation: operation, Values: 1}); err != nil {
			t.Fatal(err)
		}
	}
	exec := func(statement string) {
		t.Helper()
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	reads("before")
	exec("ALTER TABLE access_log RENAME TO access_log_away")
	for range 3 {
		reads("meanwhile")
		if err := l.Sync(t.Context()); err == nil {
			t.Error("loaded into a table that is not there")
		}
	}
	exec("ALTER TABLE access_log_away RENAME TO access_log")
	// A connection that breaks while the entries are written leaves open whether they were.
	exec("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$")
	exec("CREATE TRIGGER broken AFTER INSERT ON access_log EXECUTE FUNCTION broken()")
	if err := l.Sync(t.Context()); err == nil {
		t.Error("loaded over a connection that was broken")
	}
	exec("DROP TRIGGER broken ON access_log")
	reads("after")
	if err := l.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all(t, store, registry.AccessFilter{}) {
		got = append(got, e.Operation)
	}
	if want := "after meanwhile meanwhile meanwhile before"; strings.Join(got, " ") != want {
		t.Errorf("%q; want %q", got, want)
	}
}

// refusing is a recorder that takes so many entries.
type refusing struct {
	takes  int
	values int64
}

func (r *refusing) Ready() error { return nil }

func (r *refusing) Record(_ registry.Actor, what registry.Shown) error {
	if r.takes--; r.takes < 0 {
		return errors.New("full")
	}
	r.values += what.Values
	return nil
}

// TestSheetsAreRecordedBeforeTheyAreWritten: never more is written than was recorded, and what is masked is not recorded.
func TestSheetsAreRecordedBeforeTheyAreWritten(t *testing.T) {
	steward := registry.Actor{Name: "steward", Role: registry.RoleSteward, Purpose: "claim 7"}
	line := strings.Repeat("x", 87)
	fill := func(to *accesslog.Sheet) error {
		for range 50000 {
			if _, err := fmt.Fprintln(to, to.Number(573001234567), line); err != nil {
				return err
			}
		}
		return to.Flush()
	}
	for takes, want := range map[int]bool{0: false, 1: false, 10: false, 100: true} {
		var out bytes.Buffer
		r := &refusing{takes: takes}
		err := fill(accesslog.NewSheet(&out, r, steward, registry.Shown{Operation: "x"}))
		_, refused := errors.AsType[*accesslog.RecordError](err)
		written := int64(strings.Count(out.String(), "+573001234567"))
		if (err == nil) != want || refused == want || written > r.values || takes == 0 && out.Len() > 0 || want && written != 50000 {
			t.Errorf("of %d: %v; %d numbers were written, %d recorded", takes, err, written, r.values)
		}
	}
	var out bytes.Buffer
	r := &refusing{}
	masked := accesslog.NewSheet(&out, r, registry.Actor{Role: registry.RoleAnalyst}, registry.Shown{})
	if err := fill(masked); err != nil || strings.Contains(out.String(), "1234") || !strings.Contains(out.String(), "+5730****67") || masked.Raw([]byte("x")) != "" {
		t.Errorf("masked: %v, %.100s", err, out.String())
	}
	r = &refusing{takes: 100}
	gone := accesslog.NewSheet(failing{}, r, steward, registry.Shown{})
	if err := fill(gone); !errors.Is(err, os.ErrClosed) || r.values == 0 || r.values == 50000 {
		t.Errorf("cut off: %v, %d are recorded", err, r.values)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestCommandsRecordStraightIntoTheStore(t *testing.T) {
	store := newStore(t)
	d := accesslog.NewDirect(t.Context(), store)
	for range 3 {
		if err := d.Record(registry.Actor{Name: "command line", Role: registry.RoleAdmin}, registry.Shown{Operation: "export phones", Values: 2}); err != nil {
			t.Fatal(err)
		}
	}
	if got := all(t, store, registry.AccessFilter{}); len(got) != 3 || got[0].Actor != "command line" || got[0].Operation != "export phones" {
		t.Errorf("%+v", got)
	}
}
