package registry_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"phoneregistry/registry"
)

func TestAccessEntriesAreCleaned(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 4, 5, 678_901_234, time.FixedZone("", -5*3600))
	e := registry.NewAccessEntry(at, registry.Actor{
		Name: "a\x00b" + strings.Repeat("ñ", 300), Role: registry.RoleAdmin, Purpose: "of \xff", RequestID: strings.Repeat("r", 201),
	}, registry.Shown{Operation: "Of573001234567and123456", Values: 4})
	if e.Actor != "a\uFFFDb"+strings.Repeat("ñ", 197) || e.Purpose != "of \uFFFD" || len(e.RequestID) != 200 ||
		e.Operation != "Of#and123456" || e.Revealed != 4 || e.Fields == nil || e.At != at.UTC().Truncate(time.Microsecond) {
		t.Errorf("%+v", e)
	}
}

// TestAccessEntriesCanBeKept: whatever a caller is called and says, every store takes it, and no number is in the name of
// the operation.
func TestAccessEntriesCanBeKept(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringOf(rapid.SampledFrom([]rune("aé0123456789\x00\uFFFD漢"))).Draw(rt, "text")
		broken := text + rapid.SampledFrom([]string{"", "\xff", "\xe6\xbc"}).Draw(rt, "end")
		e := registry.NewAccessEntry(time.Now(), registry.Actor{Name: broken, Purpose: broken, RequestID: broken}, registry.Shown{Operation: broken})
		for _, kept := range []string{e.Actor, e.Purpose, e.Operation, e.RequestID} {
			if !utf8.ValidString(kept) || strings.ContainsRune(kept, 0) || utf8.RuneCountInString(kept) > 200 {
				rt.Fatalf("%q", kept)
			}
		}
		digits := 0
		for _, r := range e.Operation {
			if digits++; r < '0' || r > '9' {
				digits = 0
			}
			if digits >= 7 {
				rt.Fatalf("the name %q", e.Operation)
			}
		}
	})
}
