package httpd_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"phoneregistry/registry"
)

// pinnedChange is what a field of Mutation costs.
type pinnedChange struct {
	field, about string
	// input makes data for a change that touches n things, and returns the change.
	input func(t *testing.T, c *changes, n int) vars
	sent  string // the statements, in their order
}

func byID(made func(*changes, *testing.T, int) string) func(*testing.T, *changes, int) vars {
	return func(t *testing.T, c *changes, n int) vars { return vars{"id": made(c, t, n)} }
}

func pinnedChanges() []pinnedChange {
	return slices.Concat(pinnedContacts(), pinnedJobs(), pinnedSchedules(), pinnedWebhooks(), pinnedKeys())
}

func pinnedContacts() []pinnedChange {
	return []pinnedChange{
		{"addPhone", "a new number of a customer who has n", func(t *testing.T, c *changes, n int) vars {
			id, _ := c.customer(t, n)
			return vars{"customerId": id, "number": c.numbers(1)[0], "source": "rig", "isPrimary": true}
		}, "begin, share_sources, lock_customer, sources, phones_by_number, contacts_of_customers, upsert_phone, phones_by_number, lose_primary, insert_contact, insert_audit, commit"},
		{"addPhone", "again, by another source", func(t *testing.T, c *changes, n int) vars {
			id, numbers := c.customer(t, n)
			return vars{"customerId": id, "number": numbers[0], "source": "other"}
		}, "begin, share_sources, lock_customer, sources, phones_by_number, contacts_of_customers, update_contact, insert_audit, commit"},
		{"verifyPhone", "one of n", func(t *testing.T, c *changes, n int) vars {
			id, numbers := c.customer(t, n)
			return vars{"customerId": id, "number": numbers[0], "method": "call"}
		}, "begin, share_sources, touch_customer, verify_contact, select customer_phones sources phones, insert_audit, commit"},
		{"recordEvidence", "of n numbers that are new", func(t *testing.T, c *changes, n int) vars {
			return evidenceOf(c.numbers(n))
		}, "begin, register_phones, insert_audit, lock_scores, subjects, evidence, copy_scores, copy_history, upsert_evidence, insert_audit, insert_tier_event, commit, select platform_validations"},
		{"recordEvidence", "of n numbers that have a score", func(t *testing.T, c *changes, n int) vars {
			numbers := c.numbers(n)
			c.change(t, "recordEvidence", evidenceOf(numbers))
			again := evidenceOf(numbers)
			for _, e := range again["evidence"].([]vars) {
				e["platform"] = "GOOGLE"
			}
			return again
		}, "begin, register_phones, lock_scores, subjects, evidence, upsert_evidence, insert_audit, update_scores, insert_history, commit, select platform_validations"},
		{"upsertSource", "a new one", func(_ *testing.T, c *changes, _ int) vars {
			return vars{"name": c.name(), "priority": 3}
		}, "begin, lock_partitions/lock_sources, source_by_name, upsert_source, insert_audit, commit"},
		{"upsertSource", "another priority, for n numbers", func(t *testing.T, c *changes, n int) vars {
			source, id := c.name(), c.name()
			c.change(t, "upsertSource", vars{"name": source, "priority": 3})
			for _, number := range c.numbers(n) {
				c.change(t, "addPhone", vars{"customerId": id, "number": number, "source": source})
			}
			return vars{"name": source, "priority": 4}
		}, "begin, lock_partitions/lock_sources, source_by_name, upsert_source, rederive_contacts, insert_audit, commit"},
	}
}

func evidenceOf(numbers []string) vars {
	var all []vars
	for _, n := range numbers {
		all = append(all, vars{"number": n, "platform": "WHATSAPP", "kind": "LOGIN"})
	}
	return vars{"evidence": all}
}

