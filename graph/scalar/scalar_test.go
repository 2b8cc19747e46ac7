package scalar_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"phoneregistry/graph/reveal"
	"phoneregistry/graph/scalar"
	"phoneregistry/registry"
)

func written(t testing.TB, m graphql.Marshaler) string {
	t.Helper()
	var b bytes.Buffer
	m.MarshalGQL(&b)
	if !json.Valid(b.Bytes()) {
		t.Fatalf("%q is not JSON", b.String())
	}
	return b.String()
}

func writtenFor(t testing.TB, actor registry.Actor, m graphql.ContextMarshaler) string {
	t.Helper()
	var b bytes.Buffer
	ctx := graphql.WithFieldContext(reveal.Begin(registry.WithActor(context.Background(), actor)), &graphql.FieldContext{
		Object: "Phone", Field: graphql.CollectedField{Field: &ast.Field{Name: "number"}},
	})
	if err := m.MarshalGQLContext(ctx, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestE164IsMaskedByRole(t *testing.T) {
	const masked, whole = `"+5730****67"`, `"+573001234567"`
	for role, want := range map[registry.Role]struct{ without, withPurpose string }{
		"": {masked, masked}, registry.RoleViewer: {masked, masked}, registry.RoleAnalyst: {masked, masked},
		registry.RoleSteward: {masked, whole}, registry.RoleOperator: {masked, masked}, registry.RoleAdmin: {whole, whole},
	} {
		if got := writtenFor(t, registry.Actor{Role: role}, scalar.MarshalE164(573001234567)); got != want.without {
			t.Errorf("%q: %s; want %s", role, got, want.without)
		}
		if got := writtenFor(t, registry.Actor{Role: role, Purpose: "claim 7"}, scalar.MarshalE164(573001234567)); got != want.withPurpose {
			t.Errorf("%q with a purpose: %s; want %s", role, got, want.withPurpose)
		}
	}
	if got := writtenFor(t, registry.Actor{Role: registry.RoleAdmin}, scalar.MarshalE164(0)); got != "null" {
		t.Errorf("no number: %s", got)
	}
}

func TestE164IsReadStrictly(t *testing.T) {
	for _, v := range []any{
		"573001234567", "+57 300 123 4567", "+0573001234", "+123456", "+1234567890123456", "", "+", "+57300123456a",
		"+٥٧٣٠٠١٢٣٤٥٦٧", json.Number("573001234567"), int64(573001234567), nil, true, []any{"+573001234567"},
	} {
		n, err := scalar.UnmarshalE164(t.Context(), v)
		if code := codeOf(err); code != registry.CodeInvalidNumber {
			t.Errorf("%v: %d, %v", v, n, err)
		}
		if s, ok := v.(string); ok && len(s) > 3 && strings.Contains(err.Error(), s) {
			t.Errorf("the error repeats %q", s)
		}
	}
}

func codeOf(err error) registry.Code {
	if es, ok := registry.UserErrors(err); ok {
		return es[0].Code
	}
	return ""
}

func TestTime(t *testing.T) {
	bogota := time.FixedZone("", -5*3600)
	for want, v := range map[string]time.Time{
		`null`:                          {},
		`"2026-11-21T15:04:05Z"`:        time.Date(2026, 11, 21, 10, 4, 5, 0, bogota),
		`"2026-11-21T15:04:05.000001Z"`: time.Date(2026, 11, 21, 15, 4, 5, 1999, time.UTC),
	} {
		if got := written(t, scalar.MarshalTime(v)); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
	for _, v := range []any{"2026-11-21", "2026-11-21 15:04:05Z", "2026-11-21T15:04:05", "2026-11-21T15:04:05,5Z", "", 7, nil, "0000-01-01T00:00:00Z"} {
		if got, err := scalar.UnmarshalTime(v); codeOf(err) != registry.CodeInvalidInput {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
}

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.UnixMicro(rapid.Int64Range(-62135596800_000_000+1, 253402300799_000_000).Draw(t, "micros")).UTC()
		var b bytes.Buffer
		scalar.MarshalTime(want).MarshalGQL(&b)
		got, err := scalar.UnmarshalTime(strings.Trim(b.String(), `"`))
		if err != nil || !got.Equal(want) {
			t.Fatalf("%s was read as %v, %v", b.String(), got, err)
		}
	})
}

func TestDuration(t *testing.T) {
	day := 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"P30D": 30 * day, "PT12H": 12 * time.Hour, "P1M": 30 * day, "P1Y": 365 * day, "P2W": 14 * day,
		"P1Y2M3W4DT5H6M7S": (365+60+21+4)*day + 5*time.Hour + 6*time.Minute + 7*time.Second,
		"PT90M":            90 * time.Minute, "PT0S": 0, "P0D": 0, "P10Y": scalar.MaxDuration,
	} {
		if got, err := scalar.UnmarshalDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, v := range []any{
		"", "P", "PT", "T1H", "1D", "P1DT", "P-1D", "-P1D", "P1.5D", "P1H", "PT1D", "PT1Y", "P1D1D", "P1D1M", "P1DT1S1H", "p1d", "P1D ", " P1D",
		"P11Y", "P3651D", "PT999999999999S", "P9999999999999D", "P99999999999999999999D", 30, nil, "P1D2", "P١D",
	} {
		if got, err := scalar.UnmarshalDuration(v); codeOf(err) != registry.CodeInvalidInput {
			t.Errorf("%v: %v, %v; want refused", v, got, err)
		}
	}
}

func TestDurationRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, int64(scalar.MaxDuration/time.Second)).Draw(t, "seconds")) * time.Second
		got, err := scalar.UnmarshalDuration(scalar.FormatDuration(want))
		if err != nil || got != want {
			t.Fatalf("%s was read as %v, %v; want %v", scalar.FormatDuration(want), got, err, want)
		}
	})
	if got := scalar.FormatDuration(-time.Hour); got != "PT0S" {
		t.Errorf("a negative duration: %s", got)
	}
}

