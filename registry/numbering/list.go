package numbering

import (
	"slices"
	"strings"
)

// maxRange is how many numbers a range may stand for to be written out.
const maxRange = 20

// extensions takes in the digits after a label for extensions, and the next ones
// as long as they look the same and begin no number, and returns where to go on.
// They belong to the number before, or to all numbers of the range before.
func (c *cell) extensions(i int) int {
	end := i + 1
	for end < len(c.groups) && c.anotherExtension(c.groups[end], c.groups[i].len()) && !c.startsNumber(end) {
		end++
	}
	var b strings.Builder
	for k := i; k < end; k++ {
		if k > i {
			b.WriteByte(',')
		}
		b.Write(c.text[c.groups[k].start:c.groups[k].end])
	}
	ext := b.String()
	for k := c.extFrom; k <= c.extTo; k++ {
		if r := &c.out[k]; r.Extension == "" {
			r.Extension = ext
		} else if r.Extension != ext {
			r.Extension += "," + ext
		}
	}
	return end
}

// anotherExtension tells that a group after an extension of first digits may be one
// more: it stands in the same list and is about as long.
func (c *cell) anotherExtension(g group, first int) bool {
	return g.sep < sepHard && g.sep != sepRange && !g.plus && !g.stuck && g.len() < MinDigits &&
		g.len() <= first+2 && g.len() >= first-2
}

// startsNumber tells whether the run of groups that begins at i is a number.
func (c *cell) startsNumber(i int) bool {
	r := c.whole(i, c.runEnd(i))
	return r.valid()
}

// ending reads a short group after a number as the end of another number that is
// otherwise the same: "2422813/11", "27 61 y 62". How far it may be from the first
// depends on how clearly the writer said that it is a list.
func (c *cell) ending(i int) bool {
	g := c.groups[i]
	if !c.continues(i) || g.len() > 4 || g.plus || g.named {
		return false
	}
	first := c.out[c.last].Number
	power, value := Number(1), Number(0)
	for _, d := range c.text[g.start:g.end] {
		power, value = power*10, value*10+Number(d-'0')
	}
	next := first - first%power + value
	distance := value - first%power
	switch g.sep {
	case sepAnd, sepSlash:
	case sepRange:
		return c.between(c.input(i, i+1), next)
	case sepDash, sepGap, sepComma, sepDashes:
		// Not clear: only for lines that come in blocks, and near by.
		if c.out[c.last].LineType == Mobile || (g.len() > 2 && (distance <= 0 || distance > maxRange)) {
			return false
		}
	default:
		return false
	}
	return c.sibling(c.input(i, i+1), next, ruleEnding)
}

// between reads the numbers after the last one up to end: all of them when they are
// few, else only the end.
func (c *cell) between(input string, end Number) bool {
	from := c.last
	first := c.out[from].Number
	if end <= first || end-first >= maxRange {
		return c.sibling(input, end, ruleRange)
	}
	found := false
	for n := first + 1; n <= end && !c.full(); n++ {
		found = c.sibling(input, n, ruleRange) || found
	}
	c.extFrom, c.extTo = from, len(c.out)-1
	return found
}

// sibling adds a number that follows from the one before, if the plan knows it.
func (c *cell) sibling(input string, n Number, rule string) bool {
	all := digitsOf([]byte(n.String()[1:]))
	r := c.z.exact(all.bytes())
	if !r.valid() {
		return false
	}
	r.rule = joinRules(rule, withoutList(c.out[c.last].AppliedRule))
	c.add(input, &r)
	return true
}

// withoutList takes the list rule off the rules of a number that followed from one
// before it.
func withoutList(rule string) string {
	for _, list := range [...]string{ruleEnding, ruleRange} {
		if rest, ok := strings.CutPrefix(rule, list); ok {
			return strings.TrimPrefix(rest, "+")
		}
	}
	return rule
}

// sheetDigits is how many digits a spreadsheet keeps of a number: it sets the ones
// after to zero.
const sheetDigits = 15