func pinnedJobs() []pinnedChange {
	start := func(c *changes, target vars) vars {
		return vars{"name": c.name(), "platforms": []string{"WHATSAPP", "GOOGLE"}, "target": target, "batchSize": 1}
	}
	return []pinnedChange{
		{"startValidationJob", "for n numbers that are new", func(_ *testing.T, c *changes, n int) vars {
			return start(c, vars{"numbers": append(c.numbers(n), "12")})
		}, "begin, insert_job, insert_job_platforms, register_phones, insert_audit, read_plan, next_listed_numbers, insert_chunks, advance_plan, advance_platforms, end_jobs, job, insert_audit, commit"},
		{"startValidationJob", "for n customers", func(t *testing.T, c *changes, n int) vars {
			var ids []string
			for range n {
				id, _ := c.customer(t, 1)
				ids = append(ids, id)
			}
			return start(c, vars{"customerIds": ids})
		}, "begin, insert_job, insert_job_platforms, read_plan, next_customers_numbers, insert_chunks, advance_plan, advance_platforms, end_jobs, job, insert_audit, commit"},
		{"startValidationJob", "for what matches a filter", func(t *testing.T, c *changes, n int) vars {
			id, _ := c.customer(t, n)
			return start(c, vars{"filter": vars{"customerIds": []string{id}}})
		}, "begin, insert_job, insert_job_platforms, read_plan, select phones customer_phones, insert_chunks, advance_plan, advance_platforms, end_jobs, job, insert_audit, commit"},
		{"startValidationJob", "of which there is one by the key", func(t *testing.T, c *changes, n int) vars {
			input := start(c, vars{"numbers": c.numbers(n)})
			input["clientKey"] = c.name()
			c.change(t, "startValidationJob", input)
			return input
		}, "begin, keyed_job, job, commit"},
		{"pauseValidationJob", "of n chunks", byID((*changes).job), "begin, lock_job, set_job_status, insert_audit, commit"},
		{"resumeValidationJob", "of n chunks", func(t *testing.T, c *changes, n int) vars {
			id := c.job(t, n)
			c.change(t, "pauseValidationJob", vars{"id": id})
			return vars{"id": id}
		}, "begin, lock_job, set_job_status, insert_audit, commit"},
		{"cancelValidationJob", "of n chunks", byID((*changes).job), "begin, lock_open_chunks, lock_job, cancel_chunks, set_job_status, insert_audit, insert_job_events, commit"},
		{"retryValidationJob", "with n failures", byID((*changes).failedJob), "begin, lock_job, retry_failures, take_back_job, take_back_platforms, insert_audit, commit"},
	}
}

func pinnedSchedules() []pinnedChange {
	return []pinnedChange{
		{"createValidationSchedule", "", func(t *testing.T, c *changes, n int) vars {
			return vars{"name": c.name(), "platforms": []string{"WHATSAPP"}, "filter": vars{"sources": []string{"rig"}}, "every": "PT1H"}
		}, "begin, insert_schedule, insert_audit, commit"},
		{"updateValidationSchedule", "", func(t *testing.T, c *changes, n int) vars {
			return vars{"id": c.schedule(t, n), "every": "PT2H", "name": c.name()}
		}, "begin, lock_schedule, update_schedule, insert_audit, commit"},
		{"pauseValidationSchedule", "", byID((*changes).schedule), "begin, lock_schedule, set_schedule_status, insert_audit, commit"},
		{"resumeValidationSchedule", "", func(t *testing.T, c *changes, n int) vars {
			id := c.schedule(t, n)
			c.change(t, "pauseValidationSchedule", vars{"id": id})
			return vars{"id": id}
		}, "begin, lock_schedule, set_schedule_status, insert_audit, commit"},
		{"runValidationSchedule", "for n numbers", byID((*changes).schedule), "begin, lock_schedule, insert_audit, open_job_of_schedule, savepoint, insert_job, insert_job_platforms, read_plan, select phones customer_phones, fresh_evidence, insert_chunks, advance_plan, advance_platforms, spend_budget, end_jobs, job, insert_audit, release, ran_schedule, commit"},
		{"runValidationSchedule", "whose job still runs", func(t *testing.T, c *changes, n int) vars {
			id := c.schedule(t, n)
			c.change(t, "runValidationSchedule", vars{"id": id})
			return vars{"id": id}
		}, "begin, lock_schedule, insert_audit, open_job_of_schedule, ran_schedule, commit"},
		{"deleteValidationSchedule", "", byID((*changes).schedule), "begin, delete_schedule, insert_audit, commit"},
	}
}

