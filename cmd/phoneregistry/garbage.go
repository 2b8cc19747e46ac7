package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Bounds of the garbage that may pile up between two collections, in percent of what is in use. Go's own is 100.
const (
	leastGarbage = 100
	mostGarbage  = 400
	garbageBytes = 256 << 20 // what may pile up beyond leastGarbage
)

// collectLessOften lets garbage pile up to four times what is in use before it is collected, not to once that as Go does
// on its own: what is in use is small here, and answers leave much behind. Where much is in use, as with thousands of
// clients, it comes back to Go's own way, so that memory is bounded by what is in use. GOGC overrides it. The returned
// function ends it.
func collectLessOften(ctx context.Context) (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	debug.SetGCPercent(mostGarbage)
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		percent := mostGarbage
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			metrics.Read(live)
			// Setting it stops the program for a moment: small changes are not worth that.
			if wanted := garbagePercent(live[0].Value.Uint64()); wanted > percent+percent/5 || wanted < percent-percent/5 {
				percent = wanted
				debug.SetGCPercent(percent)
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// garbagePercent is the garbage that may pile up beside so many bytes in use.
func garbagePercent(live uint64) int {
	if live <= garbageBytes*100/mostGarbage {
		return mostGarbage
	}
	return max(leastGarbage, int(garbageBytes*100/live))
}
