package guard

import (
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

const usual = `query Contacts($id: String!) { customer(customerId: $id) { customerId phones { number isPrimary isVerified
	confidence source phone { region lineType isValid originalCarrier location timezones } } } }`

// BenchmarkKnown is what the guard does about an operation that was asked before.
func BenchmarkKnown(b *testing.B) {
	s := newServer(b, Limits{})
	params := &graphql.RawParams{Query: usual, Variables: map[string]any{"id": "c"}}
	ctx := graphql.StartOperationTrace(b.Context())
	operation, errs := s.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		b.Fatal(errs)
	}
	b.ReportAllocs()
	for b.Loop() {
		operation := &graphql.OperationContext{Operation: operation.Operation, Variables: operation.Variables}
		if s.documents.MutateOperationParameters(graphql.WithOperationContext(ctx, operation), params) != nil ||
			s.documents.MutateOperationContext(ctx, operation) != nil {
			b.Fatal("refused")
		}
	}
}

// BenchmarkNew is what the guard does about an operation that it sees for the first time, but for parsing and validating.
func BenchmarkNew(b *testing.B) {
	l := Limits{}.WithDefaults()
	for name, text := range map[string]string{"usual": usual, "introspection": introspection(b)} {
		doc, err := l.Parse(text)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.Check(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAttacks is what it takes to refuse each attack, from the text on.
func BenchmarkAttacks(b *testing.B) {
	g := New(theSchema, Limits{})
	for name, attack := range attacks {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if doc, _, errs := g.Read(attack.query); len(errs) == 0 {
					_, _ = g.Cost(doc.Operations[0], nil)
				}
			}
		})
	}
}

// BenchmarkWorst is what is still let in, or refused by validation only, and is much work within the limits.
func BenchmarkWorst(b *testing.B) {
	g := New(theSchema, Limits{})
	for name, text := range map[string]string{
		"fields":       "{ viewer {" + many(990, "name ") + "} }",
		"unknown":      "{ viewer {" + many(990, "nam ") + "} }",
		"fragments":    chain(100, 120),
		"operations":   many(40, "query q# { ...f } ") + "fragment f on Query { viewer {" + many(22, "name ") + "} }",
		"values":       `query($v: String) { phones(filter: {customerIds: [` + many(900, "$v ") + `]}) { totalCount } }`,
		"unknown name": "{ viewer {" + many(19, "a_very_long_name_of_a_field_that_is_not_there_a_very_long_name_of_a_field_that_is_not_there_a_very_long_name_of_a_field# ") + "} }",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _, _ = g.Read(text)
			}
		})
	}
}
