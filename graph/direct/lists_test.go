package direct_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"pgregory.net/rapid"

	"phoneregistry/graph"
	"phoneregistry/graph/direct"
	"phoneregistry/graph/guard"
	"phoneregistry/graph/model"
	"phoneregistry/graph/reveal"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
	"phoneregistry/registry/numbering"
)

// root answers `phones` with a list and `customer` with the contacts of one, and no other root field.
type root struct {
	graph.ResolverRoot
	phones []registry.Phone
	codec  *opaque.Codec
}

type query struct {
	graph.QueryResolver
	own root
}

type (
	phone    struct{ graph.PhoneResolver }
	customer struct {
		graph.CustomerResolver
		own root
	}
	contact struct {
		graph.CustomerPhoneResolver
		own root
	}
)

func (r root) Query() graph.QueryResolver { return query{own: r} }
func (r root) Phone() graph.PhoneResolver { return phone{} }

func (r root) Customer() graph.CustomerResolver { return customer{own: r} }

func (r root) CustomerPhone() graph.CustomerPhoneResolver { return contact{own: r} }

// customerWith finds the customers whose ids are not spoken of here, with everything that is known of their phones.
func (r root) customerWith(_ context.Context, id string, _ *registry.ContactFields) (*model.Customer, error) {
	switch id {
	case "nobody":
		return nil, nil //nolint:nilnil // null in GraphQL
	case "failing":
		return nil, errors.New("it failed")
	case "panicking":
		panic("it panicked")
	}
	c := &model.Customer{Customer: registry.Customer{ID: id}, Codec: r.codec, Held: []registry.CustomerPhone{}}
	for _, p := range r.phones {
		held := someContact(p)
		held.Phone = &p
		c.Held = append(c.Held, held)
	}
	return c, nil
}

func (q query) Customer(ctx context.Context, id string) (*model.Customer, error) {
	return q.own.customerWith(ctx, id, nil)
}

func (c customer) Phones(_ context.Context, obj *model.Customer) ([]model.CustomerPhone, error) {
	all := []model.CustomerPhone{}
	for _, held := range obj.Held {
		all = append(all, model.CustomerPhone{CustomerPhone: held})
	}
	return all, nil
}

func (c contact) Phone(_ context.Context, obj *model.CustomerPhone) (*model.Phone, error) {
	_, nodes := model.NewPhones(c.own.codec, []registry.Phone{*obj.CustomerPhone.Phone})
	return nodes[0], nil
}

// someContact is a contact with something of everything, made of a phone.
func someContact(p registry.Phone) registry.CustomerPhone {
	i := int(p.Number % 7)
	return registry.CustomerPhone{
		CustomerID: []string{"c1", "Añí \"x\"\\", "<&>\u2028\x7f"}[i%3], Number: p.Number, IsPrimary: i == 0, IsVerified: i%2 == 1,
		VerificationMethod: []string{"", "sms_otp"}[i%2], Confidence: []float64{0, 1, 0.1, 0.123456789, 1e-7, 1.0 / 3, 0.95}[i],
		Source: "call_center", Extension: []string{"", "12"}[i%2], FirstSeenAt: p.CreatedAt, LastSeenAt: p.UpdatedAt,
	}
}

func (q query) Phones(context.Context, *registry.PhoneFilter, *model.PhoneOrder, *int, *string) (*model.PhoneConnection, error) {
	_, nodes := model.NewPhones(q.own.codec, q.own.phones)
	page := registry.Page[registry.Phone]{Items: q.own.phones, Positions: make([]registry.Position, len(q.own.phones))}
	return &model.PhoneConnection{Connection: model.NewConnection(page, nodes, registry.PageRequest{},
		func(registry.Position) string { return "cursor" }, nil)}, nil
}

func (phone) LeadScore(context.Context, *model.Phone) (*model.LeadScore, error) {
	return nil, nil //nolint:nilnil // null in GraphQL: no score yet
}

// watched counts what is left to the executor.
type watched struct {
	graphql.ExecutableSchema
	ran   int // operations
	wrote int // lists that were written in place of the executor
}

func (w *watched) Exec(ctx context.Context) graphql.ResponseHandler {
	w.ran++
	operation := graphql.GetOperationContext(ctx)
	before := operation.ResolverMiddleware
	operation.ResolverMiddleware = func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		found, err := before(ctx, resolve)
		if _, ok := found.(graphql.Marshaler); ok {
			w.wrote++
		}
		return found, err
	}
	return w.ExecutableSchema.Exec(ctx)
}

