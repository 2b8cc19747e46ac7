package postgres

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// waiting makes a contender whose job has much to do on Google.
func waiting(n byte, weight, turn float64) *contender {
	return &contender{
		job: uuid.UUID{n}, platform: scoring.Google, turn: turn, weight: weight, numbers: 500, pending: 1000, share: 1000, room: &room{1000},
	}
}

func TestShareOut(t *testing.T) {
	for _, c := range []struct {
		name  string
		slots int
		want  string
		jobs  []*contender
	}{
		{"one alone leaves a part free", 16, "[10]", []*contender{waiting(1, 2, 0)}},
		{"one of high priority leaves a quarter", 16, "[12]", []*contender{waiting(1, 4, 0)}},
		{"one of low priority goes on", 16, "[7]", []*contender{waiting(1, 1, 0)}},
		{"one alone takes the only place", 1, "[1]", []*contender{waiting(1, 2, 0)}},
		{"one alone leaves one of two", 2, "[1]", []*contender{waiting(1, 2, 0)}},
		{"two share alike", 16, "[6 6]", []*contender{waiting(1, 2, 0), waiting(2, 2, 0)}},
		{"priorities share by weight", 32, "[15 8 4]", []*contender{waiting(1, 4, 0), waiting(2, 2, 0), waiting(3, 1, 0)}},
		{"who was served waits", 1, "[0 1]", []*contender{waiting(1, 4, 10), waiting(2, 1, 9)}},
		{"more jobs than places", 2, "[1 1 0]", []*contender{waiting(1, 2, 0), waiting(2, 2, 0), waiting(3, 2, 0)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			shareOut(c.jobs, map[registry.Platform]int{scoring.Google: c.slots}, 1000)
			got := make([]int, len(c.jobs))
			for i, j := range c.jobs {
				got[i] = len(j.picks)
			}
			if fmt.Sprint(got) != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
		})
	}
}

// A newcomer finds a place at once, as long as there are no more jobs than places.
func TestNewcomersFindAPlace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		slots := rapid.IntRange(2, 64).Draw(t, "slots")
		free := map[registry.Platform]int{scoring.Google: slots}
		var jobs []*contender
		for i := range 2 {
			c := waiting(byte(i), rapid.SampledFrom([]float64{1, 2, 4}).Draw(t, "weight"), 0)
			jobs = append(jobs, c)
			shareOut(jobs, free, 1000)
			if len(c.picks) == 0 {
				t.Fatalf("job %d of %d slots got none, %d are free", i, slots, free[scoring.Google])
			}
		}
	})
}

// Where all have work, places that become free go to the jobs by their weights over time, and nobody waits for ever.
func TestTurnsFollowWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var jobs []*contender
		for i := range rapid.IntRange(1, 12).Draw(t, "jobs") {
			jobs = append(jobs, waiting(byte(i), rapid.SampledFrom([]float64{1, 2, 4}).Draw(t, "weight"), 0))
		}
		served, weights := make([]float64, len(jobs)), 0.0
		for _, j := range jobs {
			weights += j.weight
		}
		const rounds = 700
		for range rounds { // one place, again and again
			shareOut(jobs, map[registry.Platform]int{scoring.Google: 1}, 1)
			for i, j := range jobs {
				served[i] += float64(len(j.picks))
				j.picks = nil
				j.room.chunks = 1000
			}
		}
		for i, j := range jobs {
			if want := rounds * j.weight / weights; math.Abs(served[i]-want) > 4 {
				t.Fatalf("a job of weight %g of %g was served %g times of %d, want %g", j.weight, weights, served[i], rounds, want)
			}
		}
	})
}
