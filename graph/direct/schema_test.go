package direct_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"phoneregistry/graph/reveal"
	"phoneregistry/registry"
)

// recorded is what was shown whole.
type recorded struct{ shown []registry.Shown }

func (*recorded) Ready() error { return nil }

func (r *recorded) Record(_ registry.Actor, shown registry.Shown) error {
	r.shown = append(r.shown, shown)
	return nil
}

var actors = []registry.Actor{
	{Role: registry.RoleViewer}, {Role: registry.RoleSteward, Purpose: "claim 7"}, {Role: registry.RoleAdmin},
}

// TestCompiledSameAsTheExecutor compares what is answered, errors and what is recorded included.
func TestCompiledSameAsTheExecutor(t *testing.T) {
	ofPhones, ofContacts := plainFields("Phone"), plainFields("CustomerPhone")
	rapid.Check(t, func(rt *rapid.T) {
		with, without, left := executors(t, somePhones(rapid.IntRange(0, 5).Draw(rt, "phones")))
		seen, expected := &recorded{}, &recorded{}
		log := slog.New(slog.DiscardHandler)
		direct, err := reveal.New(with, seen, log)
		if err != nil {
			rt.Fatal(err)
		}
		usual, err := reveal.New(without, expected, log)
		if err != nil {
			rt.Fatal(err)
		}
		actor := rapid.SampledFrom(actors).Draw(rt, "actor")
		id := rapid.SampledFrom([]string{"1", "Añí \"x\"\\\u2028", "", "nobody", "failing", "panicking"}).Draw(rt, "id")
		head, given := "query Q($id: String!) { %s customer(customerId: $id) {%s} }", map[string]any{"id": id}
		if rapid.Bool().Draw(rt, "literal") {
			literal, _ := json.Marshal(id)
			head, given = strings.ReplaceAll("{ %s customer(customerId: ID) {%s} }", "ID", string(literal)), nil
		}
		set := customerSelection(rt, ofContacts, ofPhones)
		alias := rapid.SampledFrom([]string{"", "a:"}).Draw(rt, "alias")
		text := fmt.Sprintf(head, alias, set) + " fragment F on CustomerPhone { number __typename phone { number } }"
		if !strings.Contains(set, "...F") {
			text, _, _ = strings.Cut(text, " fragment")
		}
		for range 2 { // when it is seen first, and when it is known
			want, got := respond(t, usual, actor, text, given), respond(t, direct, actor, text, given)
			if string(want.Data) != string(got.Data) || cmp.Diff(asJSON(rt, want.Errors), asJSON(rt, got.Errors)) != "" {
				rt.Fatalf("%s of %q\nis answered with\n%s %v\nand the usual way with\n%s %v", text, id, got.Data, got.Errors, want.Data, want.Errors)
			}
		}
		if diff := cmp.Diff(expected.shown, seen.shown); diff != "" {
			rt.Fatalf("%s is recorded otherwise:\n%s", text, diff)
		}
		if left.ran > 0 {
			rt.Fatalf("%s was left to the executor", text)
		}
	})
}

func asJSON(rt *rapid.T, v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		rt.Fatal(err)
	}
	return string(text)
}

// customerSelection draws what is asked of a customer.
func customerSelection(rt *rapid.T, ofContacts, ofPhones []string) string {
	var b strings.Builder
	for range rapid.IntRange(1, 4).Draw(rt, "of the customer") {
		switch rapid.IntRange(0, 6).Draw(rt, "kind") {
		case 0:
			b.WriteString(" id ")
		case 1:
			b.WriteString(" customerId a: customerId ")
		case 2:
			b.WriteString(" ... on Node { id } __typename ")
		default:
			alias := rapid.SampledFrom([]string{"", "", "b: "}).Draw(rt, "alias of the phones")
			fmt.Fprintf(&b, " %sphones {%s} ", alias, contactSelection(rt, ofContacts, ofPhones))
		}
	}
	return b.String()
}

func contactSelection(rt *rapid.T, ofContacts, ofPhones []string) string {
	var b strings.Builder
	for range rapid.IntRange(1, 5).Draw(rt, "of a contact") {
		name := rapid.SampledFrom(ofContacts).Draw(rt, "field")
		switch rapid.IntRange(0, 6).Draw(rt, "kind of field") {
		case 0:
			b.WriteString(" ...F ")
		case 1:
			fmt.Fprintf(&b, " ... on CustomerPhone { %s } ", name)
		case 2:
			fmt.Fprintf(&b, " c_%s: %[1]s ", name)
		case 3:
			of := rapid.SampledFrom(ofPhones).Draw(rt, "field of the phone")
			fmt.Fprintf(&b, " phone { %s d_%[1]s: %[1]s ... on Node { id } } ", of)
		default:
			b.WriteString(" " + name + " ")
		}
	}
	return b.String()
}

// TestLeftToTheExecutor is what is not compiled: it is answered all the same.
func TestLeftToTheExecutor(t *testing.T) {
	for _, text := range []string{
		`query ($yes: Boolean!) { customer(customerId: "1") { customerId @include(if: $yes) phones { number } } }`,
		`query ($yes: Boolean!) { customer(customerId: "1") { phones { phone { number @skip(if: $yes) region } } } }`,
		`query ($yes: Boolean!) { customer(customerId: "1") { ...F @include(if: $yes) } } fragment F on Customer { id }`,
		`{ customer(customerId: "1") { phones { phone { leadScore { total } } } } }`,
		`{ customer(customerId: "1") { id } phones { nodes { id } } }`,
		`{ a: customer(customerId: "1") { id } b: customer(customerId: "2") { id } }`,
		`{ phones { nodes { id } } }`,
		`query ($none: String! = "1") { customer(customerId: $none) { id } }`, // the executor knows what stands for it
	} {
		with, without, left := executors(t, somePhones(3))
		want, got := answer(t, without, actors[2], text), answer(t, with, actors[2], text)
		compiled := strings.Contains(text, "$none")
		if want != got || (left.ran == 0) != compiled {
			t.Errorf("%s is answered with %s (by the executor: %d), and the usual way with %s", text, got, left.ran, want)
		}
	}
}

// TestOneAnswer: who asks again for more is told that there is none.
func TestOneAnswer(t *testing.T) {
	with, _, _ := executors(t, somePhones(3))
	if responses := respondTwice(t, with, `{ customer(customerId: "1") { id } }`); responses[0] == nil || responses[1] != nil {
		t.Errorf("the answers are %v", responses)
	}
}

func respondTwice(t *testing.T, exec graphql.GraphExecutor, text string) (all [2]*graphql.Response) {
	t.Helper()
	ctx := registry.WithActor(graphql.StartOperationTrace(t.Context()), actors[2])
	operation, errs := exec.CreateOperationContext(ctx, &graphql.RawParams{Query: text})
	if errs != nil {
		t.Fatal(errs)
	}
	responses, ctx := exec.DispatchOperation(ctx, operation)
	return [2]*graphql.Response{responses(ctx), responses(ctx)}
}

// BenchmarkCustomer answers for one customer with two phones, written directly and by the executor.
func BenchmarkCustomer(b *testing.B) {
	with, without, _ := executors(b, somePhones(2))
	const text = `query ($id: String!) { customer(customerId: $id) { customerId
		list: phones { number isPrimary source phone { region lineType location isValid } } } }`
	given := map[string]any{"id": "1"}
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			respond(b, with, actors[2], text, given)
		}
	})
	without.SetQueryCache(graphql.MapCache[*ast.QueryDocument]{})
	b.Run("executor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			respond(b, without, actors[2], text, given)
		}
	})
}
