package guard

import (
	"fmt"
	"strings"
	"testing"

	"phoneregistry/graph"
)

// theSchema is the schema that is served.
var theSchema = graph.NewExecutableSchema(graph.Config{}).Schema()

// refused returns the limit or the code for which a document is refused, before it is validated; "" when it is not.
func refused(t testing.TB, query string) string {
	t.Helper()
	l := Limits{}.WithDefaults()
	doc, err := l.Parse(query)
	if err == nil {
		_, err = l.Check(doc)
	}
	if err == nil {
		return ""
	}
	limit, ok := err.Extensions["limit"].(string)
	if !ok {
		return err.Extensions["code"].(string)
	}
	value, maximum := err.Extensions["value"].(int), err.Extensions["maximum"].(int)
	if value <= maximum || err.Extensions["code"] != Code {
		t.Errorf("refused for %v: %v", limit, err.Extensions)
	}
	for _, said := range []string{limit, fmt.Sprint(maximum), advice(limit)} {
		if said == "" || !strings.Contains(err.Message, said) {
			t.Errorf("%q does not say %q", err.Message, said)
		}
	}
	return limit
}

func nestedFields(depth int) string {
	return strings.Repeat("{a", depth) + strings.Repeat("}", depth)
}

// many repeats a text with the number of each in place of #.
func many(n int, text string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(text, "#", fmt.Sprint(i)))
	}
	return b.String()
}

func TestLimits(t *testing.T) {
	long := strings.Repeat("n", maxName)
	for name, c := range map[string]struct{ query, want string }{
		"small":                    {"{viewer{name}}", ""},
		"depth at the limit":       {nestedFields(15), ""},
		"depth beyond":             {nestedFields(16), "depth"},
		"depth by fragments":       {"{...f} fragment f on Q" + nestedFields(16), "depth"},
		"depth across fragments":   {"{a{a{a{a{a{a{a{a{...f}}}}}}}}} fragment f on Q" + nestedFields(8), "depth"},
		"depth of a spare one":     {"{a} fragment f on Q" + nestedFields(16), "depth"},
		"fields at limit":          {"{a" + "{" + many(999, "b ") + "}}", ""},
		"fields beyond":            {"{a" + "{" + many(1000, "b ") + "}}", "fields"},
		"fields of a spare one":    {"{a} fragment f on Q{b{" + many(1000, "b ") + "}}", "fields"},
		"fields of operations":     {"query x{b{" + many(600, "a ") + "}} query y{b{" + many(600, "a ") + "}}", "fields"},
		"root fields at limit":     {"{" + many(20, "a ") + "}", ""},
		"root fields beyond":       {"{" + many(21, "a ") + "}", "rootFields"},
		"root fields by fragments": {"{...f ...f ...on Q{...f}} fragment f on Q{" + many(7, "a ") + "}", "rootFields"},
		"aliases at limit":         {"{x{" + many(30, "a#:a ") + "}}", ""},
		"aliases beyond":           {"{x{" + many(31, "a#:a ") + "}}", "aliases"},
		"aliases by fragments":     {"{x{...f ...f ...f ...f}} fragment f on Q{" + many(8, "a#:a ") + "}", "aliases"},
		"its own name as alias":    {"{x{" + many(31, "a:a ") + "}}", ""},
		"directives at limit":      {"{a " + many(50, "@x ") + "}", ""},
		"directives beyond":        {"{a " + many(51, "@x ") + "}", "directives"},
		"directives everywhere": {
			"query($v:Int" + many(10, "@x ") + ")" + many(10, "@x ") + "{...f" + many(10, "@x ") + " ...on Q" + many(10, "@x ") +
				"{a}} fragment f on Q" + many(11, "@x ") + "{a}", "directives",
		},
		"directives by fragments":  {"{...f ...f ...f} fragment f on Q{a" + many(17, "@x ") + "}", "directives"},
		"directives of a spare":    {"{a} fragment f on Q" + many(51, "@x ") + "{a}", "directives"},
		"tokens beyond":            {"{" + many(2100, "a ") + "}", "tokens"},
		"tokens of directives":     {"{a " + many(1100, "@x ") + "}", "tokens"},
		"tokens of comments":       {"{a" + many(2100, "#x\n") + "}", "tokens"},
		"bytes beyond":             {"{a" + strings.Repeat(" ", 64<<10) + "}", "bytes"},
		"name at limit":            {"{" + long + "}", ""},
		"name beyond":              {"{" + long + "n}", "name"},
		"alias too long":           {"{" + long + "n:a}", "name"},
		"argument too long":        {"{a(" + long + "n:1)}", "name"},
		"enum value too long":      {"{a(b:[{c:" + long + "n}])}", "name"},
		"member too long":          {"{a(b:[{" + long + "n:1}])}", "name"},
		"type too long":            {"query($a:[" + long + "n!]){a}", "name"},
		"condition too long":       {"{...on " + long + "n{a}}", "name"},
		"first at limit":           {"{phones(first: 500){nodes{id}}}", ""},
		"first beyond":             {"{phones(first: 501){nodes{id}}}", "first"},
		"first beyond any integer": {"{phones(first: 1" + strings.Repeat("0", 60) + "){nodes{id}}}", "first"},
		"first deep inside":        {"{a{...f}} fragment f on Q {b{c(first:1000000000)}}", "first"},
		"first below zero":         {"{phones(first: -1" + strings.Repeat("0", 60) + "){nodes{id}}}", ""},
		"a fragment of itself":     {"{...f} fragment f on Q {a{...f}}", "GRAPHQL_VALIDATION_FAILED"},
		"fragments in a circle":    {"{...f} fragment f on Q {...g} fragment g on Q {...f}", "GRAPHQL_VALIDATION_FAILED"},
		"a circle nobody spreads":  {"{a} fragment f on Q {...g} fragment g on Q {...f}", "GRAPHQL_VALIDATION_FAILED"},
		"a circle of a twin":       {"{...f} fragment f on Q {a} fragment f on Q {...g} fragment g on Q {...g}", "GRAPHQL_VALIDATION_FAILED"},
		"unknown fragment":         {"{...f}", ""},
		"not GraphQL":              {"{", "GRAPHQL_PARSE_FAILED"},
		"nothing":                  {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, c.query); got != c.want {
				t.Errorf("refused for %q; want %q", got, c.want)
			}
		})
	}
}
