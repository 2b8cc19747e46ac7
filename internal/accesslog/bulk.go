package accesslog

import (
	"cmp"
	"maps"
	"time"

	"phoneregistry/registry"
)

// An hour is counted in steps: what is older than the last twelve of them does not count any more.
const (
	bulkStep  = 5 * time.Minute
	bulkSteps = 12
	maxActors = 10000 // of whom is counted; then those who saw least are forgotten
)

// bulk counts how much each actor was shown within the last hour.
type bulk struct {
	above  int64
	actors map[string]*seen
}

// seen is what one actor was shown.
type seen struct {
	steps [bulkSteps]int64
	step  int64 // the newest, counted since 1970
	over  bool  // and was told so
}

func newBulk(above int64) bulk { return bulk{above: above, actors: map[string]*seen{}} }

// add counts what an actor was shown, and reports how much that is within the hour, and whether the line was crossed just
// now.
func (b *bulk) add(who registry.Actor, values int64, now time.Time) (count int64, crossed bool) {
	key := cmp.Or(who.Token, who.Name)
	s := b.actors[key]
	if s == nil {
		if len(b.actors) >= maxActors {
			b.makeRoom(now)
		}
		s = &seen{}
		b.actors[key] = s
	}
	s.pass(now)
	s.steps[s.step%bulkSteps] += values
	count = s.count()
	crossed = count > b.above && !s.over
	s.over = count > b.above
	return count, crossed
}

// pass lets what is older than an hour fall out. A clock that goes back changes nothing.
func (s *seen) pass(now time.Time) {
	step := now.Unix() / int64(bulkStep/time.Second)
	for ; s.step < step; s.step++ {
		if step-s.step > bulkSteps {
			s.steps, s.step = [bulkSteps]int64{}, step
			return
		}
		s.steps[(s.step+1)%bulkSteps] = 0
	}
}

func (s *seen) count() (total int64) {
	for _, n := range s.steps {
		total += n
	}
	return total
}

// over counts the actors above the line.
func (b *bulk) over(now time.Time) (actors int) {
	for _, s := range b.actors {
		s.pass(now)
		if s.over = s.over && s.count() > b.above; s.over {
			actors++
		}
	}
	return actors
}

// makeRoom forgets the actors that saw least within the hour.
func (b *bulk) makeRoom(now time.Time) {
	fewest := int64(-1)
	for _, s := range b.actors {
		s.pass(now)
		if n := s.count(); fewest < 0 || n < fewest {
			fewest = n
		}
	}
	maps.DeleteFunc(b.actors, func(_ string, s *seen) bool { return s.count() == fewest })
}
