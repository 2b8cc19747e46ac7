package postgres

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// TestCutNumbers: every number that is not fresh is in one chunk of each platform, in order; chunks are as full as they
// can be; a range has one chunk number.
func TestCutNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		numbers := rapid.SliceOfNDistinct(rapid.Int64Range(1, 300), 0, 60, rapid.ID).Draw(t, "numbers")
		slices.Sort(numbers)
		platforms, batch := rapid.IntRange(1, 5).Draw(t, "platforms"), rapid.IntRange(1, 9).Draw(t, "batch")
		fresh := map[int64]uint16{}
		for _, n := range numbers {
			if rapid.IntRange(0, 2).Draw(t, "fresh") == 0 {
				fresh[n] = uint16(rapid.IntRange(1, 1<<platforms-1).Draw(t, "on"))
			}
		}
		before := slices.Clone(numbers)
		p := cutNumbers(numbers, fresh, platforms, batch)
		if !slices.Equal(numbers, before) {
			t.Fatal("the numbers were changed")
		}
		checked := make([][]int64, platforms)
		ranges := map[int64]int32{} // of each number its chunk
		for i, place := range p.platforms {
			chunk := p.numbers[p.from[i]:p.to[i]]
			if len(chunk) == 0 || len(chunk) > batch {
				t.Fatalf("a chunk of %d numbers, %d are allowed", len(chunk), batch)
			}
			checked[place] = append(checked[place], chunk...)
			for _, n := range chunk {
				if no, ok := ranges[n]; ok && no != p.no[i] {
					t.Fatalf("number %d is in chunks %d and %d", n, no, p.no[i])
				}
				ranges[n] = p.no[i]
			}
		}
		due := map[int64]bool{}
		for place := range platforms {
			var want []int64
			for _, n := range numbers {
				if fresh[n]&(1<<place) == 0 {
					want, due[n] = append(want, n), true
				}
			}
			if !slices.Equal(checked[place], want) {
				t.Fatalf("platform %d checks %v, want %v", place, checked[place], want)
			}
		}
		for n, no := range ranges {
			if int(no) > (len(due)-1)/batch {
				t.Fatalf("number %d is in chunk %d of %d numbers", n, no, len(due))
			}
		}
	})
}
