package guard

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"
)

// zoo has what makes merging hard: an interface, a union, fields of one name and of different shapes.
var zoo = gqlparser.MustLoadSchema(&ast.Source{Input: `
	interface Pet { name(short: Boolean, of: In): String next: Pet friends: [Pet] any: Any }
	type Cat implements Pet { name(short: Boolean, of: In): String next: Pet friends: [Pet] any: Any age: Int! home: Cat kind: String }
	type Dog implements Pet { name(short: Boolean, of: In): String next: Pet friends: [Pet] any: Any age: Int home: Dog kind: Kind }
	type Bird implements Pet { name(short: Boolean, of: In): String next: Pet friends: [Pet] any: Any age: [Int] home: [Bird] }
	union Any = Cat | Dog | Bird
	enum Kind { A B }
	input In { a: Int b: [Int] }
	type Query { pet: Pet cat: Cat dog: Dog any: Any name(short: Boolean, of: In): String }
`})

var zooTypes = []string{"Pet", "Cat", "Dog", "Bird", "Any"}

// zooFields are the fields of a type of the zoo, each with the type of what is below it.
func zooFields(of string) [][2]string {
	fields := [][2]string{{"__typename", ""}}
	if of == "Any" {
		return fields
	}
	fields = append(fields, [][2]string{
		{"name", ""}, {"name", ""}, {"name", ""}, {"name(short: true)", ""}, {"name(of: {a: 1, b: [2]})", ""}, {"name(of: {b: [2], a: 1})", ""},
		{"next", "Pet"}, {"next", "Pet"}, {"next", "Pet"}, {"friends", "Pet"}, {"any", "Any"},
	}...)
	switch of {
	case "Pet":
		return fields
	case "Bird":
		return append(fields, [2]string{"age", ""}, [2]string{"home", of})
	}
	return append(fields, [2]string{"age", ""}, [2]string{"home", of}, [2]string{"kind", ""})
}

// drawer draws documents over the zoo.
type drawer struct {
	*rapid.T
	strings.Builder
	fragments []string // the type of each
	budget    int
}

func drawDocument(t *rapid.T) string {
	d := &drawer{T: t, budget: 25, fragments: rapid.SliceOfN(rapid.SampledFrom(zooTypes), 0, 4).Draw(t, "fragments")}
	d.WriteString("{" + many(len(d.fragments), " u#: pet { ...f# }")) // each fragment is spread somewhere
	for range rapid.IntRange(1, 3).Draw(t, "roots") {
		root := rapid.SampledFrom([][2]string{{" pet", "Pet"}, {" cat", "Cat"}, {" a: dog", "Dog"}, {" any", "Any"}, {" a: pet", "Pet"}}).Draw(t, "root")
		d.WriteString(root[0])
		d.set(root[1], 1, 0)
	}
	d.WriteString("}")
	for i, of := range d.fragments {
		fmt.Fprintf(d, " fragment f%d on %s", i, of)
		d.set(of, 1, i+1)
	}
	return d.String()
}

// set draws a selection set of a type, which may spread the fragments from one on.
func (d *drawer) set(of string, depth, from int) {
	d.WriteString("{")
	for range rapid.IntRange(1, 4).Draw(d.T, "selections") {
		d.budget--
		switch kind := rapid.IntRange(0, 9).Draw(d.T, "kind"); {
		case kind < 2 && depth < 5 && d.budget > 0:
			on := rapid.SampledFrom(zooTypes).Draw(d.T, "type")
			d.WriteString(" ... on " + on)
			d.set(on, depth+1, from)
		case kind < 4 && from < len(d.fragments):
			fmt.Fprintf(d, " ...f%d", rapid.IntRange(from, len(d.fragments)-1).Draw(d.T, "fragment"))
		default:
			field := rapid.SampledFrom(zooFields(of)).Draw(d.T, "field")
			if rapid.IntRange(0, 30).Draw(d.T, "alias") == 0 {
				d.WriteString(" next:")
			}
			d.WriteString(" " + field[0])
			switch {
			case field[1] == "":
			case depth > 5 || d.budget < 0:
				d.WriteString("{__typename}")
			default:
				d.set(field[1], depth+1, from)
			}
		}
	}
	d.WriteString("}")
}

// both says what the rule of the parser's library and what merge says of a document, which is valid otherwise.
func both(doc *ast.QueryDocument) (theirs, ours gqlerror.List) {
	theirs = validator.ValidateWithRules(zoo, doc, rules.NewRules(rules.OverlappingFieldsCanBeMergedRule))
	return theirs, merge(zoo, doc, 100_000)
}

// The rule compares each field with each, merge each with the first: they say the same.
func TestMergeSaysWhatTheRuleSays(t *testing.T) {
	var tried, conflicts int
	rapid.Check(t, func(t *rapid.T) {
		text := drawDocument(t)
		doc, err := gqlparser.LoadQueryWithRules(zoo, text, validRules())
		if err != nil {
			return
		}
		tried++
		theirs, ours := both(doc)
		if (len(theirs) == 0) != (len(ours) == 0) {
			t.Fatalf("the rule says %v, merge says %v of\n%s", theirs, ours, text)
		}
		if len(ours) > 0 {
			conflicts++
		}
	})
	if tried == 0 || conflicts == 0 || conflicts == tried {
		t.Errorf("%d documents, %d with conflicts: the test compares nothing", tried, conflicts)
	}
}

