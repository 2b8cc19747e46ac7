package numbering

// A cell is the reading of one text that may hold several numbers. It goes through
// the groups of digits in order; what a group means depends on what was read before
// it: an area completes the local number after it, an ending continues the last
// number, a label makes it an extension.
type cell struct {
	scan
	z    *Normalizer
	home *territory
	hint areaHint

	out  []Result
	base int // where the cell's results begin in out
	// last is the valid number read last, an index into out, -1 if there is none;
	// lastEnd is the group after it.
	last, lastEnd int
	// An extension belongs to the results extFrom..extTo: the one before it, or
	// all of a range.
	extFrom, extTo int
	stuck          bool // a result for letters is there
}

// maxGroups is how many groups of digits of one text are read; MaxPieces numbers
// seldom have more.
const maxGroups = 8 * MaxPieces

// appendCell reads any text. At least one result is appended.
func (z *Normalizer) appendCell(dst []Result, raw string, o *Options) []Result {
	if len(raw) > MaxInput {
		return append(dst, Result{Input: raw, LineType: Unknown, Reason: TooLongInput})
	}
	c := z.cells.Get().(*cell)
	defer c.release()
	c.z, c.home, c.out, c.base, c.last, c.lastEnd, c.stuck = z, z.home(o), dst, len(dst), -1, 0, false
	c.extFrom, c.extTo = 0, -1
	c.hint.nearby, c.hint.city, c.hint.area = "", o.City, o.Area
	if !c.fold(raw) {
		return append(dst, Result{Input: raw, LineType: Unknown, Reason: Empty})
	}
	if c.sheet() {
		return c.out
	}
	c.cut()
	c.read()
	c.close()
	return c.out
}

// release gives the cell back for another text, with nothing of this one.
func (c *cell) release() {
	z := c.z
	c.z, c.home, c.out, c.raw, c.hint = nil, nil, nil, "", areaHint{}
	z.cells.Put(c)
}

// sheet reads a text that a spreadsheet has been at.
func (c *cell) sheet() bool {
	found, ok := spreadsheet(c.text[:c.n])
	if !ok {
		return false
	}
	if found.lost {
		c.fail(c.raw, PrecisionLost)
		return true
	}
	r := c.resolve(found.digits.bytes(), false, 0)
	r.rule = joinRules(found.rule, r.rule)
	c.add(c.raw, &r)
	return true
}

// read goes through the groups: runs of groups that may be one number, and what
// belongs to the number before.
func (c *cell) read() {
	for i := 0; i < len(c.groups); {
		if c.full() || i >= maxGroups {
			c.fail(c.raw[c.at[c.groups[i].start]:], TooManyNumbers)
			return
		}
		switch sep := c.groups[i].sep; {
		case sep == sepSkip && len(c.groups) > 1:
			i++
		case sep == sepExt && len(c.out) > c.base && c.groups[i].len() <= 10:
			i = c.extensions(i)
		default:
			i = c.run(i)
		}
	}
}

// close settles what can only be told at the end: that there was nothing, that
// short pieces are fragments, and how the only piece looked.
func (c *cell) close() {
	own := c.out[c.base:]
	if len(own) == 0 {
		c.fail(c.raw, NotANumber)
		return
	}
	if len(own) == 1 {
		own[0].Input = c.raw
		return
	}
	for i := range own {
		if r := &own[i]; !r.IsValid && r.Reason != Letters && r.Reason != TooManyNumbers && countDigits(r.Input) < MinDigits {
			r.Reason = Fragment
		}
	}
}

// runEnd returns the end of the run of groups that begins at from.
func (c *cell) runEnd(from int) int {
	to := from + 1
	for to < len(c.groups) && c.groups[to].sep.joins() && !c.groups[to].plus {
		to++
	}
	return to
}

