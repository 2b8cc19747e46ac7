package httpd_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"phoneregistry/internal/auth"
	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

// keyShown is an API key as the API shows it.
type keyShown struct {
	ID, Name, Role, Status, CreatedBy string
	Scopes                            []string
	ExpiresAt, RevokedAt, LastUsedAt  *time.Time
}

// keyPayload is the answer to a change of an API key.
type keyPayload struct {
	APIKey     *keyShown
	Token      string
	UserErrors []struct {
		Code, Message string
		Path          []string
	}
}

const keyFields = `apiKey { id name role scopes status createdBy createdAt expiresAt revokedAt lastUsedAt } userErrors { code message path }`

// changeKey runs a mutation of API keys with the token of a role.
func (a *app) changeKey(t testing.TB, role registry.Role, mutation, input string, value vars) keyPayload {
	t.Helper()
	fields := keyFields
	if mutation == "createApiKey" {
		fields += " token"
	}
	return ask[struct{ Done keyPayload }](t, a, role, fmt.Sprintf("mutation($input: %s!) { done: %s(input: $input) { %s } }", input, mutation, fields),
		vars{"input": value}).Done
}

func (a *app) createKey(t testing.TB, role registry.Role, value vars) keyPayload {
	t.Helper()
	return a.changeKey(t, role, "createApiKey", "CreateApiKeyInput", value)
}

// wrong is the first user error.
func (p keyPayload) wrong() string {
	if len(p.UserErrors) == 0 {
		return ""
	}
	return p.UserErrors[0].Code + " " + strings.Join(p.UserErrors[0].Path, ".")
}

func TestLifeOfAnAPIKey(t *testing.T) {
	a := newApp(t)
	const script = registry.Role("script")
	end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	made := a.createKey(t, registry.RoleAdmin, vars{"name": "script", "role": "OPERATOR", "scopes": []string{"READ", "JOBS"}, "expiresAt": end})
	if k := made.APIKey; k == nil || !strings.HasPrefix(k.ID, "key_") || k.Status != "ACTIVE" || k.CreatedBy != "admin" ||
		!slices.Equal(k.Scopes, []string{"READ", "JOBS"}) || k.LastUsedAt != nil || !k.ExpiresAt.Equal(end) {
		t.Fatalf("%+v", made)
	}
	a.tokens[script] = made.Token
	if got := a.try(t, script, `{ viewer { name role scopes } }`, nil); string(got.Data) != `{"viewer":{"name":"script","role":"OPERATOR","scopes":["READ","JOBS"]}}` {
		t.Errorf("%s %v", got.Data, got.Errors)
	}
	if got := a.try(t, script, `{ registryStats { phones } }`, nil); len(got.Errors) == 0 || got.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("what was withheld: %s %v", got.Data, got.Errors)
	}
	id := made.APIKey.ID
	change := func(value vars) keyPayload {
		t.Helper()
		value["id"] = id
		return a.changeKey(t, registry.RoleAdmin, "updateApiKey", "UpdateApiKeyInput", value)
	}
	if got := change(vars{"name": "nightly", "expiresAt": nil}); got.APIKey == nil || got.APIKey.Name != "nightly" || got.APIKey.ExpiresAt != nil {
		t.Errorf("%+v", got)
	}
	if got := change(vars{"name": ""}); got.wrong() != "INVALID_INPUT input.name" || got.APIKey != nil {
		t.Errorf("%+v", got)
	}
	if got := change(vars{"expiresAt": time.Now()}); got.APIKey == nil || got.APIKey.Status != "EXPIRED" {
		t.Errorf("ended: %+v", got)
	}
	if got := change(vars{"expiresAt": nil}); got.wrong() != "INVALID_STATE input.id" {
		t.Errorf("back to life: %+v", got)
	}
	for range 2 {
		got := a.changeKey(t, registry.RoleAdmin, "revokeApiKey", "ApiKeyInput", vars{"id": id})
		if got.APIKey == nil || got.APIKey.Status != "REVOKED" || got.APIKey.RevokedAt == nil {
			t.Errorf("revoked: %+v", got)
		}
	}
	for _, no := range []string{"key_0", strings.Replace(id, "key_", "job_", 1), "key_" + strings.Repeat("0", 32)} {
		if got := a.changeKey(t, registry.RoleAdmin, "revokeApiKey", "ApiKeyInput", vars{"id": no}); got.wrong() != "NOT_FOUND input.id" {
			t.Errorf("%s: %+v", no, got)
		}
	}
	var audited []string
	rows, err := a.pool.Query(t.Context(), `SELECT action || ' by ' || actor FROM audit_trail WHERE actor = 'admin' ORDER BY id`)
	must(t, err)
	for rows.Next() {
		var text string
		must(t, rows.Scan(&text))
		audited = append(audited, text)
	}
	must(t, rows.Err())
	if want := []string{"token.created by admin", "token.updated by admin", "token.updated by admin", "token.revoked by admin"}; !slices.Equal(audited, want) {
		t.Errorf("the audit trail has %v; want %v", audited, want)
	}
	if strings.Contains(a.log.String(), made.Token) {
		t.Error("a token is in the log")
	}
}