// executors returns one that writes directly what it can, and one that does not.
func executors(t testing.TB, phones []registry.Phone) (with, without *executor.Executor, left *watched) {
	t.Helper()
	codec, err := opaque.New(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	resolvers := root{phones: phones, codec: codec}
	schema := graph.NewExecutableSchema(graph.Config{Resolvers: resolvers})
	left = &watched{ExecutableSchema: schema}
	written := direct.New(left, direct.Readers{Customer: resolvers.customerWith, Codec: codec})
	documents := guard.NewDocuments(schema.Schema(), guard.Limits{}, written.Compile)
	with, without = executor.New(written), executor.New(schema)
	with.SetQueryCache(documents)
	with.Use(documents)
	for _, exec := range []*executor.Executor{with, without} {
		exec.SetRecoverFunc(func(context.Context, any) error { return errors.New("a panic") })
	}
	return with, without, left
}

func answer(t testing.TB, exec graphql.GraphExecutor, actor registry.Actor, text string) string {
	t.Helper()
	response := respond(t, exec, actor, text, map[string]any{"yes": true, "no": false})
	if response.Errors != nil {
		t.Fatalf("%s: %v", text, response.Errors)
	}
	return string(response.Data)
}

func respond(t testing.TB, exec graphql.GraphExecutor, actor registry.Actor, text string, variables map[string]any) *graphql.Response {
	t.Helper()
	ctx := reveal.Begin(registry.WithActor(graphql.StartOperationTrace(context.Background()), actor))
	now := graphql.Now()
	operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{
		Query: text, Variables: variables, ReadTime: graphql.TraceTiming{Start: now, End: now},
	})
	if errs != nil {
		t.Fatalf("%s: %v", text, errs)
	}
	responses, ctx := exec.DispatchOperation(ctx, operation)
	return responses(ctx)
}

// plainFields are the fields of a type that hold plain values, by the schema.
func plainFields(object string) []string {
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	names := []string{"__typename"}
	for _, f := range schema.Types[object].Fields {
		if schema.Types[f.Type.Name()].IsLeafType() && len(f.Arguments) == 0 {
			names = append(names, f.Name)
		}
	}
	return names
}

// Nothing is asked about access here: an operation that may not ask for a field has been refused before it is run. What
// is left to this package are the numbers themselves.
func TestNumbersAreMaskedHereToo(t *testing.T) {
	with, _, left := executors(t, somePhones(20))
	for _, c := range []struct {
		actor registry.Actor
		whole bool
	}{
		{registry.Actor{}, false},
		{registry.Actor{Role: registry.RoleViewer, Purpose: "claim 7"}, false},
		{registry.Actor{Role: registry.RoleOperator, Purpose: "claim 7"}, false},
		{registry.Actor{Role: registry.RoleSteward}, false},
		{registry.Actor{Role: registry.RoleSteward, Purpose: "claim 7"}, true},
		{registry.Actor{Role: registry.RoleSteward, Purpose: "claim 7", Withheld: registry.ScopesOf(registry.ScopeReveal)}, false},
		{registry.Actor{Role: registry.RoleAdmin}, true},
	} {
		left.wrote = 0
		got := answer(t, with, c.actor, "{ phones { nodes { number } } }")
		if strings.Contains(got, "+573000000007") != c.whole || strings.Contains(got, "+5730****07") == c.whole || left.wrote != 1 {
			t.Errorf("%+v: %s, of which %d lists were written here", c.actor, got, left.wrote)
		}
	}
}

func somePhones(n int) []registry.Phone {
	all := make([]registry.Phone, n)
	for i := range all {
		all[i] = registry.Phone{
			Number: registry.Number(573000000000 + i), Region: []string{"CO", "ZZ", ""}[i%3], LineType: numbering.Mobile,
			Valid: i%2 == 0, OriginalCarrier: []string{"", "Claro \"<&>\" \u2028"}[i%2], Location: []string{"Bogotá", "", "a\\b\n\x00"}[i%3],
			TimeZones: [][]string{nil, {}, {"America/Bogota"}, {"a", "b"}}[i%4], PlanVersion: "v1",
			CreatedAt: time.Date(2026, 1, 2, 3, 4, 5, 678_000*i, time.UTC), UpdatedAt: time.Time{}.AddDate(2025, 0, i),
		}
	}
	return all
}

