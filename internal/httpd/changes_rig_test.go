package httpd_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"phoneregistry/internal/httpd"
	"phoneregistry/internal/testkit"
	"phoneregistry/registry"
	"phoneregistry/registry/scoring"
)

// changes is an app in which changes are made, each with data of its own.
type changes struct {
	*app
	schema *ast.Schema
	names  map[string]string // of statements, by their text
	made   int               // things that were named
}

func newChanges(t *testing.T) *changes {
	t.Helper()
	a := newApp(t, func(a *app, c *httpd.Config) {
		numbers, err := normalizer()
		must(t, err)
		c.Service = registry.New(registry.Config{
			Store: a.store, Numbers: numbers, Model: scoring.DefaultModel(), Notifier: a.notifier, MaxPhones: 100,
			Platforms: func() []registry.PlatformInfo {
				return []registry.PlatformInfo{
					{Platform: scoring.WhatsApp, Adapter: "simulator", Simulated: true, Weight: 20},
					{Platform: scoring.Google, Adapter: "simulator", Simulated: true, Weight: 20},
				}
			},
		})
	})
	c := withNames(t, a)
	c.exec(t, `INSERT INTO sources (name, priority, created_at) VALUES ('rig', 50, now()), ('other', 10, now())`)
	c.webhook(t, 0) // the key under which secrets are encrypted is read once for all
	return c
}

// withNames is an app that knows what its statements are called.
func withNames(t *testing.T, a *app) *changes {
	t.Helper()
	c := &changes{app: a, schema: httpd.Schema(), names: map[string]string{}}
	statements := testkit.Statements(t, "../../registry/postgres")
	for _, constant := range slices.Sorted(maps.Keys(statements)) {
		text := strings.TrimSpace(statements[constant].Text)
		if c.names[text] != "" { // the same is sent for two reasons
			c.names[text] += "/"
		}
		c.names[text] += statements[constant].Name
	}
	return c
}

// exec runs a statement that prepares data.
func (c *changes) exec(t *testing.T, sql string, arguments ...any) {
	t.Helper()
	if _, err := c.pool.Exec(t.Context(), sql, arguments...); err != nil {
		t.Fatalf("%v in\n%s", err, sql)
	}
}

// name is a name that nothing else has.
func (c *changes) name() string {
	c.made++
	return fmt.Sprintf("thing_%d", c.made)
}

// numbers are so many numbers that nothing knows.
func (c *changes) numbers(n int) []string {
	all := make([]string, n)
	for i := range all {
		c.made++
		all[i] = fmt.Sprintf("+57310%07d", c.made)
	}
	return all
}

// customer has so many new numbers, each of them held by so many others too.
func (c *changes) customer(t *testing.T, n int) (id string, numbers []string) {
	t.Helper()
	id, numbers = c.name(), c.numbers(n)
	for _, number := range numbers {
		c.change(t, "addPhone", vars{"customerId": id, "number": number, "source": "rig"})
	}
	c.exec(t, `INSERT INTO customers SELECT $1 || '_kin_' || i, now(), now() FROM generate_series(1, $2) i`, id, n)
	c.exec(t, `INSERT INTO customer_phones (customer_id, number, is_primary, confidence, source_id, source_ids, first_seen_at, last_seen_at)
		SELECT $1 || '_kin_' || i, p.number, false, 0.5, p.source_id, p.source_ids, now(), now()
		FROM customer_phones p CROSS JOIN generate_series(1, $2) i WHERE p.customer_id = $1`, id, n)
	return id, numbers
}

// change runs a mutation and returns the id in its answer, if there is one.
func (c *changes) change(t *testing.T, field string, input vars) (id string) {
	t.Helper()
	for _, value := range c.payload(t, field, input, false) {
		var object struct{ ID string }
		if len(value) > 0 && value[0] == '{' && json.Unmarshal(value, &object) == nil && object.ID != "" {
			id = object.ID
		}
	}
	return id
}

// payload runs a mutation that must succeed, and returns its payload.
func (c *changes) payload(t *testing.T, field string, input vars, deep bool) map[string]json.RawMessage {
	t.Helper()
	answer := ask[map[string]map[string]json.RawMessage](t, c.app, registry.RoleAdmin, c.operation(t, field, deep), vars{"input": input})[field]
	if string(answer["userErrors"]) != "[]" {
		t.Fatalf("%s: %s", field, answer["userErrors"])
	}
	return answer
}

