package bus

import (
	"encoding/json"
	"strconv"
	"time"
	"unicode/utf8"
)

// readResult reads a result as our own workers write it: without blanks, without escapes, with no member but those of
// Result. Such a one is read in a tenth of the time that reflection takes, to the same values; false for any other,
// which encoding/json reads or refuses.
func readResult(data []byte, r *Result) bool {
	d := resultReader{rest: data, plain: true}
	d.object(func(name []byte) {
		switch string(name) {
		case "v":
			r.Version = int(d.integer())
		case "job":
			r.JobID = d.text("")
		case "platform":
			r.Platform = d.text("")
		case "chunk":
			r.ChunkNo = int(d.integer())
		case "epoch":
			r.Epoch = int(d.integer())
		case "worker":
			r.Worker = d.text("")
		case "simulated":
			r.Simulated = d.boolean()
		case "startedAt":
			r.StartedAt = d.time()
		case "endedAt":
			r.EndedAt = d.time()
		case "checks":
			d.plain = d.plain && r.Checks == nil // twice is not plain
			r.Checks = d.checks()
		default:
			d.plain = false
		}
	})
	return d.plain && len(d.rest) == 0
}

// resultReader reads from the front of rest. Once something is not plain nothing that it returns means anything.
type resultReader struct {
	rest  []byte
	plain bool

	at     time.Time // the last time read, which is mostly that of the next check too
	atText []byte
}

// take takes the byte c off the front.
func (d *resultReader) take(c byte) bool {
	if len(d.rest) == 0 || d.rest[0] != c {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

func (d *resultReader) want(c byte) { d.plain = d.take(c) && d.plain }

// object reads an object with at least one member; member reads the value of each.
func (d *resultReader) object(member func(name []byte)) {
	d.want('{')
	for d.plain {
		name := d.quoted()
		d.want(':')
		if !d.plain {
			return
		}
		member(name)
		if !d.take(',') {
			break
		}
	}
	d.want('}')
}

func (d *resultReader) checks() []CheckResult {
	d.want('[')
	most := min(len(d.rest)/40+1, MaxChunkNumbers) // a check takes more bytes than that
	checks := make([]CheckResult, 0, most)
	var last CheckResult
	for d.plain {
		if len(checks) == MaxChunkNumbers {
			d.plain = false
			break
		}
		checks = append(checks, CheckResult{})
		c := &checks[len(checks)-1]
		d.check(c, &last)
		last = *c
		if !d.take(',') {
			break
		}
	}
	d.want(']')
	return checks
}

// check reads a check. Texts that are those of the last one are shared with it.
func (d *resultReader) check(c, last *CheckResult) {
	d.object(func(name []byte) {
		switch string(name) {
		case "n":
			c.Number = d.integer()
		case "s":
			c.Status = d.text(last.Status)
		case "w":
			c.Strength = d.fraction()
		case "m":
			c.Method = d.text(last.Method)
		case "r":
			c.Reason = d.text(last.Reason)
		case "a":
			c.Attempts = int(d.integer())
		case "l":
			c.LatencyMS = int(d.integer())
		case "at":
			c.CheckedAt = d.time()
		case "ttl":
			c.TTLSec = d.integer()
		case "d":
			c.Details = d.details()
		default:
			d.plain = false
		}
	})
}

// quoted reads a text without escapes and returns what stands between the quotes.
func (d *resultReader) quoted() []byte {
	d.want('"')
	ascii := true
	for i, c := range d.rest {
		switch {
		case c == '"':
			text := d.rest[:i]
			d.rest = d.rest[i+1:]
			d.plain = d.plain && (ascii || utf8.Valid(text))
			return text
		case c == '\\' || c < ' ':
			d.plain = false
			return nil
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	d.plain = false
	return nil
}

func (d *resultReader) text(last string) string {
	text := d.quoted()
	if string(text) == last {
		return last
	}
	return string(text)
}

func (d *resultReader) time() time.Time {
	text := d.quoted()
	if !d.plain || (d.atText != nil && string(text) == string(d.atText)) {
		return d.at
	}
	if d.at.UnmarshalText(text) != nil {
		d.plain = false
	}
	d.atText = text
	return d.at
}

// digits counts the digits of the integer part of a JSON number at the front of b; 0 when there is none.
func digits(b []byte) int {
	n := 0
	for n < len(b) && b[n] >= '0' && b[n] <= '9' {
		n++
	}
	if n > 1 && b[0] == '0' {
		return 0
	}
	return n
}

func (d *resultReader) integer() int64 {
	negative := d.take('-')
	n := digits(d.rest)
	if n == 0 || n > 18 {
		d.plain = false
		return 0
	}
	var v int64
	for _, c := range d.rest[:n] {
		v = 10*v + int64(c-'0')
	}
	d.rest = d.rest[n:] // a fraction or an exponent is met where a comma or the end should be
	if negative {
		return -v
	}
	return v
}

func (d *resultReader) fraction() float64 {
	n := digits(d.rest)
	d.plain = d.plain && n > 0
	if n < len(d.rest) && d.rest[n] == '.' {
		n++
		whole := n
		for n < len(d.rest) && d.rest[n] >= '0' && d.rest[n] <= '9' {
			n++
		}
		d.plain = d.plain && n > whole
	}
	v, err := strconv.ParseFloat(string(d.rest[:n]), 64)
	d.rest = d.rest[n:]
	d.plain = d.plain && err == nil
	return v
}

func (d *resultReader) boolean() bool {
	const yes = "true"
	if len(d.rest) < len(yes) || string(d.rest[:len(yes)]) != yes {
		d.plain = false
		return false
	}
	d.rest = d.rest[len(yes):]
	return true
}

// details reads an object of any members.
func (d *resultReader) details() json.RawMessage {
	depth, quoted := 0, false
	for i := 0; i < len(d.rest); i++ {
		switch c := d.rest[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
			if depth > 0 {
				continue
			}
			text := d.rest[:i+1]
			d.rest = d.rest[i+1:]
			d.plain = d.plain && text[0] == '{' && json.Valid(text)
			return append(json.RawMessage(nil), text...)
		}
		if depth == 0 { // not an object, or not within one any more
			break
		}
	}
	d.plain = false
	return nil
}
