package httpd_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// example writes a value of a type; what is required of an input is in it.
func example(schema *ast.Schema, typ *ast.Type) string {
	if typ.Elem != nil {
		return "[" + example(schema, typ.Elem) + "]"
	}
	def := schema.Types[typ.NamedType]
	switch def.Kind {
	case ast.Enum:
		return def.EnumValues[0].Name
	case ast.InputObject:
		var members []string
		for _, f := range def.Fields {
			if f.Type.NonNull || def.Directives.ForName("oneOf") != nil && len(members) == 0 {
				members = append(members, f.Name+": "+example(schema, f.Type))
			}
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	switch typ.NamedType {
	case "E164":
		return `"+573001000000"`
	case "Int", "Int64":
		return "1"
	case "Duration":
		return `"P1D"`
	}
	return `"x"`
}

// operationOf asks for one root field, with what it requires and one thing of its answer.
func operationOf(schema *ast.Schema, root *ast.Definition, f *ast.FieldDefinition) string {
	var arguments []string
	for _, a := range f.Arguments {
		if a.Type.NonNull {
			arguments = append(arguments, a.Name+": "+example(schema, a.Type))
		}
	}
	text := strings.ToLower(root.Name) + " { " + f.Name
	if len(arguments) > 0 {
		text += "(" + strings.Join(arguments, ", ") + ")"
	}
	return text + " { __typename } }"
}

// TestEveryRootFieldAsEveryRole: an operation is refused exactly to the roles that do not hold the scope of its field, over
// HTTP and, where it is a subscription, over a socket; and refused before anything is asked of the database.
func TestEveryRootFieldAsEveryRole(t *testing.T) {
	a := newApp(t)
	schema := httpd.Schema()
	sockets := map[registry.Role]*wsClient{}
	for _, role := range registry.Roles() {
		sockets[role] = a.connect(t, role)
	}
	tried := 0
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation, schema.Subscription} {
		for _, f := range root.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			scope := registry.Scope(f.Directives.ForName("access").Arguments.ForName("scope").Value.Raw)
			query := operationOf(schema, root, f)
			for _, role := range registry.Roles() {
				tried++
				may := slices.Contains(holdersOf(scope), role)
				var forbidden bool
				if root == schema.Subscription {
					forbidden = sockets[role].forbids(t, fmt.Sprint(tried), query, may)
				} else {
					forbidden = a.forbids(t, role, query)
				}
				if forbidden == may {
					t.Errorf("%s as %s: forbidden %t; %s is held %t", query, role, forbidden, scope, may)
				}
			}
		}
	}
	if tried < 5*45 {
		t.Errorf("only %d operations were tried", tried)
	}
}

// holdersOf is, written down once more, which role holds which scope.
func holdersOf(scope registry.Scope) []registry.Role {
	return map[registry.Scope][]registry.Role{
		registry.ScopeRead:      {registry.RoleViewer, registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin},
		registry.ScopeAggregate: {registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin},
		registry.ScopeExport:    {registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin},
		registry.ScopeReveal:    {registry.RoleSteward, registry.RoleAdmin},
		registry.ScopeEdit:      {registry.RoleSteward, registry.RoleAdmin},
		registry.ScopeJobs:      {registry.RoleOperator, registry.RoleAdmin},
		registry.ScopeImports:   {registry.RoleOperator, registry.RoleAdmin},
		registry.ScopeAdmin:     {registry.RoleAdmin},
	}[scope]
}

// forbids tries a subscription and reports whether the caller may not run it. One that may be run has nothing to say
// here, or no such object; it is ended by what is asked after it.
func (c *wsClient) forbids(t *testing.T, id, query string, may bool) bool {
	t.Helper()
	c.send(t, id, "subscribe", vars{"query": query})
	if may {
		c.send(t, id, "complete", nil)
		c.send(t, id+"-after", "subscribe", vars{"query": "{ viewer { name } }"})
	}
	for {
		switch m := c.next(t); {
		case m.ID == id && strings.Contains(string(m.Payload), `"FORBIDDEN"`):
			return true
		case m.ID == id && !may || m.Type == "complete" && m.ID == id+"-after":
			return false
		}
	}
}

