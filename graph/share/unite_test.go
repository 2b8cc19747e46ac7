package share

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"phoneregistry/registry"
)

// fed runs operations that each answer with what a test feeds them.
type fed struct {
	graphql.GraphExecutor

	mu   sync.Mutex
	runs []*run
}

type run struct {
	states chan string   // closed: the stream ends
	ended  chan struct{} // closed when the context of the run has ended
}

func (f *fed) DispatchOperation(ctx context.Context, _ *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &run{states: make(chan string), ended: make(chan struct{})}
	context.AfterFunc(ctx, func() { close(r.ended) })
	f.runs = append(f.runs, r)
	return func(ctx context.Context) *graphql.Response {
		select {
		case state, ok := <-r.states:
			if ok {
				return &graphql.Response{Data: json.RawMessage(state)}
			}
		case <-ctx.Done():
		}
		return nil
	}, ctx
}

func (r *run) over() bool {
	synctest.Wait()
	select {
	case <-r.ended:
		return true
	default:
		return false
	}
}

// apart is some clients that come one by one, so that each has a stream of its own.
func apart(ctx context.Context, t *testing.T, e *Executor, n int) (all []*client) {
	t.Helper()
	for range n {
		all = append(all, e.ask(ctx, operation(t, progress, "1")))
		time.Sleep(2 * fresh)
	}
	return all
}

// told checks what each client is told next.
func told(t *testing.T, want string, all ...*client) {
	t.Helper()
	for i, c := range all {
		if got := data(c.next()); got != want {
			t.Errorf("client %d is told %s; want %s", i, got, want)
		}
	}
}

// TestStreamsUnite: clients that come one by one get a first state of their own, and then share one stream. None is told
// anything twice, or misses something.
func TestStreamsUnite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fed{}
		e := New(f, patience, nil)
		all := apart(registry.WithActor(t.Context(), as(registry.RoleViewer)), t, e, 3)
		f.runs[0].states <- `"1"`
		told(t, `"1"`, all[0])
		f.runs[2].states <- `"1"`
		told(t, `"1"`, all[2])
		if !f.runs[0].over() || f.runs[1].over() {
			t.Fatal("want the first to have gone over to the last, and who has been told nothing to wait on")
		}
		f.runs[2].states <- `"2"`
		told(t, `"2"`, all[0], all[2])
		f.runs[1].states <- `"1"` // it is late
		told(t, `"1"`, all[1])
		if f.runs[1].over() {
			t.Fatal("who has been told less has gone over, and misses something")
		}
		f.runs[1].states <- `"2"`
		told(t, `"2"`, all[1])
		if !f.runs[1].over() || e.left() != 1 {
			t.Fatalf("%d streams are left; want one for all", e.left())
		}
		f.runs[2].states <- `"3"`
		told(t, `"3"`, all...)
		close(f.runs[2].states)
		told(t, "nothing", all...)
		if e.left() != 0 || len(f.runs) != 3 {
			t.Errorf("%d streams are left of %d", e.left(), len(f.runs))
		}
	})
}

// TestWhoComesAndGoesPartsNobody: streams whose clients leave before they were told anything leave the older ones to be
// united with those who come later.
func TestWhoComesAndGoesPartsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fed{}
		e := New(f, patience, nil)
		stays := registry.WithActor(t.Context(), as(registry.RoleViewer))
		first := apart(stays, t, e, 1)
		f.runs[0].states <- `"1"`
		told(t, `"1"`, first...)
		time.Sleep(2 * fresh)
		middle, leaveMiddle := context.WithCancel(stays)
		apart(middle, t, e, 1)
		newest, leaveNewest := context.WithCancel(stays)
		apart(newest, t, e, 1)
		leaveMiddle()
		leaveNewest()
		time.Sleep(2 * fresh)
		if !f.runs[1].over() || !f.runs[2].over() || f.runs[0].over() {
			t.Fatal("want the streams to end whose clients left, and no other")
		}
		last := apart(stays, t, e, 1)
		f.runs[3].states <- `"1"`
		told(t, `"1"`, last...)
		if !f.runs[0].over() {
			t.Error("the first stream stays apart")
		}
		close(f.runs[3].states)
		told(t, "nothing", append(first, last...)...)
		if e.left() != 0 {
			t.Errorf("%d streams are left", e.left())
		}
	})
}

// TestStreamsOfManyStayApart: while a state is sent to very many it grows old.
func TestStreamsOfManyStayApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fed{}
		e := New(f, patience, nil)
		stays := registry.WithActor(t.Context(), as(registry.RoleViewer))
		leaving, leave := context.WithCancel(stays)
		all := []*client{e.ask(leaving, operation(t, progress, "1"))}
		for range mostUnited - 1 {
			all = append(all, e.ask(stays, operation(t, progress, "1")))
		}
		time.Sleep(2 * fresh)
		all = append(all, apart(stays, t, e, 1)...)
		say := func(state string) {
			for _, r := range f.runs {
				r.states <- state
			}
			synctest.Wait()
		}
		say(`"1"`)
		told(t, `"1"`, all...)
		if len(f.runs) != 2 || f.runs[0].over() {
			t.Fatalf("%d streams, or too many have become one", len(f.runs))
		}
		leave()
		time.Sleep(time.Second) // states come further apart for many
		say(`"2"`)
		told(t, `"2"`, all[1:]...)
		if !f.runs[0].over() {
			t.Error("there is room for all in one stream, and two go on")
		}
		close(f.runs[1].states)
		told(t, "nothing", all[1:]...)
	})
}
