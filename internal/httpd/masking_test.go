package httpd_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/graph/model"
	"phoneregistry/internal/httpd"
	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

// The tests of this file try to get at numbers that are shown masked, as everyone to whom they are.

// maskedCallers are the roles that see numbers masked, where no purpose is told.
func maskedCallers() []registry.Role {
	return []registry.Role{registry.RoleViewer, registry.RoleAnalyst, registry.RoleOperator, registry.RoleSteward}
}

// refusedWith checks that an operation has one error, with this code.
func refusedWith(t *testing.T, name string, got answer, code string) {
	t.Helper()
	if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != code {
		t.Errorf("%s: %s %+v; want %s", name, got.Data, got.Errors, code)
	}
}

// TestPrefixSearchTellsNoMoreThanTheMask, neither by what is listed nor by how many there are.
func TestPrefixSearchTellsNoMoreThanTheMask(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 3)
	const query = `query($p: String!) { phones(filter: {numberPrefix: $p}) { totalCount nodes { number } } }`
	const count = `query($p: String!) { phones(filter: {numberPrefix: $p}) { totalCount } }`
	for _, role := range maskedCallers() {
		for _, prefix := range []string{"5", "57", "573", "+5730", "5730"} {
			if got := a.try(t, role, query, vars{"p": prefix}); len(got.Errors) > 0 || !strings.Contains(string(got.Data), `"totalCount":3`) {
				t.Errorf("%s, %s: %s %+v", role, prefix, got.Data, got.Errors)
			}
		}
		for _, prefix := range []string{"57300", "+57300", "57300100000", "573001000000", "+573001000000", "5730010000009"} {
			refusedWith(t, string(role)+" "+prefix, a.try(t, role, query, vars{"p": prefix}), "INVALID_INPUT")
			got := a.try(t, role, count, vars{"p": prefix})
			refusedWith(t, string(role)+" counts "+prefix, got, "INVALID_INPUT")
			if len(got.Errors) == 1 && strings.Contains(got.Errors[0].Message, "57300") {
				t.Errorf("the prefix is in the error: %s", got.Errors[0].Message)
			}
		}
	}
	for role, purpose := range map[registry.Role]string{registry.RoleSteward: "claim 7", registry.RoleAdmin: ""} {
		got := a.forPurpose(purpose).try(t, role, query, vars{"p": "573001000000"})
		if len(got.Errors) > 0 || !strings.Contains(string(got.Data), whole) {
			t.Errorf("%s with %q: %s %+v", role, purpose, got.Data, got.Errors)
		}
	}
}

