package opaque_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"phoneregistry/internal/opaque"
)

func codec(t testing.TB, fill byte) *opaque.Codec {
	t.Helper()
	c, err := opaque.New(bytes.Repeat([]byte{fill}, opaque.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIntRoundTrip(t *testing.T) {
	a, b := codec(t, 1), codec(t, 2)
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		id := a.Int("pho", v)
		if got, err := a.ParseInt("pho", id); err != nil || got != v {
			t.Fatalf("ParseInt(Int(%d)) = %d, %v", v, got, err)
		}
		if _, err := a.ParseInt("cus", "cus"+strings.TrimPrefix(id, "pho")); err == nil {
			t.Fatal("an id of another kind was read")
		}
		if _, err := b.ParseInt("pho", id); err == nil {
			t.Fatal("an id of another registry was read")
		}
	})
}

func TestCursorIsBoundToItsList(t *testing.T) {
	c := codec(t, 1)
	cursor := c.Seal("phones", []byte(`{"n":573001234567}`))
	if strings.Contains(cursor, "573001234567") {
		t.Fatal("the cursor shows the number")
	}
	if got, err := c.Open("phones", cursor); err != nil || string(got) != `{"n":573001234567}` {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if _, err := c.Open("leads", cursor); err == nil {
		t.Fatal("a cursor of another list was read")
	}
}

func TestUUIDRoundTrip(t *testing.T) {
	id := uuid.New()
	text := opaque.UUID("job", id)
	if got, err := opaque.ParseUUID("job", text); err != nil || got != id {
		t.Fatalf("ParseUUID(%q) = %v, %v", text, got, err)
	}
	if _, err := opaque.ParseUUID("imp", text); err == nil {
		t.Fatal("an id of another kind was read")
	}
}

func FuzzParse(f *testing.F) {
	c := codec(f, 1)
	f.Add("pho_00000000000000000000000000", "phones", "AAAA")
	f.Add(c.Int("pho", 573001234567), "phones", c.Seal("phones", []byte("x")))
	f.Fuzz(func(t *testing.T, id, list, cursor string) {
		if v, err := c.ParseInt("pho", id); err == nil && c.Int("pho", v) != id {
			t.Errorf("%q was read as an id that is written %q", id, c.Int("pho", v))
		}
		_, _ = c.Open(list, cursor)
		_, _ = opaque.ParseUUID("job", id)
	})
}
