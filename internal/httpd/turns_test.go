package httpd_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// TestOneRequestCannotHoldTheDatabase: a request whose fields all wait in PostgreSQL, more of them than there are
// connections, leaves some to others, and is answered in the end.
func TestOneRequestCannotHoldTheDatabase(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Timeouts.Operation = time.Hour })
	release := a.slow(t, "validation_jobs")
	var many strings.Builder
	for i := range 20 {
		fmt.Fprintf(&many, "a%d: validationJobs(first: 1) { totalCount } ", i)
	}
	slow := make(chan answer)
	go func() { slow <- a.try(t, registry.RoleViewer, "{ "+many.String()+"}", nil) }()
	all := int(a.pool.Config().MaxConns)
	a.eventually(t, func() bool { return a.waiters(t) == all-all/4 }, "the request does not get its part of the connections")
	for range 5 {
		if got := a.try(t, registry.RoleAnalyst, askPhones, nil); len(got.Errors) > 0 {
			t.Errorf("while others wait: %+v", got.Errors)
		}
	}
	if n := a.waiters(t); n != all-all/4 {
		t.Errorf("%d of %d connections are held by one request", n, all)
	}
	release()
	if got := <-slow; len(got.Errors) > 0 || strings.Count(string(got.Data), "totalCount") != 20 {
		t.Errorf("%s %+v", got.Data, got.Errors)
	}
}
