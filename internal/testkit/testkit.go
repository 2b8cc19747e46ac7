// Package testkit gives tests what they need of the real thing: a PostgreSQL of their own, migrated, and a NATS server
// with JetStream. It is for tests only.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { testkit.Main(m) }
//
// The first test that asks starts one private PostgreSQL for the test binary; every test gets its own database there.
package testkit

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Main runs the tests of a package, stops what was started for them, and fails when goroutines are left over.
func Main(m *testing.M, options ...goleak.Option) {
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "testkit: stop PostgreSQL:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(options...); err != nil {
			fmt.Fprintln(os.Stderr, "testkit:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// Logger logs into the output of the test.
func Logger(t testing.TB) *slog.Logger {
	t.Helper()
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Context is a context for one test with a deadline that only a hanging test reaches.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}