// operation is a mutation that asks for all that its payload has: its values, those of its objects, and if deep those of
// everything that hangs on these.
func (c *changes) operation(t *testing.T, field string, deep bool) string {
	t.Helper()
	f := c.schema.Mutation.Fields.ForName(field)
	if f == nil {
		t.Fatalf("there is no mutation %s", field)
	}
	levels := 1
	if deep {
		levels = deepest
	}
	input := f.Arguments[0].Type.String()
	return fmt.Sprintf("mutation ($input: %s) { %s(input: $input) %s }", input, field, c.selection(c.schema.Types[f.Type.Name()], levels))
}

// selection asks for all values of an object, and of what hangs on it so many levels deep.
func (c *changes) selection(def *ast.Definition, levels int) string {
	fields := plain(c.schema, def)
	for _, f := range def.Fields {
		s, ok := shapeOf(c.schema, f)
		switch {
		case !ok || levels == 0 || strings.HasPrefix(f.Name, "__"):
		case s.connection:
			fields = append(fields, f.Name+"(first: 9) { totalCount nodes "+c.selection(s.object, levels-1)+" }")
		default:
			fields = append(fields, f.Name+" "+c.selection(s.object, levels-1))
		}
	}
	return "{ " + strings.Join(fields, " ") + " }"
}

var (
	firstWord  = regexp.MustCompile(`^\w+`)
	fromTables = regexp.MustCompile(`(?m)(?:FROM|JOIN) (\w+)`)
)

// called is what a statement is called: by its comment, or one that is put together by what it does and to which tables.
func (c *changes) called(sql string) string {
	sql = strings.TrimSpace(sql)
	if name := c.names[sql]; name != "" {
		return name
	}
	words := []string{strings.ToLower(firstWord.FindString(sql))}
	for _, m := range fromTables.FindAllStringSubmatch(sql, -1) {
		words = append(words, m[1])
	}
	return strings.Join(words, " ")
}

// sentFor returns what the statements of a mutation are called, in their order, and how many objects its answer has.
func (c *changes) sentFor(t *testing.T, field string, input vars, deep bool) (names []string, objects int) {
	t.Helper()
	var payload map[string]json.RawMessage
	for _, sql := range c.statements.ofRequests(func() { payload = c.payload(t, field, input, deep) }) {
		names = append(names, c.called(sql))
	}
	for _, value := range payload {
		objects += strings.Count(string(value), `{`)
	}
	return names, objects
}

// webhook makes a webhook with so many dead deliveries.
func (c *changes) webhook(t *testing.T, deliveries int) (id string) {
	t.Helper()
	id = c.change(t, "createWebhook", vars{"url": "https://example.com/" + c.name(), "events": []string{"JOB_FINISHED"}})
	for range deliveries {
		c.change(t, "testWebhook", vars{"id": id})
	}
	c.exec(t, `UPDATE webhook_deliveries SET status = 'DEAD', next_attempt_at = NULL, ended_at = now() WHERE status = 'PENDING'`)
	return id
}

// job starts a job of so many chunks.
func (c *changes) job(t *testing.T, chunks int) (id string) {
	t.Helper()
	return c.startJob(t, c.numbers(chunks), 1, "WHATSAPP", "GOOGLE")
}

// failedJob is a job whose checks got no answer, all of them.
func (c *changes) failedJob(t *testing.T, checks int) (id string) {
	t.Helper()
	id = c.startJob(t, c.numbers(checks), 1, "WHATSAPP")
	for c.work(t, 100, refused) > 0 {
	}
	return id
}

// schedule makes a schedule for a customer of so many numbers.
func (c *changes) schedule(t *testing.T, numbers int) (id string) {
	t.Helper()
	customer, _ := c.customer(t, numbers)
	return c.change(t, "createValidationSchedule", vars{
		"name": c.name(), "platforms": []string{"WHATSAPP"}, "filter": vars{"customerIds": []string{customer}}, "every": "PT1H", "batchSize": 1,
	})
}
