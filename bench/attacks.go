package main

import (
	"fmt"
	"strings"
)

// floodAttacks are requests that would be much work where nothing is in front of the executor, and some that are as much
// work as the limits allow. docs/api/limits.md tells what stops each of them.
func floodAttacks() (bodies [][]byte) {
	repeat := func(n int, text string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
		}
		return b.String()
	}
	var fanOut, chain strings.Builder
	for i := range 40 {
		fmt.Fprintf(&fanOut, " fragment f%d on Phone { ...f%d ...f%d }", i, i+1, i+1)
	}
	for i := range 100 {
		fmt.Fprintf(&chain, " fragment f%d on Query { ...f%d }", i, i+1)
	}
	for _, query := range []string{
		"{" + repeat(300, "a#: phones(first: 500) { totalCount } ") + "}",
		"{ phones { nodes {" + repeat(400, "a#: number ") + "} } }",
		"{ phones { nodes {" + repeat(990, "number ") + "} } }",
		"{ phones { nodes {" + repeat(3000, "number ") + "} } }",
		"{ phones { nodes { ...f0 } } }" + fanOut.String() + " fragment f40 on Phone { number }",
		"{ ...f } fragment f on Query { phones { nodes { id } } ...f }",
		"{ ...f0 }" + chain.String() + " fragment f100 on Query { viewer {" + repeat(500, "name ") + "} }",
		"{ phones { nodes { id" + repeat(900, " @include(if: true)") + "} } }",
		"{ phones" + repeat(20, " { nodes { leadScore { phone { customers") + " { totalCount }" + repeat(20, " } } } }") + "}",
		"{ phones(first: 1000000000) { nodes { id } } }",
		"{ phones(first: 500) { nodes { customers(first: 500) { nodes { phone { customers(first: 500) { nodes { number } } } } } } } }",
		"{ phones(filter: {customerIds: [" + repeat(3000, `"c#" `) + "]}) { totalCount } }",
		"{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
		"{" + repeat(20, "a#: __schema { types { fields { args { type { name ofType { name ofType { name } } } } } } } ") + "}",
		"{ viewer {" + repeat(900, "nam ") + "} }",
		"{ viewer {" + repeat(19, strings.Repeat("nane", 30)+"# ") + "} }",
		"{ " + strings.Repeat("x", 60_000) + " }",
		"{ viewer { name } } #" + strings.Repeat("x", 900_000),
		repeat(300, "query q# { phones { totalCount } } "),
		strings.Repeat("{a", 5000) + strings.Repeat("}", 5000),
		"{ viewer { name } " + strings.Repeat("#\n", 100_000) + "}",
	} {
		bodies = append(bodies, operation(query, nil))
	}
	ids := make([]string, 100_000)
	for i := range ids {
		ids[i] = "c"
	}
	return append(bodies,
		operation("query ($n: Int) { phones(first: $n) { nodes { id } } }", map[string]any{"n": 1 << 30}),
		operation("query ($f: PhoneFilter) {"+repeat(20, "a#: phones(filter: $f) { totalCount } ")+"}", map[string]any{"f": map[string]any{"customerIds": ids}}),
		[]byte(`{"query":"{ viewer { name } }","variables":{"f":`+strings.Repeat("[", 200_000)+strings.Repeat("]", 200_000)+`}}`),
		[]byte("["+strings.Repeat(`{"query":"{ phones { totalCount } }"},`, 1000)+`{"query":"{ viewer { name } }"}]`),
		operation("{ viewer { name } }"+strings.Repeat(" ", 2<<20), nil),
	)
}
