package adaptertest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"phoneregistry/workers"
	"phoneregistry/workers/webcall"
)

// ShortTimeout is what a test of a slow fault sets as the adapter's time-out.
const ShortTimeout = 200 * time.Millisecond

// Secret is what services and files of tests hold, and no error may tell.
const Secret = "hush-hush"

// Error is what an adapter must say of the fault, of a service that reasons call by this name.
func (f Fault) Error(service string) workers.CallError {
	e := workers.CallError{
		Reason: fmt.Sprintf(f.Reason, service), RateLimited: f.RateLimited, Permanent: f.Permanent, RetryAfter: f.RetryAfter,
	}
	if f.Slow {
		e.Reason += ShortTimeout.String()
	}
	return e
}

// CheckCallError holds the error of a call to what it must be, whatever its cause. It must tell neither Secret nor
// +12025550100 to +12025550199 nor anything hidden.
func CheckCallError(t testing.TB, err error, want workers.CallError, hidden ...string) {
	t.Helper()
	got, ok := errors.AsType[*workers.CallError](err)
	if !ok {
		t.Fatalf("error %v, want a CallError", err)
	}
	if diff := cmp.Diff(want, *got, cmpopts.IgnoreFields(workers.CallError{}, "Err")); diff != "" {
		t.Error(diff)
	}
	checkHidden(t, err, hidden)
}

// CheckSettingError holds the error of an adapter's New to the field that it must name and to a part of the problem. It
// must tell neither Secret nor anything hidden.
func CheckSettingError(t testing.TB, err error, adapter, field, problem string, hidden ...string) {
	t.Helper()
	e, ok := errors.AsType[*webcall.SettingError](err)
	if !ok || e.Adapter != adapter || e.Field != field || !strings.Contains(e.Problem, problem) {
		t.Fatalf("error %v, want one of %s: %s with %q", err, adapter, field, problem)
	}
	checkHidden(t, err, hidden)
}

func checkHidden(t testing.TB, err error, hidden []string) {
	t.Helper()
	for _, text := range append(hidden, Secret, "20255501") {
		if strings.Contains(err.Error(), text) {
			t.Errorf("the error tells %q: %v", text, err)
		}
	}
}
