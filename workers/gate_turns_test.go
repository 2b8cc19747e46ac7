package workers

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// TestOneCallerAmongMany: a job that comes back only when its call has ended gets every second turn beside a job that
// has many waiting.
func TestOneCallerAmongMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1)
		var order []string
		enter := func(job string) {
			go func() {
				if err := g.enter(t.Context(), job); err == nil {
					order = append(order, job)
				}
			}()
			synctest.Wait()
		}
		leave := func() {
			g.leave()
			synctest.Wait()
		}
		for range 8 {
			enter("large")
		}
		enter("small")
		for range 3 {
			leave() // of the large job: it is the small one's turn
			leave() // of the small job, which is away for a moment
			enter("small")
		}
		leave()
		if got, want := strings.Join(order, " "), strings.Join(slices.Repeat([]string{"large", "small"}, 4), " "); got != want {
			t.Errorf("turns %s, want %s", got, want)
		}
		for g.waiting() > 0 {
			leave()
		}
		leave()
	})
}

// TestGateForgets: what a gate remembers of jobs that come and go is bounded.
func TestGateForgets(t *testing.T) {
	g := newGate(1)
	for i := range 10 * rememberedJobs {
		if err := g.enter(t.Context(), string(rune(i))+"job"); err != nil {
			t.Fatal(err)
		}
		g.leave()
	}
	if len(g.last) > rememberedJobs {
		t.Errorf("%d jobs are remembered, want at most %d", len(g.last), rememberedJobs)
	}
}
