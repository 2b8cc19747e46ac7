package share

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"go.uber.org/goleak"

	"phoneregistry/graph"
	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake runs operations that answer with what states holds, in the same memory each time, as the real one does.
type fake struct {
	graphql.GraphExecutor
	states chan string // closed: the stream ends
	fails  bool

	mu     sync.Mutex
	actors []registry.Actor // of each run
	whole  []bool           // whether each run shows whole numbers
	ended  int              // runs whose context ended
}

func (f *fake) DispatchOperation(ctx context.Context, _ *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.actors = append(f.actors, registry.ActorFrom(ctx))
	f.whole = append(f.whole, reveal.WholeList(ctx, reveal.PhoneNumber, 1))
	memory := make([]byte, 0, 64)
	return func(ctx context.Context) *graphql.Response {
		if f.fails {
			return &graphql.Response{Errors: gqlerror.List{gqlerror.Errorf("no")}}
		}
		select {
		case state, ok := <-f.states:
			if !ok {
				return nil
			}
			memory = append(memory[:0], state...)
			return &graphql.Response{Data: memory}
		case <-ctx.Done():
			f.mu.Lock()
			defer f.mu.Unlock()
			f.ended++
			return nil
		}
	}, ctx
}

func (f *fake) runs() (begun, ended int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.actors), f.ended
}

func (f *fake) ranAs(a registry.Actor) (times int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.actors {
		if a == b {
			times++
		}
	}
	return times
}

// left is how many streams run.
func (e *Executor) left() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.streams)
}

const progress = `subscription ($id: ID!) { validationJobProgress(id: $id) { sequence platforms { total } job { id status } } }`

func operation(t *testing.T, query, id string) *graphql.OperationContext {
	t.Helper()
	doc, err := gqlparser.LoadQueryWithRules(graph.NewExecutableSchema(graph.Config{}).Schema(), query, rules.NewDefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	return &graphql.OperationContext{RawQuery: query, Doc: doc, Operation: doc.Operations[0], Variables: map[string]any{"id": id}}
}

func as(role registry.Role) registry.Actor { return registry.Actor{Name: "somebody", Role: role} }

// patience is how long streams may take to begin, where that does not matter.
const patience = time.Hour

// client is one that asks. Its operation begins in a goroutine of its own, as those of transports do.
type client struct {
	begun     chan struct{}
	responses graphql.ResponseHandler
	ctx       context.Context // of its responses
}

// ask has a client ask, and returns when it waits or was told something.
func (e *Executor) ask(ctx context.Context, operation *graphql.OperationContext) *client {
	c := &client{begun: make(chan struct{})}
	go func() {
		defer close(c.begun)
		c.responses, c.ctx = e.DispatchOperation(ctx, operation)
	}()
	synctest.Wait()
	return c
}

func (c *client) next() *graphql.Response {
	<-c.begun
	return c.responses(c.ctx)
}

// waits tells that the operation has not begun.
func (c *client) waits() bool {
	select {
	case <-c.begun:
		return false
	default:
		return true
	}
}

func data(r *graphql.Response) string {
	if r == nil {
		return "nothing"
	}
	return string(r.Data)
}

// TestOneRunForAll: a hundred ask the same, and it runs once. Each gets the newest state when it comes to take it, and
// the end behind the last one.
func TestOneRunForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, joined := &fake{states: make(chan string)}, 0
		e := New(f, patience, func() { joined++ })
		ctx := registry.WithActor(t.Context(), as(registry.RoleViewer))
		var all []*client
		for range 100 {
			all = append(all, e.ask(ctx, operation(t, progress, "1")))
		}
		f.states <- `"1"`
		synctest.Wait()
		for i, c := range all {
			if got := data(c.next()); got != `"1"` {
				t.Errorf("client %d got %s", i, got)
			}
		}
		late := e.ask(ctx, operation(t, progress, "1"))
		if got := data(late.next()); got != `"1"` {
			t.Errorf("who came late got %s", got)
		}
		for i := range 3 { // nobody takes the first two
			f.states <- strconv.Quote(fmt.Sprint(2 + i))
		}
		synctest.Wait()
		close(f.states)
		synctest.Wait()
		for i, c := range append(all, late) {
			if got := data(c.next()); got != `"4"` {
				t.Errorf("client %d got %s, want the newest", i, got)
			}
			if got := data(c.next()); got != "nothing" {
				t.Errorf("client %d got %s behind the end", i, got)
			}
		}
		if begun, _ := f.runs(); begun != 1 || joined != 100 {
			t.Errorf("it ran %d times, %d joined", begun, joined)
		}
		if f.ranAs(registry.Actor{Name: "system:share", Role: registry.RoleViewer}) != 1 {
			t.Error("it did not run under the role of its clients, without a name")
		}
		if e.left() != 0 {
			t.Errorf("%d streams are left", e.left())
		}
	})
}

