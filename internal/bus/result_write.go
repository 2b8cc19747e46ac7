package bus

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// A result holds hundreds of checks, and results are most of what a job sends. Writing them by hand costs a fraction of
// what reflection does. What is written is, byte for byte, what encoding/json writes; what is not as plain as results
// are is left to it.

// appendResult appends a result as JSON; false when it is not plain, and b may hold a part of it then.
func appendResult(b []byte, r *Result) ([]byte, bool) {
	w := resultWriter{b: b, plain: true}
	w.integer(`{"v":`, r.Version)
	w.text(`,"job":`, r.JobID)
	w.text(`,"platform":`, r.Platform)
	w.integer(`,"chunk":`, r.ChunkNo)
	w.integer(`,"epoch":`, r.Epoch)
	w.text(`,"worker":`, r.Worker)
	if r.Simulated {
		w.raw(`,"simulated":true`)
	}
	w.time(`,"startedAt":`, r.StartedAt)
	w.time(`,"endedAt":`, r.EndedAt)
	if r.Checks == nil {
		return w.b, false
	}
	w.raw(`,"checks":[`)
	for i := range r.Checks {
		if i > 0 {
			w.raw(",")
		}
		w.check(&r.Checks[i])
	}
	w.raw(`]}`)
	return w.b, w.plain
}

// resultSize is about how long a result becomes.
func resultSize(r *Result) int {
	size := 300 + 140*len(r.Checks)
	for i := range r.Checks {
		size += len(r.Checks[i].Details)
	}
	return size
}

type resultWriter struct {
	b     []byte
	plain bool

	at         time.Time // the last time written, which is mostly that of the next check too
	start, end int       // where it stands in b
}

func (w *resultWriter) raw(s string) { w.b = append(w.b, s...) }

func (w *resultWriter) integer(name string, v int) {
	w.b = strconv.AppendInt(append(w.b, name...), int64(v), 10)
}

func (w *resultWriter) text(name, v string) {
	for i := range len(v) {
		if c := v[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			w.plain = false
			return
		}
	}
	w.b = append(append(append(append(w.b, name...), '"'), v...), '"')
}

func (w *resultWriter) time(name string, v time.Time) {
	w.raw(name)
	if w.end > 0 && v == w.at { //nolint:revive,staticcheck // the same text, not the same moment
		w.b = append(w.b, w.b[w.start:w.end]...)
		return
	}
	start := len(w.b)
	b, err := v.AppendText(append(w.b, '"'))
	if err != nil {
		w.plain = false
		return
	}
	w.b = append(b, '"')
	w.at, w.start, w.end = v, start, len(w.b)
}

func (w *resultWriter) check(c *CheckResult) {
	w.raw(`{"n":`)
	w.b = strconv.AppendInt(w.b, c.Number, 10)
	w.text(`,"s":`, c.Status)
	if c.Strength != 0 {
		if !(math.Abs(c.Strength) >= 1e-6 && math.Abs(c.Strength) < 1e6) { // written with an exponent, or not a number
			w.plain = false
			return
		}
		w.b = strconv.AppendFloat(append(w.b, `,"w":`...), c.Strength, 'f', -1, 64)
	}
	w.text(`,"m":`, c.Method)
	if c.Reason != "" {
		w.text(`,"r":`, c.Reason)
	}
	w.integer(`,"a":`, c.Attempts)
	w.integer(`,"l":`, c.LatencyMS)
	w.time(`,"at":`, c.CheckedAt)
	if c.TTLSec != 0 {
		w.b = strconv.AppendInt(append(w.b, `,"ttl":`...), c.TTLSec, 10)
	}
	if len(c.Details) > 0 {
		w.details(c.Details)
	}
	w.raw("}")
}

func (w *resultWriter) details(d json.RawMessage) {
	w.raw(`,"d":`)
	buf := bytes.NewBuffer(w.b)
	if json.Compact(buf, d) != nil {
		w.plain = false
		return
	}
	w.b = buf.Bytes()
}