// TestNobodyMakesAKeyThatMayMore: not a key that may only administer, by any of the ways there are.
func TestNobodyMakesAKeyThatMayMore(t *testing.T) {
	a := newApp(t)
	const narrow = registry.Role("narrow")
	made := a.createKey(t, registry.RoleAdmin, vars{"name": "people", "role": "ADMIN", "scopes": []string{"ADMINISTER", "READ"}})
	a.tokens[narrow] = made.Token
	for name, c := range map[string]struct {
		value vars
		want  string
	}{
		"the whole role":  {vars{"name": "a", "role": "ADMIN"}, "INVALID_INPUT input.role"},
		"another role":    {vars{"name": "a", "role": "STEWARD"}, "INVALID_INPUT input.role"},
		"one scope more":  {vars{"name": "a", "role": "ADMIN", "scopes": []string{"READ", "REVEAL"}}, "INVALID_INPUT input.scopes"},
		"no scope":        {vars{"name": "a", "role": "ADMIN", "scopes": []string{}}, "INVALID_INPUT input.scopes"},
		"as much":         {vars{"name": "a", "role": "ADMIN", "scopes": []string{"READ", "ADMINISTER"}}, ""},
		"less":            {vars{"name": "a", "role": "VIEWER"}, ""},
		"what is not his": {vars{"name": "a", "role": "VIEWER", "scopes": []string{"JOBS"}}, "INVALID_INPUT input.scopes"},
	} {
		if got := a.createKey(t, narrow, c.value); got.wrong() != c.want || (got.Token == "") != (c.want != "") {
			t.Errorf("%s: %+v; want %q", name, got, c.want)
		}
	}
	for _, role := range []registry.Role{registry.RoleViewer, registry.RoleAnalyst, registry.RoleSteward, registry.RoleOperator} {
		got := a.try(t, role, `mutation { createApiKey(input: {name: "a", role: VIEWER}) { token } }`, nil)
		if len(got.Errors) == 0 || got.Errors[0].Extensions["code"] != "FORBIDDEN" {
			t.Errorf("%s: %s", role, got.Data)
		}
	}
}

func TestPagesOfAPIKeys(t *testing.T) {
	a := newApp(t) // has a key for each role
	type page struct {
		APIKeys struct {
			Nodes    []keyShown
			PageInfo struct {
				EndCursor   string
				HasNextPage bool
			}
			TotalCount int
		}
	}
	var names []string
	after := any(nil)
	for {
		got := ask[page](t, a, registry.RoleAdmin, `query($after: String) { apiKeys(first: 2, after: $after) {
			nodes { id name status } pageInfo { endCursor hasNextPage } totalCount } }`, vars{"after": after}).APIKeys
		for _, k := range got.Nodes {
			names = append(names, k.Name)
		}
		if got.TotalCount != 5 {
			t.Errorf("%d in all", got.TotalCount)
		}
		if !got.PageInfo.HasNextPage {
			break
		}
		after = got.PageInfo.EndCursor
	}
	if want := []string{"admin", "operator", "steward", "analyst", "viewer"}; !slices.Equal(names, want) {
		t.Errorf("%v; want %v", names, want)
	}
	for query, want := range map[string]int{`{ apiKeys { nodes { name } } }`: 1, `{ apiKeys { totalCount nodes { name } } }`: 2, `{ apiKeys { totalCount } }`: 1} {
		got := a.statements.during(func() { a.try(t, registry.RoleAdmin, query, nil) })
		got = slices.DeleteFunc(got, func(sql string) bool {
			return !strings.Contains(sql, "FROM api_keys") || strings.Contains(sql, "ANY ($1)")
		})
		if len(got) > want {
			t.Errorf("%s: %d statements, want %d: %v", query, len(got), want, got)
		}
	}
	first := ask[page](t, a, registry.RoleAdmin, `{ apiKeys(first: 1) { nodes { id } } }`, nil).APIKeys.Nodes[0].ID
	const node = `query($id: ID!) { node(id: $id) { ... on ApiKey { name } id } }`
	if got := a.try(t, registry.RoleAdmin, node, vars{"id": first}); !strings.Contains(string(got.Data), `"name":"admin"`) {
		t.Errorf("%s %v", got.Data, got.Errors)
	}
	for _, query := range []string{node, `query($id: ID!) { node(id: $id) { id } }`, `query($id: ID!) { node(id: $id) { __typename } }`} {
		if got := a.try(t, registry.RoleSteward, query, vars{"id": first}); strings.Contains(string(got.Data), "ApiKey") || strings.Contains(string(got.Data), "key_") {
			t.Errorf("a steward is shown %s", got.Data)
		}
	}
}