// TestApart: another role, job or selection is another stream; one ends with its last client, and who leaves holds
// nothing up.
func TestApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string)}
		e := New(f, patience, nil)
		var leave []context.CancelFunc
		for _, c := range []struct {
			role      registry.Role
			query, id string
		}{
			{registry.RoleViewer, progress, "1"},
			{registry.RoleViewer, progress, "1"},
			{registry.RoleAdmin, progress, "1"},
			{registry.RoleViewer, progress, "2"},
			{registry.RoleViewer, `subscription ($id: ID!) { importProgress(id: $id) { sequence } }`, "1"},
		} {
			ctx, cancel := context.WithCancel(registry.WithActor(t.Context(), as(c.role)))
			leave = append(leave, cancel)
			e.ask(ctx, operation(t, c.query, c.id))
		}
		synctest.Wait()
		if begun, ended := f.runs(); begun != 4 || ended != 0 {
			t.Errorf("%d runs, %d ended; want 4 and none", begun, ended)
		}
		leave[0]()
		leave[2]()
		synctest.Wait()
		if _, ended := f.runs(); ended != 1 {
			t.Errorf("%d runs ended, want that of the administrator", ended)
		}
		for _, cancel := range leave {
			cancel()
		}
		synctest.Wait()
		if _, ended := f.runs(); ended != 4 || e.left() != 0 {
			t.Errorf("%d runs ended, %d streams are left", ended, e.left())
		}
	})
}

// TestNarrowedKeysApart: a key that may do less than its role does not take part in the stream of one that may do more.
func TestNarrowedKeysApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string)}
		e := New(f, patience, nil)
		narrow := as(registry.RoleAnalyst)
		narrow.Withheld = registry.ScopesOf(registry.ScopeAggregate)
		ctx, cancel := context.WithCancel(t.Context())
		for _, actor := range []registry.Actor{as(registry.RoleAnalyst), narrow, as(registry.RoleAnalyst), narrow} {
			e.ask(registry.WithActor(ctx, actor), operation(t, progress, "1"))
		}
		synctest.Wait()
		shared := registry.Actor{Name: "system:share", Role: registry.RoleAnalyst, Withheld: narrow.Withheld}
		if begun, _ := f.runs(); begun != 2 || f.ranAs(shared) != 1 {
			t.Errorf("%d runs, %d of them for the narrowed key; want one of each", begun, f.ranAs(shared))
		}
		cancel()
		synctest.Wait()
	})
}

// TestSharedRunsShowNothingWhole: an administrator's stream belongs to all who take part in it.
func TestSharedRunsShowNothingWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string)}
		e := New(f, patience, nil)
		ctx, cancel := context.WithCancel(reveal.Begin(registry.WithActor(t.Context(), as(registry.RoleAdmin))))
		e.ask(ctx, operation(t, progress, "1"))
		f.mu.Lock()
		if len(f.whole) != 1 || f.whole[0] {
			t.Errorf("whole numbers in shared runs: %t", f.whole)
		}
		f.mu.Unlock()
		cancel()
		synctest.Wait()
	})
}

