package httpd_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"phoneregistry/internal/httpd"
	"phoneregistry/registry"
)

var templates = regexp.MustCompile("(?s)`([^`]*)`|'(query [^']*)'")

// clientQueries are the queries of the dashboard, of the examples in GraphiQL and of the README, with the fragments they
// spread, by where they stand and their name.
func clientQueries(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../web/src/*/*.ts")
	must(t, err)
	deeper, err := filepath.Glob("../../web/src/*/data/*.ts")
	must(t, err)
	type document struct {
		place, text string
		parsed      *ast.QueryDocument
	}
	var documents []document
	add := func(place string, text string) {
		if parsed, err := parser.ParseQuery(&ast.Source{Input: text}); err == nil {
			documents = append(documents, document{place, text, parsed})
		}
	}
	for _, file := range slices.Concat(files, deeper) {
		if strings.HasSuffix(file, ".test.ts") {
			continue
		}
		text, err := os.ReadFile(file)
		must(t, err)
		place := strings.Split(filepath.ToSlash(file), "/")[4]
		for _, m := range templates.FindAllStringSubmatch(string(text), -1) {
			add(place, m[1]+m[2])
		}
	}
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	for _, m := range graphQLBlocks.FindAllStringSubmatch(string(readme), -1) {
		add("README", m[1])
	}
	fragments := map[string]string{}
	for _, d := range documents {
		if len(d.parsed.Operations) == 0 {
			for _, f := range d.parsed.Fragments {
				fragments[f.Name] = d.text
			}
		}
	}
	found := map[string]string{}
	for _, d := range documents {
		if len(d.parsed.Operations) != 1 || d.parsed.Operations[0].Operation != ast.Query {
			continue
		}
		text := d.text
		for wanted := true; wanted; {
			wanted = false
			for name, fragment := range fragments {
				if strings.Contains(text, "..."+name) && !strings.Contains(text, fragment) {
					text, wanted = text+fragment, true
				}
			}
		}
		name := d.parsed.Operations[0].Name
		if name == "" {
			name = fieldOf(d.parsed.Operations[0])
		}
		found[d.place+" "+name] = strings.ReplaceAll(text, "@_unmask", "") // it is for the types of the dashboard
	}
	return found
}

func fieldOf(operation *ast.OperationDefinition) string {
	if f, ok := operation.SelectionSet[0].(*ast.Field); ok {
		return f.Name
	}
	return ""
}

// pin is how many statements read for a query, when it was asked before: totals of the registry are kept for a while.
type pin struct {
	variables vars
	most      int
}

// TestStatementsOfClients pins what the queries of clients cost. One that is new has to be told here.
func TestStatementsOfClients(t *testing.T) {
	a := newFullApp(t)
	id := func(query, field string) string {
		var found string
		_, got := a.reads(t, registry.RoleAdmin, query)
		for _, value := range valuesOf(got.Data, strings.Split(field, "."), "id") {
			found = strings.Trim(value, `"`)
		}
		return found
	}
	phone, job := id(`{ phones(first: 1) { nodes { id } } }`, "phones"), id(`{ validationJobs(first: 1) { nodes { id } } }`, "validationJobs")
	imported, schedule := id(`{ imports(first: 1) { nodes { id } } }`, "imports"), id(`{ validationSchedules(first: 1) { nodes { id } } }`, "validationSchedules")
	webhook, delivery := id(`{ webhooks(first: 1) { nodes { id } } }`, "webhooks"), id(`{ webhooks(first: 1) { nodes { deliveries(first: 1) { nodes { id } } } } }`, "webhooks.deliveries")
	page := vars{"first": 3}
	pins := map[string]pin{
		"README normalizePhone":    {nil, 0},
		"README leads":             {nil, 3},
		"graphiql NormalizePhone":  {nil, 0},
		"graphiql PhonesPage":      {page, 4},
		"graphiql Leads":           {page, 3},
		"graphiql Viewer":          {nil, 0},
		"graphiql Overview":        {nil, 0},
		"graphiql AccessLog":       {nil, 1},
		"graphiql Schedules":       {nil, 2},
		"graphiql Workers":         {nil, 1},
		"graphiql Webhooks":        {nil, 2},
		"graphiql NewestJob":       {nil, 1},
		"graphiql NewestWebhook":   {nil, 1},
		"graphiql NewestImport":    {nil, 1},
		"dashboard Stats":          {nil, 0},
		"dashboard Platforms":      {nil, 0},
		"dashboard Sources":        {nil, 1},
		"dashboard Leads":          {page, 2},
		"dashboard Lead":           {vars{"id": phone}, 5},
		"dashboard Jobs":           {page, 3},
		"dashboard Job":            {vars{"id": job}, 3},
		"dashboard JobFailures":    {vars{"id": job, "first": 2}, 2},
		"dashboard Target":         {vars{"filter": vars{}}, 2},
		"dashboard Imports":        {page, 1},
		"dashboard Import":         {vars{"id": imported}, 1},
		"dashboard Quarantine":     {vars{"id": imported, "first": 2}, 2},
		"dashboard Normalize":      {vars{"input": "3001234567", "region": "CO"}, 0},
		"dashboard ApiKeys":        {page, 1},
		"dashboard AccessLog":      {page, 1},
		"dashboard FleetPlatforms": {nil, 1},
		"dashboard Workers":        {nil, 0},
		"dashboard Schedules":      {page, 1},
		"dashboard Schedule":       {vars{"id": schedule}, 1},
		"dashboard ScheduleJobs":   {vars{"id": schedule, "first": 2}, 3},
		"dashboard Viewer":         {nil, 0},
		"dashboard Webhooks":       {page, 1},
		"dashboard Webhook":        {vars{"id": webhook}, 1},
		"dashboard Deliveries":     {vars{"id": webhook, "first": 2}, 2},
		"dashboard Delivery":       {vars{"id": delivery}, 1},
	}
	found := clientQueries(t)
	for name, query := range found {
		p, known := pins[name]
		if !known {
			t.Errorf("%s is new: pin what it costs", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			sent, _ := a.readsOf(t, registry.RoleAdmin, query, p.variables)
			if len(sent) != p.most {
				t.Errorf("%d statements, pinned are %d:\n%s", len(sent), p.most, strings.Join(sent, "\n---\n"))
			}
		})
	}
	for name := range pins {
		if _, there := found[name]; !there {
			t.Errorf("%s was not found", name)
		}
	}
}

// TestStatementsOfRootFields pins what each field of Query costs with all its values, when it was asked before.
func TestStatementsOfRootFields(t *testing.T) {
	a := newFullApp(t)
	schema := httpd.Schema()
	id := func(query, field string) string {
		_, got := a.reads(t, registry.RoleAdmin, query)
		return valuesOf(got.Data, []string{field}, "id")[0]
	}
	pins := map[string]struct {
		arguments string
		most      int
	}{
		"normalizePhone":      {`(input: "+573001234567")`, 0},
		"normalizeCell":       {`(input: "+573001234567")`, 0},
		"phone":               {`(number: "+573001000000")`, 1},
		"phones":              {`(first: 2)`, 2},
		"customer":            {`(customerId: "collector")`, 1},
		"leads":               {`(first: 2)`, 2},
		"validationJob":       {`(id: ` + id(`{ validationJobs { nodes { id } } }`, "validationJobs") + `)`, 1},
		"validationJobs":      {`(first: 2)`, 2},
		"import":              {`(id: ` + id(`{ imports { nodes { id } } }`, "imports") + `)`, 1},
		"imports":             {`(first: 2)`, 2},
		"platforms":           {"", 1},
		"workers":             {"", 0},
		"validationSchedule":  {`(id: ` + id(`{ validationSchedules { nodes { id } } }`, "validationSchedules") + `)`, 1},
		"validationSchedules": {`(first: 2)`, 2},
		"webhook":             {`(id: ` + id(`{ webhooks { nodes { id } } }`, "webhooks") + `)`, 1},
		"webhooks":            {`(first: 2)`, 2},
		"apiKeys":             {`(first: 2)`, 2},
		"accessLog":           {`(first: 2)`, 2},
		"sources":             {"", 1},
		"registryStats":       {"", 0},
		"viewer":              {"", 0},
		"node":                {`(id: ` + id(`{ phones { nodes { id } } }`, "phones") + `)`, 1},
	}
	for _, f := range schema.Query.Fields {
		if strings.HasPrefix(f.Name, "__") {
			continue
		}
		p, known := pins[f.Name]
		if !known {
			t.Errorf("Query.%s is new: pin what it costs", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			selection := "{ id }"
			if s, ok := shapeOf(schema, f); ok {
				selection = "{ " + strings.Join(append(plain(schema, s.object), "__typename"), " ") + " }"
				if s.connection {
					selection = "{ totalCount edges { cursor node " + selection + " } pageInfo { endCursor hasNextPage } }"
				}
			}
			sent, _ := a.reads(t, registry.RoleAdmin, "{ "+f.Name+p.arguments+" "+selection+" }")
			if len(sent) != p.most {
				t.Errorf("%d statements, pinned are %d:\n%s", len(sent), p.most, strings.Join(sent, "\n---\n"))
			}
		})
	}
}