// TestConditionsOfJobsTellNoMoreThanTheMask: how many numbers a job or a schedule is about shows in its progress.
func TestConditionsOfJobsTellNoMoreThanTheMask(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 1)
	const job = `mutation($p: String!) { x: startValidationJob(input: {name: "j", platforms: [WHATSAPP], target: {filter: {numberPrefix: $p}}}) { job { total } userErrors { code path } } }`
	const schedule = `mutation($p: String!) { x: createValidationSchedule(input: {name: "s", platforms: [WHATSAPP], every: "P1D", filter: {numberPrefix: $p}}) { schedule { id } userErrors { code path } } }`
	const change = `mutation($id: ID!, $p: String!) { x: updateValidationSchedule(input: {id: $id, filter: {numberPrefix: $p}}) { schedule { id } userErrors { code path } } }`
	type result struct {
		X struct {
			Job        *struct{ Total int64 }
			Schedule   *struct{ ID string }
			UserErrors []struct {
				Code string
				Path []string
			}
		}
	}
	made := ask[result](t, a, registry.RoleOperator, schedule, vars{"p": "5730"})
	if made.X.Schedule == nil {
		t.Fatalf("%+v", made)
	}
	if short := ask[result](t, a, registry.RoleOperator, job, vars{"p": "5730"}); short.X.Job == nil {
		t.Errorf("%+v", short)
	}
	for name, query := range map[string]string{"job": job, "schedule": schedule, "change": change} {
		variables := vars{"p": "573001"}
		if name == "change" {
			variables["id"] = made.X.Schedule.ID
		}
		got := ask[result](t, a, registry.RoleOperator, query, variables).X
		if got.Job != nil || got.Schedule != nil || len(got.UserErrors) != 1 || got.UserErrors[0].Code != "INVALID_INPUT" ||
			!slices.Equal(got.UserErrors[0].Path[max(0, len(got.UserErrors[0].Path)-2):], []string{"filter", "numberPrefix"}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	// What an administrator has told in full is cut short for others.
	full := ask[result](t, a, registry.RoleAdmin, strings.Replace(schedule, `"s"`, `"t"`, 1), vars{"p": "573001000000"})
	for _, role := range maskedCallers() {
		got := a.try(t, role, `query($id: ID!) { validationSchedule(id: $id) { filter { numberPrefix } } }`, vars{"id": full.X.Schedule.ID})
		if len(got.Errors) > 0 || !strings.Contains(string(got.Data), `"+573…"`) {
			t.Errorf("%s: %s %+v", role, got.Data, got.Errors)
		}
	}
}

// TestOrderTellsNothingOfNumbers: who knows one number must not find out whether another is smaller.
func TestOrderTellsNothingOfNumbers(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 64)
	id := a.startJob(t, numbers, 64, "WHATSAPP")
	for a.work(t, 10, func(n registry.Number, p registry.Platform) registry.Check { return refused(n, p) }) > 0 {
	}
	a.startJob(t, numbers, 64, "GOOGLE")
	for a.work(t, 10, active) > 0 {
	}
	exec := func(sql string) {
		_, err := a.pool.Exec(t.Context(), sql)
		must(t, err)
	}
	exec("UPDATE phones SET created_at = '2026-01-01', updated_at = '2026-01-01'")
	exec("UPDATE lead_scores SET updated_at = '2026-01-01'")
	for _, role := range maskedCallers() {
		for _, order := range []string{"NUMBER", "SCORE"} {
			refusedWith(t, string(role)+" by "+order, a.try(t, role, `{ phones(orderBy: {field: `+order+`}) { nodes { id } } }`, nil), "INVALID_INPUT")
		}
		for name, query := range map[string]string{
			"unless told": `{ phones(first: 100) { nodes { id } } }`,
			"CREATED_AT":  `{ phones(first: 100, orderBy: {field: CREATED_AT, direction: DESC}) { nodes { id } } }`,
			"UPDATED_AT":  `{ phones(first: 100, orderBy: {field: UPDATED_AT}) { nodes { id } } }`,
			"leads":       `{ leads(first: 100) { nodes { phone { id } } } }`,
			"failures":    `{ validationJob(id: "` + id + `") { failures(first: 100) { nodes { number } } } }`,
		} {
			got := a.try(t, role, query, nil)
			if len(got.Errors) > 0 {
				t.Fatalf("%s %s: %+v", role, name, got.Errors)
			}
			checkNotSorted(t, string(role)+" "+name, a.numbersIn(t, got.Data))
		}
	}
}

// numbersIn returns the last digits of the numbers in an answer, by the ids of phones or by what masks show.
func (a *app) numbersIn(t *testing.T, data json.RawMessage) []int64 {
	t.Helper()
	var found []int64
	var tree any
	must(t, json.Unmarshal(data, &tree))
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		case string:
			if n, err := a.codec.ParseInt(model.KindPhone, v); err == nil {
				found = append(found, n)
			} else if strings.Contains(v, "****") {
				var last int64
				_, err := fmt.Sscanf(v[len(v)-2:], "%d", &last)
				must(t, err)
				found = append(found, last)
			}
		}
	}
	walk(tree)
	return found
}

func checkNotSorted(t *testing.T, name string, numbers []int64) {
	t.Helper()
	ups, downs := 0, 0
	for i := 1; i < len(numbers); i++ {
		if numbers[i-1] < numbers[i] {
			ups++
		} else {
			downs++
		}
	}
	if len(numbers) != 64 || ups < 10 || downs < 10 { // of 63, as a coin falls
		t.Errorf("%s: %d numbers, of which the next is larger %d times and smaller %d times", name, len(numbers), ups, downs)
	}
}