func TestEveryPlainFieldIsWritten(t *testing.T) {
	with, _, left := executors(t, somePhones(20))
	for object, list := range map[string]string{"Phone": "{ phones { nodes { %s } } }", "CustomerPhone": `{ customer(customerId: "1") { phones { %s } } a: __typename }`} {
		for _, name := range plainFields(object) {
			left.wrote = 0
			answer(t, with, registry.Actor{Role: registry.RoleAdmin}, fmt.Sprintf(list, name))
			if left.wrote != 1 || !direct.NewLists().Writes(object, name) {
				t.Errorf("a list of %s.%s goes the usual way: add it to the fields that are written directly", object, name)
			}
		}
	}
}

func TestSameAsTheExecutor(t *testing.T) {
	fields, ofContacts := plainFields("Phone"), plainFields("CustomerPhone")
	rapid.Check(t, func(rt *rapid.T) {
		phones := somePhones(rapid.IntRange(0, 30).Draw(rt, "phones"))
		with, without, left := executors(t, phones)
		actor := rapid.SampledFrom([]registry.Actor{
			{Role: registry.RoleViewer}, {Role: registry.RoleSteward, Purpose: "claim 7"},
		}).Draw(rt, "actor")
		text := "query ($yes: Boolean!, $no: Boolean!) { phones { nodes {" + selection(rt, fields, 2) +
			"} pageInfo { hasNextPage } x: __typename @skip(if: $no) y: __typename @include(if: $yes) } }"
		if want, got := answer(t, without, actor, text), answer(t, with, actor, text); got != want {
			rt.Fatalf("%s\nis answered with\n%s\nand the usual way with\n%s", text, got, want)
		}
		contacts := `query ($yes: Boolean!, $no: Boolean!) { customer(customerId: "1") { phones {` + contactsOf(rt, ofContacts) +
			"} x: __typename @skip(if: $no) y: __typename @include(if: $yes) } }"
		before := left.wrote
		if want, got := answer(t, without, actor, contacts), answer(t, with, actor, contacts); got != want {
			rt.Fatalf("%s\nis answered with\n%s\nand the usual way with\n%s", contacts, got, want)
		}
		if plain := !strings.Contains(contacts, "phone {"); plain != (left.wrote > before) {
			rt.Fatalf("%s: %d lists were written", contacts, left.wrote-before)
		}
		left.wrote = before
		if plain := !strings.Contains(text, "leadScore"); plain && (left.wrote > 0) != (len(phones) >= 8) {
			rt.Fatalf("%s over %d phones: %d lists were written", text, len(phones), left.wrote)
		}
	})
}

// selection draws fields with aliases, directives and fragments. Aliases tell their field, so that no two conflict.
func selection(rt *rapid.T, fields []string, deeper int) string {
	var b strings.Builder
	for range rapid.IntRange(1, 6).Draw(rt, "fields") {
		switch kind := rapid.IntRange(0, 9).Draw(rt, "kind"); {
		case kind == 0 && deeper > 0:
			on := rapid.SampledFrom([]string{"... on Phone", "... on Node", "..."}).Draw(rt, "on")
			inside := fields
			if on == "... on Node" {
				inside = []string{"id", "__typename"}
			}
			fmt.Fprintf(&b, " %s%s {%s }", on, directive(rt), selection(rt, inside, deeper-1))
		case kind == 1 && slices.Contains(fields, "number"):
			b.WriteString(" leadScore { total }")
		default:
			name := rapid.SampledFrom(fields).Draw(rt, "name")
			if rapid.Bool().Draw(rt, "aliased") {
				name = "a_" + name + ": " + name
			}
			b.WriteString(" " + name + directive(rt))
		}
	}
	return b.String()
}

// contactsOf is selection for contacts.
func contactsOf(rt *rapid.T, fields []string) string {
	var b strings.Builder
	for range rapid.IntRange(1, 6).Draw(rt, "fields of contacts") {
		name := rapid.SampledFrom(fields).Draw(rt, "field of a contact")
		switch rapid.IntRange(0, 9).Draw(rt, "kind of field") {
		case 0:
			fmt.Fprintf(&b, " ... on CustomerPhone { %s }", name)
		case 1:
			b.WriteString(" phone { isValid }")
		case 2:
			fmt.Fprintf(&b, " a_%s: %[1]s%s", name, directive(rt))
		default:
			b.WriteString(" " + name)
		}
	}
	return b.String()
}

func directive(rt *rapid.T) string {
	return rapid.SampledFrom([]string{"", "", " @skip(if: $no)", " @include(if: $yes)", " @skip(if: $yes)"}).Draw(rt, "directive")
}
