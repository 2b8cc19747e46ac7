package postgres

import (
	"cmp"
	"math"
	"slices"

	"github.com/google/uuid"

	"phoneregistry/registry"
)

// This file decides which chunks go out next. docs/adr/0015 says why it is done like this.
//
// Each platform has a virtual clock, and each job a turn on it. The job with the lowest turn is served; its turn moves on
// by the numbers it was served over the weight of its priority, and the clock moves to where that turn was. A job that
// comes, or comes back, begins at the clock. Whoever has work is served in proportion to its weight, however many there
// are, and nobody waits for more than one round of the others.
//
// How much a job may have out on a platform follows from how much is free there: up to 3, 1.5 or 0.75 times that, by
// priority. So a job alone leaves a part free for the next one, which leaves a part of that for the one after it.

// shareOfFree times the weight of a job is how many times of what is free on a platform it may have out there.
const shareOfFree = 0.75

// contender is a job that has chunks waiting for a platform.
type contender struct {
	job      uuid.UUID
	platform registry.Platform
	turn     float64
	weight   float64
	numbers  int   // in a chunk
	pending  int   // chunks waiting, as far as they matter
	out      int   // chunks out on this platform
	share    int   // chunks it may have out on this platform, of what the job may have out
	room     *room // of the job on all platforms
	picks    []int // when each of its chunks was picked, counted over all contenders
}

// room is how many more chunks of a job may go out.
type room struct{ chunks int }

// may reports whether one more chunk may go out where so many are free.
func (c *contender) may(free int) bool {
	have := c.out + len(c.picks)
	switch {
	case len(c.picks) >= c.pending || c.room.chunks <= 0 || have >= c.share:
		return false
	case have == 0:
		return free > 0
	}
	return free > 1 && float64(have) < shareOfFree*c.weight*float64(free)
}

// cost is what a chunk adds to the turn of a contender.
func (c *contender) cost() float64 { return float64(c.numbers) / c.weight }

// shareOut picks up to limit chunks of the contenders, platform by platform, so that the platforms of a range of numbers
// go out together. free is how many chunks each platform can take.
func shareOut(contenders []*contender, free map[registry.Platform]int, limit int) {
	platforms := map[registry.Platform][]*contender{}
	var order []registry.Platform
	for _, c := range contenders {
		if platforms[c.platform] == nil {
			order = append(order, c.platform)
		}
		platforms[c.platform] = append(platforms[c.platform], c)
	}
	for picked, more := 0, true; more; {
		more = false
		for _, p := range order {
			if picked == limit {
				return
			}
			next := lowest(platforms[p], free[p])
			if next == nil {
				continue
			}
			next.picks = append(next.picks, picked)
			next.turn += next.cost()
			next.room.chunks--
			free[p]--
			picked++
			more = true
		}
	}
}

// lowest is the contender that is served next.
func lowest(contenders []*contender, free int) *contender {
	var next *contender
	for _, c := range contenders {
		if c.may(free) && (next == nil || c.before(next)) {
			next = c
		}
	}
	return next
}

func (c *contender) before(other *contender) bool {
	return cmp.Or(cmp.Compare(c.turn, other.turn), slices.Compare(c.job[:], other.job[:])) < 0
}

// served is the turn of a contender after so many of its picks went out, and the clock of its platform by them.
func (c *contender) served(chunks int) (turn, clock float64) {
	turn = c.turn - float64(len(c.picks)-chunks)*c.cost()
	return turn, turn - c.cost()
}

// shareOfPlatform is how many chunks a job may have out on one of its platforms that still have work, so that a slow
// one does not hold up the others.
func shareOfPlatform(maxConcurrent, working int) int {
	return int(math.Ceil(float64(maxConcurrent) / float64(max(working, 1))))
}
