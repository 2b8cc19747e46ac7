package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"phoneregistry/internal/bus"
	"phoneregistry/registry/scoring"
)

func platforms() []scoring.Platform { return scoring.Platforms() }

func sortFaults(faults []fault) {
	slices.SortFunc(faults, func(a, b fault) int { return strings.Compare(a.name, b.name) })
}

// allStreams are the streams, and the one behind the bucket of quotas.
func allStreams() []string { return append(streams(), bus.EventStream, "KV_"+bus.QuotaBucket) }

// streams are the names of the streams that work goes through, those of platforms that are not checked included.
func streams() []string {
	names := []string{bus.ResultStream}
	for _, p := range scoring.Checkable() {
		names = append(names, bus.WorkStream(string(p)))
	}
	return names
}

// broker breaks the NATS cluster.
func broker(gap [2]time.Duration, whole bool) track {
	short := [2]time.Duration{0, 2 * time.Second}
	long := [2]time.Duration{2 * time.Second, 6 * time.Second}
	faults := []fault{
		{name: "NATS: kill -9 of a node", lasts: short, do: killNode},
		{name: "NATS: leaders step down", do: stepDown},
		{name: "NATS: one node paused", lasts: long, do: pauseNodes(1)},
		{name: "NATS: all streams deleted", do: deleteStreams},
		{name: "NATS: store of a node deleted", lasts: short, do: deleteStore},
	}
	if whole {
		faults = append(faults,
			fault{name: "NATS: kill -9 of a node", lasts: short, do: killNode},
			fault{name: "NATS: kill -9 of a node", lasts: short, do: killNode},
			fault{name: "NATS: leaders step down", do: stepDown},
			fault{name: "NATS: two nodes paused", lasts: long, do: pauseNodes(2)},
			fault{name: "NATS: bits of a store flipped", lasts: short, do: flipBits},
			fault{name: "NATS: all nodes killed", lasts: short, do: killNodes},
			fault{name: "NATS: all stores deleted", lasts: short, do: deleteStores},
			fault{name: "NATS: disk of a node full", lasts: long, do: fillNode},
		)
	}
	return track{name: "nats", gap: gap, first: gap[0], faults: faults}
}

func (w *world) node(rng *rand.Rand) (int, *unit) {
	i := rng.IntN(len(w.nats))
	return i, w.nats[i]
}

// down keeps nodes down until they are mended.
func (w *world) down(units ...*unit) {
	for _, u := range units {
		if u.current() != nil {
			w.tally.killed("nats-server", 1)
		}
		u.hold()
	}
}

// up lets nodes come again and waits for their health. One that cannot read its store any more gets an empty one, as an
// operator would do it.
func (w *world) up(ctx context.Context, nodes ...int) {
	for _, i := range nodes {
		w.nats[i].release()
	}
	for _, i := range nodes {
		healthy, cancel := context.WithTimeout(ctx, 30*time.Second)
		err := w.nats[i].awaitReady(healthy)
		cancel()
		if err == nil || ctx.Err() != nil {
			continue
		}
		w.say("%-9s %s is not well after half a minute: it starts with an empty store", "nats", w.nats[i].name)
		w.tally.fault("NATS: node given an empty store by the operator")
		w.nats[i].hold()
		empty(w.nodes[i].StoreDir())
		w.nats[i].release()
		again, cancel := context.WithTimeout(ctx, 30*time.Second)
		if err := w.nats[i].awaitReady(again); err != nil {
			w.say("%-9s %v", "nats", err)
		}
		cancel()
	}
}

func killNode(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
	i, u := w.node(rng)
	w.down(u)
	return u.name, func(ctx context.Context) { w.up(ctx, i) }
}

func killNodes(_ context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
	w.down(w.nats...)
	return "all three", func(ctx context.Context) { w.up(ctx, 0, 1, 2) }
}

func pauseNodes(n int) func(context.Context, *world, *rand.Rand) (string, func(context.Context)) {
	return func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
		var names []string
		var paused []*unit
		for _, i := range rng.Perm(len(w.nats))[:n] {
			w.nats[i].signal(syscall.SIGSTOP)
			names, paused = append(names, w.nats[i].name), append(paused, w.nats[i])
		}
		return strings.Join(names, ", "), func(context.Context) {
			for _, u := range paused {
				u.signal(syscall.SIGCONT)
			}
		}
	}
}

// stepDown makes the leaders of streams and consumers hand over.
func stepDown(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
	n := 0
	for _, name := range allStreams() {
		subject := "$JS.API.STREAM.LEADER.STEPDOWN." + name
		if rng.IntN(2) == 0 && slices.Contains(streams(), name) {
			consumer := bus.WorkConsumer
			if name == bus.ResultStream {
				consumer = bus.ApplierConsumer
			}
			subject = "$JS.API.CONSUMER.LEADER.STEPDOWN." + name + "." + consumer
		}
		if answer, err := w.conn.Request(subject, nil, 2*time.Second); err == nil && strings.Contains(string(answer.Data), `"success":true`) {
			n++
		}
	}
	if n == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d leaders", n), nil
}

func deleteStreams(ctx context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
	js, err := jetstream.New(w.conn)
	if err != nil {
		return "", nil
	}
	n := 0
	for _, name := range allStreams() {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		if js.DeleteStream(ctx, name) == nil {
			n++
		}
		cancel()
	}
	if n == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d streams", n), nil
}

func deleteStore(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
	i, u := w.node(rng)
	w.down(u)
	empty(w.nodes[i].StoreDir())
	return u.name, func(ctx context.Context) { w.up(ctx, i) }
}

func deleteStores(_ context.Context, w *world, _ *rand.Rand) (string, func(context.Context)) {
	w.down(w.nats...)
	for _, n := range w.nodes {
		empty(n.StoreDir())
	}
	return "all three", func(ctx context.Context) { w.up(ctx, 0, 1, 2) }
}

// empty removes what a folder holds, not the folder: it may be a disk.
func empty(dir string) {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		_ = os.RemoveAll(filepath.Join(dir, e.Name()))
	}
}

// flipBits changes bits in files of a node's store while it is down.
func flipBits(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
	i, u := w.node(rng)
	w.down(u)
	var files []string
	_ = filepath.WalkDir(w.nodes[i].StoreDir(), func(path string, e os.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return nil
	})
	flipped := 0
	for range 1 + rng.IntN(5) {
		if len(files) > 0 && flip(files[rng.IntN(len(files))], rng) == nil {
			flipped++
		}
	}
	return fmt.Sprintf("%d bits of %s", flipped, u.name), func(ctx context.Context) { w.up(ctx, i) }
}

func flip(path string, rng *rand.Rand) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if len(b) == 0 {
		return os.ErrNotExist
	}
	b[rng.IntN(len(b))] ^= 1 << rng.IntN(8)
	return os.WriteFile(path, b, 0o600)
}

// fillNode fills the disk of a node. JetStream gives up there, and comes back with room and a restart.
func fillNode(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
	i, u := w.node(rng)
	dir := w.nodes[i].StoreDir()
	if !small(dir) {
		w.tally.skip("NATS: disk of a node full", errNoMount.Error())
		return "", nil
	}
	give, err := fill(dir)
	if err != nil {
		give()
		return "", nil
	}
	return u.name, func(ctx context.Context) {
		give()
		w.down(u)
		w.up(ctx, i)
	}
}
