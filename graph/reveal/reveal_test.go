package reveal_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/graph"
	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
)

// TestTheSchemaSaysWhatIsPersonal: the fields that are counted are those with the directive, and every number that the
// schema gives back is one of them, or what its caller has sent.
func TestTheSchemaSaysWhatIsPersonal(t *testing.T) {
	var personal []string
	for name, def := range graph.NewExecutableSchema(graph.Config{}).Schema().Types {
		for _, f := range def.Fields {
			coordinate := name + "." + f.Name
			marked := f.Directives.ForName("personal") != nil
			if marked {
				personal = append(personal, coordinate)
			}
			if f.Type.Name() == "E164" && def.Kind == ast.Object && !marked && coordinate != "NormalizedPhone.number" {
				t.Errorf("%s is a number that nobody counts", coordinate)
			}
		}
	}
	counted := reveal.Fields()
	slices.Sort(personal)
	slices.Sort(counted)
	if !slices.Equal(personal, counted) {
		t.Errorf("personal are %q, counted %q", personal, counted)
	}
	for _, coordinate := range counted {
		if !whole(reveal.Begin(as(admin)), coordinate) {
			t.Errorf("%s is never whole", coordinate)
		}
	}
}

var admin = registry.Actor{Name: "admin", Role: registry.RoleAdmin}

func as(actor registry.Actor) context.Context { return registry.WithActor(context.Background(), actor) }

// whole asks for a value of a field.
func whole(ctx context.Context, coordinate string) bool {
	var object, name string
	for i, r := range coordinate {
		if r == '.' {
			object, name = coordinate[:i], coordinate[i+1:]
		}
	}
	return reveal.Whole(graphql.WithFieldContext(ctx, &graphql.FieldContext{
		Object: object, Field: graphql.CollectedField{Field: &ast.Field{Name: name}},
	}))
}

// TestWithoutACountEverythingIsMasked: whoever asks, where an operation is not counted, for a field that nobody knows, or
// outside of any.
func TestWithoutACountEverythingIsMasked(t *testing.T) {
	counted := reveal.Begin(as(admin))
	for name, got := range map[string]bool{
		"not counted":       whole(as(admin), "Phone.number"),
		"masked on purpose": whole(reveal.Masked(counted), "Phone.number"),
		"an unknown field":  whole(counted, "Phone.other"),
		"an unknown type":   whole(counted, "Contact.number"),
		"no field":          reveal.Whole(counted),
		"a list":            reveal.WholeList(as(admin), reveal.PhoneNumber, 3),
		"no purpose":        whole(reveal.Begin(as(registry.Actor{Role: registry.RoleSteward})), "Phone.number"),
		"one who may not":   whole(reveal.Begin(as(registry.Actor{Role: registry.RoleOperator, Purpose: "x"})), "Phone.number"),
		"in another's context": whole(reveal.Begin(registry.WithActor(counted, registry.Actor{Role: registry.RoleViewer, Purpose: "x"})),
			"Phone.number"),
	} {
		if got {
			t.Errorf("%s: whole", name)
		}
	}
	if whole(counted, "NormalizedPhone.other") || whole(as(admin), "NormalizedPhone.other") {
		t.Error("more of one's own input is whole than its number")
	}
}

// TestOnesOwnInputIsWhole: for everyone, and nobody counts it.
func TestOnesOwnInputIsWhole(t *testing.T) {
	viewer := as(registry.Actor{Name: "viewer", Role: registry.RoleViewer})
	for name, ctx := range map[string]context.Context{
		"not counted":         as(admin),
		"counted":             reveal.Begin(as(admin)),
		"masked on purpose":   reveal.Masked(reveal.Begin(as(admin))),
		"one who sees masked": reveal.Begin(viewer),
		"without a purpose":   reveal.Begin(as(registry.Actor{Role: registry.RoleSteward})),
	} {
		if !whole(ctx, "NormalizedPhone.number") {
			t.Errorf("%s: masked", name)
		}
	}
}

// fake is an executor whose operations show so many values with each response.
type fake struct {
	graphql.GraphExecutor
	shows []int
}

func (f fake) DispatchOperation(ctx context.Context, _ *graphql.OperationContext) (graphql.ResponseHandler, context.Context) {
	at := 0
	return func(ctx context.Context) *graphql.Response {
		if at == len(f.shows) {
			return nil
		}
		var all sync.WaitGroup // the executor resolves fields at the same time
		for range f.shows[at] {
			all.Go(func() { whole(ctx, "Phone.number"); whole(ctx, "NormalizedPhone.number") })
		}
		all.Go(func() { reveal.WholeList(ctx, reveal.CustomerPhoneNumber, f.shows[at]) })
		all.Wait()
		at++
		return &graphql.Response{Data: []byte("{}")}
	}, ctx
}

// recorder keeps what it is given.
type recorder struct {
	all   []registry.Shown
	fails bool
}

func (r *recorder) Ready() error { return nil }

func (r *recorder) Record(_ registry.Actor, what registry.Shown) error {
	if r.fails {
		return errors.New("full")
	}
	r.all = append(r.all, what)
	return nil
}

// TestEachResponseIsCountedAlone: those that show nothing are not recorded.
func TestEachResponseIsCountedAlone(t *testing.T) {
	r := &recorder{}
	exec, err := reveal.New(fake{shows: []int{2, 0, 300, 0}}, r, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	operation := &graphql.OperationContext{Operation: &ast.OperationDefinition{Name: "Watch", Operation: ast.Subscription}}
	responses, ctx := exec.DispatchOperation(as(admin), operation)
	for responses(ctx) != nil {
	}
	if len(r.all) != 2 || r.all[0].Values != 4 || r.all[1].Values != 600 ||
		!slices.Equal(r.all[1].Fields, []string{"Phone.number", "CustomerPhone.number"}) || r.all[0].Operation != "Watch" {
		t.Errorf("%+v", r.all)
	}
	r.fails = true
	responses, ctx = exec.DispatchOperation(as(admin), operation)
	if got := responses(ctx); got.Data != nil || len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != reveal.Code {
		t.Errorf("%+v", got)
	}
	if got := responses(ctx); got.Data == nil {
		t.Errorf("a response that shows nothing is held back: %+v", got)
	}
}

func TestWhatIsNeeded(t *testing.T) {
	if _, err := reveal.New(nil, &recorder{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("an executor is not needed")
	}
	if _, err := reveal.New(fake{}, nil, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a recorder is not needed")
	}
}

func BenchmarkWhole(b *testing.B) {
	ctx := graphql.WithFieldContext(reveal.Begin(as(admin)), &graphql.FieldContext{
		Object: "Phone", Field: graphql.CollectedField{Field: &ast.Field{Name: "number"}},
	})
	b.ReportAllocs()
	for b.Loop() {
		if !reveal.Whole(ctx) {
			b.Fatal("masked")
		}
	}
}
