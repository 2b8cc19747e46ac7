package numbering_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phoneregistry/registry/numbering"
)

func TestShownDigits(t *testing.T) {
	for prefix, want := range map[string]int{
		"": 0, "5": 1, "57": 2, "573": 3, "5730": 4, "57300": 4, "573001234567": 4,
		"1": 1, "1212": 3, "5511": 4, "55119": 4, "52": 2, "44": 2, "49": 2, "4930": 2, "50": 2, "500": 3, "50021": 3,
		"999": 0, "x57": 0,
	} {
		if got := numbering.ShownDigits(prefix); got != want {
			t.Errorf("%q: %d; want %d", prefix, got, want)
		}
	}
}

// TestShownDigitsAreShown: whatever valid number begins with a prefix, its masked form begins with what may be told.
func TestShownDigitsAreShown(t *testing.T) {
	z, err := numbering.New()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		code := rapid.SampledFrom([]string{"57", "1", "52", "55", "54", "49", "43", "500", "290", "44", "507", "593", "882"}).Draw(rt, "code")
		text := code + rapid.StringMatching(`[1-9][0-9]{3,10}`).Draw(rt, "national")
		r := z.Normalize("+"+text, numbering.Options{})
		if !r.IsValid {
			return
		}
		digits := strings.TrimPrefix(r.Number.String(), "+")
		for n := range len(digits) + 1 {
			shown := "+" + digits[:numbering.ShownDigits(digits[:n])]
			if !strings.HasPrefix(r.Number.Masked(), shown) {
				rt.Fatalf("%s is told of %s", shown, r.Number.Masked())
			}
		}
	})
}
