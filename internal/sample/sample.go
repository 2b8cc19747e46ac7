// Package sample makes contacts up: Colombian and Mexican customers as messy as real files are, for demonstrations, tests
// and benchmarks. Names, ids and e-mails are put together at random, numbers are drawn at random from ranges of the
// numbering plans; every row says that it is synthetic. Neither country sets numbers aside for fiction, so some of them
// will belong to somebody: they are for reading and writing, never for calling.
package sample

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
)

// Options says what to make. The same options make the same bytes.
type Options struct {
	Rows int    // data rows, besides the header
	Seed uint64 // another seed, other contacts
}

// Header is the first line. The last column marks each row as made up.
const Header = "id_cliente,nombre,telefono,celular,ciudad,pais,correo,sintetico"

// FileName is what a file with these options should be called.
func (o Options) FileName() string {
	return fmt.Sprintf("contactos-sinteticos-%d-semilla-%d.csv", o.Rows, o.Seed)
}

// Write writes contacts as CSV in UTF-8 with a header. About 94 rows of 100 hold a number that can be read; some hold
// two or three, some the same as an earlier row, some nothing that is a number. It streams: memory does not depend on
// the number of rows.
func Write(w io.Writer, o Options) error {
	if o.Rows < 0 {
		return fmt.Errorf("sample: %d rows: want 0 or more", o.Rows)
	}
	out := bufio.NewWriterSize(w, 64<<10)
	g := &generator{rand: rand.New(rand.NewPCG(o.Seed, stream))} //nolint:gosec // repeatable, not secret
	if _, err := out.WriteString(Header + "\n"); err != nil {
		return fmt.Errorf("write sample: %w", err)
	}
	for range o.Rows {
		if _, err := out.Write(g.row()); err != nil {
			return fmt.Errorf("write sample: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write sample: %w", err)
	}
	return nil
}

// stream tells the random numbers of this package from others with the same seed.
const stream = 0x73616d706c65 // "sample"

// memory is how many customers can come up again, or share their line with a new one.
const memory = 2048

// generator makes row after row.
type generator struct {
	rand  *rand.Rand
	made  int               // customers
	known [memory]*customer // the last ones
	line  []byte
	cell  []byte
}

// customer is somebody made up. Numbers are national: area and subscriber, or the whole mobile number.
type customer struct {
	no          int
	first, last int // indexes into names
	company     int // index into companies, -1 for a person
	city        *city
	fixed       uint64 // subscriber number; 0: none
	mobile      uint64 // 0: none
}

// percent is true so many times out of a hundred.
func (g *generator) percent(n float64) bool { return g.rand.Float64()*100 < n }

func (g *generator) below(n int) int { return g.rand.IntN(n) }

// next returns whom the next row is about: mostly somebody new.
func (g *generator) next() *customer {
	if g.made > 0 && g.percent(5) { // the same once more, as after another visit
		c := g.earlier()
		if g.percent(30) { // with a new mobile
			renewed := *c
			renewed.mobile = c.city.country.mobile(g)
			return &renewed
		}
		return c
	}
	c := &customer{no: g.made, first: g.below(len(firstNames)), last: g.below(len(lastNames)), company: -1, city: g.city()}
	if g.percent(6) {
		c.company = g.below(len(companies))
	}
	if g.percent(45) {
		c.fixed = c.city.subscriber(g)
	}
	if g.made > 0 && g.percent(5) { // a household: another person on the same line
		if other := g.earlier(); other.fixed != 0 {
			c.city, c.last, c.fixed = other.city, other.last, other.fixed
		}
	}
	if c.fixed == 0 || g.percent(70) {
		c.mobile = c.city.country.mobile(g)
	}
	g.known[g.made%memory] = c
	g.made++
	return c
}

func (g *generator) earlier() *customer { return g.known[g.below(min(g.made, memory))] }

func (g *generator) city() *city {
	c := colombia
	if g.percent(35) {
		c = mexico
	}
	return &c.cities[g.below(len(c.cities))]
}
