package postgres

import (
	"testing"
	"time"
)

// An extension is decided by priority, then by recency.
func TestExtensionByPriorityAndRecency(t *testing.T) {
	low, same, high := source{1, "low", 1}, source{2, "same", 3}, source{3, "high", 5}
	named := source{4, "named", 3}
	sources := []source{low, same, high, named}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, known, given string
		from               source
		at                 time.Duration
		want               string
	}{
		{"none known, a lesser source", "", "7", low, 0, "7"},
		{"none given", "12", "", high, 0, "12"},
		{"a lesser source", "12", "7", low, time.Hour, "12"},
		{"the same priority, later", "12", "7", same, time.Hour, "7"},
		{"the same priority, earlier", "12", "7", same, -time.Hour, "12"},
		{"a better source", "12", "7", high, time.Hour, "7"},
		{"a better source, earlier", "12", "7", high, -time.Hour, "7"},
	} {
		known := newContact("c1", 573001234567, named, c.known, now)
		merged, _ := known.merge(c.from, c.given, now.Add(c.at), sources)
		if merged.Extension != c.want {
			t.Errorf("%s: %q, want %q", c.name, merged.Extension, c.want)
		}
		if merged.LastSeenAt.Before(now) || !merged.FirstSeenAt.Equal(now) {
			t.Errorf("%s: seen from %v to %v", c.name, merged.FirstSeenAt, merged.LastSeenAt)
		}
		if len(known.sourceIDs) != 1 {
			t.Errorf("%s: merging changed the contact it was made of", c.name)
		}
	}
}
