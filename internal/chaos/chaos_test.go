package chaos

import (
	"context"
	"errors"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"phoneregistry/internal/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run is how long and how hard a run is.
type run struct {
	length   time.Duration // of the faults at most
	kills    int           // the faults end when so many were killed and every kind was there; 0: they last for length
	spared   time.Duration // last part, in which the first server and the first worker are not killed
	numbers  int
	patience time.Duration // for everything to end when the faults are off
	tracks   []track
}

// TestChaos breaks a cluster by a seeded schedule and checks it against the model. `go test` runs a minute of it; with
// CHAOS=long, as `make chaos` sets it, the long schedule: at least CHAOS_KILLS (1,000) processes killed, and all kinds
// of faults. SEED picks the schedule; unless told it is 1 in the short run, so that tests are the same every time, and
// another one in each long run.
func TestChaos(t *testing.T) {
	seed, r := seedOf(t, 1), shortRun()
	if os.Getenv("CHAOS") == "long" && !testing.Short() {
		seed, r = seedOf(t, uint64(time.Now().UnixNano()%1e9)), longRun(t)
	}
	t.Logf("seed %d: repeat it with SEED=%d", seed, seed)
	w := newWorld(t, seed)
	w.load = newLoad(w, seed, r.numbers)
	heard, err := w.conn.Subscribe(bus.ResultSubjects, w.heard.add)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = heard.Unsubscribe() }()

	starting, stopStarting := context.WithCancel(t.Context())
	defer stopStarting()
	following, stopFollowing := context.WithCancel(t.Context())
	defer stopFollowing()
	loaded := make(chan struct{})
	go func() { defer close(loaded); w.load.run(starting, following) }()

	w.play(t.Context(), plan(seed, r.tracks, r.length), func() bool {
		kills, _ := w.tally.total()
		return r.kills > 0 && kills >= r.kills && w.complete(r.tracks)
	})
	w.spared.Store(true)
	w.play(t.Context(), plan(seed+1, r.tracks, r.spared), func() bool { return false })
	stopStarting()
	w.say("the faults are off%s", w.tally)

	ctx, cancel := context.WithTimeout(t.Context(), r.patience)
	defer cancel()
	w.mend(ctx)
	if err := errors.Join(w.settle(ctx), w.settleImports(ctx)); err != nil {
		t.Fatal(err)
	}
	select {
	case <-loaded:
	case <-ctx.Done():
		t.Error("subscribers still wait for the end of jobs that have ended")
		stopFollowing()
		<-loaded
	}
	for _, err := range w.roll(ctx, true) {
		t.Errorf("a restart in peace: %v", err)
	}
	if err := w.retryFailures(ctx); err != nil {
		t.Fatal(err)
	}
	w.check(ctx)
	w.checkGrowth(ctx)
	w.checkLogs()
	kills, kinds := w.tally.total()
	w.say("%d processes killed, %d kinds of faults, %d questions to the platforms, seed %d", kills, kinds, w.platform.asked(), seed)
}

func seedOf(t *testing.T, otherwise uint64) uint64 {
	text := os.Getenv("SEED")
	if text == "" {
		return otherwise
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("SEED: %v", err)
	}
	return seed
}

func seconds(low, high float64) [2]time.Duration {
	return [2]time.Duration{time.Duration(low * float64(time.Second)), time.Duration(high * float64(time.Second))}
}

// shortRun takes about a minute on two cores.
func shortRun() run {
	return run{
		length: 22 * time.Second, spared: 6 * time.Second, numbers: 200, patience: 5 * time.Minute,
		tracks: []track{
			kills(seconds(0.6, 1.4)), broker(seconds(2, 4), false), storage(seconds(3, 6), false), links(seconds(1, 3)),
			moods(seconds(1, 3)), messages(seconds(0.2, 0.8)), steering(seconds(1.5, 3)), subscribers(seconds(3, 6), 5),
		},
	}
}

// longRun kills about once a second.
func longRun(t *testing.T) run {
	kill := 1000
	if text := os.Getenv("CHAOS_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("CHAOS_KILLS: %q is not a number of kills", text)
		}
		kill = n
	}
	return run{
		length: 45 * time.Minute, kills: kill, spared: 90 * time.Second, numbers: 2000, patience: 15 * time.Minute,
		tracks: []track{
			kills(seconds(0.4, 1)), broker(seconds(3, 9), true), storage(seconds(4, 10), true), links(seconds(1, 4)),
			freezes(), moods(seconds(1, 5)), messages(seconds(0.2, 1)), steering(seconds(1, 4)),
			subscribers(seconds(5, 10), 20), rolling(seconds(40, 80)), restores(90 * time.Second),
		},
	}
}
