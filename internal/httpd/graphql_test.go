package httpd_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql/introspection"

	"phoneregistry/registry"
)

const whole, masked = "+573001000000", "+5730****00"

func TestReadsByRole(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 1)
	const query = `query($n: E164!) {
		viewer { name role seesWholeNumbers }
		phone(number: $n) {
			number region lineType isValid timezones createdAt
			customers { nodes { customerId number isPrimary source phone { number } } }
		}
	}`
	for role, number := range map[registry.Role]string{
		registry.RoleViewer: masked, registry.RoleAnalyst: masked,
		registry.RoleSteward: whole, registry.RoleOperator: whole, registry.RoleAdmin: whole,
	} {
		got := a.try(t, role, query, vars{"n": whole})
		if len(got.Errors) > 0 {
			t.Fatalf("%s: %+v", role, got.Errors)
		}
		text := string(got.Data)
		if strings.Count(text, number) != 3 || strings.Contains(text, whole) != (number == whole) {
			t.Errorf("%s: %s; want %s three times", role, text, number)
		}
		if !strings.Contains(text, `"role":"`+string(role)+`"`) || !strings.Contains(text, `"lineType":"MOBILE"`) {
			t.Errorf("%s: %s", role, text)
		}
	}
	if strings.Contains(a.log.String(), whole[1:]) {
		t.Error("a number is in the log")
	}
}

