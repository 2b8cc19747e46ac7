package quota

import (
	"time"

	"phoneregistry/internal/bus"
)

const (
	dayFormat = "2006-01-02"
	// blocks is into how many blocks a budget is divided. A worker takes one at a time and loses at most that when it
	// is killed.
	blocks    = 100
	bestBlock = 1000
)

// block is a part of the budget of a day, taken to be spent here.
type block struct {
	day  string
	left int64
}

// nextDay is when the budget of a day ends.
func nextDay(now time.Time) time.Time {
	y, m, d := now.UTC().Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, time.UTC)
}

// takeDay takes a block of at least numbers out of the budget of today. Nothing is taken when less is left.
func takeDay(e *bus.DayQuota, now time.Time, budget, numbers int64) block {
	today := now.UTC().Format(dayFormat)
	if e.Day < today { // text in the order of time
		e.Day, e.Spent = today, 0
	}
	left := budget - e.Spent
	if left < numbers {
		return block{day: e.Day}
	}
	size := min(max(numbers, min(budget/blocks, bestBlock)), left)
	e.Spent += size
	return block{e.Day, size}
}

// giveBack returns what is left of a block, if its day is still on.
func giveBack(e *bus.DayQuota, b block) bool {
	if e.Day != b.day || b.left <= 0 {
		return false
	}
	e.Spent = max(e.Spent-b.left, 0)
	return true
}