// TestGuessesAreCounted over every way to name a whole number in a read: those that are there cost nothing.
func TestGuessesAreCounted(t *testing.T) {
	for name, query := range map[string]string{
		"phone":    `query($n: E164!) { phone(number: $n) { number } }`,
		"aliases":  `query($n: E164!) { a: phone(number: $n) { number } b: phone(number: $n) { number } }`,
		"leads":    `query($n: E164!) { leads(filter: {numbers: [$n]}) { totalCount nodes { total } } }`,
		"fragment": `query($n: E164!) { ...f } fragment f on Query { phone(number: $n) { id } }`,
	} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t, func(_ *app, c *httpd.Config) { c.Lookups = registry.LookupLimits{PerHour: 6, PerDay: 50} })
			a.addPhones(t, 1)
			for _, role := range maskedCallers() {
				for range 10 { // who asks for what is there is not counted
					if got := a.try(t, role, query, vars{"n": whole}); len(got.Errors) > 0 {
						t.Fatalf("%s: %+v", role, got.Errors)
					}
				}
				missed := 0
				var got answer
				for missed = range 20 {
					if got = a.try(t, role, query, vars{"n": fmt.Sprintf("+573009%06d", missed)}); len(got.Errors) > 0 {
						break
					}
				}
				want := 6
				if name == "aliases" {
					want = 3
				}
				if missed != want || got.Errors[0].Extensions["code"] != "RATE_LIMITED" || got.Errors[0].Extensions["retryAfterSeconds"] == nil ||
					got.Errors[0].Extensions["policy"] != "lookups" {
					t.Errorf("%s: refused after %d with %+v", role, missed, got.Errors)
				}
				hit := a.try(t, role, query, vars{"n": whole}) // one that is there must look like one that is not
				miss := a.try(t, role, query, vars{"n": "+573009999999"})
				if len(hit.Errors) == 0 || string(hit.Data) != string(miss.Data) || hit.Errors[0].Message[:40] != miss.Errors[0].Message[:40] {
					t.Errorf("%s: when spent %s %+v, and %s %+v", role, hit.Data, hit.Errors, miss.Data, miss.Errors)
				}
			}
			for range 20 {
				if got := a.try(t, registry.RoleAdmin, query, vars{"n": "+573009000000"}); len(got.Errors) > 0 {
					t.Fatalf("ADMIN: %+v", got.Errors)
				}
			}
		})
	}
}

// TestEveryReadThatTakesANumberIsCounted: a field that is added with such an argument has to be added above.
func TestEveryReadThatTakesANumberIsCounted(t *testing.T) {
	schema := httpd.Schema()
	var takes func(typeName string, seen map[string]bool) bool
	takes = func(typeName string, seen map[string]bool) bool {
		if typeName == "E164" {
			return true
		}
		def := schema.Types[typeName]
		if def == nil || seen[typeName] {
			return false
		}
		seen[typeName] = true
		for _, f := range def.Fields {
			if def.Kind == "INPUT_OBJECT" && takes(f.Type.Name(), seen) {
				return true
			}
		}
		return false
	}
	var found []string
	for name, def := range schema.Types {
		if def.Kind != "OBJECT" || def.BuiltIn || name == "Mutation" {
			continue
		}
		for _, f := range def.Fields {
			for _, argument := range f.Arguments {
				if takes(argument.Type.Name(), map[string]bool{}) {
					found = append(found, name+"."+f.Name)
				}
			}
		}
	}
	slices.Sort(found)
	if want := []string{"Query.leads", "Query.phone", "Subscription.leadScoreChanged"}; !slices.Equal(found, want) {
		t.Errorf("%v take whole numbers; want %v", found, want)
	}
}

