package access_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"phoneregistry/graph"
	"phoneregistry/graph/access"
	"phoneregistry/registry"
)

func served() *ast.Schema { return graph.NewExecutableSchema(graph.Config{}).Schema() }

// refusal runs the check on one operation of a document, as the executor does.
func refusal(t testing.TB, schema *ast.Schema, e access.Enforce, actor registry.Actor, text string, variables map[string]any) *gqlerror.Error {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(schema, text, nil)
	if errs != nil {
		t.Fatalf("%s: %v", text, errs)
	}
	opCtx := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: variables, DisableIntrospection: true}
	return e.MutateOperationContext(registry.WithActor(context.Background(), actor), opCtx)
}

func TestWhatIsAskedNeedsItsScope(t *testing.T) {
	schema := served()
	enforce := access.Enforce{Rules: access.Read(schema)}
	variables := map[string]any{"yes": true, "no": false}
	for name, c := range map[string]struct {
		query string
		field string // that is refused to a VIEWER; "": nothing is
	}{
		"what all may":            {`{ viewer { name } }`, ""},
		"a root field":            {`{ viewer { name } webhooks { totalCount } }`, "Query.webhooks"},
		"a nested field":          {`{ node(id: "x") { ... on Webhook { url } } }`, "Webhook.url"},
		"in a fragment":           {`{ ...f } fragment f on Query { ...g } fragment g on Query { registryStats { phones } }`, "Query.registryStats"},
		"under an alias":          {`{ viewer: registryStats { phones } }`, "Query.registryStats"},
		"skipped":                 {`query($yes: Boolean!) { viewer { name } webhooks @skip(if: $yes) { totalCount } }`, ""},
		"not skipped":             {`query($no: Boolean!) { webhooks @skip(if: $no) { totalCount } }`, "Query.webhooks"},
		"not included":            {`query($no: Boolean!) { viewer { name } webhooks @include(if: $no) { totalCount } }`, ""},
		"included":                {`query($yes: Boolean!) { webhooks @include(if: $yes) { totalCount } }`, "Query.webhooks"},
		"by a literal":            {`{ viewer { name } webhooks @include(if: false) { totalCount } }`, ""},
		"by a default":            {`query($off: Boolean! = false) { webhooks @include(if: $off) { totalCount } viewer { name } }`, ""},
		"both directives, one no": {`query($yes: Boolean!) { viewer { name } webhooks @include(if: $yes) @skip(if: $yes) { totalCount } }`, ""},
		"a fragment left out":     {`query($no: Boolean!) { viewer { name } ... @include(if: $no) { webhooks { totalCount } } ...f @skip(if: true) } fragment f on Query { workers { id } }`, ""},
		"a fragment not left out": {`query($yes: Boolean!) { ...f @include(if: $yes) } fragment f on Query { workers { id } }`, "Query.workers"},
		"another operation":       {`query a { viewer { name } } query b { webhooks { totalCount } }`, ""},
	} {
		err := refusal(t, schema, enforce, registry.Actor{Role: registry.RoleViewer}, c.query, variables)
		switch {
		case c.field == "" && err != nil:
			t.Errorf("%s: refused: %v", name, err)
		case c.field != "" && (err == nil || err.Extensions["code"] != "FORBIDDEN" || !strings.Contains(err.Message, c.field)):
			t.Errorf("%s: %v; want %s to be refused", name, err, c.field)
		}
		if err := refusal(t, schema, enforce, registry.Actor{Role: registry.RoleAdmin}, c.query, variables); err != nil {
			t.Errorf("%s: refused to ADMIN: %v", name, err)
		}
	}
}

func TestAKeyMayHoldLessThanItsRole(t *testing.T) {
	schema := served()
	actor := registry.Actor{Role: registry.RoleAdmin, Withheld: registry.ScopesOf(registry.ScopeAdmin, registry.ScopeJobs)}
	for query, may := range map[string]bool{
		`{ registryStats { phones } }`: true, `{ webhooks { totalCount } }`: false, `{ workers { id } }`: false,
	} {
		if err := refusal(t, schema, access.Enforce{Rules: access.Read(schema)}, actor, query, nil); (err == nil) != may {
			t.Errorf("%s: %v", query, err)
		}
	}
}

// TestWhatIsNotDeclaredIsRefused: least privilege also where the check of the schema was passed by.
func TestWhatIsNotDeclaredIsRefused(t *testing.T) {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: brokenSchema})
	enforce := access.Enforce{Rules: access.Read(schema)}
	for query, may := range map[string]bool{
		`{ open }`: true, `{ forgotten }`: false, `{ strange }`: false, `{ __typename open }`: true,
		`{ node(id: "x") { id } }`: true, `{ thing { secret } }`: false,
	} {
		if err := refusal(t, schema, enforce, registry.Actor{Role: registry.RoleAdmin}, query, nil); (err == nil) != may {
			t.Errorf("%s: %v", query, err)
		}
	}
	if enforce.Rules.MaySee(registry.Actor{Role: registry.RoleAdmin}, "Thing") {
		t.Error("objects of a type that declares nothing are shown")
	}
	if err := refusal(t, schema, enforce, registry.Actor{}, `{ open }`, nil); err == nil {
		t.Error("nobody may ask for something")
	}
}

