package registry_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"phoneregistry/registry"
)

func TestWorkersOn(t *testing.T) {
	var none registry.WorkersOn
	if none.Breaker() != "" || none.RatePerSecond() != 0 || len(none.Quotas()) != 0 || none.Quotas() == nil {
		t.Errorf("nobody: %q, %g, %v", none.Breaker(), none.RatePerSecond(), none.Quotas())
	}
	on := registry.WorkersOn{
		{RatePerSecond: 10, Breaker: registry.BreakerHalfOpen, Quota: &registry.PlatformQuota{
			Credential: "main", RatePerSecond: new(50.0), CurrentRate: new(50.0), SpentToday: 10}},
		{RatePerSecond: 2.5, Breaker: registry.BreakerClosed},
		{Breaker: registry.BreakerOpen, Quota: &registry.PlatformQuota{
			Credential: "main", RatePerSecond: new(60.0), CurrentRate: new(35.0), BudgetPerDay: new(int64(1000)), SpentToday: 8}},
		{Breaker: registry.BreakerClosed, Quota: &registry.PlatformQuota{Credential: "a second", Concurrency: new(3)}},
	}
	if got := on.RatePerSecond(); got != 12.5 {
		t.Errorf("%g a second", got)
	}
	if got := on.Breaker(); got != registry.BreakerOpen {
		t.Errorf("breaker %s", got)
	}
	want := []registry.PlatformQuota{
		{Credential: "a second", Concurrency: new(3)},
		{Credential: "main", RatePerSecond: new(50.0), CurrentRate: new(35.0), BudgetPerDay: new(int64(1000)), SpentToday: 10},
	}
	if diff := cmp.Diff(want, on.Quotas()); diff != "" {
		t.Errorf("quotas (-want +got):\n%s", diff)
	}
}
