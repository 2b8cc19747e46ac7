package httpd_test

import (
	"strings"
	"testing"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// TestNothingRunsWithAWrongVariable: of several changes none is made, also where the variable is of a custom scalar, and
// where it is for the last of them.
func TestNothingRunsWithAWrongVariable(t *testing.T) {
	a := newApp(t)
	const query = `mutation($n: E164!, $p: Int!) {
		a: upsertSource(input: {name: "should_not_be", priority: $p}) { source { name } }
		b: verifyPhone(input: {customerId: "c", number: $n, method: "call"}) { userErrors { code } } }`
	for wrong, sent := range map[string]vars{"INVALID_NUMBER": {"n": "3001234567", "p": 1}, "GRAPHQL_VALIDATION_FAILED": {"n": "+573001234567", "p": "1"}} {
		got := a.try(t, registry.RoleAdmin, query, sent)
		if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != wrong || got.Data != nil {
			t.Errorf("%s: %s %+v", wrong, got.Data, got.Errors)
		}
	}
	const written = `mutation { a: upsertSource(input: {name: "should_not_be", priority: 1}) { source { name } }
		b: verifyPhone(input: {customerId: "c", number: "3001234567", method: "call"}) { userErrors { code } } }`
	if got := a.try(t, registry.RoleAdmin, written, nil); len(got.Errors) != 1 || got.Errors[0].Extensions["argument"] != "input.number" || got.Data != nil {
		t.Errorf("written out: %s %+v", got.Data, got.Errors)
	}
	if got := a.try(t, registry.RoleAdmin, `{ sources { name } }`, nil); strings.Contains(string(got.Data), "should_not_be") {
		t.Error("the first change was made")
	}
}

// TestValuesOfEnumsAreForThoseWhoMayIntrospect, like other suggestions.
func TestValuesOfEnumsAreForThoseWhoMayIntrospect(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Introspection = []registry.Role{registry.RoleAdmin} })
	for role := range a.tokens {
		got := a.try(t, role, `query($p: [Platform!]) { phones(filter: {platforms: $p}) { totalCount } }`, vars{"p": []string{"WHATSAP"}})
		if len(got.Errors) != 1 || !strings.HasPrefix(got.Errors[0].Message, "variable $p.0 is no Platform") ||
			strings.Contains(got.Errors[0].Message, "WHATSAPP") != (role == registry.RoleAdmin) {
			t.Errorf("%s: %+v", role, got.Errors)
		}
	}
}

// TestValuesThatNoScalarHas are the caller's fault, wherever they stand.
func TestValuesThatNoScalarHas(t *testing.T) {
	a := newApp(t)
	for _, query := range []string{
		`{ accessLog(filter: {minRevealed: "x"}) { totalCount } }`,
		`{ accessLog(filter: {minRevealed: 1.5}) { totalCount } }`,
		`{ accessLog(filter: {minRevealed: true}) { totalCount } }`,
		`{ accessLog(filter: {minRevealed: 99999999999999999999}) { totalCount } }`,
		`{ accessLog(filter: {since: "0001-01-01T00:00:00Z"}) { totalCount } }`,
		`{ accessLog(filter: {actor: "\u0000"}) { totalCount } }`,
		`{ accessLog(filter: {requestId: "\u0000"}) { totalCount } }`,
		`mutation { createApiKey(input: {name: "a", role: VIEWER, expiresAt: "0001-01-01T00:00:00Z"}) { token } }`,
	} {
		got := a.try(t, registry.RoleAdmin, query, nil)
		if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "INVALID_INPUT" && got.Errors[0].Extensions["code"] != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%s: %s %+v", query, got.Data, got.Errors)
		}
	}
}