func TestIntrospection(t *testing.T) {
	schema := served()
	rules := access.Read(schema)
	const query = `{ viewer { name } __schema { types { name fields { name } } } __type(name: "Phone") { name } }`
	for _, c := range []struct {
		allowed []registry.Role
		role    registry.Role
		may     bool
	}{
		{nil, registry.RoleViewer, true},
		{nil, "", false},
		{[]registry.Role{}, registry.RoleAdmin, false},
		{[]registry.Role{registry.RoleAdmin}, registry.RoleAdmin, true},
		{[]registry.Role{registry.RoleAdmin}, registry.RoleSteward, false},
		{[]registry.Role{registry.RoleAnalyst, registry.RoleAdmin}, registry.RoleAnalyst, true},
	} {
		err := refusal(t, schema, access.Enforce{Rules: rules, Introspection: c.allowed}, registry.Actor{Role: c.role}, query, nil)
		if (err == nil) != c.may {
			t.Errorf("%s where %v may: %v", c.role, c.allowed, err)
		}
		if err := refusal(t, schema, access.Enforce{Rules: rules, Introspection: c.allowed}, registry.Actor{Role: registry.RoleViewer}, `{ viewer { __typename } __typename }`, nil); err != nil {
			t.Errorf("__typename where %v may introspect: %v", c.allowed, err)
		}
	}
}

func TestTheSchemaDeclaresEverything(t *testing.T) {
	if problems := access.Problems(served()); len(problems) > 0 {
		t.Errorf("%s", strings.Join(problems, "\n"))
	}
}

const brokenSchema = `
directive @access(scope: Scope!) on FIELD_DEFINITION | OBJECT
directive @personal on FIELD_DEFINITION
scalar E164
enum Scope { READ AGGREGATE EXPORT REVEAL EDIT JOBS IMPORTS ADMINISTER TYPO }
enum Role { VIEWER ANALYST STEWARD OPERATOR ADMIN }
interface Node { id: ID! @access(scope: READ) }
type Thing implements Node { id: ID! @access(scope: READ) numbers: [E164!] @access(scope: READ) secret: String }
type Key implements Node @access(scope: ADMINISTER) { id: ID! @access(scope: READ) }
type NormalizedPhone { number: E164 @access(scope: READ) }
type Query {
  open: String @access(scope: READ)
  forgotten: String
  strange: String @access(scope: TYPO)
  node(id: ID!): Node @access(scope: READ)
  thing: Thing @access(scope: READ)
}
type Mutation { change: String @access(scope: READ) }
`

// TestProblemsNameTheFieldAndWhatIsRight of everything that brokenSchema leaves open, and of nothing else.
func TestProblemsNameTheFieldAndWhatIsRight(t *testing.T) {
	got := access.Problems(gqlparser.MustLoadSchema(&ast.Source{Input: brokenSchema}))
	want := [][]string{
		{"enum Scope: ", "want READ, AGGREGATE"},
		{"field Key.id: ", "want @access(scope: ADMINISTER)"},
		{"field Mutation.change: ", "want EDIT"},
		{"field Query.forgotten: ", "want @access"},
		{"type Thing: ", "on the type"},
		{"field Thing.numbers: ", "want @personal"},
		{"field Thing.secret: ", "want @access"},
	}
	if len(got) != len(want) {
		t.Errorf("%d problems; want %d", len(got), len(want))
	}
	for i, problem := range got[:min(len(got), len(want))] {
		if !strings.HasPrefix(problem, want[i][0]) || !strings.Contains(problem, want[i][1]) {
			t.Errorf("%q; want %q", problem, want[i])
		}
	}
}

func TestTheTableIsWrittenFresh(t *testing.T) {
	text, err := os.ReadFile("../../docs/api/access.md")
	if err != nil {
		t.Fatal(err)
	}
	schema := served()
	if string(text) != access.Table(schema) {
		t.Error("docs/api/access.md is not what the schema says: make generate")
	}
	for _, name := range []string{"`phones` | READ", "`createApiKey` | ADMINISTER | ADMIN", "`CustomerPhone.number`", "| `Webhook` | yes | ADMINISTER |"} {
		if !strings.Contains(string(text), name) {
			t.Errorf("the table lacks %s", name)
		}
	}
}

// TestTheCheckAllocatesNothing for a field: the guard bounds how many there are.
func TestTheCheckAllocatesNothing(t *testing.T) {
	schema := served()
	doc, errs := gqlparser.LoadQueryWithRules(schema, `{ phones { nodes { `+strings.Repeat("number region isValid ", 50)+`} } }`, nil)
	if errs != nil {
		t.Fatal(errs)
	}
	ctx := registry.WithActor(context.Background(), registry.Actor{Role: registry.RoleViewer})
	var enforce graphql.OperationContextMutator = access.Enforce{Rules: access.Read(schema)}
	opCtx := &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0]}
	if n := testing.AllocsPerRun(100, func() {
		if err := enforce.MutateOperationContext(ctx, opCtx); err != nil {
			t.Fatal(err)
		}
	}); n > 10 {
		t.Errorf("%.0f allocations to check 150 fields", n)
	}
}

func TestRolesHoldWhatTheyAreSaidTo(t *testing.T) {
	for role, want := range map[registry.Role][]registry.Scope{
		"":                    nil,
		"ROOT":                nil,
		registry.RoleViewer:   {registry.ScopeRead},
		registry.RoleAnalyst:  {registry.ScopeRead, registry.ScopeAggregate, registry.ScopeExport},
		registry.RoleSteward:  {registry.ScopeRead, registry.ScopeAggregate, registry.ScopeExport, registry.ScopeReveal, registry.ScopeEdit},
		registry.RoleOperator: {registry.ScopeRead, registry.ScopeAggregate, registry.ScopeExport, registry.ScopeJobs, registry.ScopeImports},
		registry.RoleAdmin:    registry.AllScopes(),
	} {
		if got := role.Scopes().List(); !slices.Equal(got, want) {
			t.Errorf("%q: %v; want %v", role, got, want)
		}
	}
}
