package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is what a run found.
type report struct {
	Machine machine  `json:"machine"`
	Lines   []line   `json:"lines"`
	Notes   []string `json:"notes,omitempty"`
}

// line compares one thing with its peer.
type line struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Ours      float64 `json:"ours"`
	Against   string  `json:"against,omitempty"` // "": nothing
	Peer      float64 `json:"peer,omitempty"`
	Ratio     float64 `json:"ratio,omitempty"`
	Wanted    float64 `json:"wantedRatio,omitempty"` // 0: none
	WantedOwn float64 `json:"wantedOwn,omitempty"`   // least Ours; 0: none
	Most      float64 `json:"most,omitempty"`        // largest Ours; 0: none
	Met       *bool   `json:"met,omitempty"`         // nil: nothing is wanted
}

func (r *report) add(l line) {
	if l.Peer > 0 {
		l.Ratio = l.Ours / l.Peer
	}
	if (l.Wanted > 0 && l.Peer > 0) || l.WantedOwn > 0 || l.Most > 0 {
		met := (l.Peer <= 0 || l.Ratio >= l.Wanted) && l.Ours >= l.WantedOwn && (l.Most <= 0 || l.Ours <= l.Most)
		l.Met = &met
	}
	r.Lines = append(r.Lines, l)
}

func (r *report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *report) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r *report) write(w io.Writer) error {
	fmt.Fprintf(w, "\n%s\n\n", r.Machine)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "what\tours\tpeer or limit\t\tratio\twanted\tmet")
	for _, l := range r.Lines {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.What, amount(l.Ours)+" "+l.Unit, peerText(l), l.Against, ratioText(l), wantedText(l), metText(l))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, n := range r.Notes {
		fmt.Fprintln(w, "- "+n)
	}
	return nil
}

func peerText(l line) string {
	if l.Peer <= 0 {
		return "–"
	}
	return amount(l.Peer)
}

func ratioText(l line) string {
	if l.Peer <= 0 {
		return "–"
	}
	return strconv.FormatFloat(l.Ratio, 'f', 2, 64)
}

func wantedText(l line) string {
	var parts []string
	if l.Wanted > 0 {
		parts = append(parts, "≥ "+strconv.FormatFloat(l.Wanted, 'f', -1, 64))
	}
	if l.WantedOwn > 0 {
		parts = append(parts, "≥ "+amount(l.WantedOwn)+" "+l.Unit)
	}
	if l.Most > 0 {
		parts = append(parts, "≤ "+amount(l.Most)+" "+l.Unit)
	}
	if len(parts) == 0 {
		return "–"
	}
	return strings.Join(parts, ", ")
}

func metText(l line) string {
	switch {
	case l.Met == nil:
		return "–"
	case *l.Met:
		return "yes"
	}
	return "no"
}

// amount writes a number with three or more significant digits and separators of thousands.
func amount(v float64) string {
	switch {
	case v < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case v < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatInt(int64(v+0.5), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// median returns the middle of some measurements; of an even number the lower of the two.
func median[T float64 | time.Duration](values []T) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