// validRules are those that must hold before fields are merged; fragments of what can't be there do no harm.
func validRules() *rules.Rules {
	r := Rules()
	r.RemoveRule(rules.PossibleFragmentSpreadsRule.Name)
	return r
}

func TestMerge(t *testing.T) {
	for text, want := range map[string]string{
		`{ pet { name name } }`:                                                                     "",
		`{ pet { name x: name name } }`:                                                             "",
		`{ pet { x: name x: __typename } }`:                                                         `"name" and "__typename" are different fields`,
		`{ pet { name name(short: true) } }`:                                                        "differing arguments",
		`{ pet { name(short: false) name(short: true) } }`:                                          "differing arguments",
		`{ pet { name(of: {a: 1, b: [2, 3]}) name(of: {b: [2, 3], a: 1}) } }`:                       "",
		`{ pet { name(of: {b: [2, 3]}) name(of: {b: [3, 2]}) } }`:                                   "differing arguments",
		`{ pet { ... on Cat { x: kind } ... on Dog { x: name } } }`:                                 "",
		`{ pet { ... on Cat { kind } ... on Dog { kind } } }`:                                       `conflicting types "String" and "Kind"`,
		`{ pet { ... on Cat { age } ... on Dog { age } } }`:                                         `conflicting types "Int!" and "Int"`,
		`{ pet { ... on Cat { x: name } ... on Pet { x: __typename } } }`:                           "are different fields",
		`{ pet { ... on Cat { home { x: name } } ... on Dog { home { x: kind } } } }`:               `conflicting types "String" and "Kind"`,
		`{ pet { next { x: name } } pet { next { x: __typename } } }`:                               "are different fields",
		`{ pet { ...a } pet { ...b } } fragment a on Cat { x: name } fragment b on Dog { x: kind }`: `conflicting types "String" and "Kind"`,
		`query a { pet { x: name } } query b { pet { x: __typename } }`:                             "",
	} {
		doc, err := gqlparser.LoadQueryWithRules(zoo, text, validRules())
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		theirs, ours := both(doc)
		got := ""
		if len(ours) > 0 {
			got = ours[0].Message
		}
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%q; want %q of %s", got, want, text)
		}
		if (len(theirs) == 0) != (got == "") {
			t.Errorf("the rule says %v, merge %q of %s", theirs, got, text)
		}
	}
}

// steps counts what merge does about a document.
func steps(t testing.TB, schema *ast.Schema, text string) (int, gqlerror.List) {
	t.Helper()
	doc, err := gqlparser.LoadQueryWithRules(schema, text, validRules())
	if err != nil {
		t.Fatalf("%v in %.300s", err, text)
	}
	m := merger{schema: schema, limit: Limits{}.WithDefaults().Work}
	for _, op := range doc.Operations {
		m.operation(op)
	}
	if m.err != nil {
		return m.steps, gqlerror.List{m.err}
	}
	return m.steps, nil
}

// Whatever repeats within the limits, merging takes steps in proportion: n fields in all, not n × n.
func TestMergeIsLinear(t *testing.T) {
	for name, written := range map[string]func(n int) string{
		"the same field":    func(n int) string { return "{ pet {" + many(n, "name ") + "} }" },
		"the same set":      func(n int) string { return "{" + many(n/2, "pet { name } ") + "}" },
		"the same argument": func(n int) string { return "{ pet {" + many(n, "name(short: true) ") + "} }" },
		"inline in inline": func(n int) string {
			return "{ pet " + strings.Repeat("{ name ... ", n) + "{ name }" + strings.Repeat("}", n) + "}"
		},
		"fragments side by side": func(n int) string {
			return "{ pet {" + many(n/4, "...f# ") + "} }" + many(n/4, " fragment f# on Pet { name next { name } }")
		},
		"of each object": func(n int) string {
			return "{ pet { ... on Cat {" + many(n/3, "name ") + "} ... on Dog {" + many(n/3, "name ") + "} ... on Pet {" + many(n/3, "name ") + "} } }"
		},
		"set in set": func(n int) string {
			return "{" + many(n/10, "pet { next { next { next { next { next { next { next { next { name } } } } } } } } }") + "}"
		},
	} {
		small, errs := steps(t, zoo, written(200))
		if errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
		large, errs := steps(t, zoo, written(800))
		if errs != nil {
			t.Errorf("%s: %v", name, errs)
		}
		if large > 5*small || large > 20*800 {
			t.Errorf("%s: %d steps for 200, %d for 800", name, small, large)
		}
	}
}

// What would take long all the same is refused, after as many steps as are allowed.
func TestMergeGivesUp(t *testing.T) {
	// Each level has fields of an interface beside those of three objects, so that there are three times as many sets below.
	text := strings.Repeat("{ next { name } ... on Cat { next { name } } ... on Dog { next { name } } ... on Bird { next { name } } ... on Pet { next ", 11) +
		"{ name }" + strings.Repeat("} }", 11)
	taken, errs := steps(t, zoo, "{ pet "+text+"}")
	limit := Limits{}.WithDefaults().Work
	if len(errs) != 1 || errs[0].Extensions["limit"] != limitWork || taken > limit+1 {
		t.Errorf("%d steps: %v; want it refused after %d", taken, errs, limit)
	}
}