// TestEndedKeysAreRefusedAtOnce: whoever is told that a key has ended may rely on it. The key was used just before, so that
// the server had heard that it is good.
func TestEndedKeysAreRefusedAtOnce(t *testing.T) {
	a := newApp(t)
	const guest = registry.Role("guest")
	for name, end := range map[string]func(id string) keyPayload{
		"revoked": func(id string) keyPayload {
			return a.changeKey(t, registry.RoleAdmin, "revokeApiKey", "ApiKeyInput", vars{"id": id})
		},
		"ended now": func(id string) keyPayload {
			return a.changeKey(t, registry.RoleAdmin, "updateApiKey", "UpdateApiKeyInput", vars{"id": id, "expiresAt": time.Now()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := a.createKey(t, registry.RoleAdmin, vars{"name": "guest", "role": "VIEWER"})
			a.tokens[guest] = made.Token
			status := func() int {
				status, _ := a.post(t, guest, vars{"query": "{ viewer { role } }"})
				return status
			}
			if got := status(); got != http.StatusOK {
				t.Fatalf("before: %d", got)
			}
			if got := end(made.APIKey.ID); got.wrong() != "" {
				t.Fatalf("%+v", got)
			}
			if got := status(); got != http.StatusUnauthorized {
				t.Errorf("after: %d, want 401", got)
			}
		})
	}
}

// TestRevokingOnOneServerEndsStreamsOnAnother: nothing tells the other server but the database.
func TestRevokingOnOneServerEndsStreamsOnAnother(t *testing.T) {
	var other http.Handler
	a := newApp(t, func(a *app, c *httpd.Config) {
		config := *c
		config.Registerer = nil
		config.Auth = auth.New(auth.Config{Store: a.store, CheckEvery: 20 * time.Millisecond})
		background(t, config.Auth.Run)
		var err error
		other, err = httpd.New(config)
		must(t, err)
	})
	server := httptest.NewServer(other)
	t.Cleanup(server.Close)
	const guest = registry.Role("guest")
	made := a.createKey(t, registry.RoleAdmin, vars{"name": "guest", "role": "VIEWER"})
	a.tokens[guest] = made.Token
	own := a.url
	a.url = server.URL
	socket := a.connect(t, guest)
	a.url = own
	if got := a.changeKey(t, registry.RoleAdmin, "revokeApiKey", "ApiKeyInput", vars{"id": made.APIKey.ID}); got.wrong() != "" {
		t.Fatalf("%+v", got)
	}
	wantEnd(t, "on the other server", socket, 4403, "Forbidden: the token is revoked")
}

// TestExamplesOfAuthenticationRun: what the page on tokens shows is what the API takes.
func TestExamplesOfAuthenticationRun(t *testing.T) {
	a := newApp(t)
	page, err := os.ReadFile("../../docs/api/authentication.md")
	must(t, err)
	blocks := graphQLBlocks.FindAllSubmatch(page, -1)
	if len(blocks) != 2 {
		t.Fatalf("%d examples", len(blocks))
	}
	got := ask[struct {
		CreateAPIKey keyPayload
		APIKeys      struct{ TotalCount int }
	}](t, a, registry.RoleAdmin, string(blocks[0][1]), nil)
	if got.CreateAPIKey.wrong() != "" || got.CreateAPIKey.Token == "" {
		t.Errorf("%+v", got)
	}
	got.APIKeys = ask[struct{ APIKeys struct{ TotalCount int } }](t, a, registry.RoleAdmin, string(blocks[1][1]), nil).APIKeys
	if got.APIKeys.TotalCount != 6 {
		t.Errorf("%+v", got)
	}
}