func TestJSON(t *testing.T) {
	for text, want := range map[string]string{``: `null`, `{"a":[1,"x"]}`: `{"a":[1,"x"]}`, `{`: `null`, `"+1"`: `"+1"`} {
		if got := written(t, scalar.MarshalJSON(json.RawMessage(text))); got != want {
			t.Errorf("%s: %s; want %s", text, got, want)
		}
	}
	if got, err := scalar.UnmarshalJSON(map[string]any{"a": json.Number("1.50")}); err != nil || string(got) != `{"a":1.50}` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := scalar.UnmarshalJSON(strings.Repeat("x", scalar.MaxJSONBytes)); codeOf(err) != registry.CodeInvalidInput {
		t.Errorf("too long: %v", err)
	}
	if _, err := scalar.UnmarshalJSON(func() {}); codeOf(err) != registry.CodeInvalidInput {
		t.Errorf("no JSON: %v", err)
	}
}

func TestEnums(t *testing.T) {
	if got := written(t, scalar.MarshalPlatform("WHATSAPP")); got != `"WHATSAPP"` {
		t.Errorf("%s", got)
	}
	if got := written(t, scalar.MarshalValidationStatus("")); got != "null" {
		t.Errorf("no status: %s", got)
	}
	for _, v := range []any{"whatsapp", "", "X", 0, nil, []any{"WHATSAPP"}} {
		if got, err := scalar.UnmarshalPlatform(v); codeOf(err) != registry.CodeInvalidInput {
			t.Errorf("%v: %v, %v", v, got, err)
		}
	}
}

func FuzzE164(f *testing.F) {
	for _, seed := range []string{"+573001234567", "+1", "573001234567", "+999999999999999", "+0", "+12345\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := scalar.UnmarshalE164(t.Context(), text)
		if err == nil && n.String() != text {
			t.Errorf("%q was read as %s", text, n)
		}
		if err != nil && codeOf(err) != registry.CodeInvalidNumber {
			t.Errorf("%q: %v", text, err)
		}
		if err == nil && strings.Contains(writtenFor(t, registry.Actor{Role: registry.RoleViewer}, scalar.MarshalE164(n)), text[5:]) && len(text) > 9 {
			t.Errorf("the masked form of a number of %d digits shows its end", len(text)-1)
		}
		_ = n.Masked()
	})
}

func FuzzDuration(f *testing.F) {
	for _, seed := range []string{"P30D", "P1Y2M3W4DT5H6M7S", "PT0S", "P", "PT", "P1DT", "P999999999999Y", "-P1D"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := scalar.UnmarshalDuration(text)
		if err != nil {
			if codeOf(err) != registry.CodeInvalidInput {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if d < 0 || d > scalar.MaxDuration {
			t.Errorf("%q was read as %v, out of bounds", text, d)
		}
		if again, err := scalar.UnmarshalDuration(scalar.FormatDuration(d)); err != nil || again != d {
			t.Errorf("%q was read as %v and that as %v, %v", text, d, again, err)
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, seed := range []string{"2026-11-21T15:04:05Z", "2026-11-21T15:04:05.123456789-05:00", "9999-12-31T23:59:60Z", "2026-02-30T00:00:00Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := scalar.UnmarshalTime(text)
		if err != nil {
			if codeOf(err) != registry.CodeInvalidInput {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		shown := strings.Trim(written(t, scalar.MarshalTime(v)), `"`)
		if again, err := scalar.UnmarshalTime(shown); !v.IsZero() && (err != nil || !again.Equal(v)) {
			t.Errorf("%q was read as %v and shown as %s: %v", text, v, shown, err)
		}
	})
}