func pinnedWebhooks() []pinnedChange {
	return []pinnedChange{
		{"createWebhook", "", func(t *testing.T, c *changes, _ int) vars {
			return vars{"url": "https://example.com/" + c.name(), "events": []string{"JOB_FINISHED", "IMPORT_FINISHED"}}
		}, "begin, insert_webhook, insert_audit, commit"},
		{"updateWebhook", "with n deliveries", func(t *testing.T, c *changes, n int) vars {
			return vars{"id": c.webhook(t, n), "status": "PAUSED"}
		}, "begin, update_webhook, insert_audit, commit"},
		{"rotateWebhookSecret", "with n deliveries", byID((*changes).webhook), "begin, rotate_webhook_secret, insert_audit, commit"},
		{"deleteWebhook", "with n deliveries", byID((*changes).webhook), "begin, delete_webhook, insert_audit, commit"},
		{"testWebhook", "with n deliveries", byID((*changes).webhook), "begin, lock_webhook, pending_tests, insert_test_event, insert_test_delivery, delivery, insert_audit, commit"},
		{"retryWebhookDelivery", "one of n", func(t *testing.T, c *changes, n int) vars {
			id := c.webhook(t, n)
			got := ask[any](t, c.app, registry.RoleAdmin, `query ($id: ID!) { webhook(id: $id) { deliveries(first: 1) { nodes { id } } } }`, vars{"id": id})
			nodes := got.(map[string]any)["webhook"].(map[string]any)["deliveries"].(map[string]any)["nodes"].([]any)
			return vars{"id": nodes[0].(map[string]any)["id"]}
		}, "begin, lock_delivery, retry_delivery, insert_audit, commit"},
	}
}

func pinnedKeys() []pinnedChange {
	key := func(t *testing.T, c *changes) string {
		return c.change(t, "createApiKey", vars{"name": c.name(), "role": "VIEWER"})
	}
	return []pinnedChange{
		{"createApiKey", "", func(_ *testing.T, c *changes, _ int) vars {
			return vars{"name": c.name(), "role": "ANALYST", "scopes": []string{"READ", "EXPORT"}}
		}, "begin, insert_api_key, insert_audit, commit"},
		{"updateApiKey", "", func(t *testing.T, c *changes, _ int) vars {
			return vars{"id": key(t, c), "name": c.name(), "expiresAt": "2099-01-01T00:00:00Z"}
		}, "begin, lock_api_key, update_api_key, insert_audit, commit"},
		{"revokeApiKey", "", func(t *testing.T, c *changes, _ int) vars { return vars{"id": key(t, c)} }, "begin, revoke_api_key, insert_audit, commit"},
		{"revokeApiKey", "that is over", func(t *testing.T, c *changes, _ int) vars {
			id := key(t, c)
			c.change(t, "revokeApiKey", vars{"id": id})
			return vars{"id": id}
		}, "begin, revoke_api_key, api_key, commit"},
	}
}

// TestStatementsOfChanges pins what each field of Mutation sends to PostgreSQL, transactions and all, when it touches one
// thing and when it touches seven. One that is new has to be told here.
func TestStatementsOfChanges(t *testing.T) {
	c := newChanges(t)
	known := map[string]bool{}
	for _, p := range pinnedChanges() {
		known[p.field] = true
		t.Run(p.field+" "+p.about, func(t *testing.T) {
			for _, n := range []int{1, 7} {
				names, _ := c.sentFor(t, p.field, p.input(t, c, n), false)
				if sent := strings.Join(names, ", "); sent != p.sent {
					t.Errorf("for %d: sent were\n\t%s\npinned are\n\t%s", n, sent, p.sent)
				}
			}
		})
	}
	for _, f := range c.schema.Mutation.Fields {
		if !known[f.Name] {
			t.Errorf("Mutation.%s is new: pin what it costs", f.Name)
		}
		delete(known, f.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		t.Errorf("there is no Mutation.%s any more", name)
	}
}

// TestNoStatementForEachEntryOfAnAnswer: what hangs on what a change has touched costs as many statements below seven things
// as below two.
func TestNoStatementForEachEntryOfAnAnswer(t *testing.T) {
	c := newChanges(t)
	grown := map[string]bool{}
	for _, p := range pinnedChanges() {
		t.Run(p.field+" "+p.about, func(t *testing.T) {
			few, small := c.sentFor(t, p.field, p.input(t, c, 2), true)
			many, large := c.sentFor(t, p.field, p.input(t, c, 7), true)
			if len(few) != len(many) {
				t.Errorf("%d statements below two, %d below seven:\n\t%s\n\t%s", len(few), len(many), strings.Join(few, ", "), strings.Join(many, ", "))
			}
			grown[p.field] = grown[p.field] || large > small
		})
	}
	for _, field := range []string{"addPhone", "verifyPhone", "recordEvidence", "updateWebhook", "rotateWebhookSecret"} {
		if !grown[field] {
			t.Errorf("%s: the answer has as much for seven things as for two: it would show nothing", field)
		}
	}
}
