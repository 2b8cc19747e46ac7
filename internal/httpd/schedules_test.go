package httpd_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"phoneregistry/internal/opaque"
	"phoneregistry/registry"
)

const scheduleFields = `schedule { id name status platforms every budgetPerDay spentToday recheckAfter priority batchSize maxConcurrent
	retryAttempts nextRunAt lastRunAt lastSkipReason createdBy jobs { totalCount nodes { id createdBy schedule { name } } } } userErrors { code path message }`

// change runs a mutation of schedules and returns its payload as JSON.
func (a *app) change(t testing.TB, mutation, inputType string, input vars) string {
	t.Helper()
	fields := scheduleFields
	switch mutation {
	case "runValidationSchedule":
		fields += " job { id name total priority schedule { id } }"
	case "deleteValidationSchedule":
		fields = "deletedId userErrors { code path message }"
	}
	got := a.try(t, registry.RoleOperator, fmt.Sprintf(`mutation($input: %s!) { payload: %s(input: $input) { %s } }`, inputType, mutation, fields), vars{"input": input})
	if len(got.Errors) > 0 {
		t.Fatalf("%s: %+v", mutation, got.Errors)
	}
	var data struct{ Payload json.RawMessage }
	must(t, json.Unmarshal(got.Data, &data))
	return string(data.Payload)
}

func wants(t testing.TB, text string, all ...string) {
	t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			t.Errorf("want %s in %s", want, text)
		}
	}
}

// TestSchedulesThroughTheAPI: made, seen, changed, run, held and removed.
func TestSchedulesThroughTheAPI(t *testing.T) {
	a := newApp(t)
	a.addPhones(t, 3)
	create := vars{
		"name": " nightly ", "platforms": []string{"GOOGLE", "WHATSAPP"}, "filter": vars{"regions": []string{"co"}}, "every": "P1D",
		"startAt": "2099-01-01T00:00:00Z", "budgetPerDay": 5, "recheckAfter": "P30D",
	}
	refused := a.change(t, "createValidationSchedule", "CreateValidationScheduleInput", create)
	wants(t, refused, `"schedule":null`, `"INVALID_INPUT"`, `"startAt"`)
	create["startAt"] = "2020-01-01T00:00:00Z"
	wants(t, a.change(t, "createValidationSchedule", "CreateValidationScheduleInput", create), `"schedule":null`, `"INVALID_INPUT"`, `"path":["input","startAt"]`)
	delete(create, "startAt")
	made := a.change(t, "createValidationSchedule", "CreateValidationScheduleInput", create)
	wants(t, made, `"name":"nightly","status":"ACTIVE","platforms":["WHATSAPP","GOOGLE"],"every":"P1D","budgetPerDay":5,"spentToday":0`,
		`"recheckAfter":"P30D","priority":"LOW","batchSize":500,"maxConcurrent":40,"retryAttempts":3`, `"lastRunAt":null,"lastSkipReason":null,"createdBy":"operator"`)
	var payload struct{ Schedule struct{ ID string } }
	must(t, json.Unmarshal([]byte(made), &payload))
	id := payload.Schedule.ID
	wants(t, a.change(t, "createValidationSchedule", "CreateValidationScheduleInput", create), `"INVALID_INPUT"`, `"path":["input","name"]`)
	wants(t, a.change(t, "createValidationSchedule", "CreateValidationScheduleInput", vars{
		"name": "", "platforms": []string{"APPLE"}, "filter": vars{"minScore": 101}, "every": "PT1S", "budgetPerDay": 0, "batchSize": 0,
	}), `"path":["input","name"]`, `"path":["input","platforms"]`, `"path":["input","filter","minScore"]`, `"path":["input","every"]`,
		`"path":["input","budgetPerDay"]`, `"path":["input","batchSize"]`)

	wants(t, a.change(t, "updateValidationSchedule", "UpdateValidationScheduleInput", vars{
		"id": id, "budgetPerDay": nil, "recheckAfter": nil, "priority": "HIGH", "every": "PT12H",
	}), `"budgetPerDay":null`, `"recheckAfter":null`, `"priority":"HIGH"`, `"every":"PT12H"`, `"name":"nightly"`)
	ran := a.change(t, "runValidationSchedule", "ValidationScheduleInput", vars{"id": id})
	wants(t, ran, `"total":6`, `"priority":"HIGH"`, `"spentToday":6`, `"createdBy":"schedule:nightly","schedule":{"name":"nightly"}`, `"totalCount":1`, `"schedule":{"id":"`+id+`"}`)
	wants(t, a.change(t, "runValidationSchedule", "ValidationScheduleInput", vars{"id": id}), `"job":null`, `"lastSkipReason":"the job before still runs"`, `"userErrors":[]`)
	wants(t, a.change(t, "pauseValidationSchedule", "ValidationScheduleInput", vars{"id": id}), `"status":"PAUSED"`, `"nextRunAt":null`)
	wants(t, a.change(t, "pauseValidationSchedule", "ValidationScheduleInput", vars{"id": id}), `"INVALID_STATE"`)
	wants(t, a.change(t, "resumeValidationSchedule", "ValidationScheduleInput", vars{"id": id}), `"status":"ACTIVE"`)

	seen := a.try(t, registry.RoleViewer, `query($id: ID!) { validationSchedule(id: $id) { name } node(id: $id) { id ... on ValidationSchedule { every } }
		validationSchedules(first: 1) { totalCount nodes { name } pageInfo { hasNextPage } } }`, vars{"id": id})
	wants(t, string(seen.Data), `"validationSchedule":{"name":"nightly"}`, `"every":"PT12H"`, `"totalCount":1,"nodes":[{"name":"nightly"}]`)

	wants(t, a.change(t, "deleteValidationSchedule", "ValidationScheduleInput", vars{"id": id}), `"deletedId":"`+id+`"`)
	for _, gone := range []string{id, opaque.UUID("sch", uuid.New()), "nonsense"} {
		for _, mutation := range []string{"deleteValidationSchedule", "runValidationSchedule", "pauseValidationSchedule", "resumeValidationSchedule"} {
			wants(t, a.change(t, mutation, "ValidationScheduleInput", vars{"id": gone}), `"NOT_FOUND"`)
		}
	}
	jobs := a.try(t, registry.RoleViewer, `{ validationJobs { nodes { name schedule { id } createdBy } } }`, nil)
	wants(t, string(jobs.Data), `"name":"nightly","schedule":null,"createdBy":"schedule:nightly"`)
	if got := a.try(t, registry.RoleSteward, `mutation($id: ID!) { deleteValidationSchedule(input: {id: $id}) { deletedId } }`, vars{"id": id}); len(got.Errors) == 0 {
		t.Error("a steward removed a schedule")
	}
}

