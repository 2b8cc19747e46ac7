package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/gorilla/websocket"
	"github.com/nats-io/nats.go"

	"phoneregistry/internal/bus"
)

// overheard keeps some of the results that pass by, to send them again.
type overheard struct {
	mu      sync.Mutex
	results [][]byte
	next    int
}

const remembered = 400

func (o *overheard) add(m *nats.Msg) {
	if m.Header.Get(injectedHeader) != "" {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.results) < remembered {
		o.results = append(o.results, nil)
	}
	o.results[o.next] = append([]byte(nil), m.Data...)
	o.next = (o.next + 1) % remembered
}

// pick returns a result, the newest one or any.
func (o *overheard) pick(rng *rand.Rand, newest bool) (bus.Result, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.results) == 0 {
		return bus.Result{}, false
	}
	data := o.results[rng.IntN(len(o.results))]
	if newest {
		data = o.results[(o.next+len(o.results)-1)%len(o.results)]
	}
	var r bus.Result
	return r, json.Unmarshal(data, &r) == nil
}

const injectedHeader = "Chaos-Injected"

// inject publishes bytes on a subject, as whoever has come into the network could.
func (w *world) inject(subject string, data []byte) bool {
	m := nats.NewMsg(subject)
	m.Header.Set(injectedHeader, "1")
	m.Data = data
	return w.conn.PublishMsg(m) == nil
}

func (w *world) injectResult(r bus.Result) bool {
	data, err := bus.Encode(r)
	return err == nil && w.inject(bus.ResultSubject(r.Platform), data)
}

// messages sends what should not be sent: results that are told twice, late, out of order, from a wrong clock, that do
// not fit, and bytes that are nothing.
func messages(gap [2]time.Duration) track {
	result := func(name string, newest bool, change func(*bus.Result, *rand.Rand) string) fault {
		return fault{name: "results: " + name, do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			r, ok := w.heard.pick(rng, newest)
			if !ok || len(r.Checks) == 0 {
				return "", nil
			}
			what := change(&r, rng)
			if !w.injectResult(r) {
				return "", nil
			}
			return what, nil
		}}
	}
	shift := func(r *bus.Result, d time.Duration) string {
		for i := range r.Checks {
			r.Checks[i].CheckedAt = r.Checks[i].CheckedAt.Add(d)
		}
		return d.String()
	}
	return track{name: "messages", gap: gap, first: time.Second, faults: []fault{
		result("told twice", true, func(*bus.Result, *rand.Rand) string { return "the newest" }),
		result("out of order", false, func(*bus.Result, *rand.Rand) string { return "an old one" }),
		result("of an earlier epoch", true, func(r *bus.Result, _ *rand.Rand) string { r.Epoch = 0; return "epoch 0" }),
		result("from a clock that is slow", true, func(r *bus.Result, _ *rand.Rand) string { return shift(r, -26*time.Hour) }),
		result("from a clock that is fast", true, func(r *bus.Result, _ *rand.Rand) string { return shift(r, 26*time.Hour) }),
		result("from the year 2400", true, func(r *bus.Result, _ *rand.Rand) string { return shift(r, 100000*time.Hour) + "…" }),
		result("with a check missing", true, func(r *bus.Result, _ *rand.Rand) string {
			r.Checks = r.Checks[1:]
			if len(r.Checks) == 0 {
				return "all"
			}
			return "the first"
		}),
		result("with a number not asked", true, func(r *bus.Result, _ *rand.Rand) string { r.Checks[0].Number++; return "one" }),
		result("of a job that does not exist", false, func(r *bus.Result, _ *rand.Rand) string { r.JobID = uuid.NewString(); return "a new id" }),
		result("of a chunk that does not exist", false, func(r *bus.Result, _ *rand.Rand) string { r.ChunkNo += 1 << 20; return "far behind" }),
		{name: "results: garbage", do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			return w.garbage(bus.ResultSubject(string(platforms()[rng.IntN(5)])), rng)
		}},
		{name: "chunks: garbage", do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			return w.garbage(bus.WorkSubject(string(platforms()[rng.IntN(5)])), rng)
		}},
		{name: "control and events: garbage", do: func(_ context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			subjects := []string{bus.JobControl, bus.LeadEvents, bus.JobEvent("x"), bus.ImportEvent("x")}
			return w.garbage(subjects[rng.IntN(len(subjects))], rng)
		}},
	}}
}

func (w *world) garbage(subject string, rng *rand.Rand) (string, func(context.Context)) {
	texts := []string{"", "null", "{", `{"v":1}`, `{"v":1,"job":"x","platform":"APPLE","checks":[{"n":"1"}]}`, "[[[[[[[[", `{"v":-1}`, `"\ud800"`}
	data := []byte(texts[rng.IntN(len(texts))])
	if rng.IntN(2) == 0 {
		data = make([]byte, 1+rng.IntN(2000))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
	}
	if !w.inject(subject, data) {
		return "", nil
	}
	return fmt.Sprintf("%d bytes on %s", len(data), subject), nil
}

// steering pauses, resumes, cancels and retries jobs, several of these at the same time.
func steering(gap [2]time.Duration) track {
	race := func(name string, verbs ...string) fault {
		return fault{name: "jobs: " + name, do: func(ctx context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			a := w.load.pick(rng)
			if a == nil {
				return "", nil
			}
			w.load.mark(a)
			return a.id, func(ctx context.Context) {
				limit, cancel := context.WithTimeout(ctx, 20*time.Second)
				defer cancel()
				var racers sync.WaitGroup
				for _, verb := range verbs {
					racers.Go(func() { _, _ = w.client.steer(limit, verb, a.id) }) // a refusal is as good an answer
				}
				racers.Wait()
				_, _ = w.client.steer(limit, "resume", a.id) // nobody else would
			}
		}}
	}
	return track{name: "steer", gap: gap, first: 2 * time.Second, faults: []fault{
		race("paused and resumed", "pause", "resume"),
		race("paused twice, resumed twice", "pause", "resume", "pause", "resume"),
		race("paused and cancelled", "pause", "cancel"),
		race("retried", "retry", "retry"),
		race("cancelled and resumed", "resume", "cancel"),
	}}
}

// subscribers opens WebSockets that ask for a job and then read nothing.
func subscribers(gap [2]time.Duration, each int) track {
	return track{name: "clients", gap: gap, first: time.Second, faults: []fault{{
		name: "stalled WebSocket subscribers", lasts: [2]time.Duration{3 * time.Second, 15 * time.Second},
		do: func(ctx context.Context, w *world, rng *rand.Rand) (string, func(context.Context)) {
			a := w.load.pick(rng)
			if a == nil {
				return "", nil
			}
			var open []*websocket.Conn
			for range each {
				if conn, err := w.client.dial(ctx, w.listen[rng.IntN(len(w.listen))], a.id, 256); err == nil {
					open = append(open, conn)
				}
			}
			if len(open) == 0 {
				return "", nil
			}
			return fmt.Sprintf("%d connections", len(open)), func(context.Context) {
				for _, conn := range open {
					_ = conn.NetConn().Close()
				}
			}
		},
	}}}
}
