package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What is asked of 10,000 subscribers, one in ten of which never reads.
const (
	wantSubscribers = 10_000
	oneStalledIn    = 10
	dialAtOnce      = 32
	watchedNumbers  = 80_000 // of the job, which takes about twenty seconds
	watchedAdapter  = "latency=400ms,jitter=200ms"
	commitToClient  = 1.0 // seconds, for 99 of 100 states
	eachHolds       = 128 // KiB of the server for a subscriber
)

// measureSubscribers has many clients watch one job through sockets: WebSockets and event streams in turns. It measures
// how long after a commit a client has a state that holds it, by looking at the job's row as often as it can.
func measureSubscribers(ctx context.Context, b *bench) (err error) {
	db, err := b.server.fresh(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.drop()) }()
	if err := db.loadPhones(ctx, watchedNumbers); err != nil {
		return err
	}
	p, err := b.startProgram(ctx, db, "--simulator", watchedAdapter)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	r, err := b.watchJob(ctx, db, p, mayConnect())
	if err != nil {
		return err
	}
	r.report(b.report)
	return nil
}

// mayConnect is how many clients this process and the server may have, each of which is a file to both.
func mayConnect() int {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return wantSubscribers
	}
	return int(min(wantSubscribers, limit.Cur-min(limit.Cur, 500)))
}

// watched is what came of a job that many watched.
type watched struct {
	all, healthy, final     int
	left                    int     // subscribers that the server still had when the job ended
	before, resting, atMost float64 // MiB of the server: alone, with all connected, and at the most
	connecting, running     time.Duration
	lags                    []time.Duration // ascending
}

func (w *watched) report(r *report) {
	r.add(line{
		What: fmt.Sprintf("%d subscribers, from commit to client, p99", w.all), Unit: "s", Ours: quantile(w.lags, 0.99).Seconds(), Most: commitToClient,
	})
	r.add(line{
		What: "those that read, and got the final state", Unit: "", Ours: float64(w.final), Against: "that read", Peer: float64(w.healthy), Wanted: 1,
	})
	r.add(line{
		What: "memory of the server for each subscriber, at its most", Unit: "KiB", Ours: w.each(w.atMost), Against: "before the job runs",
		Peer: w.each(w.resting), Most: eachHolds,
	})
	r.note("subscribers: %d states in %.1f s, p50 %.0f ms, p99 %.0f ms, longest %.0f ms; %d of %d were stalled, the server had %d left at the end",
		len(w.lags), w.running.Seconds(), ms(quantile(w.lags, 0.5)), ms(quantile(w.lags, 0.99)), ms(quantile(w.lags, 1)), w.all-w.healthy, w.all, w.left)
	r.note("subscribers: memory of the server %.0f MiB before, %.0f MiB with all connected after %.1f s, %.0f MiB at the most",
		w.before, w.resting, w.connecting.Seconds(), w.atMost)
}

