package guard

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

func page(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/api/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// amount reads 65,536.
func amount(t testing.TB, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(text, ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The table of limits names all of them, with their defaults.
func TestLimitsOfThePage(t *testing.T) {
	told := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-zA-Z]+)` \\|[^|\n]*(?:\\|[^|\n]*)? \\| ([0-9,]+) \\| (?:`--[a-z-]+` )?\\|$").FindAllStringSubmatch(page(t), -1) {
		told[row[1]] = amount(t, row[2])
	}
	l := Limits{}.WithDefaults()
	want := map[string]int{
		limitBytes: l.Bytes, limitTokens: l.Tokens, limitDepth: l.Depth, limitAliases: l.Aliases, limitDirectives: l.Directives,
		limitRootFields: l.RootFields, limitFields: l.Fields, limitWork: l.Work, limitName: maxName, limitEntries: l.Entries,
		limitFirst: l.First, limitCost: l.Cost,
	}
	if !maps.Equal(told, want) {
		t.Errorf("the page tells %v; want %v", told, want)
	}
	if n := reflect.TypeFor[Limits]().NumField(); len(want) != n+1 { // but for the length of names
		t.Errorf("%d limits are looked at, %d can be set", len(want), n)
	}
}

// The table of lists has the sizes that count.
func TestListsOfThePage(t *testing.T) {
	_, table, _ := strings.Cut(page(t), "| list | entries |")
	table, _, _ = strings.Cut(table, "\n\n")
	told := map[string]int{}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) != 4 || strings.HasPrefix(cells[1], "---") {
			continue
		}
		for _, name := range regexp.MustCompile("`([A-Za-z.]+)`").FindAllStringSubmatch(cells[1], -1) {
			told[name[1]] = amount(t, strings.TrimSpace(cells[2]))
		}
	}
	want := listSizes()
	want["userErrors"] = otherSize
	if !maps.Equal(told, want) {
		t.Errorf("the page tells %v; want %v", told, want)
	}
	for _, weight := range []string{
		fmt.Sprintf("`totalCount` costs %d, `registryStats` %d:", totalCountWeight, weights()["Query.registryStats"]),
		fmt.Sprintf("up to %d MiB as they are in memory and up to %d,%03d of them", maxDocumentBytes>>20, maxDocuments/1000, maxDocuments%1000),
		fmt.Sprintf("more than %d places", maxErrors),
		"there are, five times over",
	} {
		if !strings.Contains(page(t), weight) {
			t.Errorf("the page does not say %q", weight)
		}
	}
	if introspectionWeight != 5 || len(weights()) != 1 {
		t.Errorf("the page tells of other weights than %d and %v", introspectionWeight, weights())
	}
}

// Each example costs what the page says.
func TestExamplesOfThePage(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```graphql (cost|refused) ([0-9]+)\n(.*?)```").FindAllStringSubmatch(page(t), -1)
	if all := strings.Count(page(t), "```graphql"); len(blocks) != all || all < 5 {
		t.Fatalf("%d of %d examples say what they cost", len(blocks), all)
	}
	g := New(theSchema, Limits{})
	for _, block := range blocks {
		doc, _ := read(t, g, block[3])
		got, err := g.Cost(doc.Operations[0], nil)
		if got != amount(t, block[2]) || (err != nil) != (block[1] == "refused") {
			t.Errorf("%d, %v; want %s of %s", got, err, block[2], block[3])
		}
	}
}

// Answers look as the page shows them.
func TestAnswersOfThePage(t *testing.T) {
	shown := func(kind string) (answer map[string]any) {
		t.Helper()
		_, text, _ := strings.Cut(page(t), "```json "+kind+"\n")
		text, _, _ = strings.Cut(text, "```")
		if err := json.Unmarshal([]byte(text), &answer); err != nil {
			t.Fatal(err)
		}
		return answer
	}
	plain := func(v any) (same any) {
		t.Helper()
		text, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(text, &same)
		}
		if err != nil {
			t.Fatal(err)
		}
		return same
	}
	s := newServer(t, Limits{})
	_, errs := s.ask(t, "{ phones(first: 501) { nodes { id } } }", nil)
	refusal := map[string]any{"errors": []any{map[string]any{"message": errs[0].Message, "extensions": errs[0].Extensions}}}
	if got := plain(refusal); !reflect.DeepEqual(got, any(shown("refusal"))) {
		t.Errorf("%v; want %v", got, shown("refusal"))
	}
	query := regexp.MustCompile("(?s)```graphql cost 4502\n(.*?)\n```").FindStringSubmatch(page(t))[1]
	ctx := graphql.StartOperationTrace(t.Context())
	operation, errs := s.CreateOperationContext(ctx, &graphql.RawParams{Query: query, Extensions: map[string]any{"cost": true}})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	size, _ := operation.Stats.GetExtension(statSize).(Size)
	told := s.documents.guard.told(query, size, operation.Stats.GetExtension(StatCost).(int))
	got := plain(map[string]any{"extensions": map[string]any{"cost": told}})
	if !reflect.DeepEqual(got, any(shown("told"))) {
		t.Errorf("%v; want %v of %v", got, shown("told"), slices.Sorted(maps.Keys(told)))
	}
}