// TestStartByClientKey: the same key returns the job that it started, and tells so.
func TestStartByClientKey(t *testing.T) {
	a := newApp(t)
	start := func(change vars) string {
		input := vars{
			"name": "job", "platforms": []string{"GOOGLE"}, "target": vars{"numbers": []string{"+573001234567", "junk"}},
			"priority": "HIGH", "clientKey": "k-1",
		}
		for name, value := range change {
			input[name] = value
		}
		got := a.try(t, registry.RoleOperator, `mutation($input: StartValidationJobInput!) { startValidationJob(input: $input) {
			created skippedCount job { id priority clientKey recheckAfter skipped } userErrors { code path message } } }`, vars{"input": input})
		if len(got.Errors) > 0 {
			t.Fatalf("%+v", got.Errors)
		}
		return string(got.Data)
	}
	first := start(nil)
	wants(t, first, `"created":true`, `"skippedCount":1`, `"priority":"HIGH","clientKey":"k-1","recheckAfter":null,"skipped":0`)
	if again := start(nil); again != strings.Replace(first, `"created":true`, `"created":false`, 1) {
		t.Errorf("again: %s\nfirst: %s", again, first)
	}
	wants(t, start(vars{"priority": "LOW"}), `"job":null`, `"INVALID_INPUT"`, `"path":["input","clientKey"]`, "another job")
	wants(t, start(vars{"clientKey": ""}), `"path":["input","clientKey"]`)
	wants(t, start(vars{"clientKey": strings.Repeat("k", 129)}), `"path":["input","clientKey"]`)
	wants(t, start(vars{"clientKey": nil, "recheckAfter": "PT1H"}), `"created":true`, `"clientKey":null,"recheckAfter":"PT1H"`)
}
