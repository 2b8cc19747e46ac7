package workers_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/numbering"
	"phoneregistry/workers"
)

// TestChunksAreNotAskedInOrder: when a number is checked shows to those who see it masked, and must not tell how it compares
// with the others. What one call holds, and the result, is ascending all the same.
func TestChunksAreNotAskedInOrder(t *testing.T) {
	r := newRig(t, bus.Options{})
	var mu sync.Mutex
	var calls [][]numbering.Number
	r.startPool(workers.Config{Adapters: only(fake{info: workers.Info{MaxBatch: 4}, check: func(ctx context.Context, numbers []numbering.Number) ([]workers.Outcome, error) {
		mu.Lock()
		calls = append(calls, slices.Clone(numbers))
		mu.Unlock()
		return allActive(ctx, numbers)
	}})})
	const n = 256
	r.send(chunk("job-1", 0, n, 0))
	got, _ := r.result()
	checkWhole(t, chunk("job-1", 0, n, 0), got)
	r.settled()
	mu.Lock()
	defer mu.Unlock()
	apart := 0
	for _, numbers := range calls {
		if !slices.IsSorted(numbers) {
			t.Errorf("one call holds %v", numbers)
		}
		if numbers[len(numbers)-1]-numbers[0] >= n/4 {
			apart++
		}
	}
	if apart < len(calls)/2 { // 64 calls; by chance nearly all of them
		t.Errorf("%d of %d calls hold numbers that lie apart", apart, len(calls))
	}
}
