package sample

import "strconv"

// row makes the next line, with its line end. It is valid until the next call.
func (g *generator) row() []byte {
	c := g.next()
	b := g.line[:0]
	if !g.percent(1) { // now and then the id is missing
		b = append(b, c.city.country.letter)
		b = strconv.AppendInt(b, 100_000+int64(c.no), 10)
	}
	b = append(b, ',')
	b = g.appendName(b, c)
	b = append(b, ',')
	b = g.appendPhones(b, c)
	if g.percent(0.05) { // a row that was cut off
		g.line = append(b, '\n')
		return g.line
	}
	b = append(b, ',')
	b = g.appendCity(b, c.city)
	b = append(b, ',')
	b = append(b, c.city.country.names[g.below(len(c.city.country.names))]...)
	b = append(b, ',')
	b = g.appendMail(b, c)
	b = append(b, ",si"...)
	if g.percent(0.05) { // one with a field too many
		b = append(b, ",ver nota"...)
	}
	g.line = append(b, '\n')
	return g.line
}

func (g *generator) appendName(b []byte, c *customer) []byte {
	if c.company >= 0 {
		return append(b, companies[c.company]...)
	}
	first, last := firstNames[c.first], lastNames[c.last]
	switch g.below(10) {
	case 0: // family name first, so that the cell needs quotes
		b = append(b, '"')
		b = append(b, last...)
		b = append(b, ", "...)
		b = append(b, first...)
		return append(b, '"')
	case 1: // blanks left over
		b = append(b, first...)
		b = append(b, "  "...)
		b = append(b, last...)
		return append(b, ' ')
	}
	b = append(b, first...)
	b = append(b, ' ')
	return append(b, last...)
}

func (g *generator) appendCity(b []byte, at *city) []byte {
	switch g.below(20) {
	case 0:
		return b
	case 1, 2:
		return append(b, at.plain...)
	}
	return append(b, at.name...)
}

func (g *generator) appendMail(b []byte, c *customer) []byte {
	if g.percent(40) {
		return b
	}
	b = append(b, "cliente"...)
	b = strconv.AppendInt(b, int64(c.no), 10)
	return append(b, "@example.com"...)
}

// appendPhones writes the cells for landline and mobile.
func (g *generator) appendPhones(b []byte, c *customer) []byte {
	if g.percent(3.5) { // a row without a number
		if g.percent(60) {
			b = append(b, junk[g.below(len(junk))]...)
		}
		return append(b, ',')
	}
	cell := g.cell[:0]
	if c.fixed != 0 {
		cell = c.city.country.appendFixed(g, cell, c.city, c.fixed)
		if g.percent(9) { // one more line in the same cell
			cell = append(cell, joints[g.below(len(joints))]...)
			cell = c.city.country.appendFixed(g, cell, c.city, c.city.subscriber(g))
		}
		if g.percent(6) {
			cell = append(cell, extensions[g.below(len(extensions))]...)
			cell = strconv.AppendInt(cell, int64(100+g.below(900)), 10)
		}
	}
	mobile := len(cell)
	if c.mobile != 0 {
		if mobile > 0 && g.percent(10) { // both numbers in the first cell
			cell = append(cell, joints[g.below(len(joints))]...)
			cell = g.appendMobile(cell, c)
			mobile = len(cell)
		} else {
			cell = g.appendMobile(cell, c)
		}
	}
	g.cell = cell
	b = quoted(b, cell[:mobile])
	b = append(b, ',')
	return quoted(b, cell[mobile:])
}

func (g *generator) appendMobile(b []byte, c *customer) []byte {
	start := len(b)
	b = c.city.country.appendMobile(g, b, c.mobile)
	if g.percent(2) {
		return g.damage(b, start)
	}
	return b
}

// damage spoils the text from start on as people and spreadsheets do.
func (g *generator) damage(b []byte, start int) []byte {
	at := start + g.below(len(b)-start)
	switch g.below(4) {
	case 0: // a character is missing
		return append(b[:at], b[at+1:]...)
	case 1: // one is there twice
		b = append(b, 0)
		copy(b[at+1:], b[at:])
	case 2: // letters for digits
		for i := start; i < len(b); i++ {
			if b[i] == '0' {
				b[i] = 'O'
			}
		}
	default: // rounded by a spreadsheet
		return append(b[:start], rounded[g.below(len(rounded))]...)
	}
	return b
}

// quoted appends a cell, in quotes if it needs them.
func quoted(b, cell []byte) []byte {
	for _, c := range cell {
		if c == ',' || c == '"' {
			b = append(b, '"')
			b = append(b, cell...)
			return append(b, '"')
		}
	}
	return append(b, cell...)
}

// appendDigits writes the lowest n digits of v.
func appendDigits(b []byte, v uint64, n int) []byte {
	for scale := powerOfTen(n - 1); scale > 0; scale /= 10 {
		b = append(b, '0'+byte(v/scale%10))
	}
	return b
}

func powerOfTen(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// appendPattern writes a pattern in which each # stands for the next digit of v, which has n digits, and everything
// else for itself.
func appendPattern(b []byte, pattern string, v uint64, n int) []byte {
	scale := powerOfTen(n - 1)
	for i := range len(pattern) {
		if pattern[i] != '#' {
			b = append(b, pattern[i])
			continue
		}
		b = append(b, '0'+byte(v/scale%10))
		scale /= 10
	}
	return b
}
