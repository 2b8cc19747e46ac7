package httpd_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

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
	for _, c := range []struct {
		role            registry.Role
		purpose, number string
	}{
		{registry.RoleViewer, "", masked}, {registry.RoleViewer, "claim 7", masked},
		{registry.RoleAnalyst, "", masked}, {registry.RoleAnalyst, "claim 7", masked},
		{registry.RoleSteward, "", masked}, {registry.RoleSteward, "claim 7", whole},
		{registry.RoleOperator, "", masked}, {registry.RoleOperator, "claim 7", masked},
		{registry.RoleAdmin, "", whole}, {registry.RoleAdmin, "claim 7", whole},
	} {
		role, number := c.role, c.number
		got := a.forPurpose(c.purpose).try(t, role, query, vars{"n": whole})
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
		got := add(registry.RoleAdmin, input).AddPhone
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
			got := add(registry.RoleAdmin, changed).AddPhone
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
		"addPhone":            {`addPhone(input: {customerId: "c", number: "3001234567", region: "CO", source: "web_forms"})`, []registry.Role{registry.RoleSteward, registry.RoleAdmin}},
		"verifyPhone":         {`verifyPhone(input: {customerId: "c", number: "+573001234567", method: "call"})`, []registry.Role{registry.RoleSteward, registry.RoleAdmin}},
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
