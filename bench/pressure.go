package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// connections is how many clients ask at the same time, each the next question as soon as the last one is answered.
const connections = 16

// pressure is what came of a load.
type pressure struct {
	answers  int     // those of the time before the measurement included
	rate     float64 // answers a second
	p50, p99 time.Duration
}

// press asks an endpoint questions over and over, warms it up first, and measures for a time.
func press(ctx context.Context, at endpoint, questions [][]byte, warm, measure time.Duration) (pressure, error) {
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	_, before, err := pressFor(ctx, at, transport, questions, warm)
	if err != nil {
		return pressure{}, err
	}
	took, waits, err := pressFor(ctx, at, transport, questions, measure)
	if err != nil {
		return pressure{}, err
	}
	slices.Sort(waits)
	return pressure{
		answers: len(before) + len(waits), rate: float64(len(waits)) / took.Seconds(), p50: quantile(waits, 0.5), p99: quantile(waits, 0.99),
	}, nil
}

func pressFor(ctx context.Context, at endpoint, through http.RoundTripper, questions [][]byte, limit time.Duration) (time.Duration, []time.Duration, error) {
	var (
		next    atomic.Int64
		clients sync.WaitGroup
		waits   [connections][]time.Duration
		errs    [connections]error
		started = time.Now()
	)
	for i := range connections {
		clients.Go(func() {
			for time.Since(started) < limit && errs[i] == nil {
				question := questions[int(next.Add(1))%len(questions)]
				asked := time.Now()
				answer, err := at.send(ctx, through, question)
				waits[i] = append(waits[i], time.Since(asked))
				if err == nil && bytes.Contains(answer, []byte(`"errors":`)) {
					err = fmt.Errorf("answered with errors: %.200s", answer)
				}
				errs[i] = err
			}
		})
	}
	clients.Wait()
	took := time.Since(started)
	return took, slices.Concat(waits[:]...), errors.Join(errs[:]...)
}

// quantile returns the wait that a share of the answers did not exceed. waits is ascending.
func quantile(waits []time.Duration, share float64) time.Duration {
	if len(waits) == 0 {
		return 0
	}
	return waits[min(int(share*float64(len(waits))), len(waits)-1)]
}
