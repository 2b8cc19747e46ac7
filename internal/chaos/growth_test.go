package chaos

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// footprint is what a process uses.
type footprint struct {
	goroutines, files, heap, resident float64
}

func (f footprint) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f open files, %.0f MiB of heap, %.0f MiB resident",
		f.goroutines, f.files, f.heap/(1<<20), f.resident/(1<<20))
}

// footprint reads the metrics of a process.
func (w *world) footprint(ctx context.Context, metrics string) (f footprint, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, metrics, http.NoBody)
	if err != nil {
		return f, err
	}
	response, err := w.client.client.Do(request)
	if err != nil {
		return f, err
	}
	defer func() { _ = response.Body.Close() }()
	fields := map[string]*float64{
		"go_goroutines": &f.goroutines, "process_open_fds": &f.files, "go_memstats_heap_inuse_bytes": &f.heap,
		"process_resident_memory_bytes": &f.resident,
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if to := fields[name]; to != nil {
			if *to, err = strconv.ParseFloat(value, 64); err != nil {
				return f, err
			}
		}
	}
	return f, nil
}

const (
	spareGoroutines = 30
	spareFiles      = 20
	mostResident    = 1 << 30
)

// checkGrowth compares those that came through the last part of the run with ones that have just been started: when all
// is quiet they must use no more. It waits for connections that are being given up.
func (w *world) checkGrowth(ctx context.Context) {
	limit, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for i, pair := range [][2]string{
		{w.admin[0] + "/metrics", w.admin[1] + "/metrics"}, {w.workers[0].ready, w.workers[1].ready},
	} {
		name := []string{"server", "worker"}[i]
		var old, fresh footprint
		for {
			var err, err2 error
			old, err = w.footprint(ctx, pair[0])
			fresh, err2 = w.footprint(ctx, pair[1])
			if err == nil && err2 == nil && old.goroutines <= fresh.goroutines+spareGoroutines && old.files <= fresh.files+spareFiles {
				break
			}
			if limit.Err() != nil {
				w.t.Errorf("the %s that came through has grown: %v, a fresh one has %v (%v, %v)", name, old, fresh, err, err2)
				break
			}
			pause(limit, time.Second)
		}
		if old.resident > mostResident {
			w.t.Errorf("the %s that came through has grown: %v", name, old)
		}
		w.say("%-9s the %s that came through has %v; a fresh one %v", "check", name, old, fresh)
	}
	var sessions int
	if err := w.database.pool.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE `+ours).Scan(&sessions); err != nil {
		w.t.Error(err)
	}
	if most := 16 * serverCount; sessions > most {
		w.t.Errorf("%d sessions at PostgreSQL, want %d at most", sessions, most)
	}
	w.say("%-9s %d sessions at PostgreSQL", "check", sessions)
}