func (w *watched) each(mib float64) float64 { return max(0, mib-w.before) * 1024 / float64(w.all) }

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (b *bench) watchJob(ctx context.Context, db *registryDatabase, p *program, n int) (w watched, err error) {
	job, err := startJob(ctx, p.graphql)
	if err != nil {
		return w, err
	}
	if err := job.steer(ctx, p.graphql, "pauseValidationJob"); err != nil {
		return w, err
	}
	w.all, w.before = n, p.memory("VmRSS")
	b.say("subscribers: %d connect", n)
	began := time.Now()
	clients, err := p.graphql.subscribeAll(ctx, job.ID, n)
	defer func() {
		for _, c := range clients {
			if c != nil {
				_ = c.conn.Close() // it was only read
			}
		}
	}()
	if err != nil {
		return w, err
	}
	w.connecting, w.resting = time.Since(began), p.memory("VmRSS")
	b.say("subscribers: the job runs")
	began = time.Now()
	looking, stopLooking := context.WithCancel(ctx)
	defer stopLooking()
	var (
		commits  commits
		watching sync.WaitGroup
	)
	looked := make(chan error, 1)
	go func() { looked <- commits.look(looking, db) }()
	for _, c := range clients {
		if !c.stalled {
			w.healthy++
			watching.Go(func() { c.watch(&commits) })
		}
	}
	err = b.watch(ctx, p, "subscribers", func() error {
		if err := job.steer(ctx, p.graphql, "resumeValidationJob"); err != nil {
			return err
		}
		return job.wait(ctx, p.graphql)
	})
	if err != nil {
		return w, err
	}
	w.running, w.left = time.Since(began), p.subscribers(ctx)
	for _, c := range clients { // who has not got the end by then never will
		_ = c.conn.SetReadDeadline(time.Now().Add(20 * time.Second))
	}
	watching.Wait()
	stopLooking()
	w.atMost = p.memory("VmHWM")
	for _, c := range clients {
		if c.final {
			w.final++
		}
		w.lags = append(w.lags, c.lags...)
	}
	slices.Sort(w.lags)
	return w, <-looked
}

// steer holds or resumes the job.
func (j *jobState) steer(ctx context.Context, at endpoint, mutation string) error {
	var answer map[string]struct {
		UserErrors []struct{ Message string }
	}
	query := `mutation ($id: ID!) { ` + mutation + `(input: { id: $id }) { userErrors { message } } }`
	if err := at.ask(ctx, query, map[string]any{"id": j.ID}, &answer); err != nil {
		return err
	}
	if wrong := answer[mutation].UserErrors; len(wrong) > 0 {
		return fmt.Errorf("%s: %s", mutation, wrong[0].Message)
	}
	return nil
}

var liveSubscribers = regexp.MustCompile(`(?m)^live_subscribers\{kind="job"\} (\d+)`)

// subscribers is how many watch jobs, as the server tells; -1 when it does not.
func (p *program) subscribers(ctx context.Context) int {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.admin+"/metrics", nil)
	if err != nil {
		return -1
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return -1
	}
	defer response.Body.Close() //nolint:errcheck // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return -1
	}
	found := liveSubscribers.FindSubmatch(text)
	if found == nil {
		return -1
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n
}

// commits is when each sequence of the job was first seen in the database.
type commits struct {
	mu        sync.RWMutex
	sequences []int64 // ascending
	seen      []time.Time
}

// look looks at the job's row over and over until ctx ends.
func (c *commits) look(ctx context.Context, db *registryDatabase) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		var sequence int64
		if err := db.pool.QueryRow(ctx, "SELECT sequence FROM validation_jobs").Scan(&sequence); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		c.mu.Lock()
		if len(c.sequences) == 0 || sequence > c.sequences[len(c.sequences)-1] {
			c.sequences, c.seen = append(c.sequences, sequence), append(c.seen, time.Now())
		}
		c.mu.Unlock()
	}
}

// lag is how long ago the first of the commits behind one state was that the next state holds; false when none was seen.
func (c *commits) lag(before, sequence int64, at time.Time) (time.Duration, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	i, _ := slices.BinarySearch(c.sequences, before+1)
	if i == len(c.sequences) || c.sequences[i] > sequence {
		return 0, false
	}
	return max(0, at.Sub(c.seen[i])), true
}

// subscribeAll opens n subscriptions, some at a time.
func (e endpoint) subscribeAll(ctx context.Context, job string, n int) ([]*watcher, error) {
	var (
		next    atomic.Int64
		running sync.WaitGroup
		all     = make([]*watcher, n)
		errs    = make([]error, dialAtOnce)
	)
	for d := range dialAtOnce {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && errs[d] == nil && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				all[i], errs[d] = e.subscribe(ctx, job, i%2 == 0, i/2%oneStalledIn == 0)
			}
		})
	}
	running.Wait()
	return all, errors.Join(append(errs, ctx.Err())...)
}