// glued reads a group that is too long for one number as two or three of the same
// length, if each of them is one. Where a spreadsheet may have set the last digits
// to zero, the number they belong to is lost.
func (c *cell) glued(i int) bool {
	g := c.groups[i]
	n := g.len()
	for _, parts := range [...]int{2, 3} {
		each := n / parts
		if n%parts != 0 || each < MinDigits || each > MaxDigits || g.plus {
			continue
		}
		var found [3]reading
		ok := true
		for k := range parts {
			at := int(g.start) + k*each
			found[k] = c.resolve(c.text[at:at+each], false, 0)
			ok = ok && found[k].valid()
		}
		if !ok {
			continue
		}
		rounded := n > sheetDigits && sameDigits(append([]byte{'0'}, c.text[int(g.start)+sheetDigits:g.end]...))
		for k := range parts {
			at := int(g.start) + k*each
			input := c.raw[c.at[at]:c.at[at+each]]
			if rounded && (k+1)*each > sheetDigits {
				c.fail(input, PrecisionLost)
				continue
			}
			found[k].rule = joinRules(ruleGlued, found[k].rule)
			c.add(input, &found[k])
		}
		return true
	}
	return false
}

// maxSegment is the longest run, in groups, that is searched for several numbers.
const maxSegment = 40

// segment cuts a run that is not one number into pieces, so that as many digits as
// possible are in numbers. Blanks and dots part two numbers only if both sides are
// numbers beyond doubt; a dash does it more easily. It returns where the pieces
// end, and false when cutting gains nothing.
func (c *cell) segment(from, to int) ([]int, bool) {
	n := to - from
	if n < 2 || n > maxSegment {
		return nil, false
	}
	const never = 1 << 30
	var cost, prev [maxSegment + 1]int
	numbers := [maxSegment + 1]int{}
	for end := 1; end <= n; end++ {
		cost[end] = never
		for start := max(0, end-10); start < end; start++ {
			if cost[start] == never || (start == 0 && end == n) {
				continue
			}
			price, number := c.price(from, from+start, from+end)
			if price < 0 {
				continue
			}
			if start > 0 {
				price += boundaryPrice(c.groups[from+start].sep)
			}
			if total := cost[start] + price; total < cost[end] {
				cost[end], prev[end] = total, start
				numbers[end] = numbers[start]
				if number {
					numbers[end]++
				}
			}
		}
	}
	if cost[n] == never || (numbers[n] == 0 && !c.allSolid(from, to)) {
		return nil, false
	}
	cuts := make([]int, 0, n)
	for end := n; end > 0; end = prev[end] {
		cuts = append(cuts, from+end)
	}
	slices.Reverse(cuts)
	return cuts, true
}

// allSolid tells that each group of a run is as long as a number, so that they are
// several even if none of them is valid.
func (c *cell) allSolid(from, to int) bool {
	for _, g := range c.groups[from:to] {
		if g.len() < MinDigits {
			return false
		}
	}
	return true
}

// price tells what it costs to take groups from..to-1 of the run at run for one
// piece; negative means that they cannot be one.
func (c *cell) price(run, from, to int) (price int, number bool) {
	solid := to-from == 1
	firm := from == run || c.groups[from].sep >= sepGap
	r := c.whole(from, to)
	if r.valid() {
		switch {
		case r.rule == "":
			return 1, true
		case solid && c.groups[from].len() >= MinDigits:
			return 2, true
		case firm && (to == len(c.groups) || c.groups[to].sep >= sepGap):
			return 4, true
		}
	}
	n := c.digits(from, to)
	follows := from > run || c.last >= 0
	switch {
	case solid && n >= MinDigits-1 && (n >= MinDigits || follows):
	case follows && n <= 4 && solid:
	case follows && firm && c.groups[from].sep >= sepGap:
	default:
		return -1, false
	}
	return 20 + 4*n, false
}

func boundaryPrice(s separator) int {
	switch s {
	case sepGap:
		return 0
	case sepDash:
		return 1
	}
	return 3
}