// forbids tries an operation and reports whether the caller may not run it.
func (a *app) forbids(t *testing.T, role registry.Role, query string) bool {
	t.Helper()
	var got answer
	sent := a.statements.during(func() { got = a.try(t, role, query, nil) })
	forbidden := len(got.Errors) == 1 && got.Errors[0].Extensions["code"] == "FORBIDDEN"
	if forbidden && len(aboutData(sent)) > 0 {
		t.Errorf("%s as %s is refused after %v", query, role, sent)
	}
	for _, e := range got.Errors {
		if e.Extensions["code"] == "GRAPHQL_VALIDATION_FAILED" || e.Extensions["code"] == "INTERNAL" {
			t.Errorf("%s as %s: %+v", query, role, e)
		}
	}
	return forbidden
}

// TestStatusOfWhatIsForbidden: by the media type that the client reads.
func TestStatusOfWhatIsForbidden(t *testing.T) {
	a := newApp(t)
	for accept, status := range map[string]int{asJSON: http.StatusOK, asResponse: http.StatusForbidden} {
		response := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", asJSON, strings.NewReader(`{"query":"{webhooks{totalCount}}"}`), "Accept", accept)
		if text := readAll(t, response); response.StatusCode != status || strings.Contains(text, `"data"`) || !strings.HasPrefix(response.Header.Get("Content-Type"), accept) {
			t.Errorf("%s: %d %s", accept, response.StatusCode, text)
		}
	}
	stream := a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", asJSON, strings.NewReader(`{"query":"{webhooks{totalCount}}"}`), "Accept", "text/event-stream")
	if text := readAll(t, stream); !strings.Contains(text, "event: next\ndata: {\"errors\":[") || !strings.Contains(text, `"FORBIDDEN"`) || !strings.Contains(text, "event: complete") {
		t.Errorf("a stream: %d %s", stream.StatusCode, text)
	}
	left := a.try(t, registry.RoleViewer, `query($no: Boolean = false) { viewer { role } webhooks @include(if: $no) { totalCount } }`, nil)
	if len(left.Errors) > 0 {
		t.Errorf("what is left out is refused: %+v", left.Errors)
	}
}

// TestFilesAndAddressesAsEveryScope: what is not GraphQL asks for scopes too, also of keys that hold a single one.
func TestFilesAndAddressesAsEveryScope(t *testing.T) {
	a := newApp(t)
	_, received := a.upload(t, registry.RoleOperator, "source=web_forms&region=CO", "text/csv", strings.NewReader(contacts))
	job := a.startJob(t, a.addPhones(t, 1), 1, "GOOGLE")
	for address, holders := range map[string][]registry.Scope{
		"/v1/imports/" + received.ID:                     {registry.ScopeRead, registry.ScopeImports},
		"/v1/imports/" + received.ID + "/quarantine.csv": {registry.ScopeExport},
		"/v1/jobs/" + job + "/failures.csv":              {registry.ScopeExport},
		"POST /v1/imports?source=web_forms":              {registry.ScopeImports},
	} {
		for _, scope := range registry.AllScopes() {
			name := registry.Role(scope)
			if a.tokens[name] == "" {
				a.tokens[name] = a.createKey(t, registry.RoleAdmin, vars{"name": "only " + string(scope), "role": "ADMIN", "scopes": []registry.Scope{scope}}).Token
			}
			method, path := http.MethodGet, address
			if post, found := strings.CutPrefix(address, "POST "); found {
				method, path = http.MethodPost, post
			}
			response := a.request(t, name, method, path, "text/csv", strings.NewReader(""))
			text := readAll(t, response)
			if forbidden := response.StatusCode == http.StatusForbidden; forbidden == slices.Contains(holders, scope) || forbidden != strings.Contains(text, "FORBIDDEN") {
				t.Errorf("%s with %s: %d %s", address, scope, response.StatusCode, text)
			}
		}
	}
}
