package registry_test

import (
	"strconv"
	"testing"

	"phoneregistry/registry"
)

func TestConfidence(t *testing.T) {
	for _, c := range []struct {
		name              string
		priority, sources int
		verified          bool
		want              float64
	}{
		{"manual upload alone", 1, 1, false, 0.40},
		{"web form alone", 3, 1, false, 0.60},
		{"sales system alone", 5, 1, false, 0.80},
		{"a source above the usual", 100, 1, false, 0.90},
		{"two sources", 5, 2, false, 0.85},
		{"very many sources", 5, 1000, false, 0.95},
		{"verified", 1, 1, true, 0.99},
		{"no priority counts as the lowest", 0, 1, false, 0.40},
	} {
		if got := registry.Confidence(c.priority, c.sources, c.verified); got < c.want-1e-9 || got > c.want+1e-9 {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// More priority, more sources and a verification never lower the confidence, and it stays between 0 and 1.
func TestConfidenceGrows(t *testing.T) {
	for p := 1; p <= registry.MaxPriority; p++ {
		for n := 1; n <= registry.ConfidenceSources+2; n++ {
			c := registry.Confidence(p, n, false)
			if c <= 0 || c >= registry.Confidence(p, n, true) {
				t.Errorf("priority %d, %d sources: %v is not between 0 and the verified value", p, n, c)
			}
			if registry.Confidence(p+1, n, false) < c || registry.Confidence(p, n+1, false) < c {
				t.Errorf("priority %d, %d sources: one more lowers it", p, n)
			}
		}
	}
}

func TestConfidenceTable(t *testing.T) {
	table := registry.ConfidenceTable()
	if len(table) != registry.MaxPriority*registry.ConfidenceSources {
		t.Fatalf("%d entries", len(table))
	}
	for p := 1; p <= registry.MaxPriority; p++ {
		for n := 1; n <= registry.ConfidenceSources+5; n++ {
			at := (p-1)*registry.ConfidenceSources + min(n, registry.ConfidenceSources) - 1
			if table[at] != registry.Confidence(p, n, false) {
				t.Errorf("priority %d, %d sources: %v in the table", p, n, table[at])
			}
		}
	}
}

func TestConfidenceOnLine(t *testing.T) {
	yes, no := true, false
	for c := 0.0; c <= 1; c += 0.01 {
		if registry.ConfidenceOnLine(c, nil) != c {
			t.Errorf("%v changes without a word on the line", c)
		}
		if in := registry.ConfidenceOnLine(c, &yes); in < c || in > max(c, 0.95) {
			t.Errorf("%v becomes %v for a line in service", c, in)
		}
		if out := registry.ConfidenceOnLine(c, &no); out > c || out < 0 || (c > 0 && out == c) {
			t.Errorf("%v becomes %v for a line out of service", c, out)
		}
	}
	if c := registry.ConfidenceOnLine(0.5, &yes); c != 0.55 {
		t.Errorf("0.5 in service is %v, want 0.55", c)
	}
}

// TestConfidencesAreShort: nobody has to read 0.6000000000000001.
func TestConfidencesAreShort(t *testing.T) {
	yes, no := true, false
	for _, c := range append(registry.ConfidenceTable(), registry.Confidence(1, 1, true)) {
		for _, shown := range []float64{c, registry.ConfidenceOnLine(c, &yes), registry.ConfidenceOnLine(c, &no)} {
			if text := strconv.FormatFloat(shown, 'f', -1, 64); len(text) > len("0.123456") {
				t.Errorf("%s", text)
			}
		}
	}
}
