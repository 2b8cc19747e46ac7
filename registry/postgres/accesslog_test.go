package postgres_test

import (
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"phoneregistry/registry"
	"phoneregistry/registry/postgres"
)

// accessID is an id as servers make them, of a moment and with a number behind it.
func accessID(at time.Time, n int) (id uuid.UUID) {
	binary.BigEndian.PutUint64(id[:], uint64(at.UnixMilli())<<16|7<<12)
	binary.BigEndian.PutUint64(id[8:], 1<<63|uint64(n))
	return id
}

// TestPlansOfTheAccessLog: a page is found by an index, whoever or whatever is asked for, however long the log is.
func TestPlansOfTheAccessLog(t *testing.T) {
	tracer := &lastQuery{}
	w := newWorld(t)
	pool, err := postgres.OpenPool(t.Context(), w.url, postgres.PoolOptions{Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	w.pool, w.Store = pool, postgres.New(pool, postgres.Options{})
	const count = 60_000
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	entries := make([]registry.AccessEntry, count)
	for i := range entries {
		at := start.Add(time.Duration(i) * time.Minute)
		entries[i] = registry.AccessEntry{
			ID: accessID(at, i), At: at, Actor: fmt.Sprint("actor ", i%20), Role: registry.RoleSteward, Purpose: "claim 7",
			Fields: []string{"Phone.number", "CustomerPhone.number"}, Revealed: int64(i % 100), RequestID: fmt.Sprintf("r%024x", i*7919),
		}
	}
	entries[count/3].Actor = "rare"
	if err := w.AddAccessEntries(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	w.exec(t, "VACUUM ANALYZE access_log")
	middle := entries[count/2]
	for name, c := range map[string]struct {
		f     registry.AccessFilter
		after *registry.Position
		want  int
	}{
		"all":                  {want: 50},
		"further on":           {after: &registry.Position{Text: middle.ID.String()}, want: 50},
		"an actor":             {f: registry.AccessFilter{Actor: ptr("actor 3")}, want: 50},
		"an actor, further on": {f: registry.AccessFilter{Actor: ptr("actor 3")}, after: &registry.Position{Text: middle.ID.String()}, want: 50},
		"a rare actor":         {f: registry.AccessFilter{Actor: ptr("rare")}, want: 1},
		"nobody":               {f: registry.AccessFilter{Actor: ptr("nobody")}},
		"a request":            {f: registry.AccessFilter{RequestID: &middle.RequestID}, want: 1},
		"no request":           {f: registry.AccessFilter{RequestID: ptr("none")}},
		"an hour":              {f: registry.AccessFilter{Since: &middle.At, Until: ptr(middle.At.Add(time.Hour))}, want: 50},
		"a minute":             {f: registry.AccessFilter{Since: &middle.At, Until: ptr(middle.At.Add(time.Minute))}, want: 1},
		"an actor in an hour":  {f: registry.AccessFilter{Actor: ptr("actor 3"), Since: &middle.At, Until: ptr(middle.At.Add(time.Hour))}, want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			tracer.takeAll()
			began := time.Now()
			page, err := w.AccessEntries(t.Context(), c.f, registry.PageRequest{First: 50, After: c.after})
			if err != nil || len(page.Items) != c.want {
				t.Fatalf("%d entries, %v; want %d", len(page.Items), err, c.want)
			}
			inspect(t, w, tracer, time.Since(began), usual)
		})
	}
}
