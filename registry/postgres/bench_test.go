package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// How long a number takes to be added to a new customer, by one caller.
func BenchmarkAddPhone(b *testing.B) {
	w := newWorld(b)
	ctx := acting(b)
	i := 0
	for b.Loop() {
		i++
		if _, err := w.AddPhone(ctx, addition(fmt.Sprint("c", i), phoneA+registry.Number(i), "web_forms")); err != nil {
			b.Fatal(err)
		}
	}
}

// How long a page of 500 numbers takes, by number, in the middle of a registry.
func BenchmarkPageOf500(b *testing.B) {
	w := newWorld(b)
	const rows = 50_000
	fill(b, w, rows)
	p := registry.PageRequest{First: 500, After: &registry.Position{Number: 573000000000 + rows/2*37}}
	for b.Loop() {
		page, err := w.Phones(b.Context(), registry.PhoneFilter{}, registry.PhoneOrder{}, p)
		if err != nil || len(page.Items) != 500 {
			b.Fatalf("%d numbers, %v", len(page.Items), err)
		}
	}
}

// How long the phones of one customer take.
func BenchmarkCustomerPhones(b *testing.B) {
	w := newWorld(b)
	const rows = 50_000
	fill(b, w, rows)
	i := 0
	for b.Loop() {
		i++
		phones, err := w.CustomerPhones(b.Context(), []string{fmt.Sprint("c", 1+i%rows)}, registry.ContactFields{})
		if err != nil || len(phones) != 1 {
			b.Fatalf("%d customers, %v", len(phones), err)
		}
	}
}

// How long a notification of 100 messages takes, half of whose numbers are new; and the same notification again.
func BenchmarkRecordEvidence(b *testing.B) {
	w := newWorld(b)
	first := firstNumber
	for b.Loop() {
		var evidence []registry.Validation
		for i := range 100 {
			evidence = append(evidence, w.seen(first+registry.Number(i), scoring.WhatsApp, scoring.Active, time.Hour))
		}
		first += 50
		w.clock.Add(time.Second)
		w.record(b, false, evidence...)
		w.record(b, false, evidence...)
	}
}