// TestListsOfGuesses: many at once are counted one by one, and when they are too many nothing is told of any.
func TestListsOfGuesses(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Lookups = registry.LookupLimits{PerHour: 6, PerDay: 50} })
	a.addPhones(t, 20)
	known := make([]string, 20)
	for i := range known {
		known[i] = fmt.Sprintf("+57300%07d", 1000000+i)
	}
	const query = `query($n: [E164!]!) { leads(filter: {numbers: $n}) { totalCount } }`
	if got := a.try(t, registry.RoleAnalyst, query, vars{"n": append(slices.Clone(known), "+573009000000", "+573009000000", "+573009000001")}); len(got.Errors) > 0 {
		t.Fatalf("two of 22 are wrong: %+v", got.Errors)
	}
	guesses := slices.Clone(known)
	for i := range 10 {
		guesses = append(guesses, fmt.Sprintf("+57300900%04d", i+10))
	}
	refusedWith(t, "ten of thirty", a.try(t, registry.RoleAnalyst, query, vars{"n": guesses}), "RATE_LIMITED")
	refusedWith(t, "after that", a.try(t, registry.RoleAnalyst, query, vars{"n": known}), "RATE_LIMITED")

	// A subscription begins with what is known: it tells as much as a query.
	c := a.connect(t, registry.RoleAnalyst)
	c.send(t, "1", "subscribe", vars{"query": `subscription($n: [E164!]) { leadScoreChanged(filter: {numbers: $n}) { total } }`, "variables": vars{"n": known[:1]}})
	if m := c.next(t); m.Type != "error" || !strings.Contains(string(m.Payload), "RATE_LIMITED") || !strings.Contains(string(m.Payload), `"requestId":"`) {
		t.Errorf("%s %s", m.Type, m.Payload)
	}
}

// TestVerifyingIsNoWayToGuess either, for who may edit and tells no purpose.
func TestVerifyingIsNoWayToGuess(t *testing.T) {
	a := newApp(t, func(_ *app, c *httpd.Config) { c.Lookups = registry.LookupLimits{PerHour: 3, PerDay: 50} })
	a.addPhones(t, 1)
	const verify = `mutation($n: E164!) { verifyPhone(input: {customerId: "customer-0", number: $n, method: "call"}) { customerPhone { number } userErrors { code } } }`
	for i := range 3 {
		if got := a.try(t, registry.RoleSteward, verify, vars{"n": fmt.Sprintf("+57300900000%d", i)}); len(got.Errors) > 0 || !strings.Contains(string(got.Data), "NOT_FOUND") {
			t.Fatalf("%s %+v", got.Data, got.Errors)
		}
	}
	refusedWith(t, "the fourth", a.try(t, registry.RoleSteward, verify, vars{"n": whole}), "RATE_LIMITED")
	if got := a.forPurpose("claim 7").try(t, registry.RoleSteward, verify, vars{"n": whole}); len(got.Errors) > 0 || !strings.Contains(string(got.Data), whole) {
		t.Errorf("for a purpose: %s %+v", got.Data, got.Errors)
	}
}

// TestIDsAndCursorsHoldNoNumber, nor can those that are made up be told from those of others.
func TestIDsAndCursorsHoldNoNumber(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 3)
	for _, role := range maskedCallers() {
		got := a.try(t, role, `{ phones(first: 2) { edges { cursor node { id customers { edges { cursor node { number phone { id } } } } } } pageInfo { endCursor } } }`, nil)
		text := string(got.Data)
		for i := range 3 {
			for _, form := range []string{fmt.Sprintf("57300%07d", 1000000+i), fmt.Sprintf("300%07d", 1000000+i), fmt.Sprintf("%x", 573001000000+i)} {
				if strings.Contains(text, form) {
					t.Errorf("%s: %s is in %s", role, form, text)
				}
			}
		}
		other, err := opaque.New(bytes.Repeat([]byte{1}, opaque.KeySize))
		must(t, err)
		for _, id := range []string{other.Int(model.KindPhone, 573001000000), "pho_573001000000", "pho_", "573001000000"} {
			sent := a.statements.during(func() {
				if got := a.try(t, role, `query($id: ID!) { node(id: $id) { id } }`, vars{"id": id}); string(got.Data) != `{"node":null}` || len(got.Errors) > 0 {
					t.Errorf("%s, %s: %s %+v", role, id, got.Data, got.Errors)
				}
			})
			if n := len(aboutData(sent)); n > 0 {
				t.Errorf("%s, %s: %d statements", role, id, n)
			}
		}
		// A cursor of one list says nothing in another.
		cursor := a.codec.Seal("phones/NUMBER/false", []byte(`{"n":573001000001}`))
		refusedWith(t, "a cursor of another order", a.try(t, role, `query($c: String!) { phones(after: $c) { nodes { id } } }`, vars{"c": cursor}), "INVALID_INPUT")
	}
}

