package share

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"phoneregistry/registry"
)

// within is a context as a transport makes it for the start of a subscription.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(registry.WithActor(t.Context(), as(registry.RoleViewer)), limit)
	t.Cleanup(cancel)
	return ctx
}

// TestWhoWaitsForTheStartIsBoundAlone: of three who share a stream that does not begin, one has little time. It goes by
// itself; those who have more get the first state when it comes, of the one run that there is.
func TestWhoWaitsForTheStartIsBoundAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string)}
		e := New(f, time.Minute, nil)
		hasty := e.ask(within(t, time.Second), operation(t, progress, "1"))
		patient := []*client{
			e.ask(within(t, 30*time.Second), operation(t, progress, "1")), e.ask(within(t, time.Minute), operation(t, progress, "1")),
		}
		time.Sleep(2 * time.Second) // of the bubble's clock
		synctest.Wait()
		if got := hasty.next(); got != nil {
			t.Errorf("who had no time was told %s", data(got))
		}
		for i, c := range patient {
			if !c.waits() {
				t.Errorf("client %d does not wait any more", i)
			}
		}
		f.states <- `"1"`
		for i, c := range patient {
			if got := data(c.next()); got != `"1"` {
				t.Errorf("client %d got %s", i, got)
			}
		}
		if begun, ended := f.runs(); begun != 1 || ended != 0 {
			t.Errorf("%d runs, %d ended; want one that goes on", begun, ended)
		}
		close(f.states)
		synctest.Wait()
	})
}

// TestSharedStartsEnd: a stream that does not begin ends after the longest time that anybody waits, also for one who would
// wait on. Who is left asks by itself.
func TestSharedStartsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string)}
		e := New(f, time.Minute, nil)
		c := e.ask(within(t, 2*time.Minute), operation(t, progress, "1"))
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		if begun, ended := f.runs(); begun != 1 || ended != 0 {
			t.Errorf("%d runs, %d ended before the time is over", begun, ended)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if begun, ended := f.runs(); begun != 2 || ended != 1 || f.ranAs(as(registry.RoleViewer)) != 1 || e.left() != 0 {
			t.Errorf("%d runs, %d ended, %d streams are left; want the shared one ended, and one by itself", begun, ended, e.left())
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if begun, ended := f.runs(); begun != 2 || ended != 2 {
			t.Errorf("%d runs, %d ended; want all ended with their client", begun, ended)
		}
		if got := c.next(); got != nil {
			t.Errorf("got %s", data(got))
		}
	})
}

// TestOnlyTheStartIsBound: a stream that has begun goes on, however long nothing comes.
func TestOnlyTheStartIsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{states: make(chan string)}
		e := New(f, time.Minute, nil)
		ctx, cancel := context.WithCancel(registry.WithActor(t.Context(), as(registry.RoleViewer)))
		c := e.ask(ctx, operation(t, progress, "1"))
		f.states <- `"1"`
		if got := data(c.next()); got != `"1"` {
			t.Errorf("got %s", got)
		}
		time.Sleep(time.Hour)
		f.states <- `"2"`
		if got := data(c.next()); got != `"2"` {
			t.Errorf("after an hour: %s", got)
		}
		if begun, ended := f.runs(); begun != 1 || ended != 0 {
			t.Errorf("%d runs, %d ended; want one that goes on", begun, ended)
		}
		cancel()
		synctest.Wait()
	})
}
