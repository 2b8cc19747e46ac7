package postgres

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/multitracer"
	"github.com/jackc/pgx/v5/pgxpool"
	"pgregory.net/rapid"

	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
)

func bearing(ctx context.Context, token string) context.Context {
	return registry.WithActor(ctx, registry.Actor{Name: "caller", Token: token})
}

// queue has callers enter, each on a goroutine, and notes in which order they come in.
type queue struct {
	*fair
	t   *testing.T
	in  []*caller
	end map[string]context.CancelFunc
}

func (q *queue) enter(tokens ...string) {
	q.t.Helper()
	for _, token := range tokens {
		ctx, cancel := context.WithCancel(bearing(q.t.Context(), token))
		if token == "" {
			ctx = registry.WithActor(ctx, registry.Actor{Name: "system:test"})
		}
		q.end[token] = cancel
		go func() {
			if c := q.fair.enter(ctx); c != nil {
				q.mu.Lock()
				q.in = append(q.in, c)
				q.mu.Unlock()
			}
		}()
		synctest.Wait()
	}
}

// leave ends the turn that a caller has had longest.
func (q *queue) leave(token string) {
	q.t.Helper()
	i := slices.IndexFunc(q.in, func(c *caller) bool { return c.token == (token != "") && (token == "" || c.name == token) })
	if i < 0 {
		q.t.Fatalf("%q is not in", token)
	}
	c := q.in[i]
	q.in = slices.Delete(q.in, i, i+1)
	q.fair.leave(c)
	synctest.Wait()
}

func (q *queue) want(tokens string) {
	q.t.Helper()
	got := ""
	for _, c := range q.in {
		if !c.token {
			got += "-"
			continue
		}
		got += c.name
	}
	if got != tokens {
		q.t.Errorf("in are %q: want %q", got, tokens)
	}
}

func TestTurns(t *testing.T) {
	for name, act := range map[string]func(q *queue){
		"one caller leaves a quarter to others": func(q *queue) {
			q.enter("a", "a", "a", "a", "a", "a", "a", "a", "a")
			q.want("aaaaaa")
			q.enter("b", "c", "d")
			q.want("aaaaaabc")
			q.leave("a") // of the two places that are left d has one
			q.want("aaaaabcd")
			for range 5 {
				q.leave("a")
			}
			q.want("bcdaaa")
		},
		"who holds the fewest is next": func(q *queue) {
			q.enter("a", "a", "a", "a", "a", "b", "a", "a", "b", "b", "b")
			q.want("aaaaab")
			q.leave("a")
			q.leave("a")
			q.leave("a")
			q.want("aabbba")
		},
		"of these who waits longest": func(q *queue) {
			q.enter("a", "b", "c", "d", "e", "f", "g", "h", "k", "i", "j")
			q.leave("a")
			q.leave("b")
			q.want("cdefghki")
		},
		"the program uses all, and waits its turn": func(q *queue) {
			q.enter("", "", "", "", "", "", "", "", "", "a")
			q.want("--------")
			q.leave("")
			q.want("-------a")
			q.leave("")
			q.want("------a-")
		},
		"who gives up has no turn": func(q *queue) {
			q.enter("a", "b", "c", "d", "e", "f", "g", "h", "x", "y")
			q.end["x"]()
			synctest.Wait()
			q.leave("a")
			q.want("bcdefghy")
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := &queue{fair: newFair(8), t: t, end: map[string]context.CancelFunc{}}
				act(q)
				for _, end := range q.end {
					end()
				}
			})
		})
	}
}

// Whoever asks and leaves, waits and gives up: nobody waits who may come in, no more come in than there are places, and in
// the end all places are free and nobody is remembered.
func TestTurnsAreKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const places = 7
		f := newFair(places)
		ended, cancel := context.WithCancel(context.Background())
		cancel()
		var in []*caller
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(t, "leaves") {
				i := rapid.IntRange(0, len(in)-1).Draw(t, "who leaves")
				f.leave(in[i])
				in = slices.Delete(in, i, i+1)
			} else if c := f.enter(bearing(ended, fmt.Sprint(rapid.IntRange(0, 4).Draw(t, "caller")))); c != nil {
				in = append(in, c)
			}
			held := 0
			for name, c := range f.callers {
				if held += c.held; c.held == 0 || c.name != name {
					t.Fatalf("%q is remembered as %+v", name, c)
				}
			}
			if held != len(in) || f.free != places-held || f.free < 0 || len(f.waiting) > 0 {
				t.Fatalf("%d are in, %d held, %d free, %d wait", len(in), held, f.free, len(f.waiting))
			}
		}
		for _, c := range in {
			f.leave(c)
		}
		if f.free != places || len(f.callers) > 0 {
			t.Fatalf("%d free in the end, %d callers", f.free, len(f.callers))
		}
	})
}

// One caller has more statements wait in PostgreSQL than there are connections; others are answered meanwhile. What fails
// while it has a turn, or before, gives it back.
func TestOneCallerCannotHoldAllConnections(t *testing.T) {
	const connections = 4
	pool, err := OpenPool(t.Context(), testkit.Database(t), PoolOptions{MaxConns: connections})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	lock, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "SELECT pg_advisory_lock(1)"); err != nil {
		t.Fatal(err)
	}
	greedy, giveUp := context.WithCancel(bearing(t.Context(), "greedy"))
	ended := make(chan error)
	const asked = 3 * connections
	for range asked {
		go func() {
			_, err := pool.Exec(greedy, "SELECT pg_advisory_xact_lock(1)")
			ended <- err
		}()
	}
	limit := testkit.Context(t)
	for tick := time.NewTicker(time.Millisecond); pool.Stat().AcquiredConns() < connections-1; { // the lock's among them
		select {
		case <-tick.C:
		case <-limit.Done():
			t.Fatal("the greedy one does not get its part")
		}
	}
	for range 3 {
		if _, err := pool.Exec(bearing(limit, "modest"), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	giveUp()
	for range asked {
		if err := <-ended; err == nil {
			t.Error("a statement got a lock that somebody holds")
		}
	}
	lock.Release()
	tracers, ok := pool.Config().ConnConfig.Tracer.(*multitracer.Tracer)
	if !ok || len(tracers.PoolAcquireTracers) != 1 {
		t.Fatal("the pool is not watched")
	}
	f := tracers.PoolAcquireTracers[0].(*fair)
	all := make([]*pgxpool.Conn, 0, connections)
	for i := range connections { // all of them can be had again
		conn, err := pool.Acquire(bearing(limit, fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	for _, conn := range all {
		conn.Release()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.free != connections || len(f.callers)+len(f.holders)+len(f.waiting) > 0 {
		t.Errorf("in the end %d are free, %d callers, %d held, %d wait", f.free, len(f.callers), len(f.holders), len(f.waiting))
	}
}
