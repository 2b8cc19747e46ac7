package numbering_test

import (
	"fmt"

	"phoneregistry/registry/numbering"
)

func Example() {
	z, err := numbering.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	r := z.Normalize("+57 (1) 123 4567", numbering.Options{Region: "CO"})
	fmt.Println(r.Number, r.LineType, r.Location, r.AppliedRule)
	fmt.Println(r.NationalFormat, "|", r.InternationalFormat, "|", r.Number.Masked())

	r = z.Normalize("+57123", numbering.Options{Region: "CO"})
	fmt.Println(r.IsValid, r.Reason)
	// Output:
	// +576011234567 FIXED_LINE Bogotá co-fixed-2021
	// (601) 1234567 | +57 601 1234567 | +5760****67
	// false TOO_SHORT
}

func ExampleNormalizer_NormalizeAll() {
	z, err := numbering.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, r := range z.NormalizeAll("6763865--6763864 / 3001234567 ext. 12, 676006", numbering.Options{Region: "CO", City: "Bogotá"}) {
		if r.IsValid {
			fmt.Printf("%q is %s, extension %q\n", r.Input, r.Number, r.Extension)
		} else {
			fmt.Printf("%q is none: %s\n", r.Input, r.Reason)
		}
	}
	// Output:
	// "6763865" is +576016763865, extension ""
	// "6763864" is +576016763864, extension ""
	// "3001234567" is +573001234567, extension "12"
	// "676006" is none: FRAGMENT
}

func ExampleNormalizer_Parse() {
	z, err := numbering.New()
	if err != nil {
		fmt.Println(err)
		return
	}
	// Bulk work: parse each cell, enrich each number once.
	r := z.Parse("01 55 1234 5678", numbering.Options{Region: "MX"})
	z.Enrich(&r)
	fmt.Println(r.Number, r.LineType, r.TimeZones)
	// Output: +525512345678 FIXED_LINE_OR_MOBILE [America/Mexico_City]
}