func TestAddPhone(t *testing.T) {
	a := newApp(t)
	const mutation = `mutation($input: AddPhoneInput!) { addPhone(input: $input) {
		created
		phone { id number leadScore { total } }
		customerPhone { customerId isPrimary isVerified verificationMethod phone { number } }
		normalized { number isValid reason appliedRule lineType nationalFormat }
		userErrors { code message path }
	} }`
	type payload struct {
		AddPhone struct {
			Created       bool
			Phone         *struct{ ID, Number string }
			CustomerPhone *struct {
				CustomerID         string
				IsPrimary          bool
				VerificationMethod *string
				Phone              struct{ Number string }
			}
			Normalized *struct {
				Number, Reason *string
				IsValid        bool
			}
			UserErrors []struct {
				Code, Message string
				Path          []string
			}
		}
	}
	add := func(role registry.Role, input vars) payload {
		t.Helper()
		return ask[payload](t, a, role, mutation, vars{"input": input})
	}
	input := vars{"customerId": "c1", "number": "300 123 4567", "region": "CO", "source": "web_forms"}
	for i, created := range []bool{true, false} {
		got := add(registry.RoleSteward, input).AddPhone
		if len(got.UserErrors) > 0 || got.Created != created || got.Phone.Number != "+573001234567" ||
			!got.CustomerPhone.IsPrimary || got.CustomerPhone.VerificationMethod != nil || got.CustomerPhone.Phone.Number != "+573001234567" {
			t.Errorf("time %d: %+v", i, got)
		}
	}
	for name, c := range map[string]struct {
		change vars
		code   string
		path   []string
	}{
		"no number":      {vars{"number": "abc"}, "INVALID_NUMBER", []string{"input", "number"}},
		"no region":      {vars{"region": "XX"}, "INVALID_INPUT", []string{"input", "region"}},
		"unknown source": {vars{"source": "nowhere"}, "UNKNOWN_SOURCE", []string{"input", "source"}},
		"no customer":    {vars{"customerId": ""}, "INVALID_INPUT", []string{"input", "customerId"}},
	} {
		t.Run(name, func(t *testing.T) {
			changed := vars{}
			for k, v := range input {
				changed[k] = v
			}
			for k, v := range c.change {
				changed[k] = v
			}
			got := add(registry.RoleOperator, changed).AddPhone
			if len(got.UserErrors) != 1 || got.UserErrors[0].Code != c.code || !slices.Equal(got.UserErrors[0].Path, c.path) {
				t.Fatalf("%+v; want %s at %v", got.UserErrors, c.code, c.path)
			}
			if got.Phone != nil || got.CustomerPhone != nil || got.Created || got.UserErrors[0].Message == "" {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestRolesThatMayNot(t *testing.T) {
	a := newApp(t)
	job := `"job_00000000000000000000000000000000"`
	for name, c := range map[string]struct {
		operation string
		may       []registry.Role
	}{
		"addPhone":            {`addPhone(input: {customerId: "c", number: "3001234567", region: "CO", source: "web_forms"})`, []registry.Role{registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin}},
		"verifyPhone":         {`verifyPhone(input: {customerId: "c", number: "+573001234567", method: "call"})`, []registry.Role{registry.RoleSteward, registry.RoleOperator, registry.RoleAdmin}},
		"startValidationJob":  {`startValidationJob(input: {name: "j", platforms: [WHATSAPP], target: {numbers: ["+573001234567"]}})`, []registry.Role{registry.RoleOperator, registry.RoleAdmin}},
		"pauseValidationJob":  {`pauseValidationJob(input: {id: ` + job + `})`, []registry.Role{registry.RoleOperator, registry.RoleAdmin}},
		"resumeValidationJob": {`resumeValidationJob(input: {id: ` + job + `})`, []registry.Role{registry.RoleOperator, registry.RoleAdmin}},
		"cancelValidationJob": {`cancelValidationJob(input: {id: ` + job + `})`, []registry.Role{registry.RoleOperator, registry.RoleAdmin}},
		"retryValidationJob":  {`retryValidationJob(input: {id: ` + job + `})`, []registry.Role{registry.RoleOperator, registry.RoleAdmin}},
		"upsertSource":        {`upsertSource(input: {name: "fax", priority: 1})`, []registry.Role{registry.RoleAdmin}},
	} {
		for role := range a.tokens {
			got := a.try(t, role, "mutation { "+c.operation+" { userErrors { code } } }", nil)
			switch {
			case slices.Contains(c.may, role) && len(got.Errors) > 0:
				t.Errorf("%s as %s: %+v", name, role, got.Errors)
			case !slices.Contains(c.may, role) && (len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != "FORBIDDEN"):
				t.Errorf("%s as %s: %s %+v; want FORBIDDEN", name, role, got.Data, got.Errors)
			}
		}
	}
}

func TestPagesThroughEveryOrder(t *testing.T) {
	a := newApp(t)
	const count = 23
	numbers := a.addPhones(t, count)
	a.startJob(t, numbers[:15], 4, "WHATSAPP", "GOOGLE")
	for a.work(t, 100, func(n registry.Number, p registry.Platform) registry.Check {
		if n%3 == 0 {
			return refused(n, p)
		}
		return active(n, p)
	}) > 0 {
	}
	const query = `query($field: PhoneOrderField!, $direction: OrderDirection, $first: Int, $after: String) {
		phones(orderBy: {field: $field, direction: $direction}, first: $first, after: $after) {
			totalCount
			edges { cursor node { number createdAt updatedAt leadScore { total } } }
			nodes { number }
			pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
		}
	}`
	type node struct {
		Number               string
		CreatedAt, UpdatedAt time.Time
		LeadScore            *struct{ Total int }
	}
	type result struct {
		Phones struct {
			TotalCount int
			Edges      []struct {
				Cursor string
				Node   node
			}
			Nodes    []struct{ Number string }
			PageInfo struct {
				HasNextPage, HasPreviousPage bool
				StartCursor, EndCursor       *string
			}
		}
	}
	key := map[string]func(node) string{
		"NUMBER":     func(n node) string { return n.Number },
		"CREATED_AT": func(n node) string { return fmt.Sprint(n.CreatedAt.UnixMicro()) },
		"UPDATED_AT": func(n node) string { return fmt.Sprint(n.UpdatedAt.UnixMicro()) },
		"SCORE": func(n node) string {
			if n.LeadScore == nil {
				return "000"
			}
			return fmt.Sprintf("%03d", n.LeadScore.Total)
		},
	}
	for field := range key {
		for _, direction := range []string{"ASC", "DESC"} {
			t.Run(field+" "+direction, func(t *testing.T) {
				var seen []node
				var after any
				for page := 0; ; page++ {
					got := ask[result](t, a, registry.RoleSteward, query,
						vars{"field": field, "direction": direction, "first": 7, "after": after}).Phones
					if got.TotalCount != count || got.PageInfo.HasPreviousPage || len(got.Nodes) != len(got.Edges) {
						t.Fatalf("page %d: %+v", page, got)
					}
					for _, e := range got.Edges {
						seen = append(seen, e.Node)
					}
					if last := got.Edges[len(got.Edges)-1].Cursor; last != *got.PageInfo.EndCursor {
						t.Errorf("page %d ends at %s, its last edge at %s", page, *got.PageInfo.EndCursor, last)
					}
					if !got.PageInfo.HasNextPage {
						break
					}
					after = *got.PageInfo.EndCursor
				}
				keys := make([]string, len(seen))
				distinct := map[string]bool{}
				for i, n := range seen {
					keys[i] = key[field](n)
					distinct[n.Number] = true
				}
				if direction == "DESC" {
					slices.Reverse(keys)
				}
				if len(seen) != count || len(distinct) != count || !slices.IsSorted(keys) {
					t.Errorf("%d entries in the order %v", len(seen), keys)
				}
			})
		}
	}
}

func TestPagesOutOfBounds(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 3)
	cursor := ask[struct {
		Phones struct{ PageInfo struct{ EndCursor string } }
	}](t, a, registry.RoleViewer, `{ phones(first: 1) { pageInfo { endCursor } } }`, nil).Phones.PageInfo.EndCursor
	for name, c := range map[string]struct {
		arguments string
		variables vars
		code      string
	}{
		"none":            {`first: 0`, nil, "INVALID_INPUT"},
		"less than none":  {`first: -1`, nil, "INVALID_INPUT"},
		"too many":        {`first: 501`, nil, "LIMIT_EXCEEDED"},
		"too many in $n":  {`first: $n`, vars{"n": 501}, "INVALID_INPUT"},
		"billions in $n":  {`first: $n`, vars{"n": 1 << 30}, "INVALID_INPUT"},
		"no cursor":       {`after: "AAAA"`, nil, "INVALID_INPUT"},
		"another's order": {`orderBy: {field: SCORE}, after: $c`, vars{"c": cursor}, "INVALID_INPUT"},
		"altered":         {`after: $c`, vars{"c": cursor[:len(cursor)-2] + "AA"}, "INVALID_INPUT"},
	} {
		t.Run(name, func(t *testing.T) {
			got := a.try(t, registry.RoleViewer, `query($n: Int, $c: String) {
				phones(`+c.arguments+`) { nodes { number } } a: sources { name @include(if: false) priority }
				b: phones(first: $n, after: $c) @skip(if: true) { totalCount }
			}`, c.variables)
			if len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != c.code {
				t.Errorf("%+v; want %s", got.Errors, c.code)
			}
		})
	}
	if got := a.try(t, registry.RoleViewer, `query($c: String) { phones(after: $c) { nodes { id } } }`, vars{"c": cursor}); len(got.Errors) > 0 {
		t.Errorf("the cursor of the list: %+v", got.Errors)
	}
}

func TestNodes(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 1)
	job := a.startJob(t, numbers, 10, "WHATSAPP")
	ids := ask[struct {
		Phone    struct{ ID string }
		Customer struct{ ID string }
	}](t, a, registry.RoleSteward, `{ phone(number: "`+numbers[0]+`") { id } customer(customerId: "customer-0") { id } }`, nil)
	for id, want := range map[string]string{
		ids.Phone.ID: "Phone", ids.Customer.ID: "Customer", job: "ValidationJob",
		"": "", "x": "", "pho_": "", "pho_00000000000000000000000000": "", "cus_AAAA": "", "job_zz": "",
		"cus" + strings.TrimPrefix(ids.Phone.ID, "pho"): "", "imp_" + strings.TrimPrefix(job, "job_"): "",
		ids.Phone.ID + "0": "",
	} {
		got := ask[struct {
			Node *struct {
				Typename string `json:"__typename"`
				ID       string
			}
		}](t, a, registry.RoleViewer, `query($id: ID!) { node(id: $id) { __typename id } }`, vars{"id": id}).Node
		if want == "" && got != nil || want != "" && (got == nil || got.Typename != want || got.ID != id) {
			t.Errorf("node(%q) = %+v; want %q", id, got, want)
		}
	}
	if digits := numbers[0][1:]; strings.Contains(ids.Phone.ID, digits[4:]) {
		t.Errorf("the id %s shows the number", ids.Phone.ID)
	}
}

func TestJobs(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 6)
	id := a.startJob(t, append(numbers, "123"), 2, "WHATSAPP", "GOOGLE")
	for a.work(t, 100, func(n registry.Number, p registry.Platform) registry.Check {
		if p == "GOOGLE" {
			return refused(n, p)
		}
		return active(n, p)
	}) > 0 {
	}
	got := a.try(t, registry.RoleViewer, `query($id: ID!) {
		validationJob(id: $id) {
			id name status platforms total isPlanned processed succeeded failed percent batchSize maxConcurrent
			retryAttempts createdBy createdAt startedAt completedAt errorMessage
			progress { platform total processed succeeded failed }
			failures(first: 2) { totalCount nodes { number platform status reason attempts failedAt } pageInfo { hasNextPage } }
		}
		validationJobs(filter: {statuses: [COMPLETED]}) { totalCount nodes { id progress { failed } } }
		none: validationJob(id: "job_00000000000000000000000000000000") { id }
		leads(filter: {minScore: 50}, first: 2) {
			totalCount
			nodes {
				total tier coverage modelVersion simulated
				phone { number } components { platform weight points status method reason checkedAt }
				history { totalCount nodes { total recordedAt } }
			}
		}
		phone(number: "`+numbers[0]+`") { validations { platform status method strength details latencyMs expiresAt simulated } }
	}`, vars{"id": id})
	if len(got.Errors) > 0 {
		t.Fatalf("%+v", got.Errors)
	}
	for _, want := range []string{
		`"status":"COMPLETED"`, `"total":12,"isPlanned":true,"processed":12,"succeeded":6,"failed":6,"percent":100`,
		`"createdBy":"operator"`, `{"platform":"GOOGLE","total":6,"processed":6,"succeeded":0,"failed":6}`,
		`"failures":{"totalCount":6,"nodes":[{"number":"+5730****`, `"reason":"quota"`, `"none":null`, `"errorMessage":null`,
		`"validationJobs":{"totalCount":1`, `"leads":{"totalCount":6`, `"tier":"PREMIUM","coverage":0.2`, `"points":20,"status":"ACTIVE"`,
		`{"platform":"APPLE","weight":20,"points":null,"status":null,"method":null`, `"details":{"a":1}`, `"simulated":true`,
		`"history":{"totalCount":1`,
	} {
		if !strings.Contains(strings.ReplaceAll(string(got.Data), `{"a": 1}`, `{"a":1}`), want) {
			t.Errorf("want %s in %s", want, got.Data)
		}
	}
}

func TestStartJobMistakes(t *testing.T) {
	a := newApp(t)
	good := vars{"name": "j", "platforms": []string{"WHATSAPP"}, "target": vars{"numbers": []string{"+573001234567"}}}
	for name, c := range map[string]struct {
		change vars
		code   string
		path   string
	}{
		"no platform":      {vars{"platforms": []string{}}, "INVALID_INPUT", "input.platforms"},
		"missing platform": {vars{"platforms": []string{"APPLE"}}, "PLATFORM_NOT_AVAILABLE", "input.platforms"},
		"two targets": {
			vars{"target": vars{"numbers": []string{"+573001234567"}, "filter": vars{}}}, "INVALID_INPUT", "input.target",
		},
		"no target":      {vars{"target": vars{"numbers": nil}}, "INVALID_INPUT", "input.target"},
		"no numbers":     {vars{"target": vars{"numbers": []string{}}}, "", "input.target.numbers"},
		"bad numbers":    {vars{"target": vars{"numbers": []string{"123"}}}, "EMPTY_TARGET", "input.target.numbers"},
		"unknown import": {vars{"target": vars{"importId": "imp_0"}}, "NOT_FOUND", "input.target.importId"},
		"missing import": {
			vars{"target": vars{"importId": "imp_00000000000000000000000000000000"}}, "NOT_FOUND", "input.target.importId",
		},
		"large batch": {vars{"batchSize": 1001}, "INVALID_INPUT", "input.batchSize"},
	} {
		t.Run(name, func(t *testing.T) {
			input := vars{}
			for k, v := range good {
				input[k] = v
			}
			for k, v := range c.change {
				input[k] = v
			}
			got := ask[struct {
				StartValidationJob struct {
					Job        *struct{ ID string }
					UserErrors []struct {
						Code string
						Path []string
					}
				}
			}](t, a, registry.RoleOperator, `mutation($input: StartValidationJobInput!) {
				startValidationJob(input: $input) { job { id } skippedCount skipped { index reason } userErrors { code path } }
			}`, vars{"input": input}).StartValidationJob
			if got.Job != nil || len(got.UserErrors) != 1 || strings.Join(got.UserErrors[0].Path, ".") != c.path ||
				(c.code != "" && got.UserErrors[0].Code != c.code) {
				t.Errorf("%+v; want %s at %s", got, c.code, c.path)
			}
		})
	}
}

// A list and what hangs on it costs a number of statements that does not grow with the list.
func TestStatementsDoNotGrowWithLists(t *testing.T) {
	a := newApp(t)
	numbers := a.addPhones(t, 12)
	for i := range 4 { // a household: four customers share a number
		_, err := a.service.AddPhone(asSystem(t), registry.AddPhone{
			CustomerID: fmt.Sprintf("household-%d", i), Number: numbers[0], Source: "web_forms",
		})
		must(t, err)
	}
	for range 3 {
		a.startJob(t, numbers, 50, "WHATSAPP")
	}
	for a.work(t, 100, active) > 0 {
	}
	for name, c := range map[string]struct {
		query string
		most  int
	}{
		"numbers":                    {`{ phones { nodes { id number region } } }`, 1},
		"count of a whole list":      {`{ phones { totalCount nodes { id } } }`, 1},
		"count of a part of a list":  {`{ phones(first: 2) { totalCount nodes { id } } }`, 2},
		"evidence and scores":        {`{ phones { nodes { validations { platform } leadScore { total } } } }`, 3},
		"by edges":                   {`{ phones { edges { node { validations { platform } leadScore { total } } } } }`, 3},
		"customers":                  {`{ phones { nodes { customers { totalCount nodes { customerId } } } } }`, 2},
		"customers' phones":          {`{ phones { nodes { customers { edges { node { phone { number validations { platform } } } } } } } }`, 3},
		"below a single object":      {`{ phones { nodes { leadScore { phone { leadScore { components { reason } } validations { platform } } } } } }`, 3},
		"leads":                      {`{ leads { nodes { total phone { number customers { nodes { phone { leadScore { total } } } } } components { points } } } }`, 4},
		"jobs":                       {`{ validationJobs { totalCount nodes { name progress { processed } } } }`, 2},
		"a customer":                 {`{ customer(customerId: "household-1") { customerId phones { number phone { number validations { platform } leadScore { total components { points } } } } } }`, 4},
		"the same under two aliases": {`{ a: phones { nodes { x: validations { platform } y: validations { status } } } }`, 2},
		"schema":                     {`{ __schema { types { name } } viewer { name } platforms { platform } }`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			a.try(t, registry.RoleSteward, `{ viewer { name } }`, nil) // the token is known from now on
			var got answer
			sent := a.statements.during(func() { got = a.try(t, registry.RoleSteward, c.query, nil) })
			if len(got.Errors) > 0 {
				t.Fatalf("%+v", got.Errors)
			}
			if len(sent) != c.most {
				t.Errorf("%d statements; want %d:\n%s", len(sent), c.most, strings.Join(sent, "\n"))
			}
		})
	}
}

func TestNothingInternalLeaks(t *testing.T) {
	a := newApp(t)
	_, err := a.pool.Exec(t.Context(), "ALTER TABLE sources RENAME TO hidden_sources")
	must(t, err)
	got := a.try(t, registry.RoleAdmin, `{ sources { name } viewer { name } }`, nil)
	if len(got.Errors) != 1 || got.Errors[0].Message != "internal error" || got.Errors[0].Extensions["code"] != "INTERNAL" {
		t.Fatalf("%+v", got.Errors)
	}
	id, _ := got.Errors[0].Extensions["requestId"].(string)
	if log := a.log.String(); id == "" || !strings.Contains(log, id) || !strings.Contains(log, "sources") {
		t.Errorf("request id %q; want it in the log with the cause", id)
	}
}

func TestInputOfTheWrongKind(t *testing.T) {
	a := newApp(t)
	for query, code := range map[string]string{
		`{ phone(number: "3001234567") { id } }`:                         "INVALID_NUMBER",
		`{ phone(number: 573001234567) { id } }`:                         "INVALID_NUMBER",
		`{ phones(filter: {numberPrefix: "x"}) { nodes { id } } }`:       "INVALID_INPUT",
		`{ phones(filter: {minScore: 101}) { nodes { id } } }`:           "INVALID_INPUT",
		`{ normalizePhone(input: "1", region: "Atlantis") { isValid } }`: "INVALID_INPUT",
		`{ phones(filter: {tiers: [SUPERB]}) { nodes { id } } }`:         "GRAPHQL_VALIDATION_FAILED",
		`{ nothing }`: "GRAPHQL_VALIDATION_FAILED",
		`{ viewer `:   "GRAPHQL_PARSE_FAILED",
		`query a { viewer { name } } query b { viewer { name } }`:                                            "GRAPHQL_VALIDATION_FAILED",
		`{ ... @defer { viewer { name } } }`:                                                                 "GRAPHQL_VALIDATION_FAILED",
		strings.Repeat(`{node(id:"x"){... on Phone{leadScore{phone`, 6) + `{id}` + strings.Repeat(`}}}}`, 6): "LIMIT_EXCEEDED",
	} {
		got := a.try(t, registry.RoleViewer, query, nil)
		if len(got.Errors) == 0 || got.Errors[0].Extensions["code"] != code {
			t.Errorf("%s: %+v; want %s", query, got.Errors, code)
		}
	}
}

func TestCustomersThatAreNotThere(t *testing.T) {
	a := newApp(t)
	for _, id := range []string{"", "nobody", "\x00", strings.Repeat("x", 5000), "\u0661"} {
		for _, query := range []string{
			`query($id: String!) { customer(customerId: $id) { phones { number } } }`,
			`query($id: String!) { customer(customerId: $id) { customerId } }`,
		} {
			if got := a.try(t, registry.RoleAdmin, query, vars{"id": id}); len(got.Errors) > 0 || string(got.Data) != `{"customer":null}` {
				t.Errorf("%.20q: %s %+v", id, got.Data, got.Errors)
			}
		}
	}
}

func TestClientsCanReadTheSchema(t *testing.T) {
	a := newApp(t)
	got := a.try(t, registry.RoleViewer, introspection.Query, nil)
	for _, want := range []string{`"name":"ValidationTarget"`, `"name":"access"`, `"specifiedByURL":"https://www.itu.int/rec/T-REC-E.164"`} {
		if len(got.Errors) > 0 || !strings.Contains(string(got.Data), want) {
			t.Errorf("want %s; errors %+v", want, got.Errors)
		}
	}
	if strings.Contains(string(got.Data), `"name":"defer"`) {
		t.Error("@defer is offered, but not carried")
	}
}

func TestNormalizeStatsAndPlatforms(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 2)
	got := a.try(t, registry.RoleAnalyst, `{
		normalizePhone(input: "0445512345678", region: "MX") { input isValid isPossible appliedRule region timezones extension reason }
		bad: normalizePhone(input: "abc") { number isValid reason internationalFormat }
		normalizeCell(input: "3001234567 / 6012345678 ext 12", region: "CO") { lineType extension }
		registryStats { asOf phones customers byRegion { region count byLineType { lineType count } } byLineType { count } byTier { tier } }
		platforms { platform adapter isAvailable simulated weight }
		sources { name priority }
	}`, nil)
	if len(got.Errors) > 0 {
		t.Fatalf("%+v", got.Errors)
	}
	for _, want := range []string{
		`"bad":{"number":null,"isValid":false,"reason":"`, `"internationalFormat":null`, `"extension":"12"`,
		`"phones":2,"customers":2,"byRegion":[{"region":"CO","count":2,"byLineType":[{"lineType":"MOBILE","count":2}]}]`,
		`{"platform":"WHATSAPP","adapter":"simulator","isAvailable":true,"simulated":true,"weight":20}`,
		`{"platform":"APPLE","adapter":null,"isAvailable":false,"simulated":false,"weight":20}`,
		`"sources":[{"name":"crm_salesforce","priority":5}`,
	} {
		if !strings.Contains(string(got.Data), want) {
			t.Errorf("want %s in %s", want, got.Data)
		}
	}
	if !json.Valid(got.Data) {
		t.Error("not JSON")
	}
}
