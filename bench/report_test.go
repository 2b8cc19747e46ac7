package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReport(t *testing.T) {
	r := report{Machine: machine{Cores: 2, System: "linux/amd64", Go: "go1.26", PostgreSQL: "15.1", Took: "3s"}}
	r.add(line{What: "a", Unit: "rows/s", Ours: 1_234_567, Against: "COPY", Peer: 2_469_134, Wanted: 0.25})
	r.add(line{What: "b", Unit: "/s", Ours: 9_999, Against: "raw", Peer: 10_000, Wanted: 0.5, WantedOwn: 10_000})
	r.add(line{What: "c", Unit: "/s", Ours: 12.34, Against: "peer", Peer: 24.68, Wanted: 0.51})
	r.add(line{What: "d", Unit: "/s", Ours: 5, Wanted: 2}) // a peer that could not be measured
	r.add(line{What: "e", Unit: "s", Ours: 1.25, Against: "limit", Peer: 5, Most: 1})
	r.note("noted")
	var b strings.Builder
	if err := r.write(&b); err != nil {
		t.Fatal(err)
	}
	for want, text := range map[string]string{
		"a": "1,234,567 rows/s|2,469,134|COPY|0.50|≥ 0.25|yes",
		"b": "9,999 /s|10,000|raw|1.00|≥ 0.5, ≥ 10,000 /s|no",
		"c": "12.3 /s|24.7|peer|0.50|≥ 0.51|no",
		"d": "5.00 /s|–||–|≥ 2|–",
		"e": "1.25 s|5.00|limit|0.25|≤ 1.00 s|no",
	} {
		if got := cells(b.String(), want); got != text {
			t.Errorf("line %s is %q, want %q", want, got, text)
		}
	}
	if !strings.Contains(b.String(), "2 cores") || !strings.Contains(b.String(), "PostgreSQL 15.1") || !strings.Contains(b.String(), "- noted") {
		t.Errorf("the machine or the note is missing:\n%s", b.String())
	}
}

// cells returns the cells of a line of the table, without those that are only padding.
func cells(table, what string) string {
	for text := range strings.SplitSeq(table, "\n") {
		if !strings.HasPrefix(text, what+"  ") {
			continue
		}
		var out []string
		for cell := range strings.SplitSeq(text[len(what):], "  ") {
			if cell = strings.TrimSpace(cell); cell != "" {
				out = append(out, cell)
			}
		}
		if len(out) == 5 { // a peer without a name
			out = slices.Insert(out, 2, "")
		}
		return strings.Join(out, "|")
	}
	return ""
}

func TestQuantile(t *testing.T) {
	var waits []time.Duration
	for i := range 200 {
		waits = append(waits, time.Duration(i+1)*time.Millisecond)
	}
	if p50, p99 := quantile(waits, 0.5), quantile(waits, 0.99); p50 != 101*time.Millisecond || p99 != 199*time.Millisecond {
		t.Errorf("p50 %s, p99 %s", p50, p99)
	}
	if quantile(nil, 0.5) != 0 || quantile(waits[:1], 0.99) != time.Millisecond {
		t.Error("none or one wait")
	}
	if m := median([]float64{3, 1, 2}); m != 2 {
		t.Errorf("median %g", m)
	}
}

func TestListReadsBothShapes(t *testing.T) {
	for text, want := range map[string][]string{
		`[{"number":"+573001234567"},{"number":"+525512345678"}]`:                               {"573001234567", "525512345678"},
		`{"nodes":[{"number":"573001234567"}],"pageInfo":{"endCursor":"x","hasNextPage":true}}`: {"573001234567"},
	} {
		var l list
		if err := json.Unmarshal([]byte(text), &l); err != nil || !slices.Equal(l.numbers, want) {
			t.Errorf("%s is read as %v, %v", text, l.numbers, err)
		}
	}
}

func TestSampleCells(t *testing.T) {
	texts, err := sampleCells(2000)
	if err != nil || len(texts) < 2000 {
		t.Fatalf("%d texts, %v", len(texts), err)
	}
	for _, one := range texts {
		if one.raw == "" || (one.o.Region != "CO" && one.o.Region != "MX") {
			t.Fatal("a text without content or region")
		}
	}
}
