package resolvers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/graph"
	"phoneregistry/graph/access"
	"phoneregistry/registry"
)

// TestPresentError: what is said of each kind of error, and that it is of one request.
func TestPresentError(t *testing.T) {
	var log bytes.Buffer
	gone := errors.New("connect: no route to host")
	r := New(Config{Logger: slog.New(slog.NewTextHandler(&log, nil)), Away: func(err error) bool { return errors.Is(err, gone) }})
	ctx := registry.WithActor(t.Context(), registry.Actor{RequestID: "r1"})
	shared := &gqlerror.Error{Message: "must not be null", Extensions: map[string]any{"code": "X"}}
	for name, c := range map[string]struct {
		err           error
		code, message string
	}{
		"a user's":      {registry.Errorf(registry.CodeInvalidInput, []string{"first"}, "first is %d: want 1 to 500", 501), "INVALID_INPUT", "first is 501: want 1 to 500"},
		"with a number": {registry.Errorf(registry.CodeInvalidInput, nil, "it is +573001234567"), "INVALID_INPUT", "it is +…"},
		"several":       {fmt.Errorf("x: %w", registry.Errors{registry.Errorf(registry.CodeNotFound, nil, "no")}), "NOT_FOUND", "no"},
		"gone":          {fmt.Errorf("x: %w", registry.ErrNotFound), "NOT_FOUND", "there is no such thing any more"},
		"scope":         {&forbidden{registry.ScopeJobs}, "FORBIDDEN", "the token may not do this: it needs the scope JOBS"},
		"guesses":       {&registry.LookupsSpentError{Limit: 7, Per: "hour"}, "RATE_LIMITED", ""},
		"late":          {fmt.Errorf("x: %w", context.DeadlineExceeded), "TIMEOUT", ""},
		"the executor":  {shared, "X", "must not be null"},
		"no code":       {gqlerror.Errorf("so"), "BAD_REQUEST", "so"},
		"a fault":       {errors.New("dial tcp 10.0.0.7:5432: refused"), "INTERNAL", "internal error"},
		"wrapped":       {gqlerror.Wrap(errors.New("ERROR: relation x (SQLSTATE 42P01)")), "INTERNAL", "internal error"},
		"not there":     {fmt.Errorf("read phone: %w", gone), "UNAVAILABLE", "something that the answer needs cannot be reached right now: try again"},
		"a panic":       {r.Recover(ctx, "index out of range"), "INTERNAL", "internal error"},
	} {
		got := r.PresentError(ctx, c.err)
		if got.Extensions["code"] != c.code || c.message != "" && got.Message != c.message || got.Extensions["requestId"] != "r1" {
			t.Errorf("%s: %q %v; want %s %q", name, got.Message, got.Extensions, c.code, c.message)
		}
	}
	if shared.Extensions["requestId"] != nil {
		t.Error("an error that others may hold was changed")
	}
	for _, want := range []string{"dial tcp", "SQLSTATE", "no route to host", "index out of range", "request_id=r1"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q is not in the log", want)
		}
	}
}

// TestWithoutNumbers: what is as long as a phone number is hidden, everything else stays.
func TestWithoutNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "first is 501": "first is 501", "123456": "123456", "1234567": "…", "a 573001234567 b 300": "a … b 300",
		`found "+573001234567".`: `found "+…".`, "é 12345678": "é …", "12 345 6789": "12 345 6789",
	} {
		if got := withoutNumbers(text); got != want {
			t.Errorf("%q became %q; want %q", text, got, want)
		}
	}
}

// TestKindsOfNodes: each type that has a global id can be found by it, once.
func TestKindsOfNodes(t *testing.T) {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	rules := access.Read(schema)
	known := map[string]bool{}
	for kind, k := range nodeKinds() {
		if known[k.typeName] || !rules.MaySee(registry.Actor{Role: registry.RoleAdmin}, k.typeName) {
			t.Errorf("%s: %s is found twice, or shown to nobody", kind, k.typeName)
		}
		known[k.typeName] = true
	}
	for _, def := range schema.GetPossibleTypes(schema.Types["Node"]) {
		if !known[def.Name] {
			t.Errorf("%s has a global id by which it is not found", def.Name)
		}
	}
}