// run reads the groups from i up to the next firm separator and returns where to
// go on.
func (c *cell) run(i int) int {
	end := c.runEnd(i)
	for _, g := range c.groups[i:end] {
		if g.stuck {
			if !c.stuck {
				c.fail(c.input(i, end), Letters)
				c.stuck = true
			}
			return end
		}
	}
	whole := c.whole(i, end)
	if whole.valid() && !(c.looksLikeList(i, end) && whole.rule != "") {
		c.piece(i, end, &whole)
		return end
	}
	// A slash after an area code: 030/1234567.
	if end < len(c.groups) && c.groups[end].sep == sepSlash && c.last < 0 && c.digits(i, end) <= 6 {
		joined := c.runEnd(end)
		if r := c.whole(i, joined); r.valid() && r.rule == "" {
			c.piece(i, joined, &r)
			return joined
		}
	}
	if cuts, ok := c.segment(i, end); ok {
		from := i
		for _, to := range cuts {
			r := c.whole(from, to)
			c.piece(from, to, &r)
			from = to
		}
		return end
	}
	c.piece(i, end, &whole)
	return end
}

// piece takes in groups from..to-1, read as r: a number, several glued together,
// the ending of the number before, or nothing.
func (c *cell) piece(from, to int, r *reading) {
	if c.full() {
		return
	}
	input := c.input(from, to)
	switch {
	case r.valid() && c.groups[from].sep == sepRange && c.continues(from) && c.between(input, r.number()):
	case r.valid():
		c.add(input, r)
	case to-from == 1 && (c.ending(from) || c.glued(from)):
	default:
		c.add(input, r)
		return
	}
	c.lastEnd = to
}

// continues tells that the group comes right after the last number, so that it may
// be the end of another one like it.
func (c *cell) continues(i int) bool { return c.last >= 0 && c.lastEnd == i }

// whole reads groups from..to-1 as one number.
func (c *cell) whole(from, to int) reading {
	d, ok := c.digitsIn(from, to)
	if !ok {
		return reading{reason: TooLong}
	}
	return c.resolve(d.bytes(), c.groups[from].plus, exitGroup(to-from, c.groups[from].len()))
}

// resolve asks what digits are, where they stand in this cell.
func (c *cell) resolve(in []byte, plus bool, exit int) reading {
	return c.z.resolve(in, form{plus, exit}, c.home, &c.hint)
}

// looksLikeList tells that a run begins with a group that is a number by itself, or
// that ends the number before it, so that it takes more than a rewrite rule to
// believe that the rest belongs to it.
func (c *cell) looksLikeList(from, to int) bool {
	if to-from < 2 {
		return false
	}
	ends := c.last >= 0 && c.groups[from].len() <= 2 && c.groups[from+1].len() >= MinDigits
	return ends || c.groups[from].len() >= MinDigits
}

func (c *cell) digits(from, to int) (n int) {
	for _, g := range c.groups[from:to] {
		n += g.len()
	}
	return n
}

// add appends a result; a number that is there already only lends its extension a
// place.
func (c *cell) add(input string, r *reading) {
	if r.valid() {
		n := r.number()
		for i := c.base; i < len(c.out); i++ {
			if c.out[i].Number == n {
				c.last, c.extFrom, c.extTo = i, i, i
				return
			}
		}
	}
	out := Result{Input: input}
	out.fill(r)
	c.append(out)
	if !r.valid() {
		return
	}
	c.last = c.extTo
	if r.code.code == callingCodeOf(c.home) && (r.lineType == FixedLine || r.lineType == FixedLineOrMobile) {
		c.hint.nearby = c.z.areas.areaOf(c.home.id, r.nsn.bytes())
	}
}

func (c *cell) fail(input string, reason Reason) {
	c.append(Result{Input: input, LineType: Unknown, Reason: reason})
}

func (c *cell) append(r Result) {
	c.out = append(c.out, r)
	c.extFrom, c.extTo = len(c.out)-1, len(c.out)-1
}

func (c *cell) full() bool { return len(c.out)-c.base >= MaxPieces }

func callingCodeOf(t *territory) int {
	if t == nil {
		return 0
	}
	return t.code
}

func countDigits(s string) (n int) {
	for _, r := range s {
		if isDigit(foldRune(r)) {
			n++
		}
	}
	return n
}
