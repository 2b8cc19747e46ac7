package bus_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/internal/bus"
)

func TestGoldenQuota(t *testing.T) {
	golden(t, "quota_rate_v1.json", bus.RateQuota{
		Version: 1, Next: 1767323045012000, Rate: 35, Refused: 50, RefusedAt: 1767323040000000, RaisedAt: 1767323044000000,
		HeldUntil: 1767323046000000,
	}, bus.DecodeQuota[bus.RateQuota])
	golden(t, "quota_day_v1.json", bus.DayQuota{Version: 1, Day: "2026-01-02", Spent: 4321}, bus.DecodeQuota[bus.DayQuota])
	golden(t, "quota_calls_v1.json", bus.CallQuota{Version: 1, Holders: map[string]bus.CallLease{
		"w1": {Calls: 4, Wants: 4, Until: 1767323055000000},
		"w2": {Wants: 2, Since: 1767323045000000, Until: 1767323055000000},
	}}, bus.DecodeQuota[bus.CallQuota])
	golden(t, "quota_changed_v1.json", bus.QuotaChanged{Version: 1, Platform: "GOOGLE", Credential: "main"}, bus.DecodeQuota[bus.QuotaChanged])
}

func TestQuotaOfOthers(t *testing.T) {
	got, err := bus.DecodeQuota[bus.RateQuota]([]byte(`{"v":1,"next":5,"colour":"blue"}`))
	if diff := cmp.Diff(bus.RateQuota{Version: 1, Next: 5}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := bus.DecodeQuota[bus.DayQuota]([]byte(`{"v":2,"day":7}`)); !errors.Is(err, bus.ErrVersion) {
		t.Errorf("a newer one: %v", err)
	}
	if _, err := bus.DecodeQuota[bus.DayQuota]([]byte(`rubbish`)); err == nil || errors.Is(err, bus.ErrVersion) {
		t.Errorf("rubbish: %v", err)
	}
}

// TestEnsureQuotaTogether: any number of programs may start at once, and what is in the bucket stays.
func TestEnsureQuotaTogether(t *testing.T) {
	js, ctx := jetStream(t, startNATS(t)), t.Context()
	var wg sync.WaitGroup
	errs := make(chan error, 8)
	for i := range 8 {
		wg.Go(func() {
			_, err := bus.EnsureQuota(ctx, js, bus.Options{CreateOnly: i%2 == 0})
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Error(err)
		}
	}
	kv, err := bus.EnsureQuota(ctx, js, bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := bus.RateQuotaKey("GOOGLE", "main")
	if _, err := kv.Put(ctx, key, []byte("kept")); err != nil {
		t.Fatal(err)
	}
	if kv, err = bus.EnsureQuota(ctx, js, bus.Options{Replicas: 1}); err != nil {
		t.Fatal(err)
	}
	entry, err := kv.Get(ctx, key)
	if err != nil || string(entry.Value()) != "kept" {
		t.Errorf("entry %v, error %v", entry, err)
	}
}