// aboutData leaves out what is asked of tokens.
func aboutData(sent []string) []string {
	return slices.DeleteFunc(sent, func(sql string) bool {
		own := func(part string) bool { return strings.Contains(sql, part) }
		return own("revoked_at IS NULL AND") || own("api_keys k")
	})
}

// TestNodesOneMayNotSee: to who may not see a kind of objects, one that is there and one that is not look the same and
// cost the same: nothing is asked.
func TestNodesOneMayNotSee(t *testing.T) {
	a := newApp(t)
	hook, _, err := a.service.CreateWebhook(asSystem(t), registry.NewWebhook{URL: "https://example.com/", Events: registry.EventTypes()})
	must(t, err)
	key := a.newKey(t, registry.RoleAdmin, hook.CreatedAt.AddDate(1, 0, 0))
	const query = `query($id: ID!) { node(id: $id) { __typename id } }`
	for kind, id := range map[string]uuid.UUID{model.KindWebhook: hook.ID, model.KindAPIKey: key, model.KindDelivery: uuid.New(), model.KindAccessEntry: uuid.New()} {
		for _, role := range maskedCallers() {
			for _, of := range []string{opaque.UUID(kind, id), opaque.UUID(kind, uuid.New()), kind + "_nonsense"} {
				a.try(t, role, `{ viewer { name } }`, nil) // the token is known from now on
				sent := a.statements.during(func() {
					if got := a.try(t, role, query, vars{"id": of}); string(got.Data) != `{"node":null}` || len(got.Errors) > 0 {
						t.Errorf("%s, %s: %s %+v", role, of, got.Data, got.Errors)
					}
				})
				if n := len(aboutData(sent)); n > 0 {
					t.Errorf("%s, %s: %d statements: %v", role, of, n, sent)
				}
			}
		}
		if kind == model.KindWebhook || kind == model.KindAPIKey {
			if got := a.try(t, registry.RoleAdmin, query, vars{"id": opaque.UUID(kind, id)}); !strings.Contains(string(got.Data), opaque.UUID(kind, id)) {
				t.Errorf("ADMIN, %s: %s %+v", kind, got.Data, got.Errors)
			}
		}
	}
	// What all may see: one that is there and one that is not cost one statement each.
	a.addPhones(t, 1)
	for name, number := range map[string]int64{"there": 573001000000, "not there": 573001999999} {
		sent := a.statements.during(func() {
			a.try(t, registry.RoleViewer, query, vars{"id": a.codec.Int(model.KindPhone, number)})
		})
		if n := len(aboutData(sent)); n != 1 {
			t.Errorf("a phone that is %s: %d statements", name, n)
		}
	}
}

// TestErrorsHoldNoNumber: what was sent wrongly is not repeated where it may be a number.
func TestErrorsHoldNoNumber(t *testing.T) {
	a := newApp(t)
	for _, query := range []string{
		`{ phone(number: 573001000000) { id } }`, `{ phone(number: "573001000000") { id } }`, `{ phones(first: "573001000000") { totalCount } }`,
		`{ phones(first: 573001000000) { totalCount } }`, `{ phone(number: "+573001000000" { id } }`, `{ a573001000000 }`,
		`query($n: Int) { phones(first: $n) { totalCount } }`, `{ node(id: "pho_573001000000") { id number } }`, `{ phone(number: +573001000000) { id } }`,
		`{ leads(filter: {tiers: [T573001000000]}) { totalCount } }`,
	} {
		for _, accept := range []string{asJSON, asResponse} {
			body, err := json.Marshal(vars{"query": query, "variables": vars{"n": "+573001000000"}})
			must(t, err)
			text := readAll(t, a.request(t, registry.RoleViewer, http.MethodPost, "/graphql", asJSON, bytes.NewReader(body), "Accept", accept))
			if strings.Contains(text, "3001000000") || !strings.Contains(text, `"errors":[`) || !strings.Contains(text, `"requestId":"`) {
				t.Errorf("%s: %s", query, text)
			}
		}
	}
	if strings.Contains(a.log.String(), "3001000000") {
		t.Error("a number is in the log")
	}
}