// TestErrorsAreOnesOwn: when the stream cannot be made each client asks by itself, under its own name.
func TestErrorsAreOnesOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{fails: true}
		e := New(f, patience, nil)
		for range 3 {
			ctx := registry.WithActor(t.Context(), as(registry.RoleViewer))
			if r := e.ask(ctx, operation(t, progress, "1")).next(); r == nil || len(r.Errors) != 1 {
				t.Errorf("got %+v", r)
			}
		}
		synctest.Wait()
		if own := f.ranAs(as(registry.RoleViewer)); own != 3 || e.left() != 0 {
			t.Errorf("%d asked by themselves, %d streams are left", own, e.left())
		}
	})
}

// TestClientEnds: a client whose operation ends waits no longer.
func TestClientEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := New(&fake{states: make(chan string)}, patience, nil)
		ctx, cancel := context.WithCancelCause(registry.WithActor(t.Context(), as(registry.RoleViewer)))
		c := e.ask(ctx, operation(t, progress, "1"))
		cancel(errors.New("gone"))
		if r := c.next(); r != nil {
			t.Errorf("got %s", r.Data)
		}
	})
}

// TestWhatIsShared: progress is, and nothing that hangs on more than the role of who asks.
func TestWhatIsShared(t *testing.T) {
	for query, want := range map[string]bool{
		progress: true,
		`subscription ($id: ID!) { p: validationJobProgress(id: $id) { ...on ValidationJobProgress { percent ...f } } } fragment f on ValidationJobProgress { status __typename }`: true,
		`subscription ($id: ID!) { importProgress(id: $id) { sequence import { status } } }`:                                                                                       true,
		`subscription ($id: ID!) { validationJobProgress(id: $id) { job { failures(first: 1) { totalCount } } } }`:                                                                 false,
		`subscription ($id: ID!) { validationJobProgress(id: $id) { job { schedule { id } } } }`:                                                                                   false,
		`subscription { leadScoreChanged { total } }`:                                                                                                                              false,
		`subscription ($id: ID!) { validationJobProgress(id: $id) { job { failures(first: 1) { nodes { number } } } } }`:                                                           false,
		`subscription { leadScoreChanged { phone { number } } }`:                                                                                                                   false,
		`query ($id: ID!) { validationJob(id: $id) { status } }`:                                                                                                                   false,
		`mutation ($id: ID!) { pauseValidationJob(input: { id: $id }) { job { status } } }`:                                                                                        false,
	} {
		if _, got := keyOf(t.Context(), operation(t, query, "1")); got != want {
			t.Errorf("shared: %t, want %t: %s", got, want, query)
		}
	}
	odd := operation(t, progress, "1")
	odd.Variables["x"] = json.RawMessage("{")
	if _, got := keyOf(t.Context(), odd); got {
		t.Error("variables that cannot be named are shared")
	}
}

// TestNewcomersAreToldNothingOld: a state that was told a while ago is not told to one who comes now and may have seen a
// newer one at another server. Those who were there go on as they were.
func TestNewcomersAreToldNothingOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string, 1)}
		e := New(f, patience, nil)
		ctx, cancel := context.WithCancel(registry.WithActor(t.Context(), as(registry.RoleViewer)))
		f.states <- `"old"`
		first := e.ask(ctx, operation(t, progress, "1"))
		if got := data(first.next()); got != `"old"` {
			t.Errorf("the first was told %s", got)
		}
		time.Sleep(2 * fresh)
		second := e.ask(ctx, operation(t, progress, "1"))
		if begun, _ := f.runs(); begun != 2 {
			t.Errorf("%d runs, want one for each", begun)
		}
		cancel()
		if got := second.next(); got != nil {
			t.Errorf("the newcomer was told %s", data(got))
		}
		synctest.Wait()
	})
}
