package dispatch_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"phoneregistry/internal/accesslog"
	"phoneregistry/registry"
	"phoneregistry/registry/dispatch"
)

// recorded returns the access log, of what is in one of a server and of what is in the store.
func (r *rig) recorded(ctx context.Context, log *accesslog.Log, f registry.AccessFilter) []registry.AccessEntry {
	r.t.Helper()
	must(r.t, log.Sync(ctx))
	page, err := r.store.AccessEntries(ctx, f, registry.PageRequest{First: registry.MaxPageSize})
	must(r.t, err)
	return page.Items
}

// TestNumbersThatLeaveAreRecorded: before they are sent, under who set the webhook up. What holds none is not recorded.
func TestNumbersThatLeaveAreRecorded(t *testing.T) {
	r := newRig(t)
	before := make(chan int64, 10) // entries that there were when the receiver was called
	rc := newReceiver(t, func(w http.ResponseWriter, c *http.Request) {
		err := r.seen.Sync(c.Context())
		n, countErr := r.store.CountAccessEntries(c.Context(), registry.AccessFilter{})
		if err = errors.Join(err, countErr); err != nil {
			t.Errorf("the access log cannot be read: %v", err)
		}
		before <- n
		w.WriteHeader(http.StatusOK)
	})
	hook, _ := r.webhook(rc.URL, registry.EventLeadTierChanged, registry.EventJobFinished)
	r.start(r.config())
	r.cancelledJob("no numbers")
	rc.next(t, r.ctx)
	r.delivery(hook.ID, delivered)
	if n := <-before; n != 0 {
		t.Errorf("%d entries for what holds no numbers", n)
	}
	r.tierEvent(3)
	id := rc.next(t, r.ctx).header.Get("Phonereg-Delivery-Id")
	if n := <-before; n != 1 {
		t.Errorf("%d entries when the numbers came; want one before", n)
	}
	want := []registry.AccessEntry{{
		Actor: "system:webhook of ada", Role: registry.RoleAdmin, Purpose: "webhook delivery", Operation: "lead.tier_changed",
		Fields: []string{"Phone.number"}, Revealed: 3, RequestID: id,
	}}
	got := r.recorded(r.ctx, r.seen, registry.AccessFilter{RequestID: &want[0].RequestID})
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(registry.AccessEntry{}, "ID", "At")); diff != "" {
		t.Error(diff)
	}
}

// TestWhatCannotBeRecordedWaits: more often than there are tries, and is sent once it can be. All else is told meanwhile.
func TestWhatCannotBeRecordedWaits(t *testing.T) {
	r := newRig(t)
	full := r.accessLog(1000) // nobody moves what is in it
	t.Cleanup(func() {
		over, cancel := context.WithCancel(context.Background())
		cancel()
		must(t, full.Run(over))
	})
	for full.Record(registry.Actor{Name: "bob", Role: registry.RoleAdmin}, registry.Shown{Values: 1}) == nil {
	}
	rc := newReceiver(t)
	hook, _ := r.webhook(rc.URL, registry.EventLeadTierChanged, registry.EventJobFinished)
	c := r.config()
	c.Accesses = full
	r.start(c)
	r.tierEvent(3)
	for n := 1; n <= dispatch.MaxTries+2; n++ {
		if n > 1 {
			r.clock.Add(time.Minute)
		}
		d := r.delivery(hook.ID, r.attempted(n))
		if d.ResponseStatus != 0 || d.NextAttemptAt.Sub(r.clock.Now()) > time.Minute {
			t.Errorf("%+v", d)
		}
	}
	r.cancelledJob("no numbers")
	if m := rc.next(t, r.ctx).message(t); m.Type != string(registry.EventJobFinished) {
		t.Errorf("the receiver was told %s", m.Type)
	}
	must(t, full.Sync(r.ctx))
	r.clock.Add(time.Minute)
	if m := rc.next(t, r.ctx).message(t); m.Type != string(registry.EventLeadTierChanged) {
		t.Errorf("the receiver was told %s", m.Type)
	}
	r.deliveries(hook.ID, func(all []registry.Delivery) bool { return len(all) == 2 && delivered(all[0]) && delivered(all[1]) })
	actor := "system:webhook of ada"
	if got := r.recorded(r.ctx, full, registry.AccessFilter{Actor: &actor}); len(got) != 1 || got[0].Revealed != 3 {
		t.Errorf("%+v", got)
	}
	var tries int
	must(t, r.pool.QueryRow(r.ctx, `SELECT max(tries) FROM webhook_deliveries`).Scan(&tries))
	if tries != 1 {
		t.Errorf("%d tries; want the one that was made", tries)
	}
}
